"""The wiring of a rule, built by the simulator in use as for its own rules."""

import nengo
from nengo.builder import Operator
from nengo.builder.operator import Copy
from nengo.exceptions import BuildError

from nengo_lr.builder.filters import SimActivityFilter
from nengo_lr.builder.hosts import host_for, register_backends
from nengo_lr.version import version


def take_over_rule(model, rule_type, rule, op_type=Operator):
    """Let the simulator build a rule, and take the operators that learn out again.

    The wiring (the rule's input, the filtered activities) stays as the simulator built
    it.

    Parameters
    ----------
    model : Model
        The model to build into.
    rule_type : LearningRuleType
        One of Nengo's own learning rules.
    rule : LearningRule
        The learning rule object corresponding to the connection.
    op_type : type, optional
        The type that the operator which computes the rule's delta should have.

    Returns
    -------
    add_delta : Copy
        The operator that would add the rule's delta to the weights.
    compute_delta : op_type
        The operator that would compute the delta.
    """
    register_backends()
    n_before = len(model.operators)
    model.build(rule_type, rule)
    delta = model.sig[rule]["delta"]
    newest = model.operators[n_before - 1 :]
    add_delta, *learning = (op for op in newest if delta in op.all_signals)
    if not (
        type(add_delta) is Copy
        and add_delta.inc
        and add_delta.src is delta
        and add_delta.src_slice is add_delta.dst_slice is None
        and len(learning) == 1
        and isinstance(learning[0], op_type)
        and delta in learning[0].updates
    ):
        raise BuildError(
            f"nengo_lr {version} does not know how Nengo {nengo.__version__} builds "
            f"{rule_type} (found {[add_delta, *learning]} for {rule}); "
            "please report this with both versions"
        )
    taken = {id(add_delta), id(learning[0])}
    wiring = [op for op in newest if id(op) not in taken]
    host_for(model).rewire(wiring, model.dt)
    for i, op in enumerate(op for op in wiring if isinstance(op, SimActivityFilter)):
        model.sig[rule][f"filter {i}"] = op.x
    model.operators[n_before - 1 :] = wiring
    return add_delta, learning[0]
