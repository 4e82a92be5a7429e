"""What the simulator in use brings along: its own rules, and our operators for it."""

import importlib
import sys

import nengo
from nengo.builder import Operator
from nengo.builder.operator import Copy
from nengo.exceptions import BuildError

from nengo_lr.version import version


def register_backends():
    """Register our operators with every simulator that is loaded and that we know."""
    for simulator in ("nengo_dl",):
        if simulator in sys.modules:
            importlib.import_module(f"nengo_lr.backends.{simulator}")


def works_in_place(model):
    """Whether the simulator in use changes weights in place, as Nengo's own does.

    NengoDL makes a new array of whatever is added, so that factors spare it nothing.

    Parameters
    ----------
    model : Model
        The model that is built.
    """
    return type(model.builder) is nengo.builder.Builder


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
    model.operators[n_before - 1 :] = [op for op in newest if id(op) not in taken]
    return add_delta, learning[0]
