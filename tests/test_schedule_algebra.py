"""Schedules combined with each other."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nengo.exceptions import ValidationError
from schedule_helpers import EXAMPLES, SETTINGS, every_example

from nengo_lr import (
    Between,
    Clip,
    Constant,
    CosineDecay,
    Delayed,
    ExponentialDecay,
    FunctionSchedule,
    Linear,
    Maximum,
    Minimum,
    PiecewiseConstant,
    Product,
    Repeated,
    Sequence,
    StepDecay,
    Stretched,
    Sum,
    Warmup,
)
from nengo_lr.schedules.expressions import parse

T = np.linspace(0.0, 12.0, 1201)
DECAY = CosineDecay(1e-3, 8.0, final=1e-5)
STEPS = StepDecay(2e-3, 1.5, factor=0.5)

examples = st.sampled_from(EXAMPLES)
times = st.lists(st.floats(0.0, 1e3), min_size=1, max_size=10)


@pytest.mark.parametrize(
    ("result", "expected", "values"),
    [
        (DECAY * STEPS, Product([DECAY, STEPS]), DECAY(T) * STEPS(T)),
        (DECAY * 0.5, Product([DECAY, 0.5]), DECAY(T) * 0.5),
        (0.5 * DECAY, Product([DECAY, Constant(0.5)]), DECAY(T) * 0.5),
        (np.float64(0.5) * DECAY, Product([DECAY, 0.5]), DECAY(T) * 0.5),
        (DECAY * 2, Product([DECAY, 2]), DECAY(T) * 2),
        (DECAY + STEPS, Sum([DECAY, STEPS]), DECAY(T) + STEPS(T)),
        (DECAY.minimum(STEPS), Minimum([DECAY, STEPS]), np.fmin(DECAY(T), STEPS(T))),
        (DECAY.maximum(4e-4), Maximum([DECAY, 4e-4]), np.fmax(DECAY(T), 4e-4)),
        (DECAY.clip(1e-4, 5e-4), Clip(DECAY, 1e-4, 5e-4), DECAY(T).clip(1e-4, 5e-4)),
        (
            DECAY.between(2.0, 4.0),
            Between(DECAY, 2.0, 4.0),
            np.where((T >= 2) & (T < 4), DECAY(T), 0),
        ),
        (DECAY.delayed(3.0), Delayed(DECAY, 3.0), DECAY(np.maximum(T - 3, 0))),
        (DECAY.repeated(2.5), Repeated(DECAY, 2.5), DECAY(T % 2.5)),
        (DECAY.stretched(1.5), Stretched(DECAY, 1.5), DECAY(T / 1.5)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_operators_and_methods(result, expected, values):
    assert result == expected
    assert hash(result) == hash(expected)
    # t % 2.5 knows no tolerance: there a boundary may be one step late
    same = np.isclose(result(T), values, rtol=1e-13, atol=0)
    assert np.all(same | (np.abs(T / 2.5 - np.round(T / 2.5)) < 1e-9))
    assert np.mean(same) > 0.99


@every_example
@given(other=examples, times=times)
@SETTINGS
def test_arithmetic_is_that_of_the_values(example, other, times):
    a, b = example(times), other(times)
    assert np.array_equal((example * other)(times), a * b)
    assert np.array_equal((example + other)(times), a + b)
    assert np.array_equal(example.minimum(other)(times), np.minimum(a, b))
    assert np.array_equal(example.maximum(other)(times), np.maximum(a, b))
    assert np.array_equal(Product([example, other, 0.5])(times), a * b * 0.5)


@pytest.mark.parametrize("number", [4, 2.0, np.float64(0.5), np.int64(8)])
def test_a_schedule_is_divided_by_numbers(number):
    assert DECAY / number == DECAY * (1 / number)
    assert np.array_equal((DECAY / number)(T), DECAY(T) / number)


@pytest.mark.parametrize(
    "calculate",
    [
        lambda: DECAY - STEPS,
        lambda: DECAY - 1e-4,
        lambda: 1e-3 - DECAY,
        lambda: np.float64(1e-3) - DECAY,
        lambda: -DECAY,
        lambda: 1 / DECAY,
        lambda: np.ones(3) / DECAY,
        lambda: DECAY / STEPS,
        lambda: DECAY / "fast",
    ],
)
def test_what_could_be_negative_or_infinite_names_the_way_out(calculate):
    with pytest.raises(TypeError, match="FunctionSchedule"):
        calculate()


def test_true_is_no_number():
    for calculate in (lambda: DECAY * True, lambda: DECAY / True, lambda: True * DECAY):
        with pytest.raises((TypeError, ValidationError)):
            calculate()


def test_depth_and_size_are_bounded():
    """Where Python's stack would end, or a run would never."""
    schedule = DECAY
    for _ in range(49):
        schedule = schedule * 0.5
    assert schedule(0.0) == DECAY(0.0) * 0.5**49
    assert parse(repr(schedule)) == schedule
    assert copy.deepcopy(pickle.loads(pickle.dumps(schedule))) == schedule
    for deeper in (lambda: schedule * 0.5, lambda: schedule.delayed(1.0)):
        with pytest.raises(ValidationError, match=r"at most 50 .* \(got 51 and"):
            deeper()
    many = DECAY
    for _ in range(12):
        many = many + many
    with pytest.raises(ValidationError, match="at most 10000 combined"):
        many + many
    assert Sum([1e-6] * 5000)(0.0) == pytest.approx(5e-3)


@every_example
def test_nested_results_survive_repr_pickle_and_copy(example):
    names = {"np": np, "array": np.array}
    exec("from nengo_lr import *", names)
    parts = [0.1, (example * 0.5 + STEPS.delayed(0.3)).clip(1e-5, 1e-2)]
    schedule = Sequence(parts, [2.0]).between(1.0, 3.0).repeated(4.0)
    assert eval(repr(schedule), names) == schedule
    assert pickle.loads(pickle.dumps(schedule)) == schedule
    assert copy.deepcopy(schedule) == schedule
    assert schedule != schedule.stretched(2.0)


@given(example=examples, times=times)
@SETTINGS
def test_laws(example, times):
    t = np.array(times)
    twice = example.delayed(1.5).delayed(2.25)
    assert np.array_equal(twice(t), example.delayed(3.75)(t))
    assert np.array_equal(example.delayed(0.0)(t), example(t))
    assert np.array_equal(example.stretched(2.0).stretched(0.5)(t), example(t))
    clipped = example.clip(1e-5, 5e-4)
    assert np.array_equal(clipped.clip(1e-5, 5e-4)(t), clipped(t))
    parts = example.between(0.0, 5.0) + example.between(5.0, 1e4)
    assert np.array_equal(parts(t), example(t))


# --- what is refused


@pytest.mark.parametrize("other", [1.0, 0, "a", None, lambda t: t, np.ones(3)])
def test_only_schedules_are_added_to_schedules(other):
    with pytest.raises(TypeError, match=r"cannot add.*schedule \+ Constant"):
        DECAY + other
    with pytest.raises(TypeError, match=r"cannot add.*schedule \+ Constant"):
        other + DECAY


@pytest.mark.parametrize("other", ["a", None, lambda t: t, np.ones(3), [1.0]])
def test_only_schedules_and_numbers_are_factors(other):
    with pytest.raises(TypeError):
        DECAY * other
    with pytest.raises(TypeError):
        other * DECAY


@pytest.mark.parametrize("factor", [-0.5, np.nan, np.inf])
def test_factors_are_rates(factor):
    with pytest.raises(ValidationError, match=f"{factor}"):
        DECAY * factor
    with pytest.raises(ValidationError, match=f"{factor}"):
        factor * DECAY


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DECAY.between(-1.0, 2.0), "Between.start.*-1.0"),
        (lambda: DECAY.delayed(-1.0), "Delayed.delay.*-1.0"),
        (lambda: DECAY.repeated(0.0), "Repeated.period.*0.0"),
        (lambda: DECAY.stretched(0.0), "Stretched.factor.*0.0"),
        (lambda: DECAY.clip(-1.0, 1.0), "Clip.low.*-1.0"),
        (lambda: DECAY.minimum("a"), "Minimum.schedules.*'a'"),
        (lambda: Sum([]), "Sum.schedules.*empty"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValidationError, match=message):
        make()


# --- functions inside


COMPOSITES = {
    "Product": lambda f: f * DECAY,
    "Sum": lambda f: DECAY + f,
    "Minimum": lambda f: f.minimum(STEPS),
    "Maximum": lambda f: f.maximum(1e-4),
    "Clip": lambda f: f.clip(1e-4, 1e-3),
    "Between": lambda f: f.between(1.0, 2.0),
    "Delayed": lambda f: f.delayed(1.0),
    "Repeated": lambda f: f.repeated(1.0),
    "Stretched": lambda f: f.stretched(2.0),
    "Sequence": lambda f: Sequence([DECAY, f], [1.0]),
    "Warmup": lambda f: Warmup(f, 1.0),
    "nested": lambda f: (Warmup(f.delayed(0.5), 1.0) * 0.5).clip(0.0, 1.0),
}


@pytest.mark.parametrize("compose", COMPOSITES.values(), ids=COMPOSITES)
def test_functions_inside_are_called_once_per_time(compose):
    """With the same results as a schedule that computes with arrays."""
    calls = []

    def function(t):
        calls.append(t)
        return 1e-3 if t < 0.7 else 5e-4

    schedule = compose(FunctionSchedule(function))
    traceable = compose(PiecewiseConstant([1e-3, 5e-4], [0.7]))
    assert traceable.traceable
    assert not schedule.traceable
    for n_calls, step in enumerate(range(0, 3000, 100), start=1):
        assert schedule.rate_at(step * 1e-3) == traceable.rate_at(step * 1e-3)
        assert len(calls) == n_calls
    assert calls == sorted(calls) or compose is COMPOSITES["Repeated"]


def test_negative_rates_of_functions_pass_through():
    """A function may return signed rates; so may what is made of it."""
    schedule = FunctionSchedule(lambda t: -t) * ExponentialDecay(1.0, 2.0)
    assert schedule(2.0) == -2.0 * np.exp(-1.0)


def test_traceable_needs_all_parts():
    function = FunctionSchedule(lambda t: 1e-3)
    assert (DECAY * STEPS).traceable
    assert not (DECAY * (STEPS + function)).traceable
    assert (DECAY * STEPS).parts == (DECAY, STEPS)
    assert Linear(1.0, 2.0).parts == ()
