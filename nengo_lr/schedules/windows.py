"""Schedules that look at another schedule at other times."""

from nengo.exceptions import ValidationError

from nengo_lr.schedules.base import (
    FiniteNumberParam,
    Schedule,
    ScheduleParam,
    SecondsParam,
    TimeParam,
)
from nengo_lr.schedules.times import reached, since, whole_periods

__all__ = ["Between", "Delayed", "Repeated", "Stretched"]


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

    Examples
    --------
    >>> Between(1e-3, start=1.0, stop=2.0)([0.9, 1.0, 1.9, 2.0])
    array([0.   , 0.001, 0.001, 0.   ])
    """

    schedule = ScheduleParam("schedule")
    start = TimeParam("start")
    stop = SecondsParam("stop")

    def __init__(self, schedule, start, stop):
        super().__init__()
        self.schedule = schedule
        self.start = start
        self.stop = stop
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

    Examples
    --------
    >>> from nengo_lr import Linear
    >>> Delayed(Linear(1e-3, 0.0, 10.0), delay=5.0)([0.0, 5.0, 10.0, 15.0])
    array([0.001 , 0.001 , 0.0005, 0.    ])
    """

    schedule = ScheduleParam("schedule")
    delay = TimeParam("delay")

    def __init__(self, schedule, delay):
        super().__init__()
        self.schedule = schedule
        self.delay = delay

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

    Examples
    --------
    >>> from nengo_lr import Linear
    >>> Repeated(Linear(1e-3, 0.0, 2.0), period=2.0)([0.0, 1.0, 2.0, 3.0])
    array([0.001 , 0.0005, 0.001 , 0.0005])
    """

    schedule = ScheduleParam("schedule")
    period = SecondsParam("period")

    def __init__(self, schedule, period):
        super().__init__()
        self.schedule = schedule
        self.period = period

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

    Examples
    --------
    >>> from nengo_lr import Linear
    >>> Stretched(Linear(1e-3, 0.0, 1.0), factor=20.0)([0.0, 10.0, 20.0])
    array([0.001 , 0.0005, 0.    ])
    """

    schedule = ScheduleParam("schedule")
    factor = FiniteNumberParam("factor", low=0, low_open=True)

    def __init__(self, schedule, factor):
        super().__init__()
        self.schedule = schedule
        self.factor = factor

    def evaluate(self, t, xp):
        return self.schedule.evaluate(t / self.factor, xp)
