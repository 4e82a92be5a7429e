"""Schedules of other libraries and ours: the same rates at every step.

Each pair holds off the boundaries too, and at the steps where the libraries switch,
unless a comment says that they disagree there among themselves. The comparisons with
PyTorch and Hugging Face need an environment of their own, because neither can be
installed beside NengoDL::

    pip install torch transformers nengo matplotlib "pytest<9" hypothesis \
        pytest-rng pytest-allclose
    python -m pytest tests/test_interoperation.py
"""

import copy
import math
import warnings

import numpy as np
import pytest
from nengo.exceptions import ValidationError

from nengo_lr import (
    Constant,
    CosineDecay,
    CosineRestarts,
    Cyclic,
    ExponentialDecay,
    Interpolated,
    InverseSquareRoot,
    InverseTimeDecay,
    Linear,
    OneCycle,
    PiecewiseConstant,
    PiecewiseLinear,
    PolynomialDecay,
    ReduceOnPlateau,
    Sequence,
    StepDecay,
    Warmup,
    WarmupStableDecay,
    from_steps,
)

DT = 0.01  # seconds per step
STEPS = np.arange(1201)


def tau(factor_per_step):
    """The time constant in seconds of a decay by a factor in each step."""
    return -DT / math.log(factor_per_step)


def held_equal(theirs, ours, steps=STEPS):
    """Both ways: our rates at their steps, and their function as our schedule."""
    expected = np.array([float(theirs(int(step))) for step in steps])
    assert np.ptp(expected) > 0 or isinstance(ours, Constant)
    assert np.allclose(ours(steps * DT), expected, rtol=1e-12, atol=1e-16)
    ported = from_steps(theirs, dt=DT)
    assert np.array_equal(ported(steps[::37] * DT), expected[::37])
    assert np.array_equal(ported((steps[::37] + 0.5) * DT), expected[::37])


# --- Keras


@pytest.fixture
def keras():
    """Keras's schedules; numpy's float64 keeps them in double precision."""
    pytest.importorskip("tensorflow")
    import tensorflow as tf

    return tf.keras.optimizers.schedules


RATE = np.float64(1e-3)

KERAS = {
    "ExponentialDecay": (
        lambda k: k.ExponentialDecay(RATE, 250, np.float64(0.3)),
        ExponentialDecay(1e-3, tau(0.3) * 250),
    ),
    "ExponentialDecay staircase": (
        lambda k: k.ExponentialDecay(RATE, 250, np.float64(0.3), staircase=True),
        StepDecay(1e-3, 2.5, factor=0.3),
    ),
    "InverseTimeDecay": (
        lambda k: k.InverseTimeDecay(RATE, np.float64(250), np.float64(0.7)),
        InverseTimeDecay(1e-3, 2.5 / 0.7),
    ),
    "PolynomialDecay": (
        lambda k: k.PolynomialDecay(RATE, 800, np.float64(1e-4), power=2.5),
        PolynomialDecay(1e-3, 8.0, final=1e-4, power=2.5),
    ),
    "PolynomialDecay linear": (
        lambda k: k.PolynomialDecay(RATE, 800, np.float64(1e-4)),
        Linear(1e-3, 8.0, final=1e-4),
    ),
    "CosineDecay": (
        lambda k: k.CosineDecay(RATE, 800, alpha=np.float64(0.1)),
        CosineDecay(1e-3, 8.0, final=1e-4),
    ),
    "CosineDecayRestarts": (
        lambda k: k.CosineDecayRestarts(
            RATE, 250, np.float64(1.0), np.float64(1.0), np.float64(0.1)
        ),
        CosineRestarts(1e-3, 2.5, final=1e-4),
    ),
    "CosineDecayRestarts growing": (
        lambda k: k.CosineDecayRestarts(
            RATE, 100, np.float64(2.0), np.float64(0.8), np.float64(0.1)
        ),
        CosineRestarts(1e-3, 1.0, growth=2.0, shrink=0.8, final=1e-4),
    ),
}


@pytest.mark.parametrize("name", KERAS)
def test_keras(keras, name):
    theirs, ours = KERAS[name]
    held_equal(theirs(keras), ours, STEPS[::7])


def test_keras_piecewise_constant(keras):
    """Keras alone switches one step after the boundary."""
    theirs = keras.PiecewiseConstantDecay(
        [99, 849], [np.float64(v) for v in (1e-3, 3e-4, 2e-4)]
    )
    held_equal(theirs, PiecewiseConstant([1e-3, 3e-4, 2e-4], [1.0, 8.5]), STEPS[::3])


def test_every_schedule_of_keras_is_compared(keras):
    theirs = {name for name in dir(keras) if isinstance(getattr(keras, name), type)}
    compared = {name.split()[0] for name in KERAS} | {"PiecewiseConstantDecay"}
    assert theirs - compared == {"LearningRateSchedule"}


# --- optax


@pytest.fixture
def optax():
    optax = pytest.importorskip("optax")
    from jax.experimental import enable_x64

    with enable_x64():
        yield optax


OPTAX = {
    "constant_schedule": (lambda o: o.constant_schedule(1e-3), Constant(1e-3)),
    "linear_schedule": (
        lambda o: o.linear_schedule(1e-3, 2e-3, 800),
        Linear(1e-3, 8.0, final=2e-3),
    ),
    "linear_schedule begun later": (
        lambda o: o.linear_schedule(1e-3, 1e-4, 800, transition_begin=100),
        Linear(1e-3, 8.0, final=1e-4).delayed(1.0),
    ),
    "polynomial_schedule": (
        lambda o: o.polynomial_schedule(1e-3, 1e-4, 2.5, 800),
        PolynomialDecay(1e-3, 8.0, final=1e-4, power=2.5),
    ),
    "piecewise_constant_schedule": (
        lambda o: o.piecewise_constant_schedule(1e-3, {100: 0.3, 850: 0.5}),
        PiecewiseConstant([1e-3, 3e-4, 1.5e-4], [1.0, 8.5]),
    ),
    "piecewise_interpolate_schedule": (
        lambda o: o.piecewise_interpolate_schedule("linear", 1e-3, {100: 2, 850: 0.1}),
        PiecewiseLinear([1e-3, 2e-3, 2e-4], [0.0, 1.0, 8.5]),
    ),
    "piecewise_interpolate_schedule cosine": (
        lambda o: o.piecewise_interpolate_schedule("cosine", 1e-3, {100: 2, 850: 0.1}),
        Interpolated([1e-3, 2e-3, 2e-4], [0.0, 1.0, 8.5], mode="cosine"),
    ),
    "exponential_decay": (
        lambda o: o.exponential_decay(1e-3, 250, 0.3),
        ExponentialDecay(1e-3, tau(0.3) * 250),
    ),
    "exponential_decay with an end": (
        lambda o: o.exponential_decay(1e-3, 250, 0.3, 100, end_value=1e-4),
        ExponentialDecay(1e-3, tau(0.3) * 250).delayed(1.0).maximum(1e-4),
    ),
    "exponential_decay staircase": (
        lambda o: o.exponential_decay(1e-3, 250, 0.3, staircase=True),
        StepDecay(1e-3, 2.5, factor=0.3),
    ),
    "cosine_decay_schedule": (
        lambda o: o.cosine_decay_schedule(1e-3, 800, alpha=0.1),
        CosineDecay(1e-3, 8.0, final=1e-4),
    ),
    "warmup_constant_schedule": (
        lambda o: o.warmup_constant_schedule(1e-4, 1e-3, 200),
        Warmup(1e-3, 2.0, initial=1e-4),
    ),
    "warmup_cosine_decay_schedule": (
        lambda o: o.warmup_cosine_decay_schedule(1e-4, 1e-3, 200, 1000, 1e-5),
        Warmup(CosineDecay(1e-3, 8.0, final=1e-5), 2.0, initial=1e-4),
    ),
    "warmup_exponential_decay_schedule": (
        lambda o: o.warmup_exponential_decay_schedule(0.0, 1e-3, 200, 250, 0.3),
        Warmup(ExponentialDecay(1e-3, tau(0.3) * 250), 2.0),
    ),
    "sgdr_schedule": (
        lambda o: o.sgdr_schedule(
            [
                {
                    "init_value": 0.0,
                    "peak_value": peak,
                    "warmup_steps": 100,
                    "decay_steps": 600,
                }
                for peak in (1e-3, 5e-4)
            ]
        ),
        Sequence([Warmup(CosineDecay(peak, 5.0), 1.0) for peak in (1e-3, 5e-4)], [6.0]),
    ),
    "cosine_onecycle_schedule": (
        lambda o: o.cosine_onecycle_schedule(1000, 1e-3),
        OneCycle(1e-3, 10.0, final=1e-3 / 25 / 1e4),
    ),
    "linear_onecycle_schedule": (
        lambda o: o.linear_onecycle_schedule(1000, 1e-3),
        # in three phases
        PiecewiseLinear([4e-5, 1e-3, 4e-5, 4e-9], [0.0, 3.0, 8.5, 10.0]),
    ),
    "join_schedules": (
        lambda o: o.join_schedules(
            [o.linear_schedule(1e-3, 0.0, 400), o.cosine_decay_schedule(1e-3, 300)],
            [250],
        ),
        Sequence([Linear(1e-3, 4.0), CosineDecay(1e-3, 3.0)], [2.5]),
    ),
}


@pytest.mark.parametrize("name", OPTAX)
def test_optax(optax, name):
    theirs, ours = OPTAX[name]
    held_equal(theirs(optax), ours, STEPS[::5])


def test_every_schedule_of_optax_is_compared(optax):
    theirs = {name for name in dir(optax.schedules) if "schedule" in name}
    theirs |= {"exponential_decay"}
    compared = {name.split()[0] for name in OPTAX}
    others = {name for name in theirs if "inject" in name or name.startswith("_")}
    assert theirs - compared - others <= {"Schedule", "StatefulSchedule"}


# --- PyTorch


@pytest.fixture
def torch_rates():
    """The rates that a PyTorch scheduler gives, step by step."""
    torch = pytest.importorskip("torch")
    schedulers = torch.optim.lr_scheduler

    def rates(make):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1e-3)
        scheduler = make(schedulers, optimizer)
        values = []
        for _ in STEPS:
            values.append(float(optimizer.param_groups[0]["lr"]))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                optimizer.step()
                scheduler.step()
        return np.array(values)

    return rates


TORCH = {
    "ConstantLR": (
        lambda s, o: s.ConstantLR(o, factor=0.5, total_iters=200),
        PiecewiseConstant([5e-4, 1e-3], [2.0]),
    ),
    "LambdaLR": (
        lambda s, o: s.LambdaLR(o, lambda step: 1 / (1 + step)),
        InverseTimeDecay(1e-3, DT),
    ),
    "MultiplicativeLR": (
        lambda s, o: s.MultiplicativeLR(o, lambda step: 0.995),
        ExponentialDecay(1e-3, tau(0.995)),
    ),
    "StepLR": (
        lambda s, o: s.StepLR(o, step_size=250, gamma=0.3),
        StepDecay(1e-3, 2.5, factor=0.3),
    ),
    "MultiStepLR": (
        lambda s, o: s.MultiStepLR(o, milestones=[100, 850], gamma=0.3),
        PiecewiseConstant([1e-3, 3e-4, 9e-5], [1.0, 8.5]),
    ),
    "LinearLR": (
        lambda s, o: s.LinearLR(o, 0.25, 1.0, total_iters=800),
        Linear(2.5e-4, 8.0, final=1e-3),
    ),
    "ExponentialLR": (
        lambda s, o: s.ExponentialLR(o, gamma=0.995),
        ExponentialDecay(1e-3, tau(0.995)),
    ),
    "PolynomialLR": (
        lambda s, o: s.PolynomialLR(o, total_iters=800, power=2.5),
        PolynomialDecay(1e-3, 8.0, power=2.5),
    ),
    # later it rises again: a cosine without an end
    "CosineAnnealingLR": (
        lambda s, o: s.CosineAnnealingLR(o, T_max=1200, eta_min=1e-4),
        CosineDecay(1e-3, 12.0, final=1e-4),
    ),
    "CosineAnnealingWarmRestarts": (
        lambda s, o: s.CosineAnnealingWarmRestarts(o, 100, T_mult=2, eta_min=1e-4),
        CosineRestarts(1e-3, 1.0, growth=2.0, final=1e-4),
    ),
    "CyclicLR": (
        lambda s, o: s.CyclicLR(o, 1e-4, 1e-3, step_size_up=125, cycle_momentum=False),
        Cyclic(1e-4, 1e-3, 2.5),
    ),
    "CyclicLR triangular2": (
        lambda s, o: s.CyclicLR(
            o, 1e-4, 1e-3, 125, mode="triangular2", cycle_momentum=False
        ),
        Cyclic(1e-4, 1e-3, 2.5, mode="triangular2"),
    ),
    "CyclicLR exp_range": (
        lambda s, o: s.CyclicLR(
            o, 1e-4, 1e-3, 125, mode="exp_range", gamma=0.999, cycle_momentum=False
        ),
        Cyclic(1e-4, 1e-3, 2.5, mode="exp_range", tau=tau(0.999)),
    ),
    # its phases end one step earlier than their lengths say
    "OneCycleLR": (
        lambda s, o: s.OneCycleLR(
            o, 1e-3, total_steps=1202, pct_start=0.25, cycle_momentum=False
        ),
        OneCycle(1e-3, 12.01, final=1e-3 / 25 / 1e4, rise=(0.25 * 1202 - 1) / 1201),
    ),
    "OneCycleLR linear": (
        lambda s, o: s.OneCycleLR(
            o,
            1e-3,
            total_steps=1202,
            pct_start=0.25,
            anneal_strategy="linear",
            cycle_momentum=False,
        ),
        OneCycle(
            1e-3,
            12.01,
            final=1e-3 / 25 / 1e4,
            rise=(0.25 * 1202 - 1) / 1201,
            mode="linear",
        ),
    ),
    "SequentialLR": (
        lambda s, o: s.SequentialLR(
            o,
            [s.LinearLR(o, 0.01, 1.0, 200), s.CosineAnnealingLR(o, 1100)],
            milestones=[200],
        ),
        Warmup(CosineDecay(1e-3, 11.0), 2.0, initial=1e-5),
    ),
    "ChainedScheduler": (
        lambda s, o: s.ChainedScheduler(
            [s.StepLR(o, 250, 0.3), s.ExponentialLR(o, 0.999)]
        ),
        StepDecay(1e-3, 2.5, factor=0.3) * ExponentialDecay(1.0, tau(0.999)),
    ),
}


@pytest.mark.parametrize("name", TORCH)
def test_torch(torch_rates, name):
    make, ours = TORCH[name]
    # PyTorch multiplies step by step, so that rounding adds up
    expected = torch_rates(make)
    assert np.ptp(expected) > 0
    assert np.allclose(ours(STEPS * DT), expected, rtol=1e-9, atol=1e-15)


def test_torch_lambda_is_a_function_of_steps(torch_rates):
    def factor(step):
        return 0.95**step

    ours = from_steps(factor, DT) * 1e-3
    expected = torch_rates(lambda s, o: s.LambdaLR(o, factor))
    assert np.allclose(ours(STEPS * DT), expected, rtol=1e-12, atol=0)


def test_torch_reduce_on_plateau():
    """One step per second and no filter: the law is then PyTorch's, epoch by epoch."""
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1e-3)
    settings = {"factor": 0.5, "threshold": 0.05, "cooldown": 4}
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, patience=9, min_lr=1e-5, **settings
    )
    # PyTorch waits for one more than its patience
    law = ReduceOnPlateau(1e-3, patience=10, minimum=1e-5, tau=1e-6, **settings)
    state, rates, expected = law.initial_state, [], []
    # it falls, and then stays as it is: PyTorch never forgets the lowest error
    errors = np.maximum(np.exp(-STEPS / 100), 0.1)
    for step, error in enumerate(errors, start=1):
        state, rate = law.update(state, step, 1.0, error[None], np)
        rates.append(rate[0])
        scheduler.step(error**2)
        expected.append(optimizer.param_groups[0]["lr"])
    assert len(set(expected)) > 5
    assert np.allclose(rates, expected, rtol=1e-12, atol=0)


def test_every_scheduler_of_torch_is_compared():
    torch = pytest.importorskip("torch")
    schedulers = torch.optim.lr_scheduler
    theirs = {
        name
        for name in schedulers.__all__
        if issubclass(getattr(schedulers, name), schedulers.LRScheduler)
    }
    compared = {name.split()[0] for name in TORCH}
    assert theirs - compared == {"LRScheduler", "ReduceLROnPlateau"}


# --- Hugging Face


@pytest.fixture
def transformers():
    pytest.importorskip("torch")
    return pytest.importorskip("transformers").optimization


HUGGING_FACE = {
    "constant": (
        lambda t, o: t.get_constant_schedule(o),
        Constant(1e-3),
    ),
    "constant_with_warmup": (
        lambda t, o: t.get_constant_schedule_with_warmup(o, 200),
        Warmup(1e-3, 2.0),
    ),
    "linear": (
        lambda t, o: t.get_linear_schedule_with_warmup(o, 200, 1000),
        Warmup(Linear(1e-3, 8.0), 2.0),
    ),
    "cosine": (
        lambda t, o: t.get_cosine_schedule_with_warmup(o, 200, 1200),
        Warmup(CosineDecay(1e-3, 10.0), 2.0),
    ),
    "cosine_with_restarts": (
        lambda t, o: t.get_cosine_with_hard_restarts_schedule_with_warmup(
            o, 200, 1200, num_cycles=4
        ),
        Warmup(CosineRestarts(1e-3, 2.5).between(0.0, 10.0), 2.0),
    ),
    "polynomial": (
        lambda t, o: t.get_polynomial_decay_schedule_with_warmup(
            o, 200, 1000, lr_end=1e-4, power=2.5
        ),
        Warmup(PolynomialDecay(1e-3, 8.0, final=1e-4, power=2.5), 2.0),
    ),
    "inverse_sqrt": (
        lambda t, o: t.get_inverse_sqrt_schedule(o, 200),
        InverseSquareRoot(1e-3, 2.0),
    ),
    "warmup_stable_decay": (
        lambda t, o: t.get_wsd_schedule(
            o, num_warmup_steps=200, num_decay_steps=300, num_stable_steps=500
        ),
        WarmupStableDecay(1e-3, 2.0, 5.0, 3.0),
    ),
}


@pytest.mark.parametrize("name", HUGGING_FACE)
def test_hugging_face(transformers, torch_rates, name):
    make, ours = HUGGING_FACE[name]
    expected = torch_rates(lambda _, optimizer: make(transformers, optimizer))
    assert np.allclose(ours(STEPS * DT), expected, rtol=1e-12, atol=1e-16)


def test_hugging_face_lambda_is_a_function_of_steps(transformers):
    import torch

    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1e-3)
    scheduler = transformers.get_cosine_schedule_with_warmup(optimizer, 200, 1200)
    ours = from_steps(scheduler.lr_lambdas[0], DT) * 1e-3
    expected = Warmup(CosineDecay(1e-3, 10.0), 2.0)(STEPS * DT)
    assert np.allclose(ours(STEPS * DT), expected, rtol=1e-12, atol=1e-16)


# --- from_steps and to_keras


def test_from_steps_says_why_it_needs_dt():
    with pytest.raises(ValidationError, match="length of one step in seconds"):
        from_steps(lambda step: 1e-3)


@pytest.mark.parametrize("dt", [0.0, -1.0, np.nan, np.inf, "a"])
def test_from_steps_refuses_other_dt(dt):
    with pytest.raises(ValidationError, match=rf"from_steps.dt.*{dt}"):
        from_steps(lambda step: 1e-3, dt)


def test_from_steps_refuses_what_is_no_function():
    with pytest.raises(ValidationError, match=r"from_steps.function.*3"):
        from_steps(3, 0.1)


def test_from_steps_calls_with_integers():
    steps = []
    schedule = from_steps(lambda step: steps.append(step) or 1e-3, dt=0.5)
    schedule([0.0, 0.4, 0.5, 1.7])
    assert steps == [0, 0, 1, 3]
    assert {type(step) for step in steps} == {int}
    assert not schedule.traceable
    assert copy.copy(schedule) == schedule
    assert "dt=0.5" in repr(schedule)


@pytest.fixture
def to_keras():
    pytest.importorskip("tensorflow", "2.12")
    from nengo_lr.keras import to_keras

    return to_keras


@pytest.mark.parametrize(
    "schedule",
    [
        Warmup(CosineRestarts(1e-3, 1.0, growth=2.0), 2.0) * 0.5,
        from_steps(lambda step: 1e-3 / (1 + step), DT),
    ],
    ids=["traceable", "function"],
)
def test_to_keras(to_keras, schedule):
    import tensorflow as tf

    rates = to_keras(schedule, DT)
    expected = schedule(STEPS[::50] * DT)
    in_graph = tf.function(rates, input_signature=[tf.TensorSpec((), tf.int64)])
    for function in (rates, in_graph):
        actual = [float(function(tf.constant(s, tf.int64))) for s in STEPS[::50]]
        assert np.allclose(actual, expected, rtol=1e-13, atol=0)


def test_keras_to_seconds_and_back(to_keras, keras):
    original = keras.CosineDecay(RATE, 800, alpha=np.float64(0.1))
    back = to_keras(from_steps(original, DT), DT)
    for step in (0, 1, 399, 800, 1200):
        assert float(back(step)) == float(original(step))


def test_to_keras_is_saved_and_loaded(to_keras):
    import tensorflow as tf

    rates = to_keras(Warmup(CosineDecay(1e-3, 10.0), 2.0), DT)
    config = rates.get_config()
    assert config == {"schedule": repr(rates.schedule), "dt": DT}
    same = type(rates).from_config(config)
    assert same.schedule == rates.schedule
    optimizer = tf.keras.optimizers.SGD(rates)
    loaded = tf.keras.optimizers.SGD.from_config(
        optimizer.get_config(), {"StepSchedule": type(rates)}
    )
    assert loaded.get_config() == optimizer.get_config()


def test_keras_optimizer_steps_at_the_schedules_rates(to_keras):
    """With a gradient of 1, each step of SGD is minus the rate."""
    import tensorflow as tf

    schedule = CosineRestarts(0.1, 0.05)
    weight = tf.Variable(0.0, dtype=tf.float64)
    optimizer = tf.keras.optimizers.SGD(to_keras(schedule, DT))
    for _ in range(20):
        optimizer.apply_gradients([(tf.ones((), tf.float64), weight)])
    assert np.isclose(float(weight), -np.sum(schedule(np.arange(20) * DT)), rtol=1e-12)


def test_to_keras_refuses_bad_input(to_keras):
    with pytest.raises(ValidationError, match=r"StepSchedule.dt.*0.0"):
        to_keras(Constant(1e-3), 0.0)
    with pytest.raises(ValidationError, match=r"StepSchedule.schedule.*'a'"):
        to_keras("a", 1.0)
