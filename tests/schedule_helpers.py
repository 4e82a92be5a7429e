"""What the tests of schedules share: examples of every class, and what they vary."""

import inspect

import numpy as np
import pytest
from hypothesis import settings

from nengo_lr.schedules.expressions import catalogue, examples
from nengo_lr.schedules.params import (
    RateParam,
    RatesParam,
    ScheduleParam,
    SchedulesParam,
    SecondsParam,
    TimesParam,
)

CLASSES = catalogue()
EXAMPLES = [example for cls in CLASSES.values() for example in examples(cls)]

every_class = pytest.mark.parametrize("cls", CLASSES.values(), ids=CLASSES)

SETTINGS = settings(max_examples=10, deadline=None, derandomize=True)


def for_examples(wanted=lambda example: True):
    """Parametrize a test over the examples that are wanted."""
    chosen = [example for example in EXAMPLES if wanted(example)]
    ids = [type(example).__name__ for example in chosen]
    return pytest.mark.parametrize("example", chosen, ids=ids)


every_example = for_examples()


def arguments(schedule):
    """The schedule's parameters by name, as (Parameter, value)."""
    return {
        name: (getattr(type(schedule), name), getattr(schedule, name))
        for name in list(inspect.signature(type(schedule)).parameters)
    }


def scaled(schedule, seconds=1.0, rates=1.0):
    """The same schedule with all its times and all its rates multiplied."""

    def scale(param, value):
        if value is None:
            return None
        if isinstance(param, (SecondsParam, TimesParam)):
            return value * seconds
        if isinstance(param, (RateParam, RatesParam)):
            return value * rates
        if isinstance(param, SchedulesParam):
            return [scaled(part, seconds, rates) for part in value]
        if isinstance(param, ScheduleParam):
            return scaled(value, seconds, rates)
        return value

    return type(schedule)(
        **{name: scale(*pair) for name, pair in arguments(schedule).items()}
    )


def special_times(schedule, dt=1e-3):
    """The start, far away, and all about the times at which something may happen."""
    times = [
        np.ravel(value)
        for param, value in arguments(schedule).values()
        if isinstance(param, (SecondsParam, TimesParam)) and value is not None
    ]
    times = np.concatenate([[0.0], *times])
    for part in schedule.parts:
        # a part may begin at any of these times
        times = np.unique(np.add.outer(times, special_times(part, dt)))
    times = np.add.outer(np.concatenate([times, 2 * times, 3 * times]), [-dt, 0.0, dt])
    times = np.concatenate([times.ravel(), [0.0, dt, 1e6]])
    return np.unique(times[times >= 0])
