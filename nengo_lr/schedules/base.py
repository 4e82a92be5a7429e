"""What every schedule shares: its parameters' checks, and how it is called."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
from nengo.exceptions import ValidationError
from nengo.params import FrozenObject, NdarrayParam, NumberParam, Parameter
from nengo.utils.numpy import is_array, is_number
from numpy.typing import ArrayLike

from nengo_lr import schedules as catalogue  # complete by the time a method uses it

__all__ = ["Schedule"]


class FiniteNumberParam(NumberParam):
    """A number that is neither infinite nor NaN."""

    def __init__(self, name, **kwargs):
        super().__init__(name, readonly=True, **kwargs)

    def coerce(self, instance, num):
        if is_array(num) and num.shape == ():
            num = num.item()
        if is_number(num) and not np.isfinite(num):
            raise ValidationError(f"must be finite (got {num})", self.name, instance)
        num = super().coerce(instance, num)
        return num if num is None else float(num)  # None only where it is optional


class RateParam(FiniteNumberParam):
    """A learning rate: finite and not negative."""

    def __init__(self, name, **kwargs):
        super().__init__(name, low=0, **kwargs)


class TimeParam(FiniteNumberParam):
    """A point in time in seconds: finite and not negative."""

    def __init__(self, name, **kwargs):
        super().__init__(name, low=0, **kwargs)


class SecondsParam(FiniteNumberParam):
    """A length of time in seconds: finite and greater than 0."""

    def __init__(self, name, **kwargs):
        super().__init__(name, low=0, low_open=True, **kwargs)


class RatesParam(NdarrayParam):
    """One or more learning rates: finite and not negative; a copy of what was given."""

    def __init__(self, name, **kwargs):
        super().__init__(name, shape=("*",), dtype=np.float64, readonly=True, **kwargs)

    def coerce(self, instance, ndarray):
        numbers = super().coerce(instance, ndarray).astype(np.float64)
        if numbers.size == 0:
            raise ValidationError("must not be empty", self.name, instance)
        if not np.all(np.isfinite(numbers)) or np.any(numbers < 0):
            raise ValidationError(
                f"must be finite and not negative (got {ndarray})", self.name, instance
            )
        numbers.setflags(write=False)
        return numbers


class TimesParam(RatesParam):
    """One or more times in seconds: finite, not negative, strictly increasing."""

    def coerce(self, instance, ndarray):
        times = super().coerce(instance, ndarray)
        if np.any(np.diff(times) <= 0):
            raise ValidationError(
                f"times must increase strictly (got {ndarray})", self.name, instance
            )
        return times


class ScheduleParam(Parameter):
    """Another schedule; a number stands for a `Constant` schedule."""

    equatable = True

    def __init__(self, name):
        super().__init__(name, readonly=True)

    def coerce(self, instance, schedule):
        return super().coerce(instance, as_schedule(schedule, self.name, instance))


class SchedulesParam(ScheduleParam):
    """One or more schedules, kept as a tuple."""

    def coerce(self, instance, schedules):
        if isinstance(schedules, Schedule) or not np.iterable(schedules):
            raise ValidationError(
                f"must be a list of schedules (got {schedules!r})", self.name, instance
            )
        schedules = tuple(as_schedule(s, self.name, instance) for s in schedules)
        if not schedules:
            raise ValidationError("must not be empty", self.name, instance)
        return Parameter.coerce(self, instance, schedules)


def as_schedule(schedule, name, instance):
    """The Schedule that a parameter's value means, or a ValidationError."""
    if is_number(schedule):
        return catalogue.Constant(schedule)
    if not isinstance(schedule, Schedule):
        hint = "; wrap a function of time in FunctionSchedule"
        raise ValidationError(
            f"must be a Schedule or a number (got {schedule!r})"
            f"{hint if callable(schedule) else ''}",
            name,
            instance,
        )
    return schedule


class Schedule(FrozenObject):
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
    def largest(self):
        """A rate that is exceeded at no time, or None if none is known.

        The largest rate among the parameters and the parts. Schedules that calculate
        with their parts, like `.Product`, may stay below it.
        """
        rates = [
            np.max(getattr(self, p.name))
            for p in self._params
            if type(p) in (RateParam, RatesParam)
        ]
        rates += [part.largest for part in self.parts]
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
        """
        times = xp.asarray(t, dtype=np.float64)
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
