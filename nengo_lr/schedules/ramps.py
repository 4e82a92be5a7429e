"""Schedules that go from one rate to another over a duration, and stay there."""

from nengo_lr.schedules.base import FiniteNumberParam, RateParam, Schedule, SecondsParam
from nengo_lr.schedules.times import geometric_mix, half_cosine, mix, progress

__all__ = ["CosineDecay", "Geometric", "Linear", "PolynomialDecay"]


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
    final : float
        Learning rate from ``duration`` on; it may be above ``initial``.
    duration : float
        Time in seconds.

    References
    ----------
    Defazio, A., Cutkosky, A., Mehta, H., & Mishchenko, K. (2023). Optimal linear decay
    learning rate schedules and further refinements. arXiv:2310.07831.

    Examples
    --------
    >>> Linear(1e-3, 0.0, duration=10.0)([0.0, 5.0, 10.0])
    array([0.001 , 0.0005, 0.    ])
    """

    monotonic = True
    initial = RateParam("initial")
    final = RateParam("final")
    duration = SecondsParam("duration")

    def __init__(self, initial, final, duration):
        super().__init__()
        self.initial = initial
        self.final = final
        self.duration = duration

    def evaluate(self, t, xp):
        return mix(self.initial, self.final, progress(t, self.duration, xp))


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
    final : float
        Learning rate from ``duration`` on.
    duration : float
        Time in seconds.
    power : float, optional
        Exponent (no unit), greater than 0; 1 is a straight line.

    References
    ----------
    Chen, L.-C., Papandreou, G., Kokkinos, I., Murphy, K., & Yuille, A. L. (2018).
    DeepLab: semantic image segmentation with deep convolutional nets, atrous
    convolution, and fully connected CRFs. IEEE TPAMI, 40(4), 834-848.

    Examples
    --------
    >>> PolynomialDecay(1e-3, 0.0, duration=10.0, power=2.0)([0.0, 5.0, 10.0])
    array([0.001  , 0.00025, 0.     ])
    """

    monotonic = True
    initial = RateParam("initial")
    final = RateParam("final")
    duration = SecondsParam("duration")
    power = FiniteNumberParam("power", default=1.0, low=0, low_open=True)

    def __init__(self, initial, final, duration, power=1.0):
        super().__init__()
        self.initial = initial
        self.final = final
        self.duration = duration
        self.power = power

    def evaluate(self, t, xp):
        left = 1.0 - progress(t, self.duration, xp)
        return mix(self.final, self.initial, left**self.power)


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
    final : float
        Learning rate from ``duration`` on, greater than 0.
    duration : float
        Time in seconds.

    References
    ----------
    Smith, L. N. (2017). Cyclical learning rates for training neural networks. WACV.

    Examples
    --------
    >>> Geometric(1e-6, 1e-2, duration=10.0)([0.0, 5.0, 10.0])
    array([1.e-06, 1.e-04, 1.e-02])
    """

    monotonic = True
    initial = RateParam("initial", low_open=True)
    final = RateParam("final", low_open=True)
    duration = SecondsParam("duration")

    def __init__(self, initial, final, duration):
        super().__init__()
        self.initial = initial
        self.final = final
        self.duration = duration

    def evaluate(self, t, xp):
        share = progress(t, self.duration, xp)
        return geometric_mix(self.initial, self.final, share, xp)


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
    initial = RateParam("initial")
    duration = SecondsParam("duration")
    final = RateParam("final", default=0.0)

    def __init__(self, initial, duration, final=0.0):
        super().__init__()
        self.initial = initial
        self.duration = duration
        self.final = final

    def evaluate(self, t, xp):
        share = half_cosine(progress(t, self.duration, xp), xp)
        return mix(self.initial, self.final, share)
