"""Every switch falls on the step that integer arithmetic says, whatever dt is.

Times are ``step * dt`` in float64, as on every simulator here. Each case is a schedule
whose boundaries lie on steps, together with its values at given steps, computed from
the steps alone.
"""

import numpy as np
import pytest
from schedule_helpers import every_example, scaled, special_times

from nengo_lr import (
    Between,
    Constant,
    CosineRestarts,
    Delayed,
    Linear,
    PiecewiseConstant,
    Repeated,
    Sampled,
    Schedule,
    Sequence,
    StepDecay,
    Stretched,
    Warmup,
    from_steps,
)
from nengo_lr.schedules.params import SecondsParam

MILLION = 10**6  # seconds


@pytest.fixture(params=["numpy", "tensorflow"])
def xp(request):
    if request.param == "numpy":
        return np
    return pytest.importorskip("tensorflow.experimental.numpy")


@pytest.fixture(params=[1e-4, 5e-4, 1e-3, 2e-3])
def dt(request):
    return request.param


def seconds(steps, dt):
    """The time that a user writes for some steps: a decimal number, not steps * dt."""
    return np.round(np.asarray(steps) * dt, 10)


def around(switches):
    """The steps just before, at and after some switches."""
    steps = np.unique(np.add.outer(np.asarray(switches), [-1, 0, 1]))
    return steps[steps >= 0]


def check(schedule, steps, expected, dt, xp):
    actual = np.asarray(schedule(steps * dt, xp=xp))
    wrong = np.flatnonzero(~np.isclose(actual, expected, rtol=1e-9, atol=0))
    assert len(steps) > 0
    assert wrong.size == 0, (
        f"{wrong.size} of {len(steps)} steps, the first is {steps[wrong[0]]}"
    )


def test_piecewise_constant(dt, xp):
    rng = np.random.RandomState(0)
    for last in (10_000, 1_000_000, int(MILLION / dt)):
        switches = np.unique(rng.randint(1, last, size=1000))
        schedule = PiecewiseConstant(
            np.arange(len(switches) + 1.0), seconds(switches, dt)
        )
        steps = around(switches)
        expected = np.searchsorted(switches, steps, side="right")
        check(schedule, steps, expected, dt, xp)


def test_sampled(dt, xp):
    for period in (1, 7, 100):
        schedule = Sampled(np.arange(3000.0), seconds(period, dt))
        steps = around(period * np.arange(3100))
        check(schedule, steps, np.minimum(steps // period, 2999), dt, xp)


def test_step_decay(dt, xp):
    for period in (3, 7, 50, 100):
        schedule = StepDecay(1.0, seconds(period, dt), factor=0.5)
        steps = around(period * np.arange(1000))
        check(schedule, steps, 0.5 ** (steps // period), dt, xp)


def test_from_steps(dt):
    schedule = from_steps(lambda step: step, dt)
    steps = np.arange(5000) * 37
    check(schedule, steps, steps, dt, np)


def test_repeated(dt, xp):
    for period, switch in [(10, 3), (100, 99), (777, 123), (1000, 1)]:
        part = PiecewiseConstant([1.0, 2.0], [seconds(switch, dt)])
        schedule = Repeated(part, seconds(period, dt))
        cycles = period * np.append(np.arange(1000), int(MILLION / dt) // period)
        steps = around([cycles, cycles + switch])
        check(schedule, steps, np.where(steps % period < switch, 1.0, 2.0), dt, xp)


def test_cosine_restarts(dt, xp):
    """Restarts are jumps from almost 0 to the peak."""
    for period in (8, 100, 250):
        schedule = CosineRestarts(1.0, seconds(period, dt))
        steps = around(period * np.arange(1, 1000))
        expected = (1 + np.cos(np.pi * (steps % period) / period)) / 2
        check(schedule, steps, expected, dt, xp)


@pytest.mark.parametrize("growth", [2, 3, 10])
def test_cosine_restarts_that_grow(growth, dt, xp):
    for period in range(5, 105, 5):
        starts = period * (growth ** np.arange(1, 40, dtype=float) - 1) / (growth - 1)
        starts = starts[starts * dt < MILLION].astype(np.int64)
        schedule = CosineRestarts(1.0, seconds(period, dt), growth=growth, final=0.25)
        assert np.all(np.abs(schedule(starts * dt, xp=xp) - 1.0) < 1e-9)
        before = schedule((starts - 1) * dt, xp=xp)
        assert np.all(before < 0.25 + 0.75 * 3 / period**2)


def test_between(dt, xp):
    rng = np.random.RandomState(1)
    for start, stop in np.sort(rng.randint(10**7, size=(50, 2))):
        schedule = Between(Constant(2.0), seconds(start, dt), seconds(stop, dt))
        steps = around([start, stop])
        expected = np.where((start <= steps) & (steps < stop), 2.0, 0.0)
        check(schedule, steps, expected, dt, xp)


def test_delayed_sequence_of_pieces(dt, xp):
    """Boundaries inside parts that begin at boundaries."""
    rng = np.random.RandomState(2)
    for delay, middle, inner in rng.randint(1, 10**6, size=(50, 3)):
        pieces = PiecewiseConstant([2.0, 3.0], [seconds(inner, dt)])
        sequence = Sequence([1.0, pieces], [seconds(middle, dt)])
        schedule = Delayed(sequence, seconds(delay, dt))
        switches = np.cumsum([delay, middle, inner])[1:]
        steps = around(switches)
        expected = 1.0 + np.searchsorted(switches, steps, side="right")
        check(schedule, steps, expected, dt, xp)


def test_stretched(dt, xp):
    rng = np.random.RandomState(3)
    for switch, factor in zip(
        rng.randint(1, 10**6, size=50), rng.uniform(0.1, 100, 50)
    ):
        part = PiecewiseConstant([1.0, 2.0], [seconds(switch, dt) / factor])
        steps = around([switch])
        expected = np.where(steps < switch, 1.0, 2.0)
        check(Stretched(part, factor), steps, expected, dt, xp)


def test_ramps_end_exactly(dt, xp):
    """A rate that is meant to become 0 is 0 at the step of its end, not one later."""
    rng = np.random.RandomState(4)
    for end in rng.randint(2, 10**6, size=50):
        duration = np.nextafter(end * dt, np.inf)  # as a sum of times may come out
        steps = np.array([end - 1, end, end + 1])
        ramp = Linear(1.0, duration)(steps * dt, xp=xp)
        assert np.array_equal(np.asarray(ramp) > 0, [True, False, False])
        warmup = Warmup(2.0, duration)(steps * dt, xp=xp)
        assert np.array_equal(np.asarray(warmup) < 2.0, [True, False, False])


def late_steps(schedule, dt, xp):
    """The steps at which a schedule has not come to what it is right after them."""
    steps = np.unique(np.round(special_times(schedule, dt) / dt))
    steps = np.union1d(np.arange(500), steps[steps * dt < 1e5])
    after = np.asarray(schedule(steps * dt + 5e-9, xp=xp))
    late = np.zeros(len(steps), dtype=bool)
    for rounded in 0, -3:  # the same step, where rounding has made it a little earlier
        times = np.maximum(steps * dt + rounded * np.spacing(steps * dt), 0.0)
        now = np.asarray(schedule(times, xp=xp))
        late |= np.abs(now - after) > 1e-3 * after + 1e-4 * np.max(after)
    return steps[late]


# the examples' times are whole and half seconds, so that these many steps
# put everything that happens on a step
@pytest.mark.parametrize("n", [2, 150])
@every_example
def test_boundaries_take_effect_at_their_steps(example, n, dt, xp):
    schedule = scaled(example, seconds=seconds(n, dt))
    delay = seconds(3 * n, dt)
    for made in (
        schedule,
        schedule.delayed(delay),
        schedule.repeated(delay),
        schedule.stretched(3.0),
        Sequence([1e-3, schedule], [delay]),
    ):
        late = late_steps(made, dt, xp)
        assert late.size == 0, f"{made} is late at the steps {late}"


class ForgetsRounding(Schedule):
    boundary: float = SecondsParam("boundary")

    def evaluate(self, t, xp):
        return xp.where(t >= self.boundary, 1e-3, 0.0)


class BeginsLate(ForgetsRounding):
    def evaluate(self, t, xp):
        return xp.where(t > self.boundary, 1e-3, 0.0)


@pytest.mark.parametrize("cls", [ForgetsRounding, BeginsLate])
def test_a_late_schedule_would_be_found(cls):
    assert late_steps(cls(0.3), 1e-3, np).tolist() == [300]
