"""Feedback laws as pure functions: what holds for all, and what each one does."""

import ast
import copy
import doctest
import inspect
import pickle

import numpy as np
import pytest
from nengo.exceptions import ReadonlyError, ValidationError
from nengo.params import NumberParam

import nengo_lr
from nengo_lr import feedback
from nengo_lr.feedback import (
    ErrorDriven,
    FeedbackLaw,
    GreedyRate,
    ReduceOnPlateau,
)
from nengo_lr.schedules.params import SecondsParam

DT = 1e-3


def documented(cls):
    """The laws that the Examples in a class's docstring make."""
    parsed = doctest.DocTestParser().get_examples(cls.__doc__)
    calls = [
        ast.unparse(node)
        for example in parsed
        for node in ast.walk(ast.parse(example.source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == cls.__name__
    ]
    return [eval(call, vars(feedback)) for call in calls]


CLASSES = [
    cls
    for cls in (getattr(feedback, name) for name in feedback.__all__)
    if cls is not FeedbackLaw
]
LAWS = [law for cls in CLASSES for law in documented(cls)]
every_law = pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__)


def errors(n_steps=2000, dimensions=3, items=None, seed=0):
    """Noise that first shrinks and then stays: every law changes its rate."""
    rng = np.random.RandomState(seed)
    shape = (n_steps, dimensions) if items is None else (n_steps, items, dimensions)
    size = np.maximum(np.exp(-np.arange(n_steps) / 200), 0.1)
    return rng.normal(size=shape) * size.reshape(-1, *(1,) * (len(shape) - 1))


def run(law, errors, xp=np, dt=DT, state=None, first=1):
    """All rates and the last state."""
    if state is None:
        state = law.initial_state.astype(errors.dtype)
        state = np.broadcast_to(state, errors.shape[1:-1] + state.shape)
    state, rates = xp.asarray(state), []
    for step, error in enumerate(errors, start=first):
        state, rate = law.update(state, step, dt, xp.asarray(error), xp)
        rates.append(np.asarray(rate))
    return np.array(rates), np.asarray(state)


# --- every law


def test_every_class_has_an_example():
    assert [type(law) for law in LAWS] == CLASSES


@every_law
def test_exported_and_documented(law):
    cls = type(law)
    assert getattr(nengo_lr, cls.__name__) is cls
    doc = inspect.getdoc(cls)
    assert ".. math::" in doc
    for name in inspect.signature(cls).parameters:
        assert f"\n{name} : float" in doc


@every_law
def test_rate_is_the_first_number_of_the_state(law):
    rates, state = run(law, errors())
    assert law.initial_state.ndim == 1
    assert law.initial_state.dtype == np.float64
    assert rates.shape == (2000, 1)
    assert state[0] == rates[-1, 0]
    assert len(np.unique(rates)) > 1
    assert np.all((rates >= 0) & (rates <= law.upper_bound))


@every_law
def test_pure(law):
    """The same state gives the same step, and nothing is changed in place."""
    state, error = law.initial_state, errors()[5]
    before = state.copy(), error.copy()
    first, second = (law.update(state, 1, DT, error, np) for _ in range(2))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
    assert np.array_equal(state, before[0])
    assert np.array_equal(error, before[1])


@every_law
def test_a_split_run_is_one_run(law):
    whole, _ = run(law, errors())
    start, state = run(law, errors()[:777])
    end, _ = run(law, errors()[777:], state=state, first=778)
    assert np.array_equal(np.concatenate([start, end]), whole)


@every_law
def test_minibatch_items_are_apart(law):
    batch = errors(items=4)
    rates, states = run(law, batch)
    assert rates.shape == (2000, 4, 1)
    assert states.shape == (4, len(law.initial_state))
    for item in range(4):
        alone, state = run(law, batch[:, item])
        assert np.allclose(rates[:, item], alone, rtol=1e-13, atol=0)
        assert np.allclose(states[item], state, rtol=1e-13, atol=0)


@every_law
def test_tensorflow_agrees_with_numpy(law):
    tnp = pytest.importorskip("tensorflow.experimental.numpy")
    sequence = errors(400, items=2)
    rates, state = run(law, sequence)
    tf_rates, tf_state = run(law, sequence, tnp)
    assert np.allclose(tf_rates, rates, rtol=1e-12, atol=0)
    assert np.allclose(tf_state, state, rtol=1e-12, atol=0)


@every_law
def test_keeps_single_precision(law):
    sequence = errors(700)
    rates, _ = run(law, sequence)
    single = sequence.astype(np.float32)
    rates_32, state_32 = run(law, single)
    assert rates_32.dtype == state_32.dtype == np.float32
    assert np.allclose(rates_32, rates, rtol=1e-4, atol=0)


@every_law
def test_keeps_single_precision_in_tensorflow(law):
    tnp = pytest.importorskip("tensorflow.experimental.numpy")
    single = errors(20).astype(np.float32)
    rates, state = run(law, single, tnp)
    assert rates.dtype == state.dtype == np.float32


@every_law
def test_no_error_no_trouble(law):
    rates, state = run(law, np.zeros((1000, 2)))
    assert np.all((rates >= 0) & (rates < np.inf))
    assert not np.any(np.isnan(state))


@every_law
def test_repr_pickle_copy_hash(law):
    names = {}
    exec("from nengo_lr import *", names)
    for same in (
        eval(repr(law), names),
        pickle.loads(pickle.dumps(law)),
        copy.copy(law),
        copy.deepcopy(law),
    ):
        assert same == law
        assert hash(same) == hash(law)
    for name in inspect.signature(type(law)).parameters:
        with pytest.raises(ReadonlyError):
            setattr(law, name, getattr(law, name))


@every_law
def test_bad_parameters_are_named(law):
    cls = type(law)
    names = inspect.signature(cls).parameters
    good = {name: getattr(law, name) for name in names}
    for name in names:
        assert isinstance(getattr(cls, name), NumberParam)
        for bad in (-1.0, np.nan, np.inf, "a"):
            with pytest.raises(ValidationError, match=f"{cls.__name__}.{name}.*{bad}"):
                cls(**{**good, name: bad})
        if isinstance(getattr(cls, name), SecondsParam) and getattr(cls, name).low_open:
            with pytest.raises(ValidationError, match=rf"{name}.*0\.0"):
                cls(**{**good, name: 0.0})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ReduceOnPlateau(1e-3, minimum=2e-3), "minimum.*initial=0.001.*0.002"),
        (lambda: ReduceOnPlateau(1e-3, factor=1.0), "factor.*1.0"),
        (lambda: ReduceOnPlateau(1e-3, patience=0.0), "patience.*0.0"),
        (
            lambda: GreedyRate(1e-3, minimum=2e-3, maximum=3e-3),
            "minimum.*initial=0.001.*0.002",
        ),
        (
            lambda: GreedyRate(1e-3, minimum=0, maximum=1e-4),
            "maximum.*initial=0.001.*0.0001",
        ),
        (lambda: GreedyRate(1e-3, minimum=0, maximum=1, factor=1), "factor.*got 1"),
        (lambda: ErrorDriven(2e-3, 1e-3, scale=1.0), "high.*low=0.002.*0.001"),
        (lambda: ErrorDriven(1e-3, 2e-3, scale=0.0), "scale.*0.0"),
    ],
)
def test_parameters_that_do_not_fit_together(make, message):
    with pytest.raises(ValidationError, match=message):
        make()


def test_a_law_must_implement_its_step():
    law = FeedbackLaw()
    with pytest.raises(NotImplementedError, match="update"):
        law.update(None, 1, DT, None, np)
    with pytest.raises(NotImplementedError, match="initial_state"):
        law.initial_state  # noqa: B018


# --- ErrorDriven


@pytest.mark.parametrize("dt", [5e-4, 1e-3, 2e-3])
def test_error_driven_follows_the_step_response_of_its_filter(dt):
    """A constant error e: the mean square error is |e|^2/d (1 - exp(-t/tau))."""
    law = ErrorDriven(1e-4, 1e-3, scale=2.0, tau=0.05)
    rates, _ = run(law, np.tile([0.6, -0.8], (400, 1)), dt=dt)
    t = dt * np.arange(1, 401)
    rms = np.sqrt(0.5 * -np.expm1(-t / 0.05))
    assert np.allclose(rates[:, 0], 1e-4 + 9e-4 * rms / 2, rtol=1e-12, atol=0)


def test_error_driven_stays_between_its_limits():
    law = ErrorDriven(1e-4, 1e-3, scale=0.1, tau=0.01)
    rates, _ = run(law, np.full((200, 1), 5.0))
    assert rates[-1] == 1e-3
    rates, _ = run(law, np.zeros((200, 1)))
    assert np.all(rates == 1e-4)
    assert law.initial_state[0] == 1e-4


# --- ReduceOnPlateau


def reductions(rates):
    """The steps, counted from 1, at which the rate fell."""
    return list(np.flatnonzero(np.diff(rates[:, 0]) < 0) + 2)


@pytest.mark.parametrize("dt", [1e-4, 5e-4, 1e-3, 2e-3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_plateau_falls_on_the_steps_that_integers_say(dt, dtype):
    """With a constant error nothing improves after the first comparison, at tau."""
    tau, patience, cooldown = 0.02, 0.1, 0.06
    law = ReduceOnPlateau(
        1e-3, patience, factor=0.5, cooldown=cooldown, minimum=2e-4, tau=tau
    )
    n_tau, n_patience, n_cooldown = (round(s / dt) for s in (tau, patience, cooldown))
    n_steps = n_tau + 4 * (n_patience + n_cooldown)
    constant = np.full((n_steps, 2), 0.3, dtype=dtype)
    rates, _ = run(law, constant, dt=dt)
    first = n_tau + n_patience
    expected = [first + i * (n_cooldown + n_patience) for i in range(3)]
    assert reductions(rates) == expected
    assert np.allclose(np.unique(rates), [2e-4, 2.5e-4, 5e-4, 1e-3])


def test_plateau_waits_as_long_as_the_error_falls():
    law = ReduceOnPlateau(1e-3, patience=0.1, factor=0.1, threshold=0.05, tau=0.01)
    t = DT * np.arange(2000)[:, None]
    # the mean square falls by 9.5 % in 0.1 s until t = 1, and then no more
    falling = np.exp(-0.5 * np.minimum(t, 1.0))
    rates, _ = run(law, falling)
    assert 1040 < reductions(rates)[0] < 1120
    # by 4.9 % in 0.1 s it is not enough
    slower = np.exp(-0.25 * np.minimum(t, 1.0))
    rates, _ = run(law, slower)
    assert reductions(rates)[0] < 200


def test_plateau_thresholds_are_relative():
    """With all errors multiplied, the rates are the same."""
    law = ReduceOnPlateau(1e-3, patience=0.1, factor=0.5, tau=0.05)
    expected, _ = run(law, errors())
    assert len(reductions(expected)) > 2
    for scale in (2.0**-20, 2.0**20):
        rates, _ = run(law, errors() * scale)
        assert np.array_equal(rates, expected)


def test_plateau_is_not_misled_by_a_filter_that_starts_at_zero():
    """Silence before the error arrives is forgotten once the error has arrived."""
    law = ReduceOnPlateau(1e-3, patience=0.5, factor=0.5, tau=0.1)
    delayed = np.exp(-np.arange(3000) * DT)[:, None]
    delayed[:10] = 0.0
    rates, state = run(law, delayed)
    assert reductions(rates) == []
    assert np.isclose(state[3], state[1], rtol=0.05)


@pytest.mark.parametrize("jump", [4.0, 20.0, 1000.0])
@pytest.mark.parametrize("fall", [0.5, 2.0, 10.0])
@pytest.mark.parametrize("when", [2000, 2250])
def test_plateau_does_not_lower_while_the_error_falls_after_a_jump(jump, fall, when):
    """A change of the task is no plateau, however low the error has been before."""
    law = ReduceOnPlateau(1e-3, patience=0.5, factor=0.5, tau=0.05)
    t = DT * np.arange(12_000)
    falling = np.exp(-(t - DT * when) / fall)
    size = np.where(t < DT * when, np.maximum(np.exp(-t / 0.2), 1e-2), 0.0)
    size = np.where(t < DT * when, size, np.maximum(1e-2 * jump * falling, 1e-3))
    rates, _ = run(law, size[:, None])
    lowest = when + round(fall * np.log(10 * jump) / DT)
    found = np.array(reductions(rates))
    assert np.any(found < when)  # it had been a plateau
    assert not np.any((found > when + 20) & (found < lowest))
    assert lowest > 10_000 or np.any(found > lowest)


def test_plateau_lowers_where_the_error_grows_and_stays():
    law = ReduceOnPlateau(1e-3, patience=0.5, factor=0.5, tau=0.05)
    grown = np.where(np.arange(4000) < 600, 0.1, 1.0)[:, None]
    rates, _ = run(law, grown)
    assert reductions(rates)[0] == 550
    assert 1050 < reductions(rates)[1] < 1250
    exploding = np.exp(DT * np.arange(4000))[:, None]
    assert len(reductions(run(law, exploding)[0])) > 3


def test_plateau_compares_with_the_error_since_its_last_reduction():
    """An error that has grown a little lowers the rate once, and not while it falls."""
    law = ReduceOnPlateau(1e-3, patience=0.5, factor=0.5, tau=0.05)
    t = DT * np.arange(6000)
    grown = np.where(t < 0.3, 1.0, np.maximum(1.5 * np.exp(-(t - 0.3) / 15), 1.0))
    assert len(reductions(run(law, grown[:, None])[0])) == 1


# --- GreedyRate


@pytest.mark.parametrize("dt", [1e-4, 5e-4, 1e-3, 2e-3])
def test_greedy_rate_compares_one_window_with_the_next(dt):
    law = GreedyRate(1e-3, 0.1, minimum=2e-4, maximum=3e-3, factor=0.5, threshold=0.3)
    sizes = [1.0, 0.8, 0.5, 0.4, 0.3, 0.29, 0.5, 0.5, 0.6, 0.7]
    expected = [1, 2, 3, 3, 3, 1.5, 0.75, 0.375, 0.2, 0.2]  # at the end of each
    n = round(0.1 / dt)
    rates, _ = run(law, np.repeat(sizes, n)[:, None] * [[1.0, -1.0]], dt=dt)
    assert np.allclose(rates[n - 1 :: n, 0], np.array(expected) * 1e-3, rtol=1e-14)
    assert np.all(rates[: n - 1] == 1e-3)
    assert set(np.flatnonzero(np.diff(rates[:, 0])) + 2) <= set(range(n, 10 * n + 1, n))


def test_greedy_rate_is_the_same_for_larger_errors():
    law = GreedyRate(1e-3, 0.1, minimum=1e-5, maximum=1e-2)
    expected, _ = run(law, errors())
    for scale in (2.0**-20, 2.0**20):
        assert np.array_equal(run(law, errors() * scale)[0], expected)
