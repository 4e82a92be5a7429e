"""The operator of a `.ScheduledPES` rule with a per-weight optimizer."""

import numpy as np
from nengo.builder import Signal
from nengo.rc import rc

from nengo_lr.builder.gradient import SimPESGradient


class SimOptimizedPES(SimPESGradient):
    r"""Compute the weight change of a scheduled PES rule with an optimizer.

    Implements ``state, change = optimizer.update(state, error, activities, step, dt)``
    and ``delta[...] = -rate * dt / n * change``, where ``n`` is the number of
    presynaptic neurons.

    Parameters
    ----------
    *reads : Signal
        What a `.SimPESGradient` reads, in its order.
    delta : Signal (m, n)
        The weight change.
    state : dict of str to Signal (m, n)
        The optimizer's state.
    optimizer : Optimizer
        What turns the gradient into the change.
    **kwargs
        The other parameters of a `.SimPESGradient`.
    """

    def __init__(self, *reads, delta, state, optimizer, **kwargs):
        super().__init__(*reads, [delta, *state.values()], **kwargs)
        self.optimizer = optimizer
        self.names = tuple(state)

    @property
    def delta(self):
        return self.updates[0]

    @property
    def state(self):
        return dict(zip(self.names, self.updates[1:]))

    def make_change(self, signals, dt):
        step, rate = signals[self.step], signals[self.rate]
        error, activities = signals[self.error], signals[self.activities]
        state = {name: signals[signal] for name, signal in self.state.items()}
        rates, share = rate[:, None], np.array(-dt / activities.size, rate.dtype)
        scale = np.empty_like(rates)
        advance = self.optimizer.stepper(
            state, error, activities, signals[self.delta], dt
        )

        def set_change():
            np.multiply(rates, share, out=scale)
            advance(step.item(), scale)

        return set_change


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
