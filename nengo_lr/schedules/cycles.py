"""Schedules that rise and fall: restarts, cycles, and a single cycle."""

from __future__ import annotations

import numpy as np
from nengo.exceptions import ValidationError

from nengo_lr.schedules.base import (
    Schedule,
    half_cosine,
    lerp,
    progress,
    reached,
    since,
    whole_periods,
)
from nengo_lr.schedules.params import ChoiceParam, NumberParam, RateParam, SecondsParam

__all__ = ["CosineRestarts", "Cyclic", "OneCycle", "WarmupStableDecay"]


class CosineRestarts(Schedule):
    r"""Cosine decays that start again, each slower and lower than the one before.

    With :math:`P_n = \text{period} \cdot \text{growth}^n` the length of cycle n, and
    :math:`s` the time since it began,

    .. math::
       \kappa(t) = \text{final} + (\text{initial} - \text{final})\,
       \text{shrink}^n\, \frac{1 + \cos(\pi s/P_n)}{2}

    Parameters
    ----------
    initial : float
        Learning rate at t = 0, the first peak.
    period : float
        Length of the first cycle in seconds.
    growth : float, optional
        How much longer each cycle is than the one before (no unit, at least 1).
    shrink : float, optional
        How high each peak lies above ``final``, compared with the one before (no unit,
        above 0 and at most 1).
    final : float, optional
        Learning rate that each cycle falls to (an absolute rate, not a fraction).

    Raises
    ------
    ValidationError
        If a rate is negative or not finite, ``period`` not above 0, ``growth`` below 1,
        or ``shrink`` not above 0 and at most 1.

    References
    ----------
    Loshchilov, I., & Hutter, F. (2017). SGDR: stochastic gradient descent with warm
    restarts. ICLR.

    Examples
    --------
    >>> CosineRestarts(1e-3, period=2.0)([0.0, 1.0, 2.0])
    array([0.001 , 0.0005, 0.001 ])
    >>> CosineRestarts(1e-3, 2.0, growth=2.0, shrink=0.8)([0.0, 1.0, 2.0, 4.0, 6.0])
    array([0.001  , 0.0005 , 0.0008 , 0.0004 , 0.00064])
    """

    initial: float = RateParam("initial")
    period: float = SecondsParam("period")
    growth: float = NumberParam("growth", default=1.0, low=1, kw_only=True)
    shrink: float = NumberParam(
        "shrink", default=1.0, low=0, low_open=True, high=1, kw_only=True
    )
    final: float = RateParam("final", default=0.0, kw_only=True)

    def start(self, cycle):
        """The time in seconds at which a cycle (counted from 0) begins."""
        if self.growth == 1:
            return cycle * self.period
        return self.period * (self.growth**cycle - 1.0) / (self.growth - 1.0)

    def evaluate(self, t, xp):
        if self.growth == 1:
            cycle = whole_periods(t, self.period, xp)
        else:
            grown = (self.growth - 1.0) * t / self.period
            cycle = xp.floor(xp.log1p(grown) / np.log(self.growth))
            # at a boundary the logarithm may be a rounding error too small
            cycle = xp.where(reached(t, self.start(cycle + 1.0)), cycle + 1.0, cycle)
        length = self.period * self.growth**cycle
        fraction = half_cosine(xp.clip((t - self.start(cycle)) / length, 0.0, 1.0), xp)
        return lerp(self.final, self.initial, self.shrink**cycle * (1.0 - fraction))


class Cyclic(Schedule):
    r"""Straight rises and falls between two rates, once per period.

    With n the number of the cycle and p the fraction of it that has passed,

    .. math::
       \kappa(t) = \text{low} + a (\text{high} - \text{low}) (1 - |2 p - 1|)

    where the height a is 1 (``"triangular"``), :math:`2^{-n}` (``"triangular2"``) or
    :math:`e^{-t/\tau}` (``"exp_range"``).

    Parameters
    ----------
    low : float
        Learning rate at the start of each cycle.
    high : float
        Learning rate in the middle of the (first) cycle, not below ``low``.
    period : float
        Time in seconds of a rise and a fall together.
    mode : {"triangular", "triangular2", "exp_range"}, optional
        How the cycles' height changes.
    tau : float, optional
        Time constant in seconds of ``"exp_range"``, and only of it. A factor gamma per
        step of length ``dt`` is ``tau = -dt / log(gamma)``.

    Raises
    ------
    ValidationError
        If a rate is negative or not finite, ``high`` below ``low``, ``period`` not
        above 0, or ``tau`` given without mode "exp_range" or missing with it.

    References
    ----------
    Smith, L. N. (2017). Cyclical learning rates for training neural networks. WACV.

    Examples
    --------
    >>> Cyclic(0.0, 1e-3, period=2.0)([0.0, 0.5, 1.0, 2.0, 3.0])
    array([0.    , 0.0005, 0.001 , 0.    , 0.001 ])
    >>> Cyclic(0.0, 1e-3, period=2.0, mode="triangular2")([1.0, 3.0])
    array([0.001 , 0.0005])
    >>> Cyclic(0.0, 1e-3, period=2.0, mode="exp_range", tau=4.0)([1.0, 3.0])
    array([0.0007788 , 0.00047237])
    """

    low: float = RateParam("low")
    high: float = RateParam("high")
    period: float = SecondsParam("period")
    mode: str = ChoiceParam(
        "mode",
        default="triangular",
        values=("triangular", "triangular2", "exp_range"),
        kw_only=True,
    )
    tau: float | None = SecondsParam("tau", default=None, optional=True, kw_only=True)

    def validate(self):
        if self.high < self.low:
            raise ValidationError(
                f"must not be below low={self.low} (got {self.high})", "high", self
            )
        if (self.tau is None) == (self.mode == "exp_range"):
            raise ValidationError(
                f"mode='exp_range' needs a tau in seconds, and no other mode has one "
                f"(got mode={self.mode!r}, tau={self.tau})",
                "tau",
                self,
            )

    def evaluate(self, t, xp):
        cycle = whole_periods(t, self.period, xp)
        fraction = xp.clip(t / self.period - cycle, 0.0, 1.0)
        rise = 1.0 - xp.abs(2.0 * fraction - 1.0)
        if self.mode == "triangular2":
            rise = rise * 0.5**cycle
        elif self.mode == "exp_range":
            rise = rise * xp.exp(-t / self.tau)
        return lerp(self.low, self.high, rise)


class OneCycle(Schedule):
    r"""One rise to a peak and one longer fall, as for super-convergence.

    With :math:`r = \text{rise} \cdot \text{duration}` the rate goes from ``initial`` at
    t = 0 to ``peak`` at t = r, and on to ``final`` at t = ``duration``, along half
    cosines (``"cosine"``) or straight lines (``"linear"``):

    .. math::
       \kappa(t) = \begin{cases}
       \text{initial} + (\text{peak} - \text{initial})\, c(t/r) & t < r \\
       \text{peak} + (\text{final} - \text{peak})\, c((t - r)/(\text{duration} - r))
       & t \ge r \end{cases}

    with :math:`c(p) = (1 - \cos \pi p)/2` or :math:`c(p) = p`.

    Parameters
    ----------
    peak : float
        The highest learning rate.
    duration : float
        Time in seconds from which on the rate is ``final``.
    initial : float, optional
        Learning rate at t = 0 (default ``peak / 25``).
    final : float, optional
        Learning rate from ``duration`` on (an absolute rate, not a fraction).
    rise : float, optional
        The fraction of the duration in which the rate rises, at least 0 and below 1.
    mode : {"cosine", "linear"}, optional
        The shape of the rise and of the fall.

    Raises
    ------
    ValidationError
        If a rate is negative or not finite, ``duration`` not above 0, or ``rise`` not
        at least 0 and below 1.

    References
    ----------
    Smith, L. N., & Topin, N. (2019). Super-convergence: very fast training of neural
    networks using large learning rates. Proc. SPIE 11006.

    Examples
    --------
    >>> OneCycle(1e-3, duration=10.0)([0.0, 3.0, 6.5, 10.0])
    array([4.e-05, 1.e-03, 5.e-04, 0.e+00])
    >>> OneCycle(1e-3, 10.0, initial=0.0, rise=0.5, mode="linear")([1.0, 5.0, 9.0])
    array([0.0002, 0.001 , 0.0002])
    """

    peak: float = RateParam("peak")
    duration: float = SecondsParam("duration")
    initial: float | None = RateParam(
        "initial", default=None, derive=lambda self: self.peak / 25, kw_only=True
    )
    final: float = RateParam("final", default=0.0, kw_only=True)
    rise: float = NumberParam(
        "rise", default=0.3, low=0, high=1, high_open=True, kw_only=True
    )
    mode: str = ChoiceParam(
        "mode", default="cosine", values=("cosine", "linear"), kw_only=True
    )

    def evaluate(self, t, xp):
        top = self.rise * self.duration
        rise = progress(t, top, xp)
        fall = progress(xp.maximum(t - top, 0.0), self.duration - top, xp)
        if self.mode == "cosine":
            rise, fall = half_cosine(rise, xp), half_cosine(fall, xp)
        return lerp(lerp(self.initial, self.peak, rise), self.final, fall)


class WarmupStableDecay(Schedule):
    r"""A linear rise, a plateau, and a fall.

    The rate goes from ``initial`` to ``peak`` in ``warmup`` seconds, stays there for
    ``stable`` seconds, and goes to ``final`` in ``decay`` seconds. With p the fraction
    of the fall that has passed,

    .. math:: \kappa(t) = \text{peak} + (\text{final} - \text{peak})\, c(p)

    with :math:`c(p) = (1 - \cos \pi p)/2` (``"cosine"``) or :math:`c(p) = p`
    (``"linear"``).

    Parameters
    ----------
    peak : float
        The highest learning rate.
    warmup : float
        Length of the rise in seconds; 0 is no warm-up.
    stable : float
        Length of the plateau in seconds; it may be 0.
    decay : float
        Length of the fall in seconds.
    initial : float, optional
        Learning rate at t = 0.
    final : float, optional
        Learning rate after the fall (an absolute rate, not a fraction).
    mode : {"cosine", "linear"}, optional
        The shape of the fall.

    Raises
    ------
    ValidationError
        If a rate is negative or not finite, ``decay`` not above 0, or another time
        negative.

    References
    ----------
    Hu, S., et al. (2024). MiniCPM: unveiling the potential of small language models
    with scalable training strategies. arXiv:2404.06395.

    Examples
    --------
    >>> WarmupStableDecay(1e-3, 1.0, 5.0, 4.0)([0.0, 0.5, 1.0, 6.0, 8.0, 10.0])
    array([0.    , 0.0005, 0.001 , 0.001 , 0.0005, 0.    ])
    >>> WarmupStableDecay(1e-3, 1.0, 5.0, 4.0, mode="linear")([7.0, 10.0])
    array([0.00075, 0.     ])
    """

    peak: float = RateParam("peak")
    warmup: float = SecondsParam("warmup", zero=True)
    stable: float = SecondsParam("stable", zero=True)
    decay: float = SecondsParam("decay")
    initial: float = RateParam("initial", default=0.0, kw_only=True)
    final: float = RateParam("final", default=0.0, kw_only=True)
    mode: str = ChoiceParam(
        "mode", default="cosine", values=("cosine", "linear"), kw_only=True
    )

    def evaluate(self, t, xp):
        rise = progress(t, self.warmup, xp)
        fall = progress(since(t, self.warmup + self.stable, xp), self.decay, xp)
        if self.mode == "cosine":
            fall = half_cosine(fall, xp)
        return lerp(lerp(self.initial, self.peak, rise), self.final, fall)
