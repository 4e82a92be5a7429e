"""The operator and build function for rates that are computed from the error."""

import math

import numpy as np
from nengo.builder import Operator, Signal

from nengo_lr.builder.rates import check_rate


class SimFeedbackRate(Operator):
    """Compute a learning rate from the error of the same step.

    Implements ``state, rate[...] = law.update(state, step, dt, error)``.

    Parameters
    ----------
    step : Signal ()
        The simulator's integer step.
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
    3. reads ``[step, error]``
    4. updates ``[state]``
    """

    def __init__(self, step, error, rate, state, law, owner, tag=None):
        super().__init__(tag=tag)
        self.law = law
        self.owner = owner
        self.sets = [rate]
        self.incs = []
        self.reads = [step, error]
        self.updates = [state]

    @property
    def step(self):
        return self.reads[0]

    @property
    def error(self):
        return self.reads[1]

    @property
    def rate(self):
        return self.sets[0]

    @property
    def state(self):
        return self.updates[0]

    @property
    def _descstr(self):
        return f"{self.law}, {self.error} -> {self.rate}"

    def make_step(self, signals, dt, rng):
        step, error = signals[self.step], signals[self.error]
        rate, state = signals[self.rate], signals[self.state]
        update = self.law.update

        def step_feedback_rate():
            state[...], rate[...] = update(state, step.item(), dt, error, np)
            if not math.isfinite(rate.item()):
                check_rate(rate, self.owner, step.item(), dt)

        return step_feedback_rate


def build_feedback_rate(model, law, rule):
    """Build a learning rate that follows from the error; returns its Signal."""
    state = Signal(law.initial_state, name="FeedbackLaw:state")
    rate = Signal(shape=(1,), name="FeedbackLaw:learning_rate")
    error = model.sig[rule]["in"]
    model.add_op(
        SimFeedbackRate(model.step, error, rate, state, law, owner=str(rule.connection))
    )
    return rate
