"""The learning rate of a rule, of whatever kind it is."""

from nengo.node import Node

from nengo_lr.builder.feedback import build_feedback_rate
from nengo_lr.builder.node_rate import build_node_rate
from nengo_lr.builder.rates import build_schedule_rate
from nengo_lr.feedback import FeedbackLaw


def build_rate(model, scheduled, rule, control, per_neuron_error):
    """Build a rule's learning rate, and let it be probed; returns its Signal.

    Parameters
    ----------
    model : Model
        The model to build into.
    scheduled : ScheduledRuleType
        Learning rule type with the rate.
    rule : LearningRule
        The learning rule object corresponding to the connection.
    control : Signal (3,)
        By which the rate can be changed while the simulation runs.
    per_neuron_error : bool
        Whether the rows of the weights have no error dimension of their own, so that a
        Node must have one output.

    Returns
    -------
    rate : Signal (1,) or (m,)
    """
    if isinstance(scheduled.learning_rate, Node):
        rate = build_node_rate(
            model, scheduled.learning_rate, rule, control, per_neuron_error
        )
    elif isinstance(scheduled.learning_rate, FeedbackLaw):
        rate = build_feedback_rate(model, scheduled.learning_rate, rule, control)
    else:
        rate = build_schedule_rate(model, scheduled.schedule, rule, control)
    model.sig[rule]["learning_rate"] = rate
    return rate
