"""Schedules that shift others in time: windows, delays, warm-ups, sequences."""

from __future__ import annotations

from collections.abc import Sequence as Several

from nengo.exceptions import ValidationError
from numpy.typing import ArrayLike

from nengo_lr.schedules.base import (
    Schedule,
    geomlerp,
    lerp,
    progress,
    reached,
    since,
    whole_periods,
)
from nengo_lr.schedules.params import (
    ChoiceParam,
    NumberParam,
    RateParam,
    ScheduleParam,
    SchedulesParam,
    SecondsParam,
    TimesParam,
)

__all__ = ["Between", "Delayed", "Repeated", "Sequence", "Stretched", "Warmup"]


class Between(Schedule):
    r"""A schedule inside a window of time, and 0 outside: learn only then.

    .. math::
       \kappa(t) = \begin{cases} \kappa_0(t) & \text{start} \le t < \text{stop} \\
       0 & \text{otherwise} \end{cases}

    The schedule keeps the global time. ``schedule.between(start, stop)`` is the same.

    Parameters
    ----------
    schedule : Schedule or float
        The learning rate inside the window; a number stands for a `.Constant`.
    start : float
        Time in seconds at which learning begins.
    stop : float
        Time in seconds at which it ends, after ``start``.

    Raises
    ------
    ValidationError
        If a time is negative or not finite, or ``stop`` not after ``start``.

    Examples
    --------
    >>> Between(1e-3, start=1.0, stop=2.0)([0.9, 1.0, 1.9, 2.0])
    array([0.   , 0.001, 0.001, 0.   ])
    """

    schedule: Schedule | float = ScheduleParam("schedule")
    start: float = SecondsParam("start", zero=True)
    stop: float = SecondsParam("stop")

    def validate(self):
        if self.stop <= self.start:
            raise ValidationError(
                f"must be after start={self.start} (got {self.stop})", "stop", self
            )

    def evaluate(self, t, xp):
        inside = reached(t, self.start) & ~reached(t, self.stop)
        return xp.where(inside, self.schedule.evaluate(t, xp), 0.0)


class Delayed(Schedule):
    r"""A schedule that begins later, with its first rate until then.

    .. math:: \kappa(t) = \kappa_0(\max(t - \text{delay}, 0))

    ``schedule.delayed(delay)`` is the same.

    Parameters
    ----------
    schedule : Schedule or float
        The schedule to delay; a number stands for a `.Constant`.
    delay : float
        Time in seconds.

    Raises
    ------
    ValidationError
        If ``delay`` is negative or not finite.

    Examples
    --------
    >>> from nengo_lr import Linear
    >>> Delayed(Linear(1e-3, 10.0), delay=5.0)([0.0, 5.0, 10.0, 15.0])
    array([0.001 , 0.001 , 0.0005, 0.    ])
    """

    schedule: Schedule | float = ScheduleParam("schedule")
    delay: float = SecondsParam("delay", zero=True)

    def evaluate(self, t, xp):
        return self.schedule.evaluate(since(t, self.delay, xp), xp)


class Repeated(Schedule):
    r"""A schedule that starts again and again.

    .. math:: \kappa(t) = \kappa_0(t \bmod \text{period})

    ``schedule.repeated(period)`` is the same.

    Parameters
    ----------
    schedule : Schedule or float
        The schedule to repeat; a number stands for a `.Constant`.
    period : float
        Time in seconds after which it starts again.

    Raises
    ------
    ValidationError
        If ``period`` is not finite and above 0.

    Examples
    --------
    >>> from nengo_lr import Linear
    >>> Repeated(Linear(1e-3, 2.0), period=2.0)([0.0, 1.0, 2.0, 3.0])
    array([0.001 , 0.0005, 0.001 , 0.0005])
    """

    schedule: Schedule | float = ScheduleParam("schedule")
    period: float = SecondsParam("period")

    def evaluate(self, t, xp):
        start = whole_periods(t, self.period, xp) * self.period
        return self.schedule.evaluate(since(t, start, xp), xp)


class Stretched(Schedule):
    r"""A schedule that goes faster or slower.

    .. math:: \kappa(t) = \kappa_0(t / \text{factor})

    ``schedule.stretched(factor)`` is the same. A schedule that is written for times
    from 0 to 1 becomes one of ``factor`` seconds.

    Parameters
    ----------
    schedule : Schedule or float
        The schedule to stretch; a number stands for a `.Constant`.
    factor : float
        How many times slower it goes (no unit), greater than 0.

    Raises
    ------
    ValidationError
        If ``factor`` is not finite and above 0.

    Examples
    --------
    >>> from nengo_lr import Linear
    >>> Stretched(Linear(1e-3, 1.0), factor=20.0)([0.0, 10.0, 20.0])
    array([0.001 , 0.0005, 0.    ])
    """

    schedule: Schedule | float = ScheduleParam("schedule")
    factor: float = NumberParam("factor", low=0, low_open=True)

    def evaluate(self, t, xp):
        return self.schedule.evaluate(t / self.factor, xp)


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

    Raises
    ------
    ValidationError
        If there is not one schedule more than boundaries, or the boundaries do not
        increase.

    Examples
    --------
    >>> from nengo_lr import CosineDecay
    >>> Sequence([1e-3, CosineDecay(1e-3, 4.0)], boundaries=[2.0])([1.0, 2.0, 4.0, 6.0])
    array([0.001 , 0.001 , 0.0005, 0.    ])
    """

    schedules: Several[Schedule | float] = SchedulesParam("schedules")
    boundaries: ArrayLike = TimesParam("boundaries")

    def validate(self):
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
        Length of the rise in seconds; 0 is no warm-up.
    initial : float, optional
        Learning rate at t = 0; for ``"exponential"`` it must be greater than 0.
    mode : {"linear", "exponential"}, optional
        The shape of the rise.

    Raises
    ------
    ValidationError
        If ``duration`` is negative, or ``initial`` negative or, with mode
        "exponential", 0.

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

    schedule: Schedule | float = ScheduleParam("schedule")
    duration: float = SecondsParam("duration", zero=True)
    initial: float = RateParam("initial", default=0.0, kw_only=True)
    mode: str = ChoiceParam(
        "mode", default="linear", values=("linear", "exponential"), kw_only=True
    )

    def validate(self):
        if self.mode == "exponential" and self.initial == 0:
            raise ValidationError(
                "must be greater than 0 with mode='exponential', which multiplies the "
                f"rate (got {self.initial}); try a thousandth of the schedule's rate",
                "initial",
                self,
            )

    def evaluate(self, t, xp):
        fraction = progress(t, self.duration, xp)
        # before its start the schedule is asked for its first rate
        target = self.schedule.evaluate(since(t, self.duration, xp), xp)
        if self.mode == "exponential":
            return geomlerp(self.initial, target, fraction, xp)
        return lerp(self.initial, target, fraction)
