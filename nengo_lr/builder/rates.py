"""Operators and build functions for learning rates that change over time."""

import math

import numpy as np
from nengo.builder import Operator, Signal
from nengo.exceptions import SimulationError, ValidationError

from nengo_lr.builder.control import CHOICE, NUMBER, VALUE, switch
from nengo_lr.schedules import Constant

CHUNK = 256
"""How many steps of a schedule are evaluated at once."""


def check_rate(rate, owner, step, dt):
    """Raise a SimulationError if a learning rate is NaN or infinite.

    Parameters
    ----------
    rate : float or array
        The learning rate of this step.
    owner : str
        What has this rate, for the message.
    step : int
        The simulator's step.
    dt : float
        The step's length in seconds.
    """
    if not np.all(np.isfinite(rate)):
        raise SimulationError(
            f"The learning rate of {owner} is {rate} at t={step * dt:g} s; "
            "it must be finite"
        )


def rate_at(schedule, owner, step, dt):
    """The checked rate of a schedule at one step of length ``dt`` in seconds."""
    try:
        rate = schedule.rate_at(step * dt)
    except ValidationError as error:
        raise SimulationError(f"The learning rate of {owner}: {error}") from error
    if not math.isfinite(rate):
        check_rate(rate, owner, step, dt)
    return rate


def rate_setter(schedule, owner, step, rate, dt):
    """Make a function that sets a rate to its schedule's value at the current step.

    Parameters
    ----------
    schedule : Schedule
    owner : str
        What has this rate, for error messages.
    step : array ()
        The simulator's integer step.
    rate : array (1,)
        What is set.
    dt : float
        The step's length in seconds.

    Returns
    -------
    set_rate : callable
    """
    if not schedule.traceable:

        def set_from_function():
            rate[0] = rate_at(schedule, owner, step.item(), dt)

        return set_from_function

    first, rates = 0, []

    def set_from_chunk():
        nonlocal first, rates
        now = step.item()
        if not first <= now < first + len(rates):
            first, steps = now, np.arange(now, now + CHUNK)
            rates = schedule(steps * dt).tolist()
        value = rates[now - first]
        if not math.isfinite(value):
            check_rate(value, owner, now, dt)
        rate[0] = value

    return set_from_chunk


class SimRate(Operator):
    """What the operators that set a learning rate share: their choice can be overruled.

    Parameters
    ----------
    step : Signal ()
        The simulator's integer step.
    control : Signal (3,)
        The rule's control, which may choose another rate.
    rate : Signal (1,) or (m,)
        The learning rate.
    owner : str
        What has this rate, for error messages.
    tag : str, optional
        A label associated with the operator, for debugging purposes.

    Attributes
    ----------
    given : Schedule or None
        What the control can choose in place of the rate that was built.

    Notes
    -----
    1. sets ``[rate]``
    2. incs ``[]``
    3. reads ``[step, control]``
    4. updates ``[]``
    """

    def __init__(self, step, control, rate, owner, tag=None):
        super().__init__(tag=tag)
        self.owner = owner
        self.given = None
        self.sets = [rate]
        self.incs = []
        self.reads = [step, control]
        self.updates = []

    @property
    def step(self):
        return self.reads[0]

    @property
    def control(self):
        return self.reads[1]

    @property
    def rate(self):
        return self.sets[0]

    def make_built_step(self, signals, dt):
        """Make the function that sets the rate as it was built."""
        raise NotImplementedError("subclasses must implement this method")

    def make_step(self, signals, dt, rng):
        choice = switch(signals, self.control, CHOICE)
        value = switch(signals, self.control, VALUE)
        step, rate = signals[self.step], signals[self.rate]
        set_built = self.make_built_step(signals, dt)
        given = set_given = None

        def set_chosen():
            nonlocal given, set_given
            if choice == NUMBER:
                rate[...] = value
                return
            if given is not self.given:
                given = self.given
                set_given = rate_setter(given, self.owner, step, rate, dt)
            set_given()
            rate.fill(rate[0])

        def step_rate():
            if choice:
                set_chosen()
            else:
                set_built()

        return step_rate


class SimScheduledRate(SimRate):
    """Set a learning rate to its schedule's value at the current step.

    Implements ``rate[...] = schedule(step * dt)``, in float64 whatever the simulator's
    own time is.

    Parameters
    ----------
    step : Signal ()
        The simulator's integer step.
    control : Signal (3,)
        The rule's control, which may choose another rate.
    rate : Signal (1,)
        The learning rate.
    clock : Signal (1,)
        The last step that learned at the schedule's rate. Only NengoDL updates it,
        where the time can be set back and the weights are not.
    schedule : Schedule
        The rate as a function of time in seconds.
    owner : str
        What has this rate, for error messages.
    tag : str, optional
        A label associated with the operator, for debugging purposes.

    Notes
    -----
    1. sets ``[rate]``
    2. incs ``[]``
    3. reads ``[step, control]``
    4. updates ``[clock]``
    """

    def __init__(self, step, control, rate, clock, schedule, owner, tag=None):
        super().__init__(step, control, rate, owner, tag=tag)
        self.schedule = schedule
        self.updates = [clock]

    @property
    def clock(self):
        return self.updates[0]

    @property
    def _descstr(self):
        return f"{self.schedule} -> {self.rate}"

    def rate_at(self, step, dt):
        """The checked rate at one integer step of length ``dt`` in seconds."""
        return rate_at(self.schedule, self.owner, step, dt)

    def make_built_step(self, signals, dt):
        step, rate = signals[self.step], signals[self.rate]
        if isinstance(self.schedule, Constant):
            return lambda: None  # the Signal starts with it
        return rate_setter(self.schedule, self.owner, step, rate, dt)


def build_schedule_rate(model, schedule, rule, control):
    """Build a learning rate that is a function of time; returns its Signal."""
    initial = schedule.rate_at(0.0)
    if not math.isfinite(initial):
        raise ValidationError(
            f"the learning rate of {rule.connection} is {initial} at t=0 s; "
            "it must be finite",
            "learning_rate",
            schedule,
        )
    rate = Signal(np.array([initial]), name="ScheduledPES:learning_rate")
    clock = Signal(np.zeros(1, dtype=np.int32), name="ScheduledPES:clock")
    clock.trainable, clock.minibatched = False, True  # NengoDL: as the weights
    owner = str(rule.connection)
    model.add_op(SimScheduledRate(model.step, control, rate, clock, schedule, owner))
    return rate
