"""Any of Nengo's learning rules, with its weight change scaled."""

import tensorflow as tf
from nengo.exceptions import BuildError
from nengo_dl.builder import Builder

from nengo_lr.backends.nengo_dl.signals import ControlledBuilder, same_shapes, stack
from nengo_lr.builder import SimScaledRule


def rule_ops(ops):
    """The rules' own operators at a learning rate of 1, ready to be built by NengoDL.

    NengoDL would take two small rates for the same.
    """
    own = [op.rule_op for op in ops]
    for rule_op in own:
        if not hasattr(rule_op, "learning_rate"):
            raise BuildError(f"{rule_op} has no learning_rate that could be set to 1")
        rule_op.learning_rate = 1.0
    return own


@Builder.register(SimScaledRule)
class SimScaledRuleBuilder(ControlledBuilder):
    """Build a group of `.SimScaledRule` operators around the rules' own builder."""

    def __init__(self, ops):
        super().__init__(ops)
        own = rule_ops(ops)
        self.rule_builder = Builder.builders[type(own[0])](own)

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        self.rule_builder.build_pre(signals, config)
        self.rate_data = stack(signals, [op.rate for op in self.ops])
        self.delta_data = signals.combine([op.delta for op in self.ops])
        self.shape = (len(self.ops), *self.ops[0].delta.shape)

    def build_step(self, signals):
        old = signals.gather(self.delta_data.reshape(self.shape))
        self.rule_builder.build_step(signals)
        rate = signals.gather(self.rate_data)[..., None]
        delta = signals.gather(self.delta_data.reshape(self.shape))
        # a change that is not finite would survive a rate of 0
        scaled = tf.where(rate == 0, tf.zeros_like(delta), rate * delta)
        delta = self.unless_frozen(old, scaled, axes=2)
        signals.scatter(self.delta_data, delta)

    @staticmethod
    def mergeable(x, y):
        x_op, y_op = x.rule_op, y.rule_op
        return (
            type(x_op) is type(y_op)
            and same_shapes(x, y)
            and Builder.builders[type(x_op)].mergeable(x_op, y_op)
        )
