"""Schedules made of phases: warm-ups and sequences."""

from nengo.exceptions import ValidationError
from nengo.params import EnumParam

from nengo_lr.schedules.base import (
    RateParam,
    Schedule,
    ScheduleParam,
    SchedulesParam,
    SecondsParam,
    TimeParam,
    TimesParam,
)
from nengo_lr.schedules.times import (
    geometric_mix,
    half_cosine,
    mix,
    progress,
    reached,
    since,
)

__all__ = ["Sequence", "Warmup", "WarmupStableDecay"]


class Sequence(Schedule):
    r"""Schedules one after the other.

    .. math::
       \kappa(t) = \kappa_i(t - \text{boundaries}_{i-1}) \quad\text{for}\quad
       \text{boundaries}_{i-1} \le t < \text{boundaries}_i

    Each part sees the time since its own start; the first starts at t = 0.

    Parameters
    ----------
    schedules : list of Schedule or float
        n + 1 schedules; a number stands for a `.Constant`.
    boundaries : array_like (n,)
        Times in seconds, strictly increasing, at which the next schedule begins.

    Examples
    --------
    >>> from nengo_lr import CosineDecay
    >>> Sequence([1e-3, CosineDecay(1e-3, 4.0)], boundaries=[2.0])([1.0, 2.0, 4.0, 6.0])
    array([0.001 , 0.001 , 0.0005, 0.    ])
    """

    schedules = SchedulesParam("schedules")
    boundaries = TimesParam("boundaries")

    def __init__(self, schedules, boundaries):
        super().__init__()
        self.schedules = schedules
        self.boundaries = boundaries
        if len(self.schedules) != len(self.boundaries) + 1:
            raise ValidationError(
                f"{len(self.boundaries)} boundaries need "
                f"{len(self.boundaries) + 1} schedules (got {len(self.schedules)})",
                "schedules",
                self,
            )

    def evaluate(self, t, xp):
        rate = self.schedules[0].evaluate(t, xp)
        for schedule, start in zip(self.schedules[1:], self.boundaries):
            later = schedule.evaluate(since(t, start, xp), xp)
            rate = xp.where(reached(t, start), later, rate)
        return rate


class Warmup(Schedule):
    r"""A rise to the first rate of a schedule, and then the schedule.

    With :math:`p = t/\text{duration}` and :math:`\kappa_0` the schedule, for
    t < ``duration``

    .. math::
       \kappa(t) = (1 - p)\,\text{initial} + p\,\kappa_0(0)
       \qquad\text{or}\qquad
       \kappa(t) = \text{initial}^{1-p}\,\kappa_0(0)^p

    (``"linear"`` or ``"exponential"``), and :math:`\kappa_0(t - \text{duration})` after
    it.

    Parameters
    ----------
    schedule : Schedule or float
        What follows the rise. It sees the time since its own start; a number stands
        for a `.Constant`.
    duration : float
        Length of the rise in seconds.
    initial : float, optional
        Learning rate at t = 0; for ``"exponential"`` it must be greater than 0.
    mode : {"linear", "exponential"}, optional
        The shape of the rise.

    Notes
    -----
    The exponential warm-up of Ma and Yarats multiplies a schedule by
    :math:`1 - e^{-t/\tau}` instead, without delaying it. Here that is
    ``schedule * ExponentialDecay(0.0, tau, final=1.0)``.

    References
    ----------
    Goyal, P., et al. (2017). Accurate, large minibatch SGD: training ImageNet in 1
    hour. arXiv:1706.02677.

    Ma, J., & Yarats, D. (2021). On the adequacy of untuned warmup for adaptive
    optimization. AAAI.

    Examples
    --------
    >>> from nengo_lr import CosineDecay
    >>> Warmup(CosineDecay(1e-3, 10.0), duration=2.0)([0.0, 1.0, 2.0, 7.0])
    array([0.    , 0.0005, 0.001 , 0.0005])
    >>> Warmup(1e-2, 2.0, initial=1e-4, mode="exponential")([0.0, 1.0, 2.0])
    array([0.0001, 0.001 , 0.01  ])
    """

    schedule = ScheduleParam("schedule")
    duration = SecondsParam("duration")
    initial = RateParam("initial", default=0.0)
    mode = EnumParam(
        "mode", default="linear", values=("linear", "exponential"), readonly=True
    )

    def __init__(self, schedule, duration, initial=0.0, mode="linear"):
        super().__init__()
        self.schedule = schedule
        self.duration = duration
        self.initial = initial
        self.mode = mode
        if self.mode == "exponential" and self.initial == 0:
            raise ValidationError(
                "must be greater than 0 with mode='exponential', which multiplies the "
                f"rate (got {self.initial}); try a thousandth of the schedule's rate",
                "initial",
                self,
            )

    def evaluate(self, t, xp):
        share = progress(t, self.duration, xp)
        # before its start the schedule is asked for its first rate
        target = self.schedule.evaluate(since(t, self.duration, xp), xp)
        if self.mode == "exponential":
            return geometric_mix(self.initial, target, share, xp)
        return mix(self.initial, target, share)


class WarmupStableDecay(Schedule):
    r"""A linear rise, a plateau, and a fall.

    The rate goes from ``initial`` to ``peak`` in ``warmup`` seconds, stays there for
    ``stable`` seconds, and goes to ``final`` in ``decay`` seconds, with p the share of
    the fall that has passed, as

    .. math:: \kappa(t) = \text{peak} + (\text{final} - \text{peak})\, c(p)

    with :math:`c(p) = (1 - \cos \pi p)/2` (``"cosine"``) or :math:`c(p) = p`
    (``"linear"``).

    Parameters
    ----------
    peak : float
        The highest learning rate.
    warmup : float
        Length of the rise in seconds.
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

    peak = RateParam("peak")
    warmup = SecondsParam("warmup")
    stable = TimeParam("stable")
    decay = SecondsParam("decay")
    initial = RateParam("initial", default=0.0)
    final = RateParam("final", default=0.0)
    mode = EnumParam(
        "mode", default="cosine", values=("cosine", "linear"), readonly=True
    )

    def __init__(
        self, peak, warmup, stable, decay, initial=0.0, final=0.0, mode="cosine"
    ):
        super().__init__()
        self.peak = peak
        self.warmup = warmup
        self.stable = stable
        self.decay = decay
        self.initial = initial
        self.final = final
        self.mode = mode

    def evaluate(self, t, xp):
        rise = progress(t, self.warmup, xp)
        fall = progress(since(t, self.warmup + self.stable, xp), self.decay, xp)
        if self.mode == "cosine":
            fall = half_cosine(fall, xp)
        return mix(mix(self.initial, self.peak, rise), self.final, fall)
