"""The operator and build function for rates that are computed from the error."""

import math

import numpy as np
from nengo.builder import Signal

from nengo_lr.builder.control import FROZEN, switch
from nengo_lr.builder.rates import SimRate, check_rate


class SimFeedbackRate(SimRate):
    """Compute a learning rate from the error of the same step.

    Implements ``state, rate[...] = law.update(state, step, dt, error)``. While the rule
    is frozen or has another rate, the state stays as it is.

    Parameters
    ----------
    step : Signal ()
        The simulator's integer step.
    control : Signal (3,)
        The rule's control, which may choose another rate.
    error : Signal (d,)
        The error in its own dimensions.
    rate : Signal (1,)
        The learning rate.
    state : Signal (k,)
        All that the law remembers.
    law : FeedbackLaw
        The law that makes one of the other.
    owner : str
        What has this rate, for error messages.
    tag : str, optional
        A label associated with the operator, for debugging purposes.

    Notes
    -----
    1. sets ``[rate]``
    2. incs ``[]``
    3. reads ``[step, control, error]``
    4. updates ``[state]``
    """

    def __init__(self, step, control, error, rate, state, law, owner, tag=None):
        super().__init__(step, control, rate, owner, tag=tag)
        self.law = law
        self.reads = [step, control, error]
        self.updates = [state]

    @property
    def error(self):
        return self.reads[2]

    @property
    def state(self):
        return self.updates[0]

    @property
    def _descstr(self):
        return f"{self.law}, {self.error} -> {self.rate}"

    def make_built_step(self, signals, dt):
        frozen = switch(signals, self.control, FROZEN)
        step, error = signals[self.step], signals[self.error]
        rate, state = signals[self.rate], signals[self.state]
        update = self.law.update

        def set_from_law():
            if frozen:
                rate[...] = state[:1]
                return
            state[...], rate[...] = update(state, step.item(), dt, error, np)
            if not math.isfinite(rate.item()):
                check_rate(rate, self.owner, step.item(), dt)

        return set_from_law


def build_feedback_rate(model, law, rule, control):
    """Build a learning rate that follows from the error; returns its Signal."""
    state = Signal(law.initial_state, name="FeedbackLaw:state")
    rate = Signal(shape=(1,), name="FeedbackLaw:learning_rate")
    error = model.sig[rule]["in"]
    owner = str(rule.connection)
    model.add_op(SimFeedbackRate(model.step, control, error, rate, state, law, owner))
    return rate
