"""The operator of a `.ScheduledPES` rule with a per-weight optimizer."""

import numpy as np
from nengo.builder import Operator, Signal
from nengo.rc import rc

from nengo_lr.builder.control import FROZEN, switch


class SimOptimizedPES(Operator):
    r"""Compute the weight change of a scheduled PES rule with an optimizer.

    Implements ``state, change = optimizer.update(state, error, activities, step, dt)``
    and ``delta[...] = -rate * dt / n * change``, where ``n`` is the number of
    presynaptic neurons.

    Parameters
    ----------
    step : Signal ()
        The simulator's integer step.
    control : Signal (3,)
        The rule's control. While it is frozen, change and state stay as they are.
    rate : Signal (1,) or (m,)
        The learning rate, or one for each error dimension.
    error : Signal (m,)
        The error, as the rows of the weights see it.
    activities : Signal (n,)
        The filtered presynaptic activities in Hz.
    delta : Signal (m, n)
        The weight change.
    state : dict of str to Signal (m, n)
        The optimizer's state.
    optimizer : Optimizer
        What turns the gradient into the change.
    tag : str, optional
        A label associated with the operator, for debugging purposes.

    Notes
    -----
    1. sets ``[]``
    2. incs ``[]``
    3. reads ``[step, control, rate, error, activities]``
    4. updates ``[delta, *state]``
    """

    def __init__(
        self, step, control, rate, error, activities, delta, state, optimizer, tag=None
    ):
        super().__init__(tag=tag)
        self.optimizer = optimizer
        self.names = tuple(state)
        self.sets = []
        self.incs = []
        self.reads = [step, control, rate, error, activities]
        self.updates = [delta, *state.values()]

    @property
    def step(self):
        return self.reads[0]

    @property
    def control(self):
        return self.reads[1]

    @property
    def rate(self):
        return self.reads[2]

    @property
    def error(self):
        return self.reads[3]

    @property
    def activities(self):
        return self.reads[4]

    @property
    def delta(self):
        return self.updates[0]

    @property
    def state(self):
        return dict(zip(self.names, self.updates[1:]))

    @property
    def _descstr(self):
        return f"{self.error}, {self.activities} -> {self.delta}, {self.optimizer}"

    def make_step(self, signals, dt, rng):
        step, rate = signals[self.step], signals[self.rate]
        error, activities = signals[self.error], signals[self.activities]
        frozen = switch(signals, self.control, FROZEN)
        state = {name: signals[signal] for name, signal in self.state.items()}
        rates, share = rate[:, None], np.array(-dt / activities.size, rate.dtype)
        scale = np.empty_like(rates)
        advance = self.optimizer.stepper(
            state, error, activities, signals[self.delta], dt
        )

        def step_optimized_pes():
            if not frozen:
                np.multiply(rates, share, out=scale)
                advance(step.item(), scale)

        return step_optimized_pes


def build_optimizer_state(model, optimizer, rule, shape):
    """Make the Signals of an optimizer's state, which can be found by rule and name.

    Returns
    -------
    state : dict of str to Signal (m, n)
    """
    state = {
        name: Signal(initial.astype(rc.float_dtype), name=f"ScheduledPES:{name}")
        for name, initial in optimizer.initial_state(shape).items()
    }
    model.sig[rule].update(state)
    return state
