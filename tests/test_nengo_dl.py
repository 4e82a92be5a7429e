"""What only NengoDL has: dtypes, minibatches, unrolled loops, merged operators."""

from itertools import permutations

import nengo
import numpy as np
import pytest
from conftest import make_nengo
from helpers import (
    CONNECTIONS,
    N_STEPS,
    decoded,
    learning_network,
    neurons_to_neurons,
    relative,
)

from nengo_lr import (
    ExponentialDecay,
    PiecewiseConstant,
    ScheduledPES,
    frozen,
    set_learning_rate,
)
from nengo_lr.builder.hosts import host_of

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}


@pytest.fixture(autouse=True)
def needs_nengo_dl(NengoDL):
    return NengoDL


def all_connections():
    """Each kind of connection with its own schedule, in one network."""
    with nengo.Network() as network:
        network.parts = [
            learning_network(ScheduledPES(ExponentialDecay(1e-4, tau=0.1 + i)), kind)
            for i, kind in enumerate(CONNECTIONS.values())
        ]
    return network


@pytest.fixture(scope="module")
def reference():
    network = all_connections()
    with nengo.Simulator(network, progress_bar=False) as sim:
        sim.run_steps(N_STEPS)
    return [sim.data[part.weights] for part in network.parts]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    "options", [{}, {"minibatch_size": 3, "unroll_simulation": 5}], ids=str
)
def test_equals_the_reference(NengoDL, reference, dtype, options):
    network = all_connections()
    with NengoDL(network, dtype=dtype, **options) as sim:
        sim.run_steps(N_STEPS)
    for kind, part, expected in zip(CONNECTIONS, network.parts, reference):
        weights = sim.data[part.weights]
        if options:
            assert len(weights) == 3
        assert relative(weights, expected) < TOLERANCE[dtype], kind


def test_rules_of_one_shape_merge(NengoDL):
    with nengo.Network() as network:
        for tau in (0.1, 0.2, 0.3):
            learning_network(ScheduledPES(ExponentialDecay(1e-3, tau)))
    with NengoDL(network) as sim:
        groups = {
            type(group[0]).__name__: len(group)
            for group in sim.tensor_graph.plan
            if type(group[0]).__module__.startswith("nengo_lr")
        }
    assert groups == {
        "SimScheduledRate": 3,
        "SimScheduledPES": 3,
        "SimAddDelta": 3,
    }


@pytest.mark.parametrize("connect", [decoded, neurons_to_neurons])
def test_one_rate_per_minibatch_item(NengoDL, connect):
    rates = [0.0, 1e-5, 1e-4]
    with nengo.Network(seed=0) as network:
        rate = nengo.Node([0.0])
        inner = learning_network(ScheduledPES(rate), connect)
    given = np.broadcast_to(np.reshape(rates, (3, 1, 1)), (3, 100, 1))
    with NengoDL(network, minibatch_size=3) as sim:
        sim.run_steps(100, data={rate: given})
    for value, weights in zip(rates, sim.data[inner.weights]):
        alone = learning_network(ScheduledPES(value), connect)
        with nengo.Simulator(alone, progress_bar=False) as reference:
            reference.run_steps(100)
        assert relative(weights + 1, reference.data[alone.weights] + 1) < 1e-12
    assert np.any(weights[-1] != weights[0])


def test_switches_are_right_in_float32_after_a_long_time(NengoDL):
    # float32 has 24 bits: from 16,777,216 steps on it cannot count them, and a fifth
    # of all boundaries k * dt is wrong long before
    dt, first = 1e-3, 100_000
    switches = np.arange(first, first + 300, 3)
    values = np.arange(len(switches) + 1) % 2 * 1e-3
    schedule = PiecewiseConstant(values, boundaries=switches * dt)
    with nengo.Network() as network:
        pre = nengo.Ensemble(2, 1)
        connection = nengo.Connection(
            pre, nengo.Node(size_in=1), learning_rule_type=ScheduledPES(schedule)
        )
        rate = nengo.Probe(connection.learning_rule, "learning_rate")
    with NengoDL(network, dtype="float32") as sim:
        step = sim.tensor_graph.model.step
        key = sim.tensor_graph.signals[step].key
        sim.tensor_graph.saved_state[key].assign(
            np.full(sim.tensor_graph.saved_state[key].shape, first - 1, np.int32)
        )
        sim.run_steps(300)
    steps = first + np.arange(300)
    expected = values[np.searchsorted(switches, steps, side="right")]
    assert np.array_equal(sim.data[rate][:, 0] > 0, expected > 0)


def test_predict_learns_like_run_steps(NengoDL):
    """`predict` runs the rule too: the weights it leaves are those of a run."""
    network = learning_network(ScheduledPES(ExponentialDecay(1e-3, tau=0.1)))
    with NengoDL(network) as sim:
        sim.run_steps(50)
        run = sim.data[network.weights]
    with NengoDL(network) as sim:
        predicted = sim.predict(n_steps=50)
    assert np.array_equal(predicted[network.weights][0], run)


@pytest.mark.filterwarnings("ignore:The learning rate of .* goes back")
def test_fit_trains_around_a_rule_as_it_does_around_pes(NengoDL):
    tf = pytest.importorskip("tensorflow")
    trained = []
    rules = nengo.PES(1e-3), ScheduledPES(PiecewiseConstant([1e-3, 0.0], [1.0]))
    for rule in rules:
        with nengo.Network(seed=0) as network:
            stimulus, output = nengo.Node([0.5]), nengo.Node(size_in=1)
            pre = nengo.Ensemble(20, 1, neuron_type=nengo.RectifiedLinear())
            nengo.Connection(stimulus, pre, synapse=None)
            learned = nengo.Connection(
                pre, output, function=lambda x: 0, learning_rule_type=rule
            )
            nengo.Connection(stimulus, learned.learning_rule, synapse=None)
            fixed = nengo.Connection(pre, output, synapse=None)
            probe = nengo.Probe(output)
        with NengoDL(network, minibatch_size=2) as sim:
            before = np.array(sim.data[fixed].weights)
            sim.compile(tf.optimizers.SGD(1e-6), loss="mse")
            target = np.full((4, 6, 1), 2.0)
            losses = sim.fit(target / 4, {probe: target}, epochs=2, verbose=0).history
            trained.append((losses["loss"], sim.data[fixed].weights))
        assert np.any(trained[-1][1] != before)
    for expected, actual in zip(*trained):
        assert np.allclose(actual, expected, rtol=1e-10, atol=0)


SYNAPSES = {
    "one pole": nengo.LinearFilter([1], [0.005, 1]),
    "one pole with a gain": nengo.LinearFilter([2], [0.005, 1]),
    "digital": nengo.LinearFilter([0.1], [1, -0.9], analog=False),
    "identity": nengo.LinearFilter([2.0], [1.0], analog=False),
    "direct path": nengo.LinearFilter([0.5, 1], [0.01, 1]),
    "alpha": nengo.Alpha(0.005),
    "lowpass 0": nengo.Lowpass(0),
    "triangle": nengo.synapses.Triangle(0.005),
    "none": None,
}


def test_every_presynaptic_filter(NengoDL):
    """On its own, NengoDL fails to run filters with one pole, none or a direct path."""
    data = []
    for simulator in (make_nengo, NengoDL):
        with nengo.Network() as network:
            parts = {
                name: learning_network(ScheduledPES(1e-3, pre_synapse=synapse))
                for name, synapse in SYNAPSES.items()
            }
        with (
            simulator(network, progress_bar=False)
            if (simulator is nengo.Simulator)
            else simulator(network) as sim
        ):
            sim.run_steps(50)
        data.append({name: sim.data[part.weights] for name, part in parts.items()})
    for name, expected in data[0].items():
        assert np.any(expected[-1] != expected[0]), name
        assert relative(data[1][name], expected) < 1e-12, name


def test_rules_with_one_schedule_evaluate_it_once(NengoDL, monkeypatch):
    evaluated, evaluate = [], ExponentialDecay.evaluate
    monkeypatch.setattr(
        ExponentialDecay,
        "evaluate",
        lambda self, t, xp: evaluated.append(xp) or evaluate(self, t, xp),
    )
    taus = 0.1, 0.2, 0.1, 0.1, 0.2
    with nengo.Network() as network:
        parts = [
            learning_network(ScheduledPES(ExponentialDecay(1e-3, t))) for t in taus
        ]
        rates = [
            nengo.Probe(p.connection.learning_rule, "learning_rate") for p in parts
        ]
    with NengoDL(network) as sim:
        once = sum(xp is not np for xp in evaluated)
        sim.run_steps(3)
    traced = sum(xp is not np for xp in evaluated)
    assert once == 2
    assert traced % 2 == 0
    times = 1e-3 * np.arange(1, 4)
    for tau, rate in zip(taus, rates):
        expected = 1e-3 * np.exp(-times / tau)
        assert np.allclose(sim.data[rate][:, 0], expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("options", [{}, {"minibatch_size": 2, "unroll_simulation": 4}])
def test_rates_of_all_kinds_in_one_model(NengoDL, options):
    decay = ExponentialDecay(1e-3, tau=0.05)
    kinds = [
        decay,
        2e-4,
        lambda t: 1e-3 * t,
        decay * 0.5,
        decay,
        lambda t: 5e-4 + 0 * t,
    ]
    with nengo.Network() as network:
        rules = [learning_network(ScheduledPES(rate)) for rate in kinds]
        rates = [
            nengo.Probe(rule.connection.learning_rule, "learning_rate")
            for rule in rules
        ]
    times = 1e-3 * np.arange(1, 9)
    expected = [rate if np.isscalar(rate) else rate(times) for rate in kinds]
    with NengoDL(network, **options) as sim:
        for n_steps in (4, 4):  # the second run goes on where the first ended
            sim.run_steps(n_steps)
        for probe, values in zip(rates, expected):
            for item in sim.data[probe].reshape(-1, 8):
                assert np.allclose(item, values, rtol=1e-12, atol=0)


# --- parameters, which hold what was learned and nothing else


def mixed(rule):
    """Rules of several shapes, some alike."""
    with nengo.Network() as network:
        network.parts = [
            learning_network(rule, kind, n_neurons=n)
            for kind, n in [
                (decoded, 30),
                (decoded, 20),
                (decoded, 30),
                (neurons_to_neurons, 30),
                (CONNECTIONS["sliced_dimensions"], 30),
                (CONNECTIONS["weight_solver"], 30),
            ]
        ]
    return network


def all_weights(sim, network):
    return [
        host_of(sim).read(sim.model.sig[part.connection]["weights"])
        for part in network.parts
    ]


RULES = {
    "PES": nengo.PES(1e-4),
    "ScheduledPES": ScheduledPES(1e-4),
    "decay": ScheduledPES(ExponentialDecay(1e-4, tau=1.0)),
}


@pytest.mark.parametrize(("saved", "loaded"), [*permutations(RULES, 2)])
def test_parameters_fit_every_rule(NengoDL, tmp_path, saved, loaded):
    network = mixed(RULES[saved])
    with NengoDL(network) as sim:
        before = all_weights(sim, network)
        sim.run_steps(20)
        learned = all_weights(sim, network)
        sim.save_params(str(tmp_path / "params"))
    other = mixed(RULES[loaded])
    with NengoDL(other) as sim:
        sim.load_params(str(tmp_path / "params"))
        for values, expected, old in zip(all_weights(sim, other), learned, before):
            assert np.array_equal(values, expected)
            assert not np.array_equal(values, old)


def test_a_connection_with_the_seed_of_a_probe(NengoDL):
    """NengoDL takes it for that of the Probe, and its weights for no parameters."""
    data = []
    for rule in nengo.PES(1e-3), ScheduledPES(1e-3):
        with nengo.Network(seed=1) as network:
            stimulus, probes = nengo.Node([0.5]), []
            for seed in 7, 8:
                pre, post = nengo.Ensemble(20, 1), nengo.Node(size_in=1)
                learned = nengo.Connection(
                    pre, post, learning_rule_type=rule, seed=seed
                )
                nengo.Connection(stimulus, learned.learning_rule)
                probes.append(nengo.Probe(learned, "weights"))
            nengo.Probe(pre, seed=8)
        with NengoDL(network) as sim:
            sim.run_steps(10)
        data.append([sim.data[probe] for probe in probes])
    for ours, native in zip(*data):
        assert np.any(native[0] != native[-1])
        assert relative(ours, native) < 1e-12


@pytest.mark.filterwarnings("ignore:The learning rate of .* goes back")
def test_parameters_neither_freeze_nor_set_rates(NengoDL, tmp_path):
    path = str(tmp_path / "params")
    network = learning_network(ScheduledPES(1e-3))
    rule = network.connection.learning_rule
    with network:
        rates = nengo.Probe(rule, "learning_rate")
    with NengoDL(network) as sim:
        sim.run_steps(5)
        set_learning_rate(sim, rule, 5e-4)
        with frozen(sim):
            sim.save_params(path)
            sim.save_params(path + " with state", include_state=True)
    for kwargs in ({}, {"include_state": True}):
        with NengoDL(network) as sim:
            sim.load_params(path + (" with state" if kwargs else ""), **kwargs)
            sim.run_steps(5)
            weights = sim.data[network.weights]
            assert np.all(sim.data[rates][-5:] == 1e-3)
            assert not np.array_equal(weights[-5], weights[-1])
            # and a file that was loaded into a simulator does not undo its rates
            set_learning_rate(sim, rule, 2e-4)
            sim.load_params(path)
            sim.run_steps(5)
            assert np.all(sim.data[rates][-5:] == 2e-4)
            sim.reset(include_trainable=False)
            sim.run_steps(5)
            assert np.all(sim.data[rates] == 1e-3)
