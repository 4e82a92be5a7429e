"""A learning rate that needs no number, and damped activities under any rate."""

import copy
import pickle
import warnings

import nengo
import numpy as np
import pytest
from nengo.exceptions import ValidationError

import nengo_lr as nlr
from nengo_lr import auto
from nengo_lr.auto import (
    NOISE,
    Auto,
    Numbers,
    Surroundings,
    leading_directions,
    noise_power,
)
from nengo_lr.builder import SimAutoRate, SimDamp, loop_delay

DT = 1e-3


def curves(points=300, n=40, seed=0):
    """Tuning curves with a mean, in Hz."""
    rng = np.random.RandomState(seed)
    x = np.linspace(-1, 1, points)[:, None]
    slopes, offsets = rng.uniform(-200, 200, size=(2, n))
    return np.maximum(0.0, slopes * x + offsets)


def learning(rule, n=60, d=1, seed=0, target=lambda x: x, **connection):
    """A network that learns a function of a moving input."""
    with nengo.Network(seed=seed) as network:
        stimulus = nengo.Node(lambda t: np.sin(np.arange(5, 5 + d) * t))
        wanted = nengo.Node(lambda t: target(np.sin(np.arange(5, 5 + d) * t)))
        pre = nengo.Ensemble(n, d, seed=seed)
        nengo.Connection(stimulus, pre, synapse=None)
        network.output = nengo.Node(size_in=d)
        network.connection = nengo.Connection(
            pre,
            network.output,
            function=lambda x: np.zeros(d),
            synapse=0.005,
            learning_rule_type=rule,
            seed=seed,
            **connection,
        )
        network.error = nengo.Node(size_in=d)
        nengo.Connection(network.output, network.error, synapse=None)
        nengo.Connection(wanted, network.error, transform=-1, synapse=0.005)
        network.rule = network.connection.learning_rule
        nengo.Connection(network.error, network.rule, synapse=0.005)
        network.weights = nengo.Probe(network.connection, "weights")
        network.rate = nengo.Probe(network.rule, "learning_rate")
        network.probe_error = nengo.Probe(network.error)
        if isinstance(rule.learning_rate, Auto):
            network.window = nengo.Probe(network.rule, "window")
            network.learnable = nengo.Probe(network.rule, "learnable")
    return network


def operator(sim, kind):
    """The one operator of a kind."""
    (found,) = (op for op in sim.model.operators if isinstance(op, kind))
    return found


# --- the formulas


def test_damped_activities_are_a_regularised_inverse_of_the_second_moments():
    rates, rank, noise = curves(), 5, 3e4
    directions = leading_directions(rates, noise, rank)
    powers, vectors = np.linalg.eigh(rates.T @ rates / len(rates))
    leading = vectors[:, -rank:]
    moments = leading * powers[-rank:] @ leading.T
    a = curves(seed=1)[:7]
    inverse = np.linalg.inv(moments + noise * np.eye(40))
    coordinates, damped = directions.damp(a, np)
    assert np.allclose(damped / noise, a @ inverse, rtol=1e-10, atol=1e-12)
    lengths = (a @ leading / np.sqrt(powers[-rank:] + noise)) ** 2
    assert np.allclose(coordinates**2, lengths[:, ::-1], rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("points", [20, 39, 41, 500])
def test_directions_of_few_and_many_points_are_those_of_the_second_moments(points):
    rates = curves(points)
    found = leading_directions(rates, 1e4, 3)
    powers, vectors = np.linalg.eigh(rates.T @ rates / points)
    assert np.allclose(found.powers, powers[::-1][:3], rtol=1e-9)
    overlap = found.matrix @ vectors[:, ::-1][:, :3]
    assert np.allclose(np.abs(overlap), np.diag(1 / np.sqrt(found.powers + 1e4)))
    assert np.all(found.matrix.sum(axis=1) >= 0)


def test_no_more_directions_than_points():
    found = leading_directions(np.full((1, 4), 100.0), 1e4, 3)
    assert np.allclose(found.powers, [4e4])
    a = np.array([1.0, -1.0, 0.0, 0.0])
    assert np.allclose(found.damp(a, np)[1], a)


def test_noise_is_that_of_filtered_poisson_spikes():
    rates = np.full((3, 5), 50.0)
    tau = 0.02
    assert noise_power(rates, nengo.Lowpass(tau), DT) == NOISE * 50 / (2 * tau)
    assert noise_power(rates, None, DT) == pytest.approx(NOISE * 50 / DT)
    as_filter = nengo.LinearFilter([1.0], [tau, 1.0])
    general = noise_power(rates, as_filter, 1e-4)
    assert general == pytest.approx(NOISE * 50 / (2 * tau), rel=1e-2)
    # neurons that are silent have no noise, and do not make that of others less
    sparse = np.array([[0.0, 0.0, 50.0, 0.0], [0.0, 50.0, 0.0, 0.0]])
    assert noise_power(sparse, nengo.Lowpass(tau), DT) == NOISE * 50 / (2 * tau)
    # spikes of another area: the variance grows with its square
    scaled = noise_power(rates * 0.1, nengo.Lowpass(tau), DT, amplitude=0.1)
    assert scaled == pytest.approx(0.01 * NOISE * 50 / (2 * tau))


def steps(items=None, n_steps=800, d=2, r=3, scale=1.0, seed=0):
    """Coordinates, powers and errors that depend on them, but for noise."""
    rng = np.random.RandomState(seed)
    shape = (n_steps,) if items is None else (n_steps, items)
    t = np.arange(n_steps) * DT
    phases = rng.uniform(0, 7, size=(*shape[1:], r))
    coordinates = np.sin(9 * t.reshape(-1, *(1,) * len(shape)) + phases)
    coordinates[..., 0] += 1
    power = 5 * np.sum(coordinates**2, axis=-1, keepdims=True)
    error = coordinates[..., :d] + 0.5 * rng.normal(size=(*shape, d))
    return coordinates, power, scale * error


SURROUNDINGS = Surroundings(np.array([0.5, 0.3, 0.1]), 0.02, 2e-4)


def run(coordinates, power, error, xp=np, dt=DT, state=None):
    """All rates, windows and learnable fractions, and the last state."""
    law, out = Auto(), []
    if state is None:
        state = law.initial_state(error.shape[-1], coordinates.shape[-1])
        state = np.broadcast_to(state, error.shape[1:-1] + state.shape)
    for now in zip(coordinates, power, error):
        state, *results = law.update(state, *now, dt, SURROUNDINGS, xp)
        out.append(np.concatenate(results, axis=-1))
    return np.array(out), state


def test_pure_and_split_runs_are_one_run():
    data = steps()
    before = copy.deepcopy(data)
    whole, last = run(*data)
    start, state = run(*(of[:333] for of in data))
    end, resumed = run(*(of[333:] for of in data), state=state)
    assert np.array_equal(np.concatenate([start, end]), whole)
    assert np.array_equal(resumed, last)
    assert all(map(np.array_equal, data, before))
    assert len(np.unique(whole[:, 1])) > 100


def test_items_of_a_minibatch_are_apart():
    data = steps(items=4)
    together, _ = run(*data)
    for item in range(4):
        alone, _ = run(*(of[:, item] for of in data))
        assert np.allclose(together[:, item], alone, rtol=1e-12, atol=0)


def test_numbers_and_arrays_make_the_same_step():
    law, rng = Auto(), np.random.RandomState(0)
    for seconds in (0.0, 0.1, 0.24, 0.5, 99.9999, 100.0):
        numbers = [0.3, seconds, *rng.uniform(0.1, 1, size=6)]
        given = rng.uniform(0.1, 1, size=4)
        floats = law.adapt(numbers, *given.tolist(), DT, 0.02, Numbers)
        arrays = law.adapt(
            [np.array([x]) for x in numbers], *given.reshape(-1, 1), DT, 0.02, np
        )
        for a, b in zip([*floats[0], *floats[1:]], [*arrays[0], *arrays[1:]]):
            assert a == pytest.approx(b[0], rel=1e-14)


def test_does_not_depend_on_the_scale_of_the_error():
    small, _ = run(*steps(scale=1e-3))
    large, _ = run(*steps(scale=1e3))
    assert np.allclose(small, large, rtol=1e-9)


def test_nothing_moves_without_an_error():
    coordinates, power, error = steps()
    _, state = run(coordinates, power, error)
    silent, after = run(coordinates, power, np.zeros_like(error), state=state)
    assert np.all(silent[:, 1] == silent[0, 1])
    before = np.delete(state, [0, 7, 8])  # the rate follows the activities
    assert np.array_equal(np.delete(after, [0, 7, 8]), before)


def test_what_filters_leave_of_an_error_is_none():
    """An error that is switched off behind a low-pass filter never becomes 0."""
    coordinates, power, error = steps()
    _, state = run(coordinates, power, error)
    fading = error[:1] * np.exp(-np.arange(800) * DT / 0.005)[:, None]
    out, _ = run(coordinates, power, fading, state=state)
    assert np.all(out[100:, 1] == out[100, 1])
    assert abs(out[100, 1] / out[0, 1] - 1) < 0.05


def test_window_grows_where_the_error_is_noise_and_shrinks_where_it_is_not():
    coordinates, power, error = steps(n_steps=3000)
    noise = np.random.RandomState(1).normal(size=error.shape)
    of_noise, _ = run(coordinates, power, noise)
    of_target, _ = run(coordinates, power, coordinates[:, :2] * 1.0)
    assert np.mean(of_noise[1000:, 2]) < 0.1
    assert np.mean(of_target[1000:, 2]) > 0.5
    assert of_noise[-1, 1] > 2 * of_target[-1, 1]
    assert of_target[-1, 1] >= auto.SHORTEST_WINDOW


def test_window_has_limits():
    coordinates, power, error = steps(n_steps=200)
    out, _ = run(coordinates, power, error)
    assert np.all(out[:, 1] <= (np.arange(200) + 1) * DT + 0.02 + 1e-12)
    law = Auto()
    state = law.initial_state(2, 3)
    state[1:3] = 9.99, 50.0
    noise = np.random.RandomState(0).normal(size=(3000, 2))
    data = steps(n_steps=3000)
    out, _ = run(*data[:2], noise, state=state)
    assert out[:, 1].max() == auto.LONGEST_WINDOW


def test_half_a_step_changes_little():
    fine = [np.repeat(of, 2, axis=0) for of in steps(n_steps=3000)]
    coarse, _ = run(*steps(n_steps=3000))
    fine, _ = run(*fine, dt=DT / 2)
    assert np.allclose(fine[1::2][200:, 1], coarse[200:, 1], rtol=0.02)


# --- the rule


def test_auto_is_an_object_behind_the_word():
    rule = nlr.ScheduledPES("auto")
    assert rule.learning_rate == Auto() == nlr.Auto()
    assert repr(rule) == "ScheduledPES(learning_rate=Auto())"
    assert rule == nlr.ScheduledPES(Auto()) == pickle.loads(pickle.dumps(rule))
    assert hash(rule) == hash(nlr.ScheduledPES(Auto()))
    assert rule != nlr.ScheduledPES("auto", precondition=3)
    assert rule.schedule is None
    assert {"window", "learnable"} <= set(rule.probeable)
    assert "window" not in nlr.ScheduledPES(1e-3).probeable
    assert nlr.ScheduledPES(1e-3, precondition=4).precondition == 4


def test_probes_tell_the_rate_in_the_units_of_pes():
    network = learning(nlr.ScheduledPES("auto"))
    with network:
        activities = nengo.Probe(network.rule, "activities")
    with nengo.Simulator(network, progress_bar=False) as sim:
        sim.run(0.4)
    op = operator(sim, SimAutoRate)
    a = sim.data[activities]
    _, damped = operator(sim, SimDamp).directions.damp(a, np)
    power = np.sum(a * damped, axis=1) / op.noise
    window = sim.data[network.window][:, 0]
    rate = 60 / (op.noise * (window + 0.02 * power))
    assert np.allclose(sim.data[network.rate][:, 0], rate, rtol=1e-9)
    assert np.all(sim.data[network.learnable] >= 0)
    assert np.all(sim.data[network.learnable] <= 1)


def test_change_is_the_rate_times_the_error_and_the_damped_activities():
    rule = nlr.ScheduledPES(lambda t: 1e-3 * (1 + t), precondition=4)
    network = learning(rule)
    with network:
        activities = nengo.Probe(network.rule, "activities")
        error = nengo.Probe(network.rule, "error")
    with nengo.Simulator(network, progress_bar=False) as sim:
        sim.run(0.3)
    a = sim.data[activities]
    _, damped = operator(sim, SimDamp).directions.damp(a, np)
    rate, e = sim.data[network.rate], sim.data[error]
    changes = (-rate * DT / 60 * e)[:, :, None] * damped[:, None]
    weights = np.cumsum(changes, axis=0)
    assert np.allclose(sim.data[network.weights][1:], weights[:-1], rtol=1e-9)
    assert np.abs(weights).max() > 0


def test_learns_a_square_better_than_pes_does():
    def square(x):
        return x**2

    errors = {}
    for name, rule in {
        "auto": nlr.ScheduledPES("auto"),
        "damped": nlr.ScheduledPES(3e-3, precondition=10),
        "PES": nlr.ScheduledPES(1e-3),
    }.items():
        network = learning(rule, n=100, target=square)
        with nengo.Simulator(network, progress_bar=False) as sim:
            sim.run(5.0)
        errors[name] = np.sqrt(np.mean(sim.data[network.probe_error][-2000:] ** 2))
    assert errors["auto"] < 0.9 * errors["PES"]
    assert errors["damped"] < 0.9 * errors["PES"]


@pytest.mark.parametrize("scale", [1e-2, 1e2])
def test_same_weights_whatever_the_target_is_multiplied_by(scale):
    weights = []
    for factor in (1.0, scale):
        network = learning(nlr.ScheduledPES("auto"), target=lambda x, f=factor: f * x)
        with nengo.Simulator(network, progress_bar=False, optimize=False) as sim:
            sim.run(0.5)
        weights.append(sim.data[network.weights][-1] / factor)
    assert np.allclose(*weights, rtol=1e-9)


def wired(rule):
    """One network with the rule on every kind of connection, and its probes."""
    with nengo.Network(seed=1) as network:
        stimulus = nengo.Node(lambda t: [np.sin(20 * t), np.cos(9 * t)])
        pre, post = nengo.Ensemble(30, 2), nengo.Ensemble(20, 2)
        nengo.Connection(stimulus, pre)
        nodes = [nengo.Node(size_in=2) for _ in range(3)]
        solver = nengo.solvers.LstsqL2(weights=True)
        zero = {"function": lambda x: [0, 0]}
        network.watched = []
        for source, target, kwargs in [
            (pre, nodes[0], zero),
            (pre, post, {**zero, "solver": solver}),
            (pre[0], nodes[1][1], {}),
            (pre.neurons, post.neurons, {"transform": np.zeros((20, 30))}),
            (pre.neurons[5:25], post.neurons[::2], {"transform": np.zeros((10, 20))}),
            (pre.neurons, nodes[2], {"transform": np.zeros((2, 30))}),
        ]:
            connection = nengo.Connection(
                source, target, learning_rule_type=rule, **kwargs
            )
            learned = connection.learning_rule
            error = nengo.Node(size_in=learned.size_in)
            nengo.Connection(stimulus[: learned.size_in], error, transform=-1)
            if target in nodes:
                nengo.Connection(target, error)
            nengo.Connection(error, learned)
            network.watched.append(
                nengo.Probe(connection, "weights", sample_every=0.01)
            )
            network.watched += [
                nengo.Probe(learned, name)
                for name in ("learning_rate", "window", "learnable")
                if name in learned.probeable
            ]
    return network


@pytest.mark.parametrize(
    "rule",
    [
        nlr.ScheduledPES("auto"),
        nlr.ScheduledPES(lambda t: 1e-3 * t, precondition=3),
    ],
    ids=["auto", "damped"],
)
def test_same_on_every_simulator(rule, NengoDL):
    """On every kind of connection, with a minibatch, in 500 steps."""
    network = wired(rule)
    with nengo.Simulator(network, progress_bar=False) as sim:
        sim.run_steps(500)
    with NengoDL(network, minibatch_size=3) as other:
        other.run_steps(500)
    for probe in network.watched:
        expected, got = sim.data[probe], other.data[probe]
        largest = np.abs(expected).max()
        assert largest > 0
        for item in got:
            assert np.allclose(item, expected, rtol=0, atol=1e-9 * largest)


def test_items_of_a_minibatch_learn_apart(NengoDL):
    """Each item learns what a run on Nengo's simulator does with its target alone."""
    targets = np.random.RandomState(0).normal(size=(2, 200, 1))
    targets[1] = 1.0

    def network(target):
        with nengo.Network(seed=0) as network:
            pre = nengo.Ensemble(30, 1)
            nengo.Connection(nengo.Node(lambda t: np.sin(9 * t)), pre)
            node = nengo.Node(size_in=1)
            network.target = nengo.Node(nengo.processes.PresentInput(target, DT))
            connection = nengo.Connection(
                pre, node, learning_rule_type=nlr.ScheduledPES("auto")
            )
            error = nengo.Node(size_in=1)
            nengo.Connection(node, error)
            nengo.Connection(network.target, error, transform=-1)
            nengo.Connection(error, connection.learning_rule)
            network.learnable = nengo.Probe(connection.learning_rule, "learnable")
        return network

    batch = network(targets[0])
    with NengoDL(batch, minibatch_size=2) as sim:
        sim.run_steps(200, data={batch.target: targets})
        together = sim.data[batch.learnable]
    for item, target in zip(together, targets):
        alone = network(target)
        with nengo.Simulator(alone, progress_bar=False) as sim:
            sim.run_steps(200)
        assert np.allclose(item, sim.data[alone.learnable], rtol=1e-9, atol=1e-12)
    assert np.abs(together[0] - together[1]).max() > 0.1


@pytest.mark.needs("runs_all_rules")
def test_delta_as_a_matrix_is_the_same_change(Simulator):
    network = learning(nlr.ScheduledPES("auto"), n=20, d=2)
    with Simulator(network) as sim:
        sim.run_steps(60)
    with network:
        delta = nengo.Probe(network.rule, "delta")
    with Simulator(network) as as_matrix:
        as_matrix.run_steps(60)
    weights = as_matrix.data[network.weights]
    assert np.allclose(sim.data[network.weights], weights, rtol=1e-12, atol=1e-18)
    assert np.allclose(
        np.diff(weights, axis=0), as_matrix.data[delta][:-1], rtol=1e-6, atol=1e-12
    )


@pytest.mark.needs("runs_all_rules")
def test_frozen_and_set_rates_leave_the_rule_where_it_was(Simulator):
    network = learning(nlr.ScheduledPES("auto"), n=20)
    with Simulator(network) as sim:
        sim.run_steps(300)
        with nlr.frozen(sim):
            sim.run_steps(10)
        nlr.set_learning_rate(sim, network.rule, 1e-3)
        sim.run_steps(10)
        window, rate = sim.data[network.window], sim.data[network.rate]
        weights = sim.data[network.weights]
    assert np.all(weights[300:310] == weights[300])
    assert np.all(window[299:] == window[299])
    assert np.all(rate[300:310] == rate[299])
    assert np.allclose(rate[310:], 1e-3)
    assert np.all(weights[-1] != weights[310])


def test_rates_can_be_written_down_as_a_schedule():
    """A run at the rates that were found is the run that found them."""
    network = learning(nlr.ScheduledPES("auto"))
    with nengo.Simulator(network, progress_bar=False, optimize=False) as sim:
        sim.run_steps(300)
    found = sim.data[network.rate][:, 0]
    written = nlr.Sampled([found[0], *found], dt=DT)  # the first is that of step 0
    again = learning(nlr.ScheduledPES(written, precondition=10))
    with nengo.Simulator(again, progress_bar=False, optimize=False) as other:
        other.run_steps(300)
    expected, weights = sim.data[network.weights], other.data[again.weights]
    assert np.allclose(weights, expected, rtol=1e-9, atol=1e-15)


def test_reset_and_split_runs():
    network = learning(nlr.ScheduledPES("auto"), n=20)
    with nengo.Simulator(network, progress_bar=False, optimize=False) as sim:
        sim.run_steps(300)
        whole = [sim.data[probe].copy() for probe in network.all_probes]
        sim.reset()
        for n_steps in (1, 99, 200):
            sim.run_steps(n_steps)
        for probe, expected in zip(network.all_probes, whole):
            assert np.array_equal(sim.data[probe], expected)


def test_a_resumed_run_is_one_run(tmp_path):
    network = learning(nlr.ScheduledPES("auto"), n=20)
    with nengo.Simulator(network, progress_bar=False, optimize=False) as sim:
        sim.run_steps(300)
        nlr.checkpoint.save(sim, tmp_path / "half.npz")
        sim.run_steps(200)
        expected = sim.data[network.window][300:], sim.data[network.weights][300:]
    again = learning(nlr.ScheduledPES("auto"), n=20)
    with nengo.Simulator(again, progress_bar=False, optimize=False) as sim:
        nlr.checkpoint.load(sim, tmp_path / "half.npz")
        sim.run_steps(200)
        assert np.array_equal(sim.data[again.window], expected[0])
        assert np.array_equal(sim.data[again.weights], expected[1])


def test_copies_and_pickles_of_a_network_learn_the_same():
    network = learning(nlr.ScheduledPES("auto"), n=20)
    results = []
    for model in (network, network.copy()):
        with nengo.Simulator(model, progress_bar=False, optimize=False) as sim:
            sim.run_steps(100)
        results.append(sim.data[model.probes[0]])
    assert np.array_equal(*results)


def test_single_precision_learns_the_same(request):
    rates = []
    request.addfinalizer(lambda: nengo.rc.set("precision", "bits", "64"))
    for bits in ("64", "32"):
        nengo.rc.set("precision", "bits", bits)
        network = learning(nlr.ScheduledPES("auto"))
        with nengo.Simulator(network, progress_bar=False) as sim:
            sim.run(0.5)
        rates.append(sim.data[network.rate])
    assert sim.data[network.weights].dtype == np.float32
    assert np.allclose(*rates, rtol=1e-3)


def test_precondition_with_an_optimizer_and_a_law():
    for kwargs in (
        {"learning_rate": 1e-2, "optimizer": nlr.RMSProp()},
        {"learning_rate": nlr.ErrorDriven(1e-4, 1e-2, scale=0.5)},
    ):
        network = learning(nlr.ScheduledPES(precondition=5, **kwargs))
        with nengo.Simulator(network, progress_bar=False) as sim:
            sim.run(2.0)
        assert np.sqrt(np.mean(sim.data[network.probe_error][-500:] ** 2)) < 0.2


# --- what it reads from the model


def looped(synapse, gain=1.0, error_synapse=0.005, readable=True):
    """A network whose error loop has a filter and a gain."""
    with nengo.Network(seed=0) as network:
        stimulus, pre = nengo.Node(lambda t: np.sin(4 * t)), nengo.Ensemble(50, 1)
        nengo.Connection(stimulus, pre, synapse=None)
        output = nengo.Node(size_in=1)
        network.connection = nengo.Connection(
            pre,
            output,
            function=lambda x: 0,
            synapse=synapse,
            learning_rule_type=nlr.ScheduledPES("auto"),
        )
        if readable:
            error = nengo.Node(size_in=1)
        else:
            error = nengo.Node(lambda t, x: x, size_in=1)
        nengo.Connection(output, error, transform=gain, synapse=None)
        nengo.Connection(stimulus, error, transform=-gain, synapse=synapse)
        nengo.Connection(error, network.connection.learning_rule, synapse=error_synapse)
        network.error = nengo.Probe(error)
    return network


def test_delay_is_read_from_the_loop():
    for synapse, gain, expected in [
        (0.005, 1.0, 0.02),
        (0.005, 30.0, 0.02),
        (0.3, 1.0, 2.5 * 0.005),
    ]:
        network = looped(synapse, gain)
        with nengo.Simulator(network, progress_bar=False) as sim:
            delay, found = loop_delay(sim.model, network.connection.learning_rule)
        assert found == pytest.approx(gain)
        assert delay == pytest.approx(max(expected, 0.02), rel=0.1)
    network = looped(0.3, error_synapse=0.3)
    with nengo.Simulator(network, progress_bar=False) as sim:
        delay, _ = loop_delay(sim.model, network.connection.learning_rule)
    assert delay == pytest.approx(2.5 * 0.15, rel=0.02)


def test_error_of_the_wrong_sign():
    network = looped(0.005, gain=-1.0)
    with pytest.warns(UserWarning, match="must be the output minus the target"):
        nengo.Simulator(network, progress_bar=False).close()


def test_delay_of_a_loop_that_cannot_be_read_is_that_of_its_synapses():
    network = looped(0.3, 30.0, error_synapse=0.3, readable=False)
    with nengo.Simulator(network, progress_bar=False) as sim:
        found = loop_delay(sim.model, network.connection.learning_rule)
    assert found == pytest.approx((2.5 * 0.15, 1.0))


@pytest.mark.parametrize("gain", [0.1, 30.0])
@pytest.mark.parametrize("synapse", [None, 0.005, 0.1, 0.5])
def test_no_loop_that_can_be_read_diverges(synapse, gain):
    for error_synapse in (None, synapse):
        network = looped(synapse, gain, error_synapse)
        with nengo.Simulator(network, progress_bar=False) as sim:
            sim.run(3.0)
        assert np.abs(sim.data[network.error][-1000:]).max() < 2 * gain


class Unknown(nengo.LIF):
    """Neurons that do not know their rates."""

    def rates(self, x, gain, bias):
        raise NotImplementedError


def test_neurons_without_tuning_curves_learn_without_damped_activities():
    network = learning(nlr.ScheduledPES("auto"))
    network.ensembles[0].neuron_type = Unknown()
    network.ensembles[0].gain = nengo.dists.Uniform(1, 5)
    network.ensembles[0].bias = nengo.dists.Uniform(-1, 3)
    network.connection.solver = nengo.solvers.NoSolver(np.zeros((60, 1)))
    with pytest.warns(UserWarning, match="tuning curves") as caught:
        sim = nengo.Simulator(network, progress_bar=False)
    assert any(str(network.connection) in str(w.message) for w in caught)
    with sim:
        sim.run(3.0)
    assert np.sqrt(np.mean(sim.data[network.probe_error][-1000:] ** 2)) < 0.15
    a = np.random.RandomState(0).uniform(0, 200, size=60)
    assert np.array_equal(operator(sim, SimDamp).directions.damp(a, np)[1], a)


def test_no_warning_where_tuning_curves_are_known():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with nengo.Simulator(wired(nlr.ScheduledPES("auto")), progress_bar=False):
            pass


# --- bad input


@pytest.mark.parametrize("word", ["Auto", "fast", ""])
def test_another_word(word):
    with pytest.raises(ValidationError, match="auto"):
        nlr.ScheduledPES(word)


@pytest.mark.parametrize("rank", [0, -1, 2.0, True, "10", [10]])
def test_rank_that_is_none(rank):
    with pytest.raises(ValidationError, match="integer from 1"):
        nlr.ScheduledPES(1e-3, precondition=rank)


@pytest.mark.parametrize("rate", [1e-3, "auto"])
def test_rank_above_the_number_of_neurons(rate):
    network = learning(nlr.ScheduledPES(rate, precondition=21), n=20)
    with pytest.raises(ValidationError, match="20, the number of neurons"):
        nengo.Simulator(network, progress_bar=False)


def test_fewer_neurons_than_directions_are_all_damped():
    network = learning(nlr.ScheduledPES("auto"), n=4)
    with nengo.Simulator(network, progress_bar=False) as sim:
        assert operator(sim, SimDamp).coordinates.size == 4


def test_auto_with_an_optimizer():
    with pytest.raises(ValidationError, match="RMSProp"):
        nlr.ScheduledPES("auto", optimizer=nlr.RMSProp())


def test_auto_where_it_has_no_meaning():
    for refused in ("auto", Auto()):
        with pytest.raises(ValidationError):
            nlr.Scheduled(nengo.BCM(), refused)
    network = learning(nlr.ScheduledPES(1e-3))
    with nengo.Simulator(network, progress_bar=False) as sim:
        for refused in ("auto", Auto()):
            with pytest.raises(ValidationError, match="when it is built"):
                nlr.set_learning_rate(sim, network.rule, refused)


@pytest.mark.parametrize("kwargs", [{"learning_rate": "auto"}, {"precondition": 3}])
def test_is_not_converted(kwargs):
    network = learning(nlr.ScheduledPES(**kwargs))
    with pytest.raises(ValidationError, match="cannot be converted"):
        nlr.to_error_scaling(network)


# --- in the lab


def test_trials_and_sweeps_take_the_word():
    model = nlr.lab.TaskModel("comm")
    trial = nlr.lab.Trial(model, "auto", learning=1.0, test=0.5, seed=0)
    assert trial.rate == Auto()
    score = trial.run()
    found = nlr.lab.sweep(
        model, [1e-3, "auto"], seeds=[0], learning=1.0, test=0.5, executor="serial"
    )
    assert found.rates == (1e-3, Auto())
    assert found.errors[1, 0] == score.error
    assert 0 < score.error < 0.5


def test_damped_rates_side_by_side_are_runs_of_their_own():
    task, rates = nlr.lab.TASKS["flip"], [1e-3, 5e-3]
    errors = nlr.lab.side_by_side(task, rates, 0, 0.5, 0.5, precondition=10)
    for rate, learned in zip(rates, errors.T):
        options = {"precondition": 10}
        trial = nlr.lab.Trial(
            nlr.lab.TaskModel(task), rate, 0.5, 0.5, seed=0, options=options
        )
        error = np.sqrt(np.mean(learned[500:] ** 2))
        assert trial.run().error == pytest.approx(error, rel=1e-6)


def test_the_command_sweeps_over_it(tmp_path):
    click = pytest.importorskip("click.testing")
    from nengo_lr.cli.commands import commands

    store = str(tmp_path / "trials.sqlite")
    arguments = [
        "sweep",
        "--task",
        "comm",
        "--rates",
        "1e-4:1e-3:2,auto",
        "--jobs",
        "1",
    ]
    arguments += ["--learning", "0.5", "--test", "0.2", "--seeds", "0"]
    arguments += ["--store", store, "--output", str(tmp_path)]
    for _ in range(2):  # the second time from the store
        result = click.CliRunner().invoke(commands, arguments)
        assert result.exit_code == 0, result.output
        assert " auto " in result.output
