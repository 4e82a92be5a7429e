"""What nengo_lr asks of nengo-loihi: that it says why it cannot run a rule."""

import importlib
from functools import wraps

import nengo
from nengo.exceptions import BuildError

from nengo_lr.builder.hosts import Host
from nengo_lr.learning_rules import ScheduledRuleType, rules_of


class NengoLoihi(Host):
    """A chip that learns by plain PES, with a rate that stays what it was built with.

    Connections that nengo-loihi leaves to the host computer learn by our rules there.
    """

    name = "nengo_loihi"
    title = "nengo-loihi"
    extra = "loihi"
    offered = False

    @classmethod
    def register(cls):
        builders = importlib.import_module(f"{cls.name}.builder").Builder.builders
        build = builders.get(nengo.Connection)
        if build is not None and not hasattr(build, "__wrapped__"):
            builders[nengo.Connection] = with_reason(build)


def with_reason(build):
    """Let a function that builds connections tell which rule it cannot build."""

    @wraps(build)
    def build_connection(model, connection):
        pre = connection.pre_obj
        pre = pre.ensemble if isinstance(pre, nengo.ensemble.Neurons) else pre
        for rule in rules_of(connection):
            rule_type = rule.learning_rule_type
            if isinstance(rule_type, ScheduledRuleType) and model.split.on_chip(pre):
                raise BuildError(
                    f"nengo-loihi knows nengo.PES alone, not {rule_type} on "
                    f"{connection}: convert the model with nengo_lr.to_error_scaling, "
                    "which scales the error instead"
                )
        return build(model, connection)

    return build_connection
