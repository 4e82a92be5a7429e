"""Schedules that fall smoothly from an initial to a final rate."""

import numpy as np

from nengo_lr.schedules.base import RateParam, Schedule, SecondsParam

__all__ = ["CosineDecay", "ExponentialDecay"]


class ExponentialDecay(Schedule):
    r"""A rate that decays exponentially towards a final rate.

    .. math:: \kappa(t) = \text{final} + (\text{initial} - \text{final}) e^{-t/\tau}

    Parameters
    ----------
    initial : float
        Learning rate at t = 0.
    tau : float
        Time constant in seconds.
    final : float, optional
        Learning rate that is approached (an absolute rate, not a fraction).

    Examples
    --------
    >>> ExponentialDecay(1e-3, tau=5.0)(0.0)
    0.001
    """

    initial = RateParam("initial")
    tau = SecondsParam("tau")
    final = RateParam("final", default=0.0)

    def __init__(self, initial, tau, final=0.0):
        super().__init__()
        self.initial = initial
        self.tau = tau
        self.final = final

    def evaluate(self, t, xp):
        return self.final + (self.initial - self.final) * xp.exp(-t / self.tau)


class CosineDecay(Schedule):
    r"""A rate that falls along half a cosine, and then stays at its final value.

    .. math::
       \kappa(t) = \text{final} + (\text{initial} - \text{final})
       \frac{1 + \cos(\pi t/\text{duration})}{2}

    Parameters
    ----------
    initial : float
        Learning rate at t = 0.
    duration : float
        Time in seconds after which the rate is exactly ``final``.
    final : float, optional
        Learning rate from ``duration`` on (an absolute rate, not a fraction).

    References
    ----------
    Loshchilov, I., & Hutter, F. (2017). SGDR: stochastic gradient descent with warm
    restarts. ICLR.

    Examples
    --------
    >>> CosineDecay(1e-3, duration=10.0)(10.0)
    0.0
    """

    initial = RateParam("initial")
    duration = SecondsParam("duration")
    final = RateParam("final", default=0.0)

    def __init__(self, initial, duration, final=0.0):
        super().__init__()
        self.initial = initial
        self.duration = duration
        self.final = final

    def evaluate(self, t, xp):
        progress = xp.minimum(t / self.duration, 1.0)
        share = (1.0 + xp.cos(np.pi * progress)) / 2.0
        return self.final + (self.initial - self.final) * share
