"""Schedules from Python functions, of time or of steps."""

from __future__ import annotations

from numbers import Number
from typing import Callable

import numpy as np
from nengo.exceptions import ValidationError
from nengo.utils.numpy import is_number

from nengo_lr.checks import is_bool
from nengo_lr.schedules.base import Schedule, whole_periods
from nengo_lr.schedules.params import FunctionParam

__all__ = ["FunctionSchedule", "from_steps"]


class FunctionSchedule(Schedule):
    r"""An arbitrary Python function of time.

    .. math:: \kappa(t) = f(t)

    This is what a bare callable given as ``learning_rate`` becomes. In a simulation the
    function is called once per step and rule, in order, with the time as a Python float
    (and once with ``t = 0`` when the model is built), so it may use ``if``, ``min`` or
    `math`. It may return negative rates (signed neuromodulation). It is not traced into
    NengoDL's graph: there, too, it is a Python call in each step.

    Parameters
    ----------
    function : callable
        ``function(t) -> rate`` with ``t`` in seconds.

    Raises
    ------
    ValidationError
        If the function cannot be called with one argument; when it is called, if it
        fails or returns anything but a real number.

    Examples
    --------
    >>> FunctionSchedule(lambda t: 1e-3 if t < 2 else 0)([1.0, 2.0])
    array([0.001, 0.   ])
    """

    traceable = False
    upper_bound = None
    function: Callable[[float], float] = FunctionParam("function")

    def rate_at(self, t):
        try:
            rate = self.function(float(t))
        except Exception as error:
            raise ValidationError(
                f"failed at t={t:g} s: {error!r}", "function", self
            ) from error
        if isinstance(rate, float):
            return float(rate)
        if isinstance(rate, np.ndarray) and rate.size == 1:
            rate = rate.item()
        if not isinstance(rate, Number) or isinstance(rate, complex):
            raise ValidationError(
                f"must return a number (at t={t:g} s it returned {rate!r})",
                "function",
                self,
            )
        return float(rate)

    def evaluate(self, t, xp):
        return xp.asarray([self.rate_at(ti) for ti in t], dtype=np.float64)


class AtSteps:
    """A function of the integer step as a function of time."""

    def __init__(self, function, dt):
        self.function = function
        self.dt = dt

    def __call__(self, t):
        """The function's value, as a float, at the step that has begun at time t."""
        return float(self.function(int(whole_periods(t, self.dt, np))))

    def __repr__(self):
        return f"{type(self).__name__}({self.function!r}, dt={self.dt})"


def from_steps(function: Callable[[int], float], dt: float | None = None) -> Schedule:
    r"""Turn a schedule that counts steps into one in seconds.

    .. math:: \kappa(t) = f(\lfloor t/dt \rfloor)

    Parameters
    ----------
    function : callable
        ``function(step) -> rate`` with an integer ``step``: an optax schedule, a Keras
        ``LearningRateSchedule``, a lambda as for PyTorch's ``LambdaLR``. It may return
        anything that ``float`` accepts.
    dt : float
        Length of one step in seconds. It need not be the simulator's: with 100 steps
        per second of simulated time it is 0.01.

    Returns
    -------
    schedule : FunctionSchedule
        Like any function of time, it is called once per step of the simulator and rule.

    Raises
    ------
    ValidationError
        If the function cannot be called, or ``dt`` is not above 0 or left out.

    Examples
    --------
    >>> from_steps(lambda step: 0.1 / (1 + step), dt=0.5)([0.0, 0.4, 0.5, 1.5])
    array([0.1  , 0.1  , 0.05 , 0.025])
    """
    if dt is None:
        raise ValidationError(
            "needs dt, the length of one step in seconds: a function of steps does not "
            "say how long its steps are, and rates here are functions of seconds",
            "from_steps.dt",
        )
    if not callable(function):
        raise ValidationError(f"{function!r} is not callable", "from_steps.function")
    if is_bool(dt) or not (is_number(dt) and 0 < dt < np.inf):
        raise ValidationError(
            f"must be a number of seconds greater than 0 (got {dt!r})", "from_steps.dt"
        )
    return FunctionSchedule(AtSteps(function, float(dt)))
