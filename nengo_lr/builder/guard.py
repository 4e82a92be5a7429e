"""Checks that stop a simulation in which weights are about to overflow."""

import math

import numpy as np
from nengo.builder import Operator
from nengo.exceptions import SimulationError

from nengo_lr.kernels import squared_norm

LIMITS = {np.dtype(t): math.sqrt(np.finfo(t).max) for t in ("float32", "float64")}
"""The largest size that a gradient, a change or a weight may have, by float type."""

PERIOD = 10
"""How many steps pass between two looks at all weights of a rule without factors."""


def limit_of(dtype):
    """The largest size that a gradient, a change or a weight of a type may have."""
    return LIMITS.get(dtype, math.inf)


def too_large(values):
    """Whether a weight or a change is too large, or NaN."""
    limit = limit_of(values.dtype)
    return not -limit <= values.min() <= values.max() <= limit


def pes_overflows(rate, error, activities, dt):
    """Whether the gradient of a PES rule, or the change that it makes, is too large."""
    # the gradient's norm is the product of the norms of its factors
    square = error.dot(error).item() * activities.dot(activities).item()
    norm = math.sqrt(square)
    scale = (rate.item() if rate.size == 1 else largest(rate)) * dt / activities.size
    return not max(norm, abs(scale) * norm) <= limit_of(error.dtype)


def pes_guard(step, rate, error, activities, weights, owner, dt):
    """Make the function that stops a PES rule before its weights overflow.

    Parameters
    ----------
    step, rate, error, activities, weights : array
        What a `.SimPESGradient` reads, beside its control.
    owner : str
        What has these weights, for the message.
    dt : float
        The step's length in seconds.

    Returns
    -------
    check : callable
        ``check()`` raises a SimulationError, or does nothing.
    """
    safe = limit_of(error.dtype) ** 0.6
    square_rate, square_error, square_activities = map(
        squared_norm, (rate, error, activities)
    )

    def check():
        # three squares whose sum is so small cannot have too large a product
        if not square_rate() + square_error() + square_activities() < safe:
            if pes_overflows(rate, error, activities, dt):
                stop(owner, step.item() * dt, rate, weights, error)

    return check


def change_guard(vectors, delta):
    """Make the functions that tell when any rule's weight change is too large.

    Parameters
    ----------
    vectors : list of array (n,)
        What the rule's operator reads, beside matrices.
    delta : array (m, n)
        The weight change that it computes from no more than three factors of them.

    Returns
    -------
    suspicious : callable
        ``suspicious()`` tells cheaply, before the rule's operator runs, whether its
        change could be too large.
    overflows : callable
        ``overflows()`` tells afterwards whether it is.
    """
    safe = limit_of(delta.dtype) ** (2 / 3)
    squares = [squared_norm(vector) for vector in vectors]

    def suspicious():
        return not sum(square() for square in squares) < safe

    return suspicious, lambda: too_large(delta)


class SimWeightsGuard(Operator):
    """Raise a SimulationError when a rule's weights are about to overflow.

    In every `PERIOD`-th step, it looks for NaN and for weights above the root of the
    largest number of the simulation's float type: 1.3e154 for float64, 1.8e19 for
    float32.

    Parameters
    ----------
    step : Signal ()
        The simulator's integer step.
    rate : Signal (1,)
        The learning rate, for the message.
    weights : Signal (m, n)
        The weights or encoders that the rule modifies.
    owner : str
        What has these weights, for the message.
    tag : str, optional
        A label associated with the operator, for debugging purposes.

    Notes
    -----
    1. sets ``[]``
    2. incs ``[]``
    3. reads ``[step, rate, weights]``
    4. updates ``[]``
    """

    def __init__(self, step, rate, weights, owner, tag=None):
        super().__init__(tag=tag)
        self.owner = owner
        self.sets = []
        self.incs = []
        self.reads = [step, rate, weights]
        self.updates = []

    @property
    def step(self):
        return self.reads[0]

    @property
    def rate(self):
        return self.reads[1]

    @property
    def weights(self):
        return self.reads[2]

    @property
    def _descstr(self):
        return str(self.weights)

    def make_step(self, signals, dt, rng):
        step, rate = signals[self.step], signals[self.rate]
        weights = signals[self.weights]

        def step_guard():
            if step % PERIOD == 0 and too_large(weights):
                stop(self.owner, step.item() * dt, rate, weights)

        return step_guard


def stop(owner, t, rate, weights, error=None):
    """Raise the SimulationError of time ``t`` in seconds."""
    sizes = [("the learning rate", rate), ("the largest error", error)]
    sizes = [f"{name} is {largest(of):g}" for name, of in sizes if of is not None]
    raise SimulationError(
        f"The weights of {owner} overflow at t={t:g} s: {', '.join(sizes)}, the "
        f"largest weight is {largest(weights):g}. Lower the learning rate, or find "
        "what makes the change so large"
    )


def largest(values):
    """The largest absolute value of an array, or NaN where there is one in it."""
    return np.abs(values).max().item()
