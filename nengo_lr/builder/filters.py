"""The filter of the presynaptic activities, which belongs to the rule."""

from functools import lru_cache

import numpy as np
from nengo.builder.processes import SimProcess
from nengo.synapses import LinearFilter

from nengo_lr.builder.merging import Mergeable


class SimActivityFilter(Mergeable, SimProcess):
    """Filter activities with one state element each, with the bits of Nengo's filter.

    Implements ``state[...] = a * state + b * input`` and ``output[...] = state``.

    Parameters
    ----------
    *args, **kwargs
        As of `nengo.builder.processes.SimProcess`.

    Attributes
    ----------
    a, b : float
    """

    @property
    def x(self):
        return self.state["X"]

    def make_step(self, signals, dt, rng):
        input, output, x = signals[self.input], signals[self.output], signals[self.x]
        return make_filter(input, output, x, self.a, self.b)


def make_filter(input, output, x, a, b):
    """Make the function that filters arrays.

    Parameters
    ----------
    input, output : array (n,)
    x : array (1, n) or (n,)
        The state.
    a, b : float or array (n,)
    """
    x = x.reshape(-1)
    new = np.empty_like(x)

    def step_filter():
        np.multiply(x, a, x)
        np.multiply(input, b, new)
        np.add(x, new, x)
        output[...] = x

    return step_filter


@lru_cache(maxsize=256)
def one_state(process, dt):
    """Nengo's step of a filter that has one state element, or None.

    It is remembered: to make it discrete takes longer than all else in building a rule.
    """
    state = process.make_state((2,), (2,), dt)
    step = process.make_step((2,), (2,), dt, None, state)
    return step if type(step) is LinearFilter.OneX else None


def own_filter(op, dt):
    """A `SimActivityFilter` in place of an operator that filters activities.

    Other operators are returned as they are.
    """
    if (
        type(op) is not SimProcess
        or op.mode != "set"
        or op.input is None
        or op.input.ndim != 1
        or not isinstance(op.process, LinearFilter)
        or (step := one_state(op.process, dt)) is None
    ):
        return op
    new = SimActivityFilter(
        op.process, op.input, op.output, op.t, op.mode, op.state, tag=op.tag
    )
    new.a, new.b = step.a, step.b
    new.is_merged = True
    return new
