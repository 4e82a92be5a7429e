import copy
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import nengo
import numpy as np
import pytest
from helpers import (
    CONNECTIONS,
    decoded,
    learning_network,
    neurons_to_neurons,
    relative,
    weight_solver,
    weights_run,
)
from nengo.exceptions import BuildError, SimulationError, ValidationError

import nengo_lr as nlr
from nengo_lr import Constant, ExponentialDecay, PiecewiseConstant, ScheduledPES

DT = 0.001
DECAY = ExponentialDecay(1e-3, tau=0.2)


# --- the same as nengo.PES where the rate is constant


@pytest.mark.parametrize("connect", CONNECTIONS.values(), ids=CONNECTIONS)
@pytest.mark.parametrize("pre_synapse", [None, nengo.Lowpass(0.005), nengo.Alpha(0.01)])
def test_constant_rate_has_the_bits_of_pes(connect, pre_synapse):
    plain, scheduled = (
        weights_run(
            nengo.Simulator,
            learning_network(rule(3e-4, pre_synapse=pre_synapse), connect),
            n_steps=200,
            optimize=False,
            progress_bar=False,
        )
        for rule in (nengo.PES, ScheduledPES)
    )
    assert np.array_equal(scheduled, plain)
    assert not np.array_equal(plain[0], plain[-1])


def all_connections(make_rule):
    """Every kind of connection in one network; returns it and its parts."""
    with nengo.Network() as network:
        parts = [learning_network(make_rule(), kind) for kind in CONNECTIONS.values()]
    return network, parts


@pytest.mark.needs("has_float64")
def test_constant_rate_equals_pes(Simulator):
    data = []
    for rule in (nengo.PES, ScheduledPES):
        network, parts = all_connections(lambda rule=rule: rule(3e-4))
        with Simulator(network) as sim:
            sim.run_steps(100)
        data.append([sim.data[part.weights] for part in parts])
    for kind, plain, scheduled in zip(CONNECTIONS, *data):
        assert relative(scheduled, plain) < 1e-14, kind


def test_many_weights_differ_by_roundings():
    plain, scheduled = (
        weights_run(
            nengo.Simulator,
            learning_network(rule(3e-4), weight_solver, n_neurons=500),
            n_steps=200,
            optimize=False,
            progress_bar=False,
        )
        for rule in (nengo.PES, ScheduledPES)
    )
    assert plain[0].size > 8192
    # 200 steps of at most one rounding each, and what they feed back
    assert 0 < relative(scheduled, plain) < 200 * np.finfo(float).eps


@pytest.fixture
def bits_32():
    nengo.rc.set("precision", "bits", "32")
    yield
    nengo.rc.set("precision", "bits", "64")


@pytest.mark.usefixtures("bits_32")
def test_constant_rate_has_the_bits_of_pes_in_32_bits():
    plain, scheduled = (
        weights_run(
            nengo.Simulator,
            learning_network(rule(3e-4)),
            optimize=False,
            progress_bar=False,
        )
        for rule in (nengo.PES, ScheduledPES)
    )
    assert scheduled.dtype == np.float32
    assert np.array_equal(scheduled, plain)


# --- every kind of rate


def rate_kinds():
    """The same decaying rate, given in each way."""
    yield "schedule", lambda: DECAY
    yield "callable", lambda: lambda t: 1e-3 * np.exp(-t / 0.2)
    yield "node", lambda: nengo.Node(lambda t: 1e-3 * np.exp(-t / 0.2))
    yield "composite", lambda: DECAY * 1.0
    yield "node with input", node_with_input


def node_with_input():
    source = nengo.Node(lambda t: np.exp(-t / 0.2))
    node = nengo.Node(size_in=1)
    nengo.Connection(source, node, transform=1e-3, synapse=None)
    return node


@pytest.mark.parametrize("connect", [decoded, weight_solver])
def test_every_kind_of_rate_gives_the_same_weights(Simulator, connect):
    weights = {}
    for kind, make_rate in rate_kinds():
        outer = nengo.Network(seed=0)
        with outer:
            rate = make_rate()
            inner = learning_network(ScheduledPES(rate), connect)
            outer.weights = inner.weights
            outer.rate = nengo.Probe(
                inner.connection.learning_rule, "learning_rate", synapse=None
            )
        with Simulator(outer) as sim:
            sim.run_steps(100)
        expected = DECAY(DT * np.arange(1, 101))
        # NengoDL hands the time to a Node in the precision of its simulation
        assert np.allclose(sim.data[outer.rate][:, 0], expected, rtol=1e-6, atol=0)
        weights[kind] = sim.data[outer.weights]
    for kind, given in weights.items():
        assert relative(given, weights["schedule"]) < 1e-6, kind


def test_callable_is_called_once_per_step_with_a_float():
    times = []

    def rate(t):
        assert type(t) is float
        times.append(t)
        return 1e-3 if t < 0.01 else -1e-3

    with nengo.Simulator(learning_network(ScheduledPES(rate)), progress_bar=False) as s:
        assert times == [0.0]
        s.run_steps(20)
    assert times == [k * DT for k in range(21)]


def test_callable_is_called_once_per_step_on_nengo_dl(NengoDL):
    times = []

    def rate(t):
        assert type(t) is float
        times.append(t)
        return 1e-3

    network = learning_network(ScheduledPES(rate))
    with NengoDL(network, unroll_simulation=5) as sim:
        sim.run_steps(20)
    assert times == [k * DT for k in range(21)]


def first_change(weights):
    """The weights of the first step in which they have moved."""
    moved = np.any(weights != weights[0], axis=(1, 2))
    assert np.any(moved)
    return weights[np.argmax(moved)]


def test_negative_rates_are_allowed_from_callables_and_nodes(Simulator):
    def learned(make_rate):
        with nengo.Network(seed=0) as outer:
            outer.weights = learning_network(ScheduledPES(make_rate())).weights
        return first_change(weights_run(Simulator, outer, n_steps=20))

    # the weights start at 0, and their first change is linear in the rate
    up = learned(lambda: 1e-3)
    assert np.array_equal(learned(lambda: lambda t: -1e-3), -up)
    assert np.array_equal(learned(lambda: nengo.Node(-1e-3)), -up)


def test_one_rate_per_error_dimension(Simulator):
    with nengo.Network(seed=0) as outer:
        rates = nengo.Node([1e-3, 0.0])
        outer.weights = learning_network(ScheduledPES(rates)).weights
    weights = weights_run(Simulator, outer, n_steps=50)
    both = weights_run(Simulator, learning_network(ScheduledPES(1e-3)), n_steps=50)
    assert relative(first_change(weights)[0], first_change(both)[0]) < 1e-14
    assert np.all(weights[:, 1] == weights[0][1])
    assert np.any(both[-1][1] != both[0][1])


@pytest.mark.parametrize("node_built_last", [False, True])
def test_node_in_another_subnetwork(Simulator, node_built_last):
    with nengo.Network(seed=0) as outer:
        with nengo.Network():
            rate = nengo.Node(1e-3)
        outer.weights = learning_network(ScheduledPES(rate)).weights
    if node_built_last:
        outer.networks.reverse()
    node_driven = weights_run(Simulator, outer, n_steps=50)
    constant = weights_run(Simulator, learning_network(ScheduledPES(1e-3)), n_steps=50)
    assert relative(node_driven, constant) < 1e-14


# --- time


def test_rate_at_step_k_moves_the_weights_at_step_k_plus_1(Simulator):
    learn_at = 10
    schedule = PiecewiseConstant(
        [0.0, 1e-3, 0.0], boundaries=[learn_at * DT, (learn_at + 1) * DT]
    )
    network = learning_network(ScheduledPES(schedule))
    with network:
        rate = nengo.Probe(network.connection.learning_rule, "learning_rate")
    with Simulator(network) as sim:
        sim.run_steps(20)
    assert np.flatnonzero(sim.data[rate]).tolist() == [learn_at - 1]
    moved = np.any(np.diff(sim.data[network.weights], axis=0) != 0, axis=(1, 2))
    # data i is that of step i + 1; difference i is what step i + 2 has added
    assert np.flatnonzero(moved).tolist() == [learn_at - 1]


@pytest.mark.parametrize("dt", [1e-4, 5e-4, 1e-3, 2e-3])
@pytest.mark.needs("has_float64")
def test_switches_fall_on_their_step(Simulator, dt):
    n_steps = 500
    switches = np.arange(1, n_steps, 3)
    values = np.arange(len(switches) + 1) % 2 * 1e-3
    schedule = PiecewiseConstant(values, boundaries=switches * dt)
    network = learning_network(ScheduledPES(schedule))
    with network:
        rate = nengo.Probe(network.connection.learning_rule, "learning_rate")
    with Simulator(network, dt=dt) as sim:
        sim.run_steps(n_steps)
    steps = np.arange(1, n_steps + 1)
    expected = values[np.searchsorted(switches, steps, side="right")]
    assert np.array_equal(sim.data[rate][:, 0], expected)


def test_error_shrinks_exactly_as_the_theory_says():
    """Constant input, rate neurons, no filters: a theorem about each single step."""
    schedule = ExponentialDecay(1e-3, tau=0.05)
    with nengo.Network(seed=0) as network:
        stimulus = nengo.Node([0.3, -0.5])
        pre = nengo.Ensemble(40, 2, neuron_type=nengo.LIFRate(), seed=1)
        nengo.Connection(stimulus, pre, synapse=None)
        error = nengo.Node(size_in=2)
        connection = nengo.Connection(
            pre,
            error,
            function=lambda x: [0, 0],
            synapse=None,
            learning_rule_type=ScheduledPES(schedule, pre_synapse=None),
        )
        nengo.Connection(stimulus, error, transform=-1, synapse=None)
        nengo.Connection(error, connection.learning_rule, synapse=None)
        errors = nengo.Probe(error)
        activities = nengo.Probe(pre.neurons)
    with nengo.Simulator(network, progress_bar=False) as sim:
        sim.run_steps(100)
    error, a = sim.data[errors], sim.data[activities][-1]
    rates = schedule(DT * np.arange(1, 101))
    shrink = 1 - rates * DT * np.dot(a, a) / a.size
    assert shrink[0] < 0.99
    # after the first steps, in which the input is not yet there
    assert relative(error[4:], shrink[3:-1, None] * error[3:-1]) < 1e-14


def scaled_network(schedule, scaling):
    """Learn with the error scaled by the rule itself, or in a Node before plain PES."""
    rule = ScheduledPES(schedule) if scaling is None else nengo.PES(1e-3)
    network = learning_network(rule)
    if scaling is not None:
        with network:
            (to_rule,) = (
                c
                for c in network.connections
                if c.post_obj == network.connection.learning_rule
            )
            network.connections.remove(to_rule)
            scaled = nengo.Node(lambda t, e: e * scaling(t), size_in=2)
            # the filter stands before the scaling
            nengo.Connection(network.error, scaled, synapse=to_rule.synapse)
            nengo.Connection(scaled, network.connection.learning_rule, synapse=None)
    return network


def test_native_rule_equals_scaling_in_a_node_over_20_seconds():
    def share(t):
        return np.exp(-t / 4) if t < 15 else 0.0

    native, scaled = (
        weights_run(
            nengo.Simulator,
            scaled_network(lambda t: 1e-3 * share(t), scaling),
            n_steps=20_000,
            progress_bar=False,
        )
        for scaling in (None, share)
    )
    assert relative(scaled, native) < 1e-13
    # the rate is 0 from step 15,000 on; data i is that of step i + 1
    assert np.array_equal(native[15_000:], np.broadcast_to(native[-1], (5000, 2, 30)))
    assert not np.array_equal(native[14_998], native[14_999])


# --- several rules


TWO_RULES = """
import sys; sys.path.insert(0, {tests!r})
import nengo, numpy as np, nengo_lr as nlr
from helpers import learning_network, relative, weights_run
from test_builder import two_rules

alone = [weights_run(nengo.Simulator, learning_network(nlr.ScheduledPES(s)), 100,
                     progress_bar=False) for s in two_rules()]
for optimize in (True, False):
    with nengo.Network() as both:
        parts = [learning_network(nlr.ScheduledPES(s)) for s in two_rules()]
    with nengo.Simulator(both, optimize=optimize, progress_bar=False) as sim:
        sim.run_steps(100)
    for part, expected in zip(parts, alone):
        assert relative(sim.data[part.weights], expected) < 1e-13
"""


def two_rules():
    """Two schedules that start at the same rate."""
    return ExponentialDecay(1e-3, tau=0.02), ExponentialDecay(1e-3, tau=0.2)


@pytest.mark.parametrize("hash_seed", [0, 1, 2])
def test_two_rules_keep_their_rates_under_every_hash_seed(hash_seed):
    # Nengo's optimizer merges operators in an order that depends on the hash seed
    script = TWO_RULES.format(tests=str(Path(__file__).parent))
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)


def test_two_rules_with_two_schedules(Simulator):
    alone = [
        weights_run(Simulator, learning_network(ScheduledPES(schedule)), 100)
        for schedule in two_rules()
    ]
    with nengo.Network() as both:
        parts = [learning_network(ScheduledPES(schedule)) for schedule in two_rules()]
    with Simulator(both) as sim:
        sim.run_steps(100)
    for part, expected in zip(parts, alone):
        assert relative(sim.data[part.weights], expected) < 1e-13


@pytest.mark.parametrize("container", [list, dict])
@pytest.mark.needs("has_float64")
def test_several_rules_on_one_connection(Simulator, container):
    def learn(rules):
        with nengo.Network(seed=1) as network:
            stimulus = nengo.Node(lambda t: np.sin(6 * t))
            pre = nengo.Ensemble(30, 1, seed=2)
            error = nengo.Node(size_in=1)
            nengo.Connection(stimulus, pre)
            given = dict(zip("abc", rules)) if container is dict else list(rules)
            connection = nengo.Connection(
                pre, error, function=lambda x: 0, learning_rule_type=given
            )
            nengo.Connection(stimulus, error, transform=-1)
            for key in given if container is dict else range(len(given)):
                nengo.Connection(error, connection.learning_rule[key])
            network.weights = nengo.Probe(connection, "weights")
        return weights_run(Simulator, network, 100)

    rates = (ExponentialDecay(1e-4, tau=0.02), ExponentialDecay(2e-4, tau=0.05))
    several = learn([ScheduledPES(rates[0]), nengo.PES(1e-4), ScheduledPES(rates[1])])
    one = learn([ScheduledPES(rates[0] + Constant(1e-4) + rates[1])])
    assert relative(several, one) < 1e-13


# --- state


def test_probing_delta_changes_nothing_and_shows_the_change(Simulator):
    plain = weights_run(Simulator, learning_network(ScheduledPES(DECAY)), 100)
    network = learning_network(ScheduledPES(DECAY))
    with network:
        delta = nengo.Probe(network.connection.learning_rule, "delta")
    with Simulator(network) as sim:
        sim.run_steps(100)
    weights = sim.data[network.weights]
    assert relative(weights, plain) < 1e-14
    change = np.diff(weights, axis=0)
    # a difference of weights carries their rounding
    assert np.all(np.abs(change - sim.data[delta][:-1]) <= np.spacing(np.max(weights)))


@pytest.mark.needs("has_float64")
def test_probed_delta_error_and_activities_equal_those_of_pes(Simulator):
    data = []
    for rule in (nengo.PES, ScheduledPES):
        network = learning_network(rule(1e-3), weight_solver)
        with network:
            probes = [
                nengo.Probe(network.connection.learning_rule, attribute)
                for attribute in nengo.PES.probeable
            ]
        with Simulator(network) as sim:
            sim.run_steps(100)
        data.append([sim.data[probe] for probe in probes])
    for plain, scheduled in zip(*data):
        assert relative(scheduled, plain) < 1e-13


@pytest.mark.parametrize("schedule", [DECAY, lambda t: DECAY(t)])
def test_split_runs_and_reset_equal_one_run(Simulator, schedule):
    network = learning_network(ScheduledPES(schedule))
    with Simulator(network) as sim:
        sim.run_steps(300)
        once = np.array(sim.data[network.weights])
        sim.reset()
        for n_steps in (1, 99, 200):
            sim.run_steps(n_steps)
        assert relative(sim.data[network.weights], once) < 1e-14


def test_split_runs_and_reset_have_the_same_bits_unoptimized():
    network = learning_network(ScheduledPES(DECAY))
    with nengo.Simulator(network, optimize=False, progress_bar=False) as sim:
        sim.run_steps(600)
        once = np.array(sim.data[network.weights])
        sim.reset()
        for n_steps in (1, 299, 300):
            sim.run_steps(n_steps)
        assert np.array_equal(sim.data[network.weights], once)


def sine(t):
    return np.sin(6 * t)


def zero(x):
    return 0.0


def picklable_network():
    with nengo.Network(seed=1) as network:
        stimulus = nengo.Node(sine)
        rate = nengo.Node(5e-4)
        pre = nengo.Ensemble(30, 1)
        error = nengo.Node(size_in=1)
        nengo.Connection(stimulus, pre)
        nengo.Connection(stimulus, error, transform=-1)
        for given in (DECAY, rate):
            connection = nengo.Connection(
                pre, error, function=zero, learning_rule_type=ScheduledPES(given)
            )
            nengo.Connection(error, connection.learning_rule)
        network.weights = nengo.Probe(connection, "weights")
    return network


@pytest.mark.parametrize(
    "duplicate",
    [
        lambda network: network.copy(),
        copy.deepcopy,
        lambda network: pickle.loads(pickle.dumps(network)),
    ],
)
@pytest.mark.needs("has_float64")
def test_copies_of_a_network_learn_the_same(Simulator, duplicate):
    network = picklable_network()
    expected = weights_run(Simulator, network, 50)
    again = duplicate(network)
    # attributes are not copied by every way; the Probe is the network's only one
    again.weights = again.probes[0]
    assert relative(weights_run(Simulator, again, 50), expected) < 1e-13


def test_pickled_simulator_goes_on():
    network = picklable_network()
    with nengo.Simulator(network, optimize=False, progress_bar=False) as sim:
        sim.run_steps(50)
        pickled = pickle.dumps(sim)
        sim.run_steps(50)
        expected = sim.data[network.weights]
    with pickle.loads(pickled) as again:
        again.run_steps(50)
        (probe,) = again.model.toplevel.probes
        assert np.array_equal(again.data[probe], expected)


# --- bad input


def build(network):
    with nengo.Simulator(network, progress_bar=False):
        pass


def test_node_of_the_wrong_size():
    with nengo.Network() as outer:
        learning_network(ScheduledPES(nengo.Node([1e-3] * 3, label="dopamine")))
    with pytest.raises(BuildError, match=r"dopamine.*3 outputs.*must have 1 or 2"):
        build(outer)


def test_node_per_dimension_needs_decoded_error():
    with nengo.Network() as outer:
        rate = nengo.Node([1e-3] * 2)
        learning_network(ScheduledPES(rate), neurons_to_neurons)
    with pytest.raises(BuildError, match=r"2 outputs.*must have 1.*encoders"):
        build(outer)


def test_node_of_another_model():
    with nengo.Network():
        rate = nengo.Node(1e-3, label="stranger")
    network = learning_network(ScheduledPES(rate))
    with pytest.raises(BuildError, match=r"stranger.*not in the model"):
        build(network)


def test_node_without_output():
    with nengo.Network() as outer:
        learning_network(ScheduledPES(nengo.Node(lambda t: None, size_out=0)))
    with pytest.raises(BuildError, match=r"0 outputs.*must have 1 or 2"):
        build(outer)


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (lambda t: "fast", "must return a number"),
        (lambda t: None, "must return a number"),
        (lambda t: [1e-3, 1e-3], "must return a number"),
        (lambda t: 1e-3j, "must return a number"),
        (lambda t: np.nan, "is nan at t=0 s"),
        (lambda t: 1 / t, "failed at t=0 s: ZeroDivisionError"),
    ],
)
def test_callable_is_checked_at_build(Simulator, rate, words):
    with (
        pytest.raises(ValidationError, match=words),
        Simulator(learning_network(ScheduledPES(rate))),
    ):
        pass


def fails_at(t, value):
    """A rate that is ``value`` from time ``t`` on."""
    return lambda now: value if now >= t - 1e-9 else 1e-3


def overflowing_node():
    """A Node that hands on infinity, which none may return itself."""
    source = nengo.Node(fails_at(0.05, 1e300))
    node = nengo.Node(size_in=1)
    nengo.Connection(source, node, transform=1e10, synapse=None)
    return node


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize(
    ("make_rate", "words"),
    [
        (lambda: fails_at(0.05, np.nan), "is nan at t=0.05 s"),
        (lambda: fails_at(0.05, np.inf), "is inf at t=0.05 s"),
        (lambda: fails_at(0.05, "fast"), "at t=0.05 s it returned 'fast'"),
        (overflowing_node, r"is \[inf\] at t=0.05 s"),
    ],
)
def test_rate_that_is_not_finite_stops_the_run(make_rate, words):
    with nengo.Network(seed=0) as outer:
        inner = learning_network(ScheduledPES(make_rate()))
    with nengo.Simulator(outer, progress_bar=False) as sim:
        with pytest.raises(SimulationError, match=words) as error:
            sim.run_steps(100)
        assert str(inner.connection) in str(error.value)
        weights = sim.signals[sim.model.sig[inner.connection]["weights"]]
        assert np.all(np.isfinite(weights))
        assert np.any(weights != 0)


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize(
    ("make_rate", "words"),
    [
        (lambda: fails_at(0.05, np.nan), "is nan at t=0.05 s"),
        (overflowing_node, r"is \[\[inf\]\] at t=0.05 s"),
    ],
)
def test_rate_that_is_not_finite_stops_nengo_dl(NengoDL, make_rate, words):
    with nengo.Network(seed=0) as outer:
        inner = learning_network(ScheduledPES(make_rate()))
    with NengoDL(outer) as sim:
        sim.run_steps(40)
        with pytest.raises(SimulationError) as error:
            sim.run_steps(60)
        cause = str(error.value.__cause__)
        assert re.search(words, cause)
        assert str(inner.connection) in cause
        weights = sim.data[inner.connection].weights
        assert np.all(np.isfinite(weights))
        assert np.any(weights != 0)


def test_unknown_nengo_is_refused(monkeypatch):
    class OtherPES:
        pass

    monkeypatch.setattr(nlr.builder.pes, "SimPES", OtherPES)
    network = learning_network(ScheduledPES(1e-3))
    with pytest.raises(BuildError, match=f"nengo_lr {nlr.__version__}.*Nengo 4"):
        build(network)
