"""The base class of schedules, and arithmetic on times in any array namespace."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
from nengo.exceptions import ValidationError
from nengo.utils.numpy import is_number
from numpy.typing import ArrayLike

from nengo_lr import schedules as catalogue  # complete by the time a method uses it
from nengo_lr.checks import is_bool
from nengo_lr.schedules.params import (
    Declared,
    RateParam,
    RatesParam,
    ScheduleParam,
)

__all__ = ["Schedule"]

TIME_TOLERANCE = 1e-9
"""How far below a boundary a time still counts as having reached it, in seconds.

Simulation time is ``step * dt`` in float64, so that a boundary written as a decimal
number can lie some rounding errors above the step that is meant. A nanosecond is more
than the rounding of a million simulated seconds and less than any sensible ``dt``.
"""


class Schedule(Declared):
    """A learning rate that is a pure function of simulation time.

    A schedule is called with the time in seconds. Every schedule can be used as the
    ``learning_rate`` of a `.ScheduledPES`, on every simulator.

    Subclasses implement `evaluate`, once, for any array namespace that follows numpy's
    names: numpy itself, or ``tensorflow.experimental.numpy`` when the schedule becomes
    a part of NengoDL's graph.

    Notes
    -----
    Parameters of the same name mean the same in every schedule, exactly: ``initial`` is
    the rate at t = 0, ``final`` the rate from ``duration`` on, ``peak`` the highest
    rate; ``tau``, ``period`` and ``boundaries`` are times in seconds.
    """

    monotonic = False
    """Whether the rate only falls, or only rises, whatever the parameters are."""

    _depth = _size = 1  # of one that is not made of others

    __array_ufunc__ = None  # numpy's numbers leave arithmetic to the methods below

    @property
    def parts(self):
        """The schedules that this one is made of, as a tuple."""
        values = [
            getattr(self, p.name) for p in self._params if isinstance(p, ScheduleParam)
        ]
        return sum((v if isinstance(v, tuple) else (v,) for v in values), ())

    @property
    def traceable(self):
        """Whether `evaluate` may be called with many times at once, or with tensors."""
        return all(part.traceable for part in self.parts)

    @property
    def upper_bound(self):
        """A rate that is exceeded at no time, or None if none is known.

        The largest rate among the parameters and the parts. Schedules that calculate
        with their parts, like `.Product`, may stay below it.
        """
        rates = [
            np.max(getattr(self, p.name))
            for p in self._params
            if isinstance(p, (RateParam, RatesParam))
        ]
        rates += [part.upper_bound for part in self.parts]
        return None if None in rates or not rates else float(max(rates))

    def __call__(self, t: ArrayLike, xp: ModuleType = np) -> Any:
        """The learning rate at one or more times.

        Parameters
        ----------
        t : float or array_like
            Simulation time in seconds.
        xp : module, optional
            The array namespace that computes: ``numpy`` (default) or
            ``tensorflow.experimental.numpy``.

        Returns
        -------
        rate : float or array
            The rate in the units of ``nengo.PES(learning_rate=...)``, in the shape
            of ``t``.

        Raises
        ------
        ValidationError
            If a time is negative or NaN; only with numpy, where times are values.
        """
        times = xp.asarray(t, dtype=np.float64)
        if xp is np and not np.all(times >= 0):
            bad = times[~(times >= 0)].flat[0]
            raise ValidationError(f"must not be negative (got {bad:g} s)", "t", self)
        rate = self.evaluate(xp.reshape(times, (-1,)), xp)
        return xp.reshape(rate, times.shape)[()]

    def __repr__(self):
        with np.printoptions(threshold=sys.maxsize, floatmode="unique"):
            return super().__repr__()

    def rate_at(self, t: float) -> float:
        """The rate at one time ``t`` in seconds, as a float."""
        return float(self(t))

    def evaluate(self, t, xp):
        """The rates at times ``t``; what a subclass has to implement.

        Parameters
        ----------
        t : array (n,) of float64
            Simulation times in seconds, not negative.
        xp : module
            The array namespace of ``t``.

        Returns
        -------
        rates : array (n,) of float64
        """
        raise NotImplementedError("a Schedule must implement evaluate(t, xp)")

    def __mul__(self, other):
        if isinstance(other, Schedule) or is_number(other):
            return catalogue.Product((self, other))
        return NotImplemented

    def __rmul__(self, other):
        return self * other

    def __truediv__(self, other):
        if is_number(other) and not is_bool(other):
            return self * (1.0 / other)
        raise TypeError(
            f"cannot divide a schedule by {other!r}: only by a number (for a quotient "
            "of two rates write a FunctionSchedule)"
        )

    def __rtruediv__(self, other):
        raise TypeError(
            f"cannot divide {other!r} by a schedule, which may be 0: write a "
            "FunctionSchedule"
        )

    def __sub__(self, other):
        raise TypeError(
            f"cannot subtract {other!r} from a schedule: the rate could fall below 0. "
            "Choose lower rates, or write a FunctionSchedule, which may be negative"
        )

    __rsub__ = __sub__

    def __neg__(self):
        raise TypeError(
            "a schedule has no negative rates: write a FunctionSchedule, which may"
        )

    def __add__(self, other):
        if isinstance(other, Schedule):
            return catalogue.Sum((self, other))
        raise TypeError(
            f"cannot add {other!r} to a schedule: only schedules can be added to "
            "schedules (for a constant rate of 1e-4 write schedule + Constant(1e-4))"
        )

    def __radd__(self, other):
        return self + other

    def minimum(self, other: Schedule | float) -> Schedule:
        """The smaller rate of this and another schedule (or number): a `.Minimum`."""
        return catalogue.Minimum((self, other))

    def maximum(self, other: Schedule | float) -> Schedule:
        """The larger rate of this and another schedule (or number): a `.Maximum`."""
        return catalogue.Maximum((self, other))

    def clip(self, low: float, high: float) -> Schedule:
        """The schedule kept between two learning rates: a `.Clip`."""
        return catalogue.Clip(self, low, high)

    def between(self, start: float, stop: float) -> Schedule:
        """The schedule from ``start`` to ``stop`` seconds, else 0: a `.Between`."""
        return catalogue.Between(self, start, stop)

    def delayed(self, delay: float) -> Schedule:
        """The schedule begun ``delay`` seconds later: a `.Delayed`."""
        return catalogue.Delayed(self, delay)

    def repeated(self, period: float) -> Schedule:
        """The schedule begun again every ``period`` seconds: a `.Repeated`."""
        return catalogue.Repeated(self, period)

    def stretched(self, factor: float) -> Schedule:
        """The schedule ``factor`` times slower: a `.Stretched`."""
        return catalogue.Stretched(self, factor)


def reached(t, boundary):
    """Whether time ``t`` has come to ``boundary`` (both in seconds)."""
    return t > boundary - TIME_TOLERANCE


def pieces_reached(t, boundaries, xp):
    """How many of some increasing boundaries each time (n,) has come to."""
    return xp.sum(reached(t[:, None], boundaries), axis=1)


def whole_periods(t, period, xp):
    """How many periods have ended at time ``t`` (both in seconds)."""
    return xp.floor((t + TIME_TOLERANCE) / period)


def since(t, start, xp):
    """The time since ``start``, and 0 before it (all in seconds)."""
    return xp.maximum(t - start, 0.0)


def progress(t, duration, xp):
    """The fraction of a duration that has passed: from 0 at t = 0 to exactly 1."""
    if duration == 0:
        return xp.ones_like(t)
    return xp.where(reached(t, duration), 1.0, t / duration)


def half_cosine(fraction, xp):
    """The fraction from 0 to 1 again, but with a slope of 0 at both ends."""
    return (1.0 - xp.cos(np.pi * fraction)) / 2.0


def lerp(start, end, fraction):
    """The value that lies a fraction of the way between two others, exact at both."""
    return start * (1.0 - fraction) + end * fraction


def geomlerp(start, end, fraction, xp):
    """The same on a logarithmic axis, from a start greater than 0."""
    return xp.where(fraction < 1.0, start * (end / start) ** fraction, end)
