"""Many rules in one step: Nengo's optimizer merges their operators."""

import os
import pickle
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import nengo
import numpy as np
import pytest
from helpers import relative
from nengo.exceptions import SimulationError

from nengo_lr import (
    AdaGrad,
    ErrorDriven,
    ExponentialDecay,
    Linear,
    Scheduled,
    ScheduledPES,
    frozen,
    set_learning_rate,
)
from nengo_lr.builder.merging import Group, gather, members, runs
from nengo_lr.builder.rates import SimScheduledRate

DECAY = ExponentialDecay(1e-3, tau=0.05)


def zeros(x, size):
    return np.zeros(size)


def many_rules(rules, n_neurons=20, size=1, synapse=0.005):
    """A model with one ensemble and one learned connection for each rule."""
    n = len(rules) * size
    with nengo.Network(seed=1) as network:
        signal = nengo.processes.WhiteSignal(1.0, high=10, seed=1)
        stimulus = nengo.Node(signal, size_out=n)
        pre = nengo.networks.EnsembleArray(n_neurons, len(rules), size)
        nengo.Connection(stimulus, pre.input)
        output, error = nengo.Node(size_in=n), nengo.Node(size_in=n)
        nengo.Connection(output, error, synapse=synapse)
        nengo.Connection(stimulus, error, transform=-1, synapse=synapse)
        network.learned, network.weights, network.rates = [], [], []
        for i, rule in enumerate(rules):
            part = slice(i * size, (i + 1) * size)
            connection = nengo.Connection(
                pre.ea_ensembles[i],
                output[part],
                function=partial(zeros, size=size),
                learning_rule_type=rule,
                label=f"rule {i}",
            )
            rule = connection.learning_rule
            nengo.Connection(error[part], rule, synapse=synapse)
            network.learned.append(connection)
            network.weights.append(nengo.Probe(connection, "weights"))
            if not isinstance(connection.learning_rule_type, nengo.PES):
                network.rates.append(nengo.Probe(rule, "learning_rate"))
    return network


def simulator(network, optimize=True):
    return nengo.Simulator(network, progress_bar=False, optimize=optimize)


def groups(sim):
    """How many operators of each type are merged."""
    return {
        type(op.ops[0]).__name__: len(op.ops)
        for op in sim.model.operators
        if isinstance(op, Group)
    }


def assert_merging_changes_nothing(network, n_steps=300, learns=True):
    """All rules learn the same merged and alone; ``learns``: none stands still."""
    weights = []
    for optimize in (False, True):
        with simulator(network, optimize) as sim:
            sim.run_steps(n_steps)
        weights.append([np.array(sim.data[probe]) for probe in network.weights])
    for merged, alone in zip(*weights[::-1]):
        if not learns and not alone.any():  # a few neurons may all be silent
            assert not merged.any()
            continue
        assert relative(merged, alone) < 1e-13
        assert not np.array_equal(alone[0], alone[-1])


ALIKE = {
    "one schedule": [ScheduledPES(DECAY) for _ in range(5)],
    "constants": [ScheduledPES(r) for r in (1e-4, 2e-4, 3e-4)],
    "schedules": [ScheduledPES(Linear(r, 0.2)) for r in (1e-3, 2e-3, 3e-3)]
    + [ScheduledPES(1e-4)],
    "functions": [ScheduledPES(lambda t, i=i: 1e-3 * np.exp(-i * t)) for i in range(3)],
    "synapses": [ScheduledPES(DECAY, pre_synapse=s) for s in (0.005, 0.01, 0.02)],
    "no synapse": [ScheduledPES(DECAY, pre_synapse=None) for _ in range(3)],
    "alpha": [ScheduledPES(DECAY, pre_synapse=nengo.Alpha(0.01)) for _ in range(3)],
}


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("kind", ALIKE)
def test_alike_rules_merge_and_learn_the_same(kind, size):
    network = many_rules(ALIKE[kind], size=size)
    with simulator(network) as sim:
        found = groups(sim)
    n = len(ALIKE[kind])
    for name in ("SimScheduledRate", "SimPESFactors", "SimAddOuter"):
        assert found[name] == n, name
    filters = found.get("SimActivityFilter", 0)
    assert filters == (0 if kind in ("no synapse", "alpha") else n)
    assert_merging_changes_nothing(network)


def test_merged_rules_learn_as_pes():
    weights = []
    for rule in (nengo.PES(3e-4), ScheduledPES(3e-4)):
        network = many_rules([rule] * 6)
        with simulator(network) as sim:
            sim.run_steps(300)
        weights.append([np.array(sim.data[probe]) for probe in network.weights])
    for plain, merged in zip(*weights):
        assert relative(merged, plain) < 1e-13


def test_what_differs_stands_beside_what_merges():
    """Optimizers, laws and Nodes keep their own operators; shapes make groups."""
    with nengo.Network(seed=0) as network:
        rate = nengo.Node(1e-4)
        rules = [
            *[ScheduledPES(DECAY, optimizer=AdaGrad()) for _ in range(2)],
            *[ScheduledPES(ErrorDriven(1e-4, 1e-3, scale=1.0)) for _ in range(2)],
            *[ScheduledPES(rate) for _ in range(2)],
            *[ScheduledPES(DECAY) for _ in range(2)],
        ]
        small = many_rules(rules)
        large = many_rules([ScheduledPES(DECAY)] * 3, n_neurons=30, size=2)
        network.weights = small.weights + large.weights
    assert_merging_changes_nothing(network)


def test_a_probe_on_one_delta():
    network = many_rules([ScheduledPES(DECAY) for _ in range(4)])
    with network:
        delta = nengo.Probe(network.learned[2].learning_rule, "delta")
    with simulator(network) as sim:
        sim.run_steps(100)
    weights = sim.data[network.weights[2]]
    # the change of a step lands in the next
    assert np.allclose(np.diff(weights, axis=0)[5:], sim.data[delta][5:-1])
    assert_merging_changes_nothing(network)


def test_probed_deltas_merge_as_matrices():
    network = many_rules([ScheduledPES(DECAY) for _ in range(4)], size=2)
    with network:
        for connection in network.learned:
            nengo.Probe(connection.learning_rule, "delta")
    with simulator(network) as sim:
        assert groups(sim)["SimScheduledPES"] == groups(sim)["SimAddDelta"] == 4
    assert_merging_changes_nothing(network)


def test_rules_on_the_same_neurons_and_on_the_same_weights():
    with nengo.Network(seed=0) as network:
        stimulus = nengo.Node(lambda t: np.sin(9 * t))
        pre = nengo.Ensemble(20, 1)
        nengo.Connection(stimulus, pre)
        network.weights = []
        for _ in range(3):
            connection = nengo.Connection(
                pre,
                nengo.Node(size_in=1),
                learning_rule_type=[ScheduledPES(DECAY), ScheduledPES(1e-4)],
            )
            for rule in connection.learning_rule:
                nengo.Connection(stimulus, rule)
            network.weights.append(nengo.Probe(connection, "weights"))
    assert_merging_changes_nothing(network)
    with simulator(network) as sim:
        steps = Counter(type(op).__name__ for op in sim.model.operators)
        # six rules filter the same neurons with the same synapse: once is enough
        assert steps["SimActivityFilter"] == 1


def test_scheduled_rules_merge_their_sums_and_guards():
    with nengo.Network(seed=0) as network:
        network.weights = []
        for i in range(3):
            pre = nengo.Ensemble(12, 1, seed=i)
            post = nengo.Ensemble(10, 1, seed=i + 5)
            nengo.Connection(nengo.Node(lambda t: np.sin(9 * t)), pre)
            connection = nengo.Connection(
                pre.neurons,
                post.neurons,
                transform=np.full((10, 12), 1e-3),
                learning_rule_type=Scheduled(nengo.Oja(), Linear(1e-6, 0.2)),
            )
            network.weights.append(nengo.Probe(connection, "weights"))
    with simulator(network) as sim:
        found = groups(sim)
    for name in ("SimScheduledRate", "SimAddDelta", "SimWeightsGuard"):
        assert found[name] == 3, name
    assert_merging_changes_nothing(network)


@pytest.mark.parametrize("rule", [DECAY, 1e-3], ids=["schedule", "constant"])
def test_one_of_many_is_frozen_and_changed(rule):
    network = many_rules([ScheduledPES(rule) for _ in range(4)])
    connection = network.learned[2]

    def run(optimize):
        with simulator(network, optimize) as sim:
            sim.run_steps(20)
            with frozen(sim, connection):
                sim.run_steps(10)
            for rate in (2e-4, Linear(1e-3, 0.1), None):
                set_learning_rate(sim, connection.learning_rule, rate)
                sim.run_steps(10)
        return [
            (np.array(sim.data[w]), np.array(sim.data[r]))
            for w, r in zip(network.weights, network.rates)
        ]

    merged = run(True)
    for i, (actual, expected) in enumerate(zip(merged, run(False))):
        assert relative(actual[0], expected[0]) < 1e-13, i
        assert np.array_equal(actual[1], expected[1]), i
    for i, (weights, rates) in enumerate(merged):
        assert np.array_equal(weights[19], weights[29]) == (i == 2), i
        assert np.all(rates[30:40] == 2e-4) == (i == 2), i
        built = rates[:20] if rule == 1e-3 else DECAY(1e-3 * np.arange(51, 61))
        assert np.allclose(rates[50:].T, np.ravel(built)[:10]), i


def test_pickled_and_reset_simulators_go_on():
    network = many_rules([ScheduledPES(DECAY) for _ in range(4)])
    with simulator(network) as sim:
        set_learning_rate(sim, network.learned[1].learning_rule, Linear(1e-3, 0.1))
        sim.run_steps(20)
        with pickle.loads(pickle.dumps(sim)) as copy:
            for s in (sim, copy):
                s.run_steps(20)
            copies = [copy.data[probe] for probe in copy.model.probes]
            originals = [sim.data[probe] for probe in sim.model.probes]
            for original, copied in zip(originals, copies):
                assert np.array_equal(original, copied)
        before = [np.array(sim.data[probe]) for probe in network.weights]
        sim.reset()
        sim.run_steps(40)
        # the rate that was set is gone, and all else is the same
        for i, (probe, first) in enumerate(zip(network.weights, before)):
            assert np.array_equal(sim.data[probe], first) == (i != 1)


def test_a_nan_rate_among_many_is_named():
    def late(t):
        return np.nan if t > 0.0105 else 1e-4

    rules = [ScheduledPES(DECAY) for _ in range(5)]
    rules[3] = ScheduledPES(late)
    network = many_rules(rules)
    with simulator(network) as sim:
        with pytest.raises(SimulationError, match=r"rule 3> is nan at t=0\.011 s"):
            sim.run_steps(30)
        for probe in network.weights:
            assert np.all(np.isfinite(sim.data[probe]))


@pytest.mark.parametrize("probe_delta", [False, True])
def test_weights_that_overflow_among_many_are_named(probe_delta):
    network = many_rules([ScheduledPES(1e-4) for _ in range(5)])
    with network:
        sudden = nengo.Node(lambda t: 1e200 if t > 0.0105 else 0.0)
        nengo.Connection(sudden, network.learned[3].learning_rule, synapse=None)
        for connection in network.learned if probe_delta else ():
            nengo.Probe(connection.learning_rule, "delta")
    with simulator(network) as sim:
        words = r"rule 3> overflow at t=0\.011 s: the learning rate is 0\.0001"
        with pytest.raises(SimulationError, match=words):
            sim.run_steps(30)
        for connection in network.learned:
            weights = sim.signals[sim.model.sig[connection]["weights"]]
            assert np.all(np.isfinite(weights))


def test_members_are_found_in_groups():
    network = many_rules([ScheduledPES(DECAY) for _ in range(3)])
    for optimize in (False, True):
        with simulator(network, optimize) as sim:
            found = list(members(sim.model.operators, SimScheduledRate))
            controls = {
                sim.model.sig[c.learning_rule]["control"] for c in network.learned
            }
            assert {op.control for op in found} == controls


RANDOM = """
import sys
sys.path.insert(0, "tests")
from test_merging import *

for seed in range({first}, {last}):
    rng = np.random.RandomState(seed)
    schedules = [DECAY, 3e-4, Linear(1e-3, 0.1), lambda t: 1e-3 * t]
    synapses = [0.005, 0.02, None, nengo.Alpha(0.01)]
    rules = [
        ScheduledPES(
            schedules[rng.randint(4)] if rng.rand() < 0.5 else DECAY,
            pre_synapse=synapses[rng.randint(4)] if rng.rand() < 0.3 else 0.005,
        )
        for _ in range(rng.randint(2, 9))
    ]
    network = many_rules(
        rules, rng.randint(5, 40), rng.randint(1, 4), rng.choice([None, 0.005])
    )
    assert_merging_changes_nothing(network, n_steps=60, learns=False)
"""


@pytest.mark.parametrize("hash_seed", ["0", "1", "2", "3"])
def test_random_networks_under_any_hash_seed(hash_seed):
    n_networks = int(os.environ.get("NENGO_LR_ALIKE", 10))
    first = 1000 * int(hash_seed)
    found = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            "-c",
            RANDOM.format(first=first, last=first + n_networks),
        ],
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr


# --- arrays of a group


def test_runs_and_gather():
    owner = np.arange(24.0)
    parts = [owner[i : i + 4] for i in range(0, 24, 4)]
    stacked, refresh = gather(parts)
    assert refresh is None
    assert np.shares_memory(stacked, owner)
    assert np.array_equal(stacked, owner.reshape(6, 4))

    for chosen in ([5, 0, 3], [1, 2, 5]):
        stacked, refresh = gather([parts[i] for i in chosen])
        refresh()
        assert np.array_equal(stacked, owner.reshape(6, 4)[chosen])
    assert [indices for indices, _ in runs([parts[i] for i in (5, 0, 4, 1)])] == [
        [1, 3],
        [2, 0],
    ]
    others = [parts[1], np.full(4, 7.0), parts[0]]
    stacked, refresh = gather(others)
    refresh()
    assert np.array_equal(stacked, others)
    # arrays that only happen to be neighbours are not one
    assert all(len(indices) == 1 for indices, _ in runs([np.zeros(4), np.zeros(4)]))
