"""Every schedule of the catalogue: what holds for all, and each one's formula."""

import copy
import inspect
import pickle
import re

import nengo
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nengo.exceptions import ReadonlyError, ValidationError
from nengo.params import EnumParam, NumberParam
from schedule_helpers import (
    EXAMPLES,
    SETTINGS,
    arguments,
    every_class,
    every_example,
    for_examples,
    scaled,
    special_times,
)
from scipy.interpolate import PchipInterpolator

import nengo_lr
from nengo_lr import (
    Constant,
    CosineDecay,
    CosineRestarts,
    Cyclic,
    ExponentialDecay,
    FunctionSchedule,
    Geometric,
    Interpolated,
    InverseSquareRoot,
    InverseTimeDecay,
    Linear,
    OneCycle,
    PiecewiseConstant,
    PiecewiseLinear,
    PolynomialDecay,
    Product,
    Sampled,
    Schedule,
    Sequence,
    StepDecay,
    Warmup,
    WarmupStableDecay,
    schedules,
)
from nengo_lr.schedules.expressions import examples
from nengo_lr.schedules.params import RateParam, RatesParam, SecondsParam, TimesParam

EPS = np.finfo(np.float64).eps

SECONDS = st.floats(1e-2, 1e2)
RATES = st.floats(1e-3, 1e1)
TIMES = st.lists(st.floats(0.0, 1e4), min_size=1, max_size=20)


def largest(rates):
    return max(np.max(np.abs(rates)), np.finfo(np.float64).tiny)


# --- documentation


@every_class
def test_examples_show_every_class_and_mode(cls):
    shown = examples(cls)
    assert {type(example) for example in shown} == {cls}
    for name, param in inspect.getmembers(cls, lambda m: isinstance(m, EnumParam)):
        assert {getattr(example, name) for example in shown} == set(param.values)


@every_class
def test_docstring_has_formula_and_units(cls):
    doc = inspect.getdoc(cls)
    assert ":math:" in doc or ".. math::" in doc
    section = doc.split("Parameters\n----------\n")[1]
    for name in inspect.signature(cls).parameters:
        entry = re.search(rf"^{name} : .*\n((?: +.*\n)+)", section, re.MULTILINE)
        assert entry, f"{name} is not documented"
        if isinstance(getattr(cls, name), (SecondsParam, TimesParam)):
            assert "seconds" in entry[1]


@every_class
def test_exported(cls):
    assert getattr(nengo_lr, cls.__name__) is cls
    assert cls.__name__ in nengo_lr.__all__


# --- values


@every_example
@given(seconds=SECONDS, rates=RATES, times=TIMES)
@SETTINGS
def test_scalar_and_array_agree(example, seconds, rates, times):
    schedule = scaled(example, seconds, rates)
    one_by_one = [schedule(t) for t in times]
    assert np.shape(one_by_one[0]) == ()
    assert np.array_equal(schedule(times), one_by_one)
    assert np.array_equal(schedule(np.array([times, times])), [one_by_one, one_by_one])
    assert schedule.rate_at(times[0]) == one_by_one[0]
    assert type(schedule.rate_at(times[0])) is float
    assert schedule([]).shape == (0,)


@every_example
@given(seconds=SECONDS, rates=RATES, times=TIMES)
@settings(SETTINGS, max_examples=4)
def test_tensorflow_agrees_with_numpy(example, seconds, rates, times):
    tnp = pytest.importorskip("tensorflow.experimental.numpy")
    schedule = scaled(example, seconds, rates)
    times = np.concatenate([times, special_times(schedule)])
    expected = schedule(times)
    actual = schedule(times, xp=tnp)
    assert actual.dtype.name == "float64"
    assert np.max(np.abs(actual - expected)) <= 1e-14 * largest(expected)
    scalar = schedule(times[0], xp=tnp)
    assert scalar.shape == ()
    assert abs(scalar - expected[0]) <= 1e-14 * largest(expected)


@every_example
def test_traced_into_a_graph(example):
    tf = pytest.importorskip("tensorflow")
    tnp = tf.experimental.numpy

    @tf.function(input_signature=[tf.TensorSpec((1,), tf.int64)], autograph=False)
    def at_step(step):
        return example.evaluate(tf.cast(step, tf.float64) * 1e-3, tnp)

    steps = np.arange(0, 12000, 997)
    actual = np.concatenate([at_step(tf.constant([step], tf.int64)) for step in steps])
    expected = example(steps * 1e-3)
    assert np.max(np.abs(actual - expected)) <= 1e-14 * largest(expected)


@every_example
@given(seconds=SECONDS, rates=RATES)
@SETTINGS
def test_finite_and_not_negative(example, seconds, rates):
    schedule = scaled(example, seconds, rates)
    values = schedule(special_times(schedule))
    assert np.all((values >= 0) & (values < np.inf))
    assert np.max(values) <= schedule.upper_bound * (1 + 4 * EPS)


@every_example
@given(seconds=SECONDS, rates=RATES)
@SETTINGS
def test_exact_start_end_and_peak(example, seconds, rates):
    """Parameters of these names mean the same, exactly, in every schedule."""
    schedule = scaled(example, seconds, rates)
    if hasattr(schedule, "initial"):
        assert schedule(0.0) == schedule.initial
    if hasattr(schedule, "final") and not hasattr(schedule, "period"):
        assert schedule(1e6) == schedule.final
        if hasattr(schedule, "duration"):
            assert schedule(schedule.duration) == schedule.final
            # as a simulator computes the time, step * dt
            assert schedule(1000 * (schedule.duration / 1000)) == schedule.final
            assert np.all(
                schedule(schedule.duration * np.arange(1, 5)) == schedule.final
            )
    if hasattr(schedule, "peak"):
        highest = np.max(schedule(special_times(schedule)))
        assert highest <= schedule.peak * (1 + EPS)


@for_examples(lambda example: example.monotonic)
@given(seconds=SECONDS, rates=RATES, times=TIMES)
@SETTINGS
def test_monotone_where_it_claims_to_be(example, seconds, rates, times):
    schedule = scaled(example, seconds, rates)
    values = schedule(np.sort(np.concatenate([times, special_times(schedule)])))
    changes, noise = np.diff(values), 4 * EPS * largest(values)
    assert np.all(changes <= noise) or np.all(changes >= -noise)


def test_claims_of_monotony():
    claims = {type(example).__name__ for example in EXAMPLES if example.monotonic}
    assert claims >= {"ExponentialDecay", "Linear", "CosineDecay", "StepDecay"}
    assert not claims & {"Cyclic", "CosineRestarts", "OneCycle", "Warmup"}


@every_example
@given(times=TIMES, power=st.sampled_from([-3, -1, 2]))
@SETTINGS
def test_times_have_one_unit(example, times, power):
    """Measured in other units of time, every schedule is the same (no hidden scale)."""
    factor = 2.0**power
    times = np.array([t for t in times if t > 1e-6] or [1.0])
    values, others = example(times), scaled(example, factor)(times * factor)
    assert np.max(np.abs(others - values)) <= 1e-12 * largest(values)


# only one factor of a Product is a rate
@for_examples(lambda example: not isinstance(example, Product))
@given(times=TIMES, rates=RATES)
@SETTINGS
def test_rates_have_one_unit(example, times, rates):
    """With all its rates multiplied, a schedule is multiplied."""
    values, others = example(times), scaled(example, rates=rates)(times)
    assert np.max(np.abs(others - rates * values)) <= 1e-13 * largest(rates * values)


# --- frozen objects


@every_example
@given(seconds=SECONDS, rates=RATES)
@SETTINGS
def test_repr_pickle_copy_hash(example, seconds, rates):
    names = {"np": np, "array": np.array}
    exec("from nengo_lr import *", names)
    schedule = scaled(example, seconds, rates)
    for same in (
        eval(repr(schedule), names),
        pickle.loads(pickle.dumps(schedule)),
        copy.copy(schedule),
        copy.deepcopy(schedule),
    ):
        assert same == schedule
        assert hash(same) == hash(schedule)
        assert repr(same) == repr(schedule)
        assert np.array_equal(same([0.1, 1.0, 9.0]), schedule([0.1, 1.0, 9.0]))


@every_example
def test_other_parameters_make_another_schedule(example):
    other = scaled(example, seconds=3.0, rates=5.0)
    assert other != example
    assert hash(other) != hash(example)
    assert example != "a string"


def test_repr_keeps_long_arrays_whole():
    values = np.random.RandomState(0).uniform(size=2000)
    schedule = Sampled(values, dt=0.1)
    with np.printoptions(precision=2, threshold=5):
        text = repr(schedule)
    assert eval(text, {"Sampled": Sampled, "array": np.array}) == schedule


@every_class
def test_frozen(cls):
    schedule = examples(cls)[0]
    for name in arguments(schedule):
        with pytest.raises(ReadonlyError):
            setattr(schedule, name, getattr(schedule, name))


def test_arrays_are_copies():
    values = np.array([1e-3, 1e-4])
    schedule = PiecewiseConstant(values, [1.0])
    values[0] = 7.0
    assert schedule(0.0) == 1e-3
    with pytest.raises(ValueError, match="read-only"):
        schedule.values[0] = 7.0


# --- bad input


def bad_values(param):
    if isinstance(param, TimesParam):
        return [[2.0, 1.0], [1.0, 1.0], [-1.0, 1.0], [1.0, np.inf], [1.0, np.nan], []]
    if isinstance(param, RatesParam):
        return [[-1e-3], [np.inf], [np.nan], [], [[1e-3]], ["a"], [True, 1e-3]]
    if isinstance(param, SecondsParam):
        return [*([0.0] if param.low_open else []), -1.0, np.inf, np.nan, "a", True]
    if isinstance(param, RateParam):
        return [-1e-3, np.inf, np.nan, "a", True, np.bool_(False)]
    if isinstance(param, EnumParam):
        return ["no such mode"]
    if isinstance(param, NumberParam):
        return [-1.0, np.inf, np.nan, "a", True]
    return [None, "a", [], np.nan, -1.0, [-1.0], True, [True]]  # of schedules


@every_example
def test_bad_parameters_are_named(example):
    good = {name: value for name, (_, value) in arguments(example).items()}
    for name, (param, _) in arguments(example).items():
        for bad in bad_values(param):
            with pytest.raises(ValidationError) as error:
                type(example)(**{**good, name: bad})
            message = str(error.value)
            # a number in the place of a schedule is refused by Constant
            assert message.startswith((f"{type(example).__name__}.{name}", "Constant."))
            if np.size(bad) == 1 and np.ndim(bad) == 0 and bad is not None:
                assert str(bad) in message


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PiecewiseConstant([1, 2], [1, 2]), "PiecewiseConstant.values.*got 2"),
        (lambda: PiecewiseLinear([1, 2, 3], [1, 2]), "PiecewiseLinear.values.*got 3"),
        (lambda: Sequence([1, 2], [1, 2]), "Sequence.schedules.*got 2"),
        (lambda: Interpolated([1], [1]), "Interpolated.times.*two points"),
        (
            lambda: Interpolated([0, 1], [1, 2], mode="geometric"),
            r"Interpolated.values.*\[0. 1.\]",
        ),
        (lambda: Geometric(0, 1, final=1), "Geometric.initial.*got 0"),
        (lambda: Geometric(1, 1, final=0), "Geometric.final.*got 0"),
        (lambda: StepDecay(1, 1, factor=1.5), "StepDecay.factor.*got 1.5"),
        (lambda: StepDecay(1, 1, factor=0), "StepDecay.factor.*got 0"),
        (lambda: PolynomialDecay(1, 1, power=0), "PolynomialDecay.power.*got 0"),
        (lambda: CosineRestarts(1, 1, growth=0.5), "CosineRestarts.growth.*got 0.5"),
        (lambda: CosineRestarts(1, 1, shrink=2), "CosineRestarts.shrink.*got 2"),
        (lambda: Cyclic(2, 1, 1), "Cyclic.high.*low=2.0.*got 1"),
        (lambda: Cyclic(1, 2, 1, mode="exp_range"), "Cyclic.tau.*None"),
        (lambda: Cyclic(1, 2, 1, tau=1.0), "Cyclic.tau.*tau=1.0"),
        (lambda: OneCycle(1, 1, rise=1), "OneCycle.rise.*got 1"),
        (lambda: Warmup(1, 1, mode="exponential"), "Warmup.initial.*got 0.0"),
        (lambda: Constant(1).between(2, 2), "Between.stop.*start=2.0.*got 2"),
        (lambda: Constant(1).clip(2, 1), "Clip.high.*low=2.0.*got 1"),
        (lambda: Warmup(lambda t: 1e-3, 1), "Warmup.schedule.*FunctionSchedule"),
        (lambda: Sequence(Constant(1), [1]), "Sequence.schedules.*list"),
    ],
)
def test_parameters_that_do_not_fit_together(make, message):
    with pytest.raises(ValidationError, match=message):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: CosineDecay(1e-3, 1e-4, 10.0),
        lambda: Linear(1e-3, 0.0, 10.0),
        lambda: StepDecay(1e-3, 0.5, 2.0),
        lambda: Geometric(1e-6, 1e-2, 10.0),
    ],
)
def test_rates_after_the_time_are_given_by_name(make):
    """A rate in the place of a time would be taken for a time without a word."""
    with pytest.raises(TypeError, match=r"\(initial, \w+, \*, .*too many positional"):
        make()


@every_example
@pytest.mark.parametrize("t", [-1e-3, [0.0, -2.0], np.nan])
def test_times_before_the_start_are_refused(example, t):
    with pytest.raises(ValidationError, match=r"t: must not be negative \(got (-|nan)"):
        example(t)
    with pytest.raises(ValidationError, match="must not be negative"):
        example.rate_at(np.min(t))


def test_no_warmup():
    """A duration of 0 is what Keras, optax and Hugging Face take for none."""
    decay = CosineDecay(1e-3, 4.0)
    assert np.array_equal(Warmup(decay, 0)(T), decay(T))
    none = Warmup(decay, 0, initial=1e-5, mode="exponential")
    assert np.array_equal(none(T), decay(T))
    short = WarmupStableDecay(1e-3, 0, 5.0, 4.0)
    assert np.allclose(short(T), decay.delayed(5.0)(T), rtol=1e-13, atol=1e-18)
    assert short(0.0) == 1e-3
    fall = OneCycle(1e-3, 4.0, rise=0)
    assert np.allclose(fall(T), decay(T), rtol=1e-13, atol=1e-18)


def test_a_schedule_must_implement_evaluate():
    with pytest.raises(NotImplementedError, match="evaluate"):
        Schedule()(0.0)


# --- formulas

T = np.linspace(0.0, 12.0, 1201)  # no boundary lies between two steps


def test_constant():
    assert np.all(Constant(3e-4)(T) == 3e-4)


FORMULAS = {
    ExponentialDecay(1e-3, 3.0, final=1e-4): 1e-4 + 9e-4 * np.exp(-T / 3),
    InverseTimeDecay(1e-3, 3.0, power=0.7): 1e-3 * (1 + T / 3) ** -0.7,
    Linear(1e-3, 4.0, final=2e-3): 1e-3 + 1e-3 * np.minimum(T / 4, 1),
    PolynomialDecay(1e-3, 4.0, final=1e-4, power=3.0): (
        1e-4 + 9e-4 * np.maximum(1 - T / 4, 0) ** 3
    ),
    CosineDecay(1e-3, 4.0, final=1e-4): (
        1e-4 + 9e-4 * (1 + np.cos(np.pi * np.minimum(T / 4, 1))) / 2
    ),
    Geometric(1e-5, 4.0, final=1e-2): 1e-5 * 1e3 ** np.minimum(T / 4, 1),
    StepDecay(1e-3, 2.5, factor=0.3): 1e-3 * 0.3 ** (np.arange(1201) // 250),
    InverseSquareRoot(1e-3, 4.0): (
        1e-3 * np.minimum(T / 4, np.sqrt(4 / np.maximum(T, 1e-9)))
    ),
    Sampled([1.0, 3.0, 2.0], 2.5): np.repeat([1.0, 3.0, 2.0], [250, 250, 701]),
    PiecewiseConstant([1.0, 3.0, 2.0], [0.3, 7.7]): np.repeat(
        [1.0, 3.0, 2.0], [30, 740, 431]
    ),
    PiecewiseLinear([1.0, 3.0, 0.5], [1.0, 2.0, 7.7]): np.interp(
        T, [1.0, 2.0, 7.7], [1.0, 3.0, 0.5]
    ),
    PiecewiseLinear([3.0], [1.0]): np.full(1201, 3.0),
    Interpolated([1.0, 3.0, 0.5, 0.5], [1.0, 2.0, 7.0, 9.0]): PchipInterpolator(
        [1.0, 2.0, 7.0, 9.0], [1.0, 3.0, 0.5, 0.5]
    )(np.clip(T, 1, 9)),
    Interpolated([1.0, 3.0, 0.5], [1.0, 2.0, 7.0], mode="geometric"): np.exp(
        np.interp(T, [1.0, 2.0, 7.0], np.log([1.0, 3.0, 0.5]))
    ),
    Cyclic(1e-4, 1e-3, 4.0): 1e-4 + 9e-4 * (1 - np.abs(T % 4 / 2 - 1)),
    Cyclic(1e-4, 1e-3, 4.0, mode="triangular2"): (
        1e-4 + 9e-4 * (1 - np.abs(T % 4 / 2 - 1)) * 0.5 ** (T // 4)
    ),
    Cyclic(1e-4, 1e-3, 4.0, mode="exp_range", tau=5.0): (
        1e-4 + 9e-4 * (1 - np.abs(T % 4 / 2 - 1)) * np.exp(-T / 5)
    ),
    CosineRestarts(1e-3, 4.0, shrink=0.5, final=1e-4): (
        1e-4 + 9e-4 * 0.5 ** (T // 4) * (1 + np.cos(np.pi * (T % 4) / 4)) / 2
    ),
}


@pytest.mark.parametrize("schedule", FORMULAS, ids=repr)
def test_formula(schedule):
    expected = FORMULAS[schedule]
    assert np.max(np.abs(schedule(T) - expected)) < 1e-14 * np.max(expected)


def test_cosine_restarts_grow():
    """Cycles of 1, 3 and 9 seconds are three cosines, one after the other."""
    schedule = CosineRestarts(1e-3, 1.0, growth=3.0, shrink=0.5, final=1e-4)
    parts = [CosineDecay(1e-4 + 9e-4 * 0.5**n, 3.0**n, final=1e-4) for n in range(3)]
    assert np.allclose(schedule(T), Sequence(parts, [1.0, 4.0])(T), rtol=1e-13, atol=0)


@pytest.mark.parametrize("mode", ["cosine", "linear"])
def test_one_cycle_is_two_ramps(mode):
    def ramp(start, end, duration):
        if mode == "cosine":
            return CosineDecay(start, duration, final=end)
        return Linear(start, duration, final=end)

    schedule = OneCycle(1e-3, 10.0, initial=2e-4, final=1e-5, rise=0.4, mode=mode)
    parts = Sequence([ramp(2e-4, 1e-3, 4.0), ramp(1e-3, 1e-5, 6.0)], [4.0])
    assert np.allclose(schedule(T), parts(T), rtol=1e-13, atol=0)
    assert schedule(4.0) == 1e-3


@pytest.mark.parametrize("mode", ["cosine", "linear"])
def test_warmup_stable_decay_is_three_phases(mode):
    ends = {"initial": 1e-5, "final": 1e-4}
    schedule = WarmupStableDecay(1e-3, 2.0, 5.0, 4.0, **ends, mode=mode)
    ramp = CosineDecay if mode == "cosine" else Linear
    decay = ramp(1e-3, 4.0, final=1e-4)
    phases = Warmup(decay.delayed(5.0), 2.0, initial=1e-5)
    assert np.allclose(schedule(T), phases(T), rtol=1e-13, atol=0)
    assert np.all(schedule([2.0, 5.0, 7.0]) == 1e-3)


def test_warmup():
    decay = CosineDecay(1e-3, 4.0)
    linear, exponential = (
        Warmup(decay, 2.0, initial=1e-5, mode=mode)
        for mode in ("linear", "exponential")
    )
    before, after = T[T < 2], T[T >= 2]
    assert np.allclose(linear(before), 1e-5 + (1e-3 - 1e-5) * before / 2, rtol=1e-13)
    assert np.allclose(exponential(before), 1e-5 * 100 ** (before / 2), rtol=1e-13)
    for warmup in (linear, exponential):
        assert np.array_equal(warmup(after), decay(after - 2.0))


def test_warmup_of_ma_and_yarats():
    factor = ExponentialDecay(0.0, tau=3.0, final=1.0)
    schedule = CosineDecay(1e-3, 4.0) * factor
    expected = CosineDecay(1e-3, 4.0)(T) * (1 - np.exp(-T / 3))
    assert np.allclose(schedule(T), expected, rtol=1e-13, atol=1e-18)


def test_sequence_parts_see_their_own_time():
    part = Linear(1e-3, 2.0)
    schedule = Sequence([part, part, part], [1.0, 4.0])
    assert np.allclose(schedule([0.5, 1.0, 2.0, 4.0, 5.0]), part([0.5, 0, 1, 0, 1]))


@pytest.mark.parametrize("mode", ["cubic", "cosine", "geometric"])
def test_interpolation_goes_through_its_points_and_stays_between(mode):
    rng = np.random.RandomState(3)
    times = np.cumsum(rng.randint(100, 900, size=40)) * 1e-3
    values = 10 ** rng.uniform(-6, -2, size=40)
    schedule = Interpolated(values, times, mode=mode)
    assert np.array_equal(schedule(times), values)
    t = np.linspace(0.0, times[-1] + 1, 5000)
    right = np.clip(np.searchsorted(times, t), 0, 39)
    left = np.maximum(right - 1, 0)
    low, high = (
        np.minimum(values[left], values[right]),
        np.maximum(values[left], values[right]),
    )
    assert np.all(schedule(t) >= low * (1 - 1e-12))
    assert np.all(schedule(t) <= high * (1 + 1e-12))


def test_function_schedule_is_called_in_order_with_floats():
    calls = []

    def function(t):
        calls.append(t)
        return np.float32(t)

    assert np.array_equal(FunctionSchedule(function)([0.5, 0.25]), [0.5, 0.25])
    assert calls == [0.5, 0.25]
    assert {type(t) for t in calls} == {float}
    assert not FunctionSchedule(function).traceable


@pytest.mark.parametrize("result", ["a", None, 1j, [1.0, 2.0], np.zeros(2)])
def test_function_schedule_must_return_a_number(result):
    with pytest.raises(ValidationError, match=r"function.*t=0.5"):
        FunctionSchedule(lambda t: result)(0.5)


def test_every_name_of_the_module_is_a_schedule_or_makes_one():
    assert len(set(schedules.__all__)) == len(schedules.__all__)
    for name in schedules.__all__:
        value = getattr(schedules, name)
        assert value is schedules.from_steps or issubclass(value, Schedule)


def test_a_schedule_is_a_function_of_time_for_others():
    """What its class is called with is no concern of those who call the schedule."""
    schedule = ExponentialDecay(1.0, tau=2.0).between(0.0, 8.0)
    assert list(inspect.signature(schedule).parameters) == ["t", "xp"]
    assert list(inspect.signature(CosineDecay).parameters)[:2] == [
        "initial",
        "duration",
    ]
    with nengo.Network() as network:
        probe = nengo.Probe(nengo.Node(schedule))
    with nengo.Simulator(network, progress_bar=False) as sim:
        sim.run_steps(3)
    assert np.all(sim.data[probe][:, 0] == schedule(sim.trange()))
