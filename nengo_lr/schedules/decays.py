"""Schedules that fall for ever."""

from nengo_lr.schedules.base import FiniteNumberParam, RateParam, Schedule, SecondsParam
from nengo_lr.schedules.times import mix, whole_periods

__all__ = [
    "ExponentialDecay",
    "InverseSquareRoot",
    "InverseTimeDecay",
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
    initial = RateParam("initial")
    tau = SecondsParam("tau")
    final = RateParam("final", default=0.0)

    def __init__(self, initial, tau, final=0.0):
        super().__init__()
        self.initial = initial
        self.tau = tau
        self.final = final

    def evaluate(self, t, xp):
        return mix(self.final, self.initial, xp.exp(-t / self.tau))


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
    initial = RateParam("initial")
    tau = SecondsParam("tau")
    power = FiniteNumberParam("power", default=1.0, low=0, low_open=True)

    def __init__(self, initial, tau, power=1.0):
        super().__init__()
        self.initial = initial
        self.tau = tau
        self.power = power

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

    References
    ----------
    Vaswani, A., et al. (2017). Attention is all you need. NIPS 30.

    Examples
    --------
    >>> InverseSquareRoot(1e-3, warmup=2.0)([0.0, 1.0, 2.0, 8.0])
    array([0.    , 0.0005, 0.001 , 0.0005])
    """

    peak = RateParam("peak")
    warmup = SecondsParam("warmup")

    def __init__(self, peak, warmup):
        super().__init__()
        self.peak = peak
        self.warmup = warmup

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
    factor : float
        What the rate is multiplied by (no unit), above 0 and at most 1.
    period : float
        Time in seconds between the steps.

    References
    ----------
    Ge, R., Kakade, S. M., Kidambi, R., & Netrapalli, P. (2019). The step decay
    schedule: a near optimal, geometrically decaying learning rate procedure for least
    squares. NeurIPS 32.

    Examples
    --------
    >>> StepDecay(1e-3, factor=0.5, period=2.0)([1.9, 2.0, 4.0])
    array([0.001  , 0.0005 , 0.00025])
    """

    monotonic = True
    initial = RateParam("initial")
    factor = FiniteNumberParam("factor", low=0, low_open=True, high=1)
    period = SecondsParam("period")

    def __init__(self, initial, factor, period):
        super().__init__()
        self.initial = initial
        self.factor = factor
        self.period = period

    def evaluate(self, t, xp):
        return self.initial * self.factor ** whole_periods(t, self.period, xp)
