"""Schedules made of pieces: constants, samples, and values between given times."""

from __future__ import annotations

import numpy as np
from nengo.exceptions import ValidationError
from numpy.typing import ArrayLike
from scipy.interpolate import PchipInterpolator

from nengo_lr.schedules.base import (
    Schedule,
    geomlerp,
    half_cosine,
    lerp,
    pieces_reached,
    whole_periods,
)
from nengo_lr.schedules.params import (
    ChoiceParam,
    RateParam,
    RatesParam,
    SecondsParam,
    TimesParam,
)

__all__ = [
    "Constant",
    "Interpolated",
    "PiecewiseConstant",
    "PiecewiseLinear",
    "Sampled",
]


class Constant(Schedule):
    r"""The same rate at all times.

    .. math:: \kappa(t) = \text{value}

    Parameters
    ----------
    value : float
        Learning rate.

    Raises
    ------
    ValidationError
        If the rate is negative or not finite.

    Examples
    --------
    >>> Constant(1e-4)([0.0, 3.0])
    array([0.0001, 0.0001])
    """

    monotonic = True
    value: float = RateParam("value")

    def evaluate(self, t, xp):
        return xp.full_like(t, self.value)


class PiecewiseConstant(Schedule):
    r"""Constant rates that switch at given times.

    .. math::
       \kappa(t) = \text{values}_i \quad\text{for}\quad
       \text{boundaries}_{i-1} \le t < \text{boundaries}_i

    Parameters
    ----------
    values : array_like (n + 1,)
        Learning rates.
    boundaries : array_like (n,)
        Times in seconds, strictly increasing, at which the next value begins.

    Raises
    ------
    ValidationError
        If there is not one value more than boundaries, a rate is negative or not
        finite, or the boundaries do not increase.

    References
    ----------
    He, K., Zhang, X., Ren, S., & Sun, J. (2016). Deep residual learning for image
    recognition. CVPR.

    Examples
    --------
    >>> schedule = PiecewiseConstant([1e-3, 1e-4, 0.0], boundaries=[5.0, 10.0])
    >>> schedule([4.9, 5.0, 12.0])
    array([0.001 , 0.0001, 0.    ])
    """

    values: ArrayLike = RatesParam("values")
    boundaries: ArrayLike = TimesParam("boundaries")

    def validate(self):
        if len(self.values) != len(self.boundaries) + 1:
            raise ValidationError(
                f"{len(self.boundaries)} boundaries need "
                f"{len(self.boundaries) + 1} values (got {len(self.values)})",
                "values",
                self,
            )

    def evaluate(self, t, xp):
        return xp.take(self.values, pieces_reached(t, self.boundaries, xp))


class PiecewiseLinear(Schedule):
    r"""Straight lines between given points; the first and last value hold outside.

    .. math::
       \kappa(t) = (1 - p)\,\text{values}_i + p\,\text{values}_{i+1}, \qquad
       p = \frac{t - \text{times}_i}{\text{times}_{i+1} - \text{times}_i}

    for :math:`\text{times}_i \le t < \text{times}_{i+1}`.

    Parameters
    ----------
    values : array_like (n,)
        Learning rates at the times below.
    times : array_like (n,)
        Times in seconds, strictly increasing.

    Raises
    ------
    ValidationError
        If there are not as many values as times, a rate is negative or not finite, or
        the times do not increase.

    Examples
    --------
    >>> PiecewiseLinear([0.0, 1e-3, 0.0], times=[0.0, 1.0, 5.0])([0.5, 1.0, 4.0, 9.0])
    array([0.0005 , 0.001  , 0.00025, 0.     ])
    """

    values: ArrayLike = RatesParam("values")
    times: ArrayLike = TimesParam("times")

    def validate(self):
        if len(self.values) != len(self.times):
            raise ValidationError(
                f"{len(self.times)} times need as many values (got {len(self.values)})",
                "values",
                self,
            )

    def interval(self, t, xp):
        """Between which points each time lies, and which fraction of the way it is.

        Parameters
        ----------
        t : array (n,) of float64
            Times in seconds.
        xp : module
            The array namespace of ``t``.

        Returns
        -------
        left, right : array (n,) of int
            The points' indices: the same one beyond the last point.
        fraction : array (n,) of float64
            0 at the left point (and outside all points), 1 at the right one.
        """
        last = len(self.times) - 1
        left = xp.maximum(pieces_reached(t, self.times, xp) - 1, 0)
        lengths = np.append(np.diff(self.times), np.inf)
        fraction = (t - xp.take(self.times, left)) / xp.take(lengths, left)
        return left, xp.minimum(left + 1, last), xp.clip(fraction, 0.0, 1.0)

    def evaluate(self, t, xp):
        left, right, fraction = self.interval(t, xp)
        return lerp(xp.take(self.values, left), xp.take(self.values, right), fraction)


class Interpolated(PiecewiseLinear):
    r"""A curve through given points; the first and last value hold outside.

    With p the fraction of the way from point i to i + 1, as in `.PiecewiseLinear`:

    - ``"cubic"`` is the piecewise cubic of Fritsch and Carlson, which has a continuous
      slope and never leaves the range between neighbouring points;
    - ``"cosine"`` is half a cosine with slope 0 at every point,
      :math:`v_i + (v_{i+1} - v_i)\,(1 - \cos \pi p)/2`;
    - ``"geometric"`` is a straight line on a logarithmic axis,
      :math:`v_i^{1-p}\, v_{i+1}^{p}`.

    Parameters
    ----------
    values : array_like (n,)
        Learning rates at the times below; for ``"geometric"`` greater than 0.
    times : array_like (n,)
        Times in seconds, strictly increasing.
    mode : {"cubic", "cosine", "geometric"}, optional
        What joins the points.

    Raises
    ------
    ValidationError
        Where a `.PiecewiseLinear` raises one, and if there are less than two points, or
        a value is 0 with mode "geometric".

    References
    ----------
    Fritsch, F. N., & Carlson, R. E. (1980). Monotone piecewise cubic interpolation.
    SIAM Journal on Numerical Analysis, 17(2), 238-246.

    Examples
    --------
    >>> Interpolated([1e-4, 1e-3, 0.0], times=[0.0, 2.0, 6.0])([1.0, 2.0])
    array([0.00072083, 0.001     ])
    >>> Interpolated([1e-4, 1e-2], times=[0.0, 2.0], mode="geometric")([1.0, 2.0])
    array([0.001, 0.01 ])
    >>> Interpolated([0.0, 1e-2], times=[0.0, 2.0], mode="cosine")([0.5, 1.0])
    array([0.00146447, 0.005     ])
    """

    mode: str = ChoiceParam(
        "mode", default="cubic", values=("cubic", "cosine", "geometric"), kw_only=True
    )

    def validate(self):
        super().validate()
        if len(self.times) < 2:
            raise ValidationError(
                "a curve needs at least two points (got one)", "times", self
            )
        if self.mode == "geometric" and np.any(self.values == 0):
            raise ValidationError(
                f"must be greater than 0 with mode='geometric' (got {self.values})",
                "values",
                self,
            )
        # how far the curve would rise in an interval with its slope at either end
        slopes = PchipInterpolator(self.times, self.values)(self.times, nu=1)
        lengths = np.diff(self.times)
        self._start_rises = np.append(slopes[:-1] * lengths, 0.0)
        self._end_rises = np.append(slopes[1:] * lengths, 0.0)

    def evaluate(self, t, xp):
        left, right, fraction = self.interval(t, xp)
        start, end = xp.take(self.values, left), xp.take(self.values, right)
        if self.mode == "geometric":
            return geomlerp(start, end, fraction, xp)
        if self.mode == "cosine":
            return lerp(start, end, half_cosine(fraction, xp))
        rest = 1.0 - fraction
        rate = (
            lerp(start, end, fraction**2 * (3.0 - 2.0 * fraction))
            + xp.take(self._start_rises, left) * fraction * rest**2
            - xp.take(self._end_rises, left) * fraction**2 * rest
        )
        return xp.maximum(rate, 0.0)


class Sampled(Schedule):
    r"""Values that are each held for ``dt`` seconds, and the last one for ever.

    .. math::
       \kappa(t) = \text{values}_i \quad\text{for}\quad i\,dt \le t < (i + 1)\,dt

    Parameters
    ----------
    values : array_like (n,)
        Learning rates.
    dt : float
        Time in seconds for which each value holds. It need not be the simulator's.

    Raises
    ------
    ValidationError
        If there are no values, a rate is negative or not finite, or ``dt`` not above 0.

    Examples
    --------
    >>> Sampled([3e-4, 2e-4, 1e-4], dt=0.5)([0.4, 0.5, 9.0])
    array([0.0003, 0.0002, 0.0001])
    """

    values: ArrayLike = RatesParam("values")
    dt: float = SecondsParam("dt")

    def evaluate(self, t, xp):
        sample = xp.minimum(whole_periods(t, self.dt, xp), len(self.values) - 1.0)
        return xp.take(self.values, xp.asarray(sample, dtype=np.int64))
