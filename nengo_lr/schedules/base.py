"""What every schedule shares: its parameters' checks, and how it is called."""

import inspect
import sys
from numbers import Number

import numpy as np
from nengo.exceptions import ValidationError
from nengo.params import FrozenObject, NdarrayParam, NumberParam, Parameter

TIME_TOLERANCE = 1e-9
"""How far below a boundary a time still counts as having reached it, in seconds.

Simulation time is ``step * dt`` in float64, so that a boundary written as a decimal
number can lie some rounding errors above the step that is meant. A nanosecond is more
than the rounding of a million simulated seconds and less than any sensible ``dt``.
"""


def reached(t, boundary):
    """Whether time ``t`` has come to ``boundary`` (both in seconds)."""
    return t > boundary - TIME_TOLERANCE


def whole_periods(t, period, xp):
    """How many periods have ended at time ``t`` (both in seconds)."""
    return xp.floor((t + TIME_TOLERANCE) / period)


class RateParam(NumberParam):
    """A learning rate: finite and not negative."""

    def __init__(self, name, **kwargs):
        super().__init__(name, low=0, readonly=True, **kwargs)

    def coerce(self, instance, num):
        num = super().coerce(instance, num)
        if not np.isfinite(num):
            raise ValidationError(
                f"a learning rate must be finite (got {num})", self.name, instance
            )
        return float(num)


class SecondsParam(NumberParam):
    """A length of time in seconds: finite and greater than 0."""

    def __init__(self, name, **kwargs):
        super().__init__(name, low=0, low_open=True, readonly=True, **kwargs)

    def coerce(self, instance, num):
        num = super().coerce(instance, num)
        if not np.isfinite(num):
            raise ValidationError(
                f"a time in seconds must be finite (got {num})", self.name, instance
            )
        return float(num)


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


class Schedule(FrozenObject):
    """A learning rate that is a pure function of simulation time.

    A schedule is called with the time in seconds. Every schedule can be used as the
    ``learning_rate`` of a `.ScheduledPES`, on every simulator.

    Subclasses implement `evaluate`, once, for any array namespace that follows numpy's
    names: numpy itself, or ``tensorflow.experimental.numpy`` when the schedule becomes
    a part of NengoDL's graph.
    """

    traceable = True
    """Whether `evaluate` may be called with many times at once, or with tensors."""

    def __call__(self, t, xp=np):
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
        t = xp.asarray(t, dtype=np.float64)
        rate = self.evaluate(xp.reshape(t, (-1,)), xp)
        return xp.reshape(rate, t.shape)[()]

    def __repr__(self):
        with np.printoptions(threshold=sys.maxsize, floatmode="unique"):
            return super().__repr__()

    def rate_at(self, t):
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


class CallableParam(Parameter):
    """A Python function that accepts one positional argument, the time in seconds."""

    def coerce(self, instance, function):
        if not callable(function):
            raise ValidationError(f"{function!r} is not callable", self.name, instance)
        try:
            inspect.signature(function).bind(0.0)
        except TypeError as error:
            raise ValidationError(
                f"{function!r} must accept one argument, the time in seconds ({error})",
                self.name,
                instance,
            ) from None
        except ValueError:
            pass  # a builtin without a signature: the build calls it at t = 0
        return super().coerce(instance, function)


class FunctionSchedule(Schedule):
    r"""An arbitrary Python function of time.

    .. math:: \kappa(t) = f(t)

    This is what a bare callable given as ``learning_rate`` becomes. In a simulation the
    function is called once per step, in order, with a Python float ``t = step * dt``
    (and once with ``t = 0`` when the model is built), so it may use ``if``, ``min`` or
    `math`. It may return negative rates (signed neuromodulation). It is not traced into
    NengoDL's graph: there, too, it is a Python call in each step.

    Parameters
    ----------
    function : callable
        ``function(t) -> rate`` with ``t`` in seconds.

    Examples
    --------
    >>> FunctionSchedule(lambda t: 1e-3 if t < 2 else 0)(1.0)
    0.001
    """

    traceable = False
    function = CallableParam("function", readonly=True)

    def __init__(self, function):
        super().__init__()
        self.function = function

    def rate_at(self, t):
        try:
            rate = self.function(float(t))
        except Exception as error:
            raise ValidationError(
                f"failed at t={t:g} s: {error!r}", "function", self
            ) from error
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
