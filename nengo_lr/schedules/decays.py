"""Schedules that fall: to a final rate over a duration, or for ever."""

from __future__ import annotations

from nengo_lr.schedules.base import (
    Schedule,
    geomlerp,
    half_cosine,
    lerp,
    progress,
    whole_periods,
)
from nengo_lr.schedules.params import NumberParam, RateParam, SecondsParam

__all__ = [
    "CosineDecay",
    "ExponentialDecay",
    "Geometric",
    "InverseSquareRoot",
    "InverseTimeDecay",
    "Linear",
    "PolynomialDecay",
    "StepDecay",
]


class ExponentialDecay(Schedule):
    r"""A rate that decays exponentially towards a final rate.

    .. math:: \kappa(t) = \text{final} + (\text{initial} - \text{final}) e^{-t/\tau}

    With ``final`` above ``initial`` the rate rises instead.

    Parameters
    ----------
    initial : float
        Learning rate at t = 0.
    tau : float
        Time constant in seconds.
    final : float, optional
        Learning rate that is approached (an absolute rate, not a fraction).

    Raises
    ------
    ValidationError
        If a rate is negative or not finite, or ``tau`` not above 0.

    References
    ----------
    Li, Z., & Arora, S. (2020). An exponential learning rate schedule for deep learning.
    ICLR.

    Examples
    --------
    >>> ExponentialDecay(1e-3, tau=5.0)([0.0, 5.0])
    array([0.001     , 0.00036788])
    """

    monotonic = True
    initial: float = RateParam("initial")
    tau: float = SecondsParam("tau")
    final: float = RateParam("final", default=0.0, kw_only=True)

    def evaluate(self, t, xp):
        return lerp(self.final, self.initial, xp.exp(-t / self.tau))


class InverseTimeDecay(Schedule):
    r"""A rate that falls with a power of time.

    .. math:: \kappa(t) = \text{initial}\, (1 + t/\tau)^{-\text{power}}

    With ``power`` 1 this is search-then-converge: about constant until ``tau``, then
    proportional to 1/t. Powers above 1/2 and up to 1 meet the conditions under which
    stochastic approximation converges.

    Parameters
    ----------
    initial : float
        Learning rate at t = 0.
    tau : float
        Time in seconds at which the rate has fallen to ``2**-power`` of its start.
    power : float, optional
        How fast it falls (no unit).

    Raises
    ------
    ValidationError
        If the rate is negative or not finite, or ``tau`` or ``power`` not above 0.

    References
    ----------
    Darken, C., & Moody, J. (1991). Note on learning rate schedules for stochastic
    optimization. NIPS 3.

    Robbins, H., & Monro, S. (1951). A stochastic approximation method. Annals of
    Mathematical Statistics, 22(3), 400-407.

    Examples
    --------
    >>> InverseTimeDecay(1e-3, tau=2.0)([0.0, 2.0, 6.0])
    array([0.001  , 0.0005 , 0.00025])
    """

    monotonic = True
    initial: float = RateParam("initial")
    tau: float = SecondsParam("tau")
    power: float = NumberParam("power", default=1.0, low=0, low_open=True, kw_only=True)

    def evaluate(self, t, xp):
        return self.initial * (1.0 + t / self.tau) ** -self.power


class InverseSquareRoot(Schedule):
    r"""A linear rise, and then a fall with the square root of time ("Noam").

    .. math::
       \kappa(t) = \text{peak}\,
       \min\!\left(\frac{t}{\text{warmup}}, \sqrt{\frac{\text{warmup}}{t}}\right)

    Parameters
    ----------
    peak : float
        The highest learning rate.
    warmup : float
        Time in seconds at which it is reached.

    Raises
    ------
    ValidationError
        If the rate is negative or not finite, or ``warmup`` not above 0.

    References
    ----------
    Vaswani, A., et al. (2017). Attention is all you need. NIPS 30.

    Examples
    --------
    >>> InverseSquareRoot(1e-3, warmup=2.0)([0.0, 1.0, 2.0, 8.0])
    array([0.    , 0.0005, 0.001 , 0.0005])
    """

    peak: float = RateParam("peak")
    warmup: float = SecondsParam("warmup")

    def evaluate(self, t, xp):
        rise = xp.minimum(t / self.warmup, 1.0)
        fall = xp.sqrt(self.warmup / xp.maximum(t, self.warmup))
        return self.peak * rise * fall


class StepDecay(Schedule):
    r"""A rate that is multiplied by a factor every ``period`` seconds.

    .. math::
       \kappa(t) = \text{initial} \cdot
       \text{factor}^{\lfloor t/\text{period} \rfloor}

    Parameters
    ----------
    initial : float
        Learning rate until ``period``.
    period : float
        Time in seconds between the steps.
    factor : float
        What the rate is multiplied by (no unit), above 0 and at most 1.

    Raises
    ------
    ValidationError
        If the rate is negative or not finite, ``period`` not above 0, or ``factor`` not
        above 0 and at most 1.

    References
    ----------
    Ge, R., Kakade, S. M., Kidambi, R., & Netrapalli, P. (2019). The step decay
    schedule: a near optimal, geometrically decaying learning rate procedure for least
    squares. NeurIPS 32.

    Examples
    --------
    >>> StepDecay(1e-3, period=2.0, factor=0.5)([1.9, 2.0, 4.0])
    array([0.001  , 0.0005 , 0.00025])
    """

    monotonic = True
    initial: float = RateParam("initial")
    period: float = SecondsParam("period")
    factor: float = NumberParam("factor", low=0, low_open=True, high=1, kw_only=True)

    def evaluate(self, t, xp):
        return self.initial * self.factor ** whole_periods(t, self.period, xp)


class Linear(Schedule):
    r"""A straight line from one rate to another.

    .. math::
       \kappa(t) = \text{initial} + (\text{final} - \text{initial})\,
       \frac{t}{\text{duration}}

    and ``final`` from ``duration`` on.

    Parameters
    ----------
    initial : float
        Learning rate at t = 0.
    duration : float
        Time in seconds.
    final : float, optional
        Learning rate from ``duration`` on; it may be above ``initial``.

    Raises
    ------
    ValidationError
        If a rate is negative or not finite, or ``duration`` not above 0.

    References
    ----------
    Defazio, A., Cutkosky, A., Mehta, H., & Mishchenko, K. (2023). Optimal linear decay
    learning rate schedules and further refinements. arXiv:2310.07831.

    Examples
    --------
    >>> Linear(1e-3, duration=10.0)([0.0, 5.0, 10.0])
    array([0.001 , 0.0005, 0.    ])
    """

    monotonic = True
    initial: float = RateParam("initial")
    duration: float = SecondsParam("duration")
    final: float = RateParam("final", default=0.0, kw_only=True)

    def evaluate(self, t, xp):
        return lerp(self.initial, self.final, progress(t, self.duration, xp))


class PolynomialDecay(Schedule):
    r"""A power of the time that is left.

    .. math::
       \kappa(t) = \text{final} + (\text{initial} - \text{final})
       \left(1 - \frac{t}{\text{duration}}\right)^{\text{power}}

    and ``final`` from ``duration`` on.

    Parameters
    ----------
    initial : float
        Learning rate at t = 0.
    duration : float
        Time in seconds.
    power : float, optional
        Exponent (no unit), greater than 0; 1 is a straight line.
    final : float, optional
        Learning rate from ``duration`` on.

    Raises
    ------
    ValidationError
        If a rate is negative or not finite, or ``duration`` or ``power`` not above 0.

    References
    ----------
    Chen, L.-C., Papandreou, G., Kokkinos, I., Murphy, K., & Yuille, A. L. (2018).
    DeepLab: semantic image segmentation with deep convolutional nets, atrous
    convolution, and fully connected CRFs. IEEE TPAMI, 40(4), 834-848.

    Examples
    --------
    >>> PolynomialDecay(1e-3, duration=10.0, power=2.0)([0.0, 5.0, 10.0])
    array([0.001  , 0.00025, 0.     ])
    """

    monotonic = True
    initial: float = RateParam("initial")
    duration: float = SecondsParam("duration")
    power: float = NumberParam("power", default=1.0, low=0, low_open=True, kw_only=True)
    final: float = RateParam("final", default=0.0, kw_only=True)

    def evaluate(self, t, xp):
        left = 1.0 - progress(t, self.duration, xp)
        return lerp(self.final, self.initial, left**self.power)


class Geometric(Schedule):
    r"""A rate that changes by the same factor in every second: as a range test does.

    .. math::
       \kappa(t) = \text{initial}
       \left(\frac{\text{final}}{\text{initial}}\right)^{t/\text{duration}}

    and ``final`` from ``duration`` on.

    Parameters
    ----------
    initial : float
        Learning rate at t = 0, greater than 0.
    duration : float
        Time in seconds.
    final : float
        Learning rate from ``duration`` on, greater than 0.

    Raises
    ------
    ValidationError
        If a rate or ``duration`` is not finite and above 0.

    References
    ----------
    Smith, L. N. (2017). Cyclical learning rates for training neural networks. WACV.

    Examples
    --------
    >>> Geometric(1e-6, duration=10.0, final=1e-2)([0.0, 5.0, 10.0])
    array([1.e-06, 1.e-04, 1.e-02])
    """

    monotonic = True
    initial: float = RateParam("initial", low_open=True)
    duration: float = SecondsParam("duration")
    final: float = RateParam("final", low_open=True, kw_only=True)

    def evaluate(self, t, xp):
        fraction = progress(t, self.duration, xp)
        return geomlerp(self.initial, self.final, fraction, xp)


class CosineDecay(Schedule):
    r"""A rate that falls along half a cosine, and then stays at its final value.

    .. math::
       \kappa(t) = \text{final} + (\text{initial} - \text{final})
       \frac{1 + \cos(\pi t/\text{duration})}{2}

    and ``final`` from ``duration`` on.

    Parameters
    ----------
    initial : float
        Learning rate at t = 0.
    duration : float
        Time in seconds after which the rate is exactly ``final``.
    final : float, optional
        Learning rate from ``duration`` on (an absolute rate, not a fraction).

    Raises
    ------
    ValidationError
        If a rate is negative or not finite, or ``duration`` not above 0.

    References
    ----------
    Loshchilov, I., & Hutter, F. (2017). SGDR: stochastic gradient descent with warm
    restarts. ICLR.

    Examples
    --------
    >>> CosineDecay(1e-3, duration=10.0)([0.0, 5.0, 10.0])
    array([0.001 , 0.0005, 0.    ])
    """

    monotonic = True
    initial: float = RateParam("initial")
    duration: float = SecondsParam("duration")
    final: float = RateParam("final", default=0.0, kw_only=True)

    def evaluate(self, t, xp):
        fraction = half_cosine(progress(t, self.duration, xp), xp)
        return lerp(self.initial, self.final, fraction)
