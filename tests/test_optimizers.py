"""Per-weight optimizers: their formulas, their two forms, and both simulators."""

import copy
import pickle

import nengo
import numpy as np
import pytest
from helpers import CONNECTIONS, learning_network, relative, weights_run
from nengo.exceptions import ValidationError

import nengo_lr as nlr
from nengo_lr import (
    AdaGrad,
    Adam,
    ErrorDriven,
    ExponentialDecay,
    LocalGains,
    Optimizer,
    PiecewiseConstant,
    RMSProp,
    ScheduledPES,
    optimizers,
)
from nengo_lr.builder import SimOptimizedPES, kernels
from nengo_lr.builder.steppers import make_stepper

CLASSES = [
    value
    for value in map(vars(optimizers).get, optimizers.__all__)
    if value is not Optimizer
]
SHORT = [
    AdaGrad(),
    RMSProp(tau=0.02),
    Adam(tau_mean=0.01, tau_variance=0.05),
    LocalGains(bonus=0.2, penalty=0.7, window=0.01),
]
"""One of each with time constants that matter in a short run."""
NAMES = [type(optimizer).__name__ for optimizer in SHORT]


def reference(network, **kwargs):
    return nengo.Simulator(network, progress_bar=False, **kwargs)


all_optimizers = pytest.mark.parametrize("optimizer", SHORT, ids=NAMES)


def test_every_optimizer_is_tested():
    assert {type(optimizer) for optimizer in SHORT} == set(CLASSES)


def close(actual, expected, tolerance):
    scale = np.max(np.abs(expected))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * scale)


# --- the formulas, step by step, for one weight


def updates(optimizer, gradients, dt):
    """The state and the change of one weight after each of several gradients."""
    state = optimizer.initial_state((1, 1))
    for step, gradient in enumerate(gradients, start=1):
        state, change = optimizer.update(
            state, np.array([gradient]), np.ones(1), step, dt
        )
        yield {name: array.item() for name, array in state.items()}, change.item()


def test_adagrad_sums_squares_over_time():
    (_, first), (state, second) = updates(AdaGrad(epsilon=0.5), [2.0, 1.0], dt=0.25)
    assert first == 2.0 / (1.0 + 0.5)
    assert state == {"second_moment": 1.25}
    assert second == 1.0 / (np.sqrt(1.25) + 0.5)


def test_rmsprop_averages_squares():
    tau = 0.25 / np.log(2)  # a step of .25 s keeps one half
    (_, first), (state, second) = updates(
        RMSProp(tau, epsilon=0.5), [2.0, 2.0], dt=0.25
    )
    assert first == pytest.approx(2.0 / (np.sqrt(2.0) + 0.5), rel=1e-15)
    assert state["second_moment"] == pytest.approx(3.0, rel=1e-15)
    assert second == pytest.approx(2.0 / (np.sqrt(3.0) + 0.5), rel=1e-15)


def test_adam_takes_out_the_bias_towards_its_start():
    # a constant gradient has the corrected mean g and second moment g^2 from step 1
    steps = list(updates(Adam(0.01, 0.1, epsilon=0.5), [-3.0] * 20, dt=1e-3))
    for _, change in steps:
        assert change == pytest.approx(-3.0 / (3.0 + 0.5), rel=1e-14)
    after, _ = steps[-1]
    assert after["mean"] == pytest.approx(-3.0 * (1 - np.exp(-2)), rel=1e-14)
    assert after["second_moment"] == pytest.approx(9 * (1 - np.exp(-0.2)), rel=1e-14)


def test_local_gains_compare_windows():
    rule = LocalGains(bonus=0.5, penalty=0.25, limits=(0.2, 1.8), window=0.002)
    windows = [1, 2, 3, 4, -1, -2, 0, 0]  # the gradient's sum in each
    gradients = np.repeat(windows, 2) / 2 + np.tile([3.0, -3.0], len(windows))
    gains = [state["gains"] for state, _ in updates(rule, gradients, dt=0.001)]
    # a gain of 1 in the first window; it adapts in the step that ends a window
    expected = [1.0, 1.5, 1.8, 1.8, 0.45, 0.95, 0.2375, 0.2]
    np.testing.assert_allclose(gains[1::2], expected, rtol=1e-15)
    np.testing.assert_allclose(gains[2::2], expected[:-1], rtol=1e-15)
    changes = [change for _, change in updates(rule, gradients, dt=0.001)]
    np.testing.assert_allclose(changes, gains * gradients, rtol=1e-15)


@pytest.mark.parametrize(
    ("dt", "steps"), [(0.001, 5), (0.0007, 7), (0.004, 1), (0.1, 1)]
)
def test_a_window_is_a_whole_number_of_steps(dt, steps):
    assert LocalGains(window=0.005).window_steps(dt) == steps


# --- the in-place form


@all_optimizers
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 2e-5)]
)
@pytest.mark.parametrize("layout", ["contiguous", "with gaps"])
@pytest.mark.parametrize("own_rates", [False, True], ids=["one rate", "rate per row"])
def test_in_place_equals_pure(optimizer, dtype, tolerance, layout, own_rates):
    rng = np.random.RandomState(0)
    # several blocks of rows, the last one smaller
    m, n = 5, kernels.BLOCK // 2 - 100
    columns = slice(None) if layout == "contiguous" else slice(None, None, 2)

    def new(shape):
        wide = np.zeros((shape[0], 2 * shape[1]), dtype)
        return (
            wide[:, : shape[1]].copy() if columns == slice(None) else wide[:, columns]
        )

    left, right, delta = np.zeros(m, dtype), np.zeros(n, dtype), new((m, n))
    initial = optimizer.initial_state((m, n))
    pure = {name: array.astype(dtype) for name, array in initial.items()}
    in_place = {name: new((m, n)) for name in initial}
    for name, array in in_place.items():
        array[...] = initial[name]
    advance = make_stepper(optimizer, in_place, left, right, delta, 0.001)

    for step in range(1, 32):
        left[...] = rng.normal(0.3, 1, m)
        right[...] = rng.uniform(0, 200, n)
        scale = np.full((m if own_rates else 1, 1), -1e-5, dtype)
        scale *= 0 if step % 7 == 0 else rng.uniform(0.5, 1, scale.shape)
        pure, change = optimizer.update(pure, left, right, step, 0.001)
        advance(step, scale)
        if np.any(scale):
            close(delta, scale * change, tolerance)
        else:
            assert not np.any(delta)
        for name, array in pure.items():
            assert array.dtype == dtype
            close(in_place[name], array, tolerance)


class Sign(Optimizer):
    """What a user may write: only the pure function."""

    def initial_state(self, shape):
        return {"steps": np.zeros(shape)}

    def update(self, state, error, activities, step, dt, xp=np):
        change = xp.sign(error[..., :, None] * activities[..., None, :])
        return {"steps": state["steps"] + 1}, change


@pytest.mark.parametrize("n_neurons", [30, kernels.BLOCK + 10])
def test_an_optimizer_needs_only_its_pure_function(n_neurons):
    rng = np.random.RandomState(0)
    left, right = rng.normal(size=2), rng.normal(size=n_neurons)
    state, delta = Sign().initial_state((2, n_neurons)), np.zeros((2, n_neurons))
    advance = make_stepper(Sign(), state, left, right, delta, 0.001)
    advance(1, np.array([[-2.0], [3.0]]))
    assert np.array_equal(delta, [[-2.0], [3.0]] * np.sign(np.outer(left, right)))
    assert np.all(state["steps"] == 1)


class Halved(RMSProp):
    """What a user may write: another formula on the same state."""

    def update(self, state, error, activities, step, dt, xp=np):
        state, change = super().update(state, error, activities, step, dt, xp)
        return state, change / 2


def test_a_subclass_follows_its_own_formula():
    rng = np.random.RandomState(0)
    left, right, scale = rng.normal(size=2), rng.normal(size=30), np.ones((1, 1))
    deltas = []
    for optimizer in (RMSProp(), Halved()):
        state, delta = optimizer.initial_state((2, 30)), np.zeros((2, 30))
        make_stepper(optimizer, state, left, right, delta, 0.001)(1, scale)
        deltas.append(delta)
    close(deltas[1], deltas[0] / 2, 1e-14)


# --- in the simulators


@all_optimizers
@pytest.mark.parametrize("connect", CONNECTIONS.values(), ids=CONNECTIONS)
def test_weights_follow_the_pure_function(optimizer, connect):
    rate, dt = PiecewiseConstant([1e-3, 0.0, 2e-3], [0.01, 0.02]), 0.001
    network = learning_network(ScheduledPES(rate, optimizer=optimizer), connect)
    with reference(network, optimize=False) as sim:
        (op,) = (op for op in sim.model.operators if isinstance(op, SimOptimizedPES))
        weights_signal = sim.model.sig[network.connection]["weights"]
        delta, state = sim.signals[op.delta], optimizer.initial_state(op.delta.shape)
        for step in range(1, 40):
            weights = sim.signals[weights_signal] + delta
            sim.step()
            assert np.array_equal(sim.signals[weights_signal], weights)
            error, activities = sim.signals[op.error], sim.signals[op.activities]
            state, change = optimizer.update(state, error, activities, step, dt)
            close(delta, -rate(step * dt) * dt / activities.size * change, 1e-12)
            for name, signal in op.state.items():
                close(sim.signals[signal], state[name], 1e-12)
        assert np.any(delta)


def learning_curve(optimizer, rate, dt):
    """The error's root mean square in each half second of a run of 3 s."""
    network = learning_network(ScheduledPES(rate, optimizer=optimizer))
    with network:
        error = nengo.Probe(network.error, synapse=0.01)
    with reference(network, dt=dt) as sim:
        sim.run(3.0)
    squares = np.sum(sim.data[error] ** 2, axis=1)
    return np.sqrt(np.mean(np.reshape(squares, (6, -1)), axis=1))


@pytest.mark.parametrize(
    ("optimizer", "per_step", "rate", "limit"),
    [
        # beside each one, what it would be at half the step if it counted steps
        (AdaGrad(), None, 1e-2, 0.08),
        (RMSProp(), RMSProp(0.5), 3e-3, 0.08),
        (Adam(), Adam(0.05, 0.5), 3e-3, 0.01),
        (LocalGains(window=0.1), LocalGains(window=0.05), 1e-4, 0.01),
    ],
    ids=NAMES,
)
def test_learning_depends_little_on_dt(optimizer, per_step, rate, limit):
    curve = learning_curve(optimizer, rate, 0.001)
    assert relative(learning_curve(optimizer, rate, 0.0005), curve) < limit
    if per_step is not None:
        assert relative(learning_curve(per_step, rate, 0.0005), curve) > limit


@all_optimizers
def test_state_advances_while_the_rate_is_zero(optimizer):
    networks = [
        learning_network(ScheduledPES(0.0, optimizer=optimizer)),
        learning_network(ScheduledPES(1e-12, optimizer=optimizer)),
    ]
    states = []
    for network in networks:
        rule = network.connection.learning_rule
        with network:
            probes = [nengo.Probe(rule, name) for name in optimizer.probeable]
        with reference(network) as sim:
            sim.run_steps(60)
        states.append([sim.data[probe] for probe in probes])
    weights = sim.data[network.weights]
    assert np.any(weights[-1] != weights[0])
    for still, moving in zip(*states):
        assert np.ptp(still[:, :, :]) > 0
        assert relative(still, moving) < 1e-6


def one_of_each(rate):
    """A network in which a rule with each optimizer learns on its own."""
    with nengo.Network(seed=0) as network:
        if isinstance(rate, list):
            rate = nengo.Node(rate)
        network.parts = [
            learning_network(ScheduledPES(rate, optimizer=optimizer))
            for optimizer in SHORT
        ]
    return network


def test_rate_zero_freezes_exactly():
    network = one_of_each(PiecewiseConstant([1e-3, 0.0], [0.05]))
    with reference(network) as sim:
        sim.run_steps(100)
    for part in network.parts:
        weights = sim.data[part.weights]
        assert np.all(weights[50:] == weights[50])
        assert np.any(weights[49] != weights[40])


@pytest.mark.needs("runs_all_rules")
def test_one_rate_per_dimension(Simulator):
    network = one_of_each([1e-3, 0.0])
    with network:
        deltas = [
            nengo.Probe(part.connection.learning_rule, "delta")
            for part in network.parts
        ]
    alone = one_of_each(1e-3)
    with Simulator(network) as sim, Simulator(alone) as sim_alone:
        sim.run_steps(30)
        sim_alone.run_steps(30)
    for delta, part, part_alone in zip(deltas, network.parts, alone.parts):
        assert np.all(sim.data[delta][:, 1] == 0)
        assert np.any(sim.data[delta][:, 0] != 0)
        # what the first dimension alone would do, until it feels the second's absence
        weights, expected = sim.data[part.weights], sim_alone.data[part_alone.weights]
        moved = np.argmax(np.any(expected[:, 0] != 0, axis=1))
        first, alone = weights[: moved + 3, 0], expected[: moved + 3, 0]
        # Nengo's optimizer may round two models differently
        assert np.max(np.abs(first - alone)) <= 1e-12 * np.max(np.abs(alone))


def test_every_kind_of_rate_combines_with_every_optimizer():
    def falls(t):
        return 1e-3 * np.exp(-t)

    with nengo.Network(seed=0) as network:
        for optimizer in SHORT:
            for rate in (
                1e-3,
                ExponentialDecay(1e-3, tau=0.1),
                falls,
                nengo.Node(falls),
                ErrorDriven(low=1e-4, high=1e-3, scale=0.5, tau=0.01),
            ):
                learning_network(ScheduledPES(rate, optimizer=optimizer))
    with reference(network) as sim:
        ops = [op for op in sim.model.operators if isinstance(op, SimOptimizedPES)]
        assert len(ops) == 5 * len(SHORT)
        states = [op.optimizer.initial_state(op.delta.shape) for op in ops]
        for step in range(1, 25):
            sim.step()
            for i, op in enumerate(ops):
                error, activities = sim.signals[op.error], sim.signals[op.activities]
                states[i], change = op.optimizer.update(
                    states[i], error, activities, step, sim.dt
                )
                scale = -sim.signals[op.rate] * sim.dt / activities.size
                close(sim.signals[op.delta], scale * change, 1e-12)
        assert len({sim.signals[op.rate].item() for op in ops}) > 3


@all_optimizers
def test_reset_and_split_runs_repeat_bit_for_bit(optimizer):
    network = learning_network(ScheduledPES(1e-3, optimizer=optimizer))
    with reference(network, optimize=False) as sim:
        sim.run_steps(70)
        whole = np.array(sim.data[network.weights])
        sim.reset()
        for n_steps in (1, 36, 33):
            sim.run_steps(n_steps)
        assert np.array_equal(sim.data[network.weights], whole)


def many_rules():
    """All optimizers, some of them twice, in one network; their state is probed."""
    with nengo.Network(seed=0) as network:
        for i, optimizer in enumerate([*SHORT, *SHORT[:2], RMSProp(tau=0.03)]):
            rate = ExponentialDecay(1e-3, tau=0.1 + i) * PiecewiseConstant(
                [1, 0], [0.4]
            )
            part = learning_network(ScheduledPES(rate, optimizer=optimizer))
            for name in optimizer.probeable:
                nengo.Probe(part.connection.learning_rule, name)
    return network


def test_nengo_dl_equals_the_reference(NengoDL):
    network = many_rules()
    with reference(network) as sim:
        sim.run_steps(500)
    with NengoDL(network, minibatch_size=2) as sim_dl:
        sim_dl.run_steps(500)
    for probe in network.all_probes:
        for item in sim_dl.data[probe]:
            assert relative(item, sim.data[probe]) < 1e-10, probe
            if probe.attr == "weights":  # frozen from .4 s on
                assert np.all(item[400:] == item[400])


def test_nengo_dl_merges_rules_with_equal_optimizers(NengoDL):
    with NengoDL(many_rules()) as sim:
        groups = [
            [op.optimizer for op in group]
            for group in sim.tensor_graph.plan
            if isinstance(group[0], SimOptimizedPES)
        ]
    assert max(map(len, groups)) == 2
    assert all(len(set(group)) == 1 for group in groups)


def test_nengo_dl_in_float32(NengoDL):
    network = one_of_each(1e-3)
    with reference(network) as sim, NengoDL(network, dtype="float32") as sim_dl:
        sim.run_steps(50)
        sim_dl.run_steps(50)
    for part in network.parts:
        assert relative(sim_dl.data[part.weights], sim.data[part.weights]) < 1e-3


def test_reference_in_float32(monkeypatch):
    for optimizer in SHORT:
        network = learning_network(ScheduledPES(1e-3, optimizer=optimizer))
        expected = weights_run(reference, network, 50)
        with monkeypatch.context() as patch:
            patch.setitem(nengo.rc["precision"], "bits", "32")
            weights = weights_run(reference, network, 50)
        assert weights.dtype == np.float32
        assert relative(weights, expected) < 1e-3


# --- how they are given, and what is refused


def test_names_and_defaults():
    assert AdaGrad() == AdaGrad(epsilon=1e-3)
    assert RMSProp() == RMSProp(tau=1.0, epsilon=1e-3)
    assert Adam() == Adam(tau_mean=0.1, tau_variance=1.0, epsilon=1e-3)
    assert LocalGains() == LocalGains(
        bonus=0.05, penalty=0.95, limits=(0.1, 10), window=0.5
    )


@all_optimizers
def test_is_part_of_the_rule(optimizer):
    rule = ScheduledPES(1e-3, optimizer=optimizer)
    assert rule.probeable == (*ScheduledPES.probeable, *optimizer.probeable)
    assert rule != ScheduledPES(1e-3)
    assert rule != ScheduledPES(1e-3, optimizer=AdaGrad(epsilon=7.0))
    names = {**vars(nlr), **vars(nengo.synapses)}
    for again in (
        eval(repr(rule), names),
        copy.deepcopy(rule),
        pickle.loads(pickle.dumps(rule)),
    ):
        assert again == rule
        assert hash(again) == hash(rule)
        assert again.probeable == rule.probeable


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: AdaGrad(epsilon=0), "epsilon.*greater than 0.*got 0"),
        (lambda: RMSProp(epsilon=np.nan), "epsilon.*finite.*nan"),
        (lambda: RMSProp(tau=0), "tau.*greater than 0.*got 0"),
        (lambda: RMSProp(tau=-1.0), r"tau.*greater than 0.*got -1"),
        (lambda: Adam(tau_mean=0), "tau_mean.*greater than 0"),
        (lambda: Adam(tau_variance=np.inf), "tau_variance.*finite.*inf"),
        (lambda: Adam(tau_mean="fast"), "tau_mean.*fast"),
        (lambda: LocalGains(window=0.0), "window.*greater than 0"),
        (lambda: LocalGains(bonus=-0.1), "bonus.*greater than or equal to 0"),
        (lambda: LocalGains(bonus=1.1), "bonus.*less than or equal to 1"),
        (lambda: LocalGains(penalty=1.5), "penalty.*less than or equal to 1"),
        (lambda: LocalGains(limits=(10, 0.1)), r"limits.*low <= 1 <= high.*\(10, 0.1"),
        (lambda: LocalGains(limits=(2, 3)), "limits.*gains start at 1"),
        (lambda: LocalGains(limits=(0.1, np.inf)), "limits.*finite"),
        (lambda: LocalGains(limits=0.1), "limits.*two finite numbers"),
        (lambda: ScheduledPES(1e-3, optimizer=Adam), "optimizer.*Optimizer.*Adam"),
        (lambda: ScheduledPES(1e-3, optimizer="adam"), "optimizer.*'adam'"),
    ],
)
def test_bad_values_are_refused(make, words):
    with pytest.raises(ValidationError, match=words):
        make()


def test_an_unfinished_optimizer_says_what_it_lacks():
    class Unfinished(Optimizer):
        pass

    with pytest.raises(NotImplementedError, match="initial_state"):
        Unfinished().initial_state((1, 1))
    with pytest.raises(NotImplementedError, match="update"):
        Unfinished().update({}, None, None, 1, 0.001)
