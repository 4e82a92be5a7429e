"""Checks that stop a simulation in which weights are about to overflow."""

from __future__ import annotations

import math

import numpy as np
from nengo import Network
from nengo.exceptions import NetworkContextError, SimulationError
from nengo.params import BoolParam

from nengo_lr.builder.kernels import squared_norm
from nengo_lr.builder.merging import Mergeable
from nengo_lr.builder.slots import Slot
from nengo_lr.checks import check_type

__all__ = ["configure_settings"]

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


def overflowing(rate, error, activities, dt, gradient=False):
    """What overflows in a step of a PES rule.

    Parameters
    ----------
    rate, error, activities : array
        What a `.SimPESGradient` reads.
    dt : float
        The step's length in seconds.
    gradient : bool, optional
        Whether the gradient, too, must not overflow: optimizers keep its square.

    Returns
    -------
    name : str
        ``"weights"``, ``"gradients"``, or ``""`` if nothing overflows.
    """
    limit = limit_of(error.dtype)
    with np.errstate(all="ignore"):
        # the norm of an outer product is the product of the norms of its factors
        change = norm(rate * (dt / activities.size) * error) * norm(activities)
        if not change <= limit:
            return "weights"
        if gradient and not norm(error) * norm(activities) <= limit:
            return "gradients"
    return ""


def norm(vector):
    """The Euclidean norm of a vector whose squares may overflow."""
    size = largest(vector)
    if size == 0 or not math.isfinite(size):
        return size
    return size * math.sqrt(np.square(vector / size).sum())


def pes_guard(step, rate, error, activities, weights, owner, dt, gradient):
    """Make the function that stops a PES rule before its weights overflow.

    Parameters
    ----------
    step, rate, error, activities, weights : array
        What a `.SimPESGradient` reads, beside its control.
    owner : object
        What has these weights, for the message.
    dt : float
        The step's length in seconds.
    gradient : bool
        Whether the gradient must not overflow either.

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
            name = overflowing(rate, error, activities, dt, gradient)
            if name:
                stop(owner, step.item() * dt, rate, weights, error, name)

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


class SimWeightsGuard(Mergeable):
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
    owner : object
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

    step = Slot("reads", 0)
    rate = Slot("reads", 1)
    weights = Slot("reads", 2)

    def __init__(self, step, rate, weights, owner, tag=None):
        super().__init__(tag=tag)
        self.owner = owner
        self.sets = []
        self.incs = []
        self.reads = [step, rate, weights]
        self.updates = []

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


def stop(owner, t, rate, weights, error=None, name="weights"):
    """Raise the SimulationError of time ``t`` in seconds."""
    sizes = [("the learning rate", rate), ("the largest error", error)]
    sizes = [f"{name} is {largest(of):g}" for name, of in sizes if of is not None]
    raise SimulationError(
        f"The {name} of {owner} overflow at t={t:g} s: {', '.join(sizes)}, the "
        f"largest weight is {largest(weights):g}. Lower the learning rate, or find "
        "what makes the change so large"
    )


def largest(values):
    """The largest absolute value of an array, or NaN where there is one in it."""
    return np.abs(values).max().item()


def configure_settings(guard: bool) -> None:
    """Change the settings of a whole model.

    Parameters
    ----------
    guard : bool
        Whether simulations stop with a SimulationError before learned weights
        overflow. Without a guard, weights that diverge become infinite and then NaN.

    Raises
    ------
    NetworkContextError
        Where it is not called in the context of a Network.
    ValidationError
        Where ``guard`` is not a bool.

    Notes
    -----
    The settings are kept in the configuration of the outermost network.

    Examples
    --------
    >>> with nengo.Network() as model:
    ...     nlr.configure_settings(guard=False)
    """
    check_type(guard, (bool, np.bool_), "guard", "True or False")
    if not Network.context:
        raise NetworkContextError(
            "configure_settings must be called in a network: `with model:` and then "
            f"`configure_settings(guard={guard})`"
        )
    config = Network.context[0].config
    if Network not in config.params:  # NengoDL keeps its settings there too
        config.configures(Network)
    if "guard" not in config[Network].extra_params:
        config[Network].set_param("guard", BoolParam("guard", default=True))
    config[Network].guard = guard


def is_guarded(network):
    """Whether learned weights of a model are guarded against overflow.

    Parameters
    ----------
    network : nengo.Network or None
        The outermost network.
    """
    if network is None or Network not in network.config.params:
        return True
    return getattr(network.config[Network], "guard", True)
