"""ScheduledPES on nengo-ocl: a rate from the host, and kernels for the rest."""

import nengo
import numpy as np
import pytest
from helpers import learning_network, relative
from learners import LAW, NETWORKS, freeze_and_change, pes
from nengo.exceptions import BuildError, SimulationError

from nengo_lr import (
    Adam,
    ExponentialDecay,
    Scheduled,
    ScheduledPES,
    checkpoint,
    configure_settings,
)
from nengo_lr.builder.hosts import host_of, known_hosts
from nengo_lr.version import version

nengo_ocl = pytest.importorskip("nengo_ocl")

HOST = known_hosts()["nengo_ocl"]
DECAY = ExponentialDecay(1e-3, tau=0.1)

pytestmark = pytest.mark.filterwarnings("ignore")


def simulator(network):
    return HOST.make(network)


def rate_neurons(network):
    for ensemble in network.all_ensembles:
        ensemble.neuron_type = nengo.LIFRate()
    return network


def distance(network):
    """How far the weights on nengo-ocl are from those of the reference."""
    weights = []
    for make in (nengo.Simulator, nengo_ocl.Simulator):
        with make(network, progress_bar=False) as sim:
            sim.run_steps(500, progress_bar=False)
        weights.append(sim.data[network.weights])
    return relative(weights[1], weights[0])


@pytest.mark.parametrize(
    "name", ["constant", "schedule", "callable", "node", "law", "delta probed"]
)
def test_weights_are_as_close_to_the_reference_as_those_of_pes(name):
    plain = distance(rate_neurons(learning_network(nengo.PES(1e-3), n_neurons=20)))
    assert distance(rate_neurons(NETWORKS[name]())) < max(3 * plain, 3e-6)


def test_rates_are_sent_step_by_step_and_again_after_a_reset():
    network = pes(DECAY)
    right = 1e-3 * np.exp(-np.arange(1, 41) * 1e-3 / 0.1)
    with simulator(network) as sim:
        host_of(sim).run(7)
        host_of(sim).run(33)
        assert np.allclose(sim.data[network.rate][:, 0], right, rtol=1e-6)
        sim.reset()
        host_of(sim).run(40)
        assert np.allclose(sim.data[network.rate][:, 0], right, rtol=1e-6)


def test_a_law_starts_anew_after_a_reset():
    network = pes(LAW)
    with simulator(network) as sim:
        host_of(sim).run(20)
        before = np.array(sim.data[network.rate])
        sim.reset()
        host_of(sim).run(20)
        assert np.allclose(sim.data[network.rate], before, rtol=1e-6)


def test_rates_are_changed_and_frozen():
    network = pes(DECAY)
    with simulator(network) as sim:
        freeze_and_change(sim, network, rtol=1e-6)


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        (ScheduledPES(1e-2, optimizer=Adam()), "optimizer"),
        (ScheduledPES("auto"), "rate that needs no number|preconditioned"),
        (ScheduledPES(1e-3, precondition=3), "preconditioned"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_it_cannot_run_is_refused_by_name(rule, word):
    network = learning_network(rule)
    with pytest.raises(BuildError, match=rf"({word}).*\(found for <.*to_error_scaling"):
        simulator(network)


def test_other_rules_are_refused_by_name():
    with nengo.Network() as network:
        pre, post = nengo.Ensemble(10, 1), nengo.Ensemble(10, 1)
        rule = Scheduled(nengo.BCM(), 1e-9)
        nengo.Connection(
            pre.neurons, post.neurons, transform=np.eye(10), learning_rule_type=rule
        )
    with pytest.raises(BuildError, match=r"another rule than PES \(found for <Conn"):
        simulator(network)


def diverging():
    with nengo.Network(seed=0) as network:
        pre = nengo.Ensemble(20, 1, seed=1, neuron_type=nengo.LIFRate())
        error = nengo.Node(size_in=1)
        nengo.Connection(nengo.Node(0.5), pre, synapse=None)
        nengo.Connection(nengo.Node(-0.5), error, synapse=None)
        connection = nengo.Connection(
            pre, error, synapse=None, learning_rule_type=ScheduledPES(0.5)
        )
        nengo.Connection(error, connection.learning_rule, synapse=None)
    return network


def test_divergence_stops():
    with simulator(diverging()) as sim:
        with pytest.raises(SimulationError, match=r"overflow at t=\S+ s: the learning"):
            host_of(sim).run(2000)
    network = diverging()
    with network:
        configure_settings(guard=False)
    with simulator(network) as sim:
        host_of(sim).run(2000)


@pytest.mark.parametrize("rate", [0.0, lambda t: 0.0], ids=["number", "function"])
def test_a_large_error_is_fine_at_rate_0(rate):
    network = learning_network(ScheduledPES(rate))
    with network:
        nengo.Connection(nengo.Node([1e30, 1.0]), network.connection.learning_rule)
    with simulator(network) as sim:
        host_of(sim).run(30)
        weights = sim.data[network.weights]
        assert np.all(weights == weights[0])


def test_a_rate_that_is_not_finite_stops():
    network = pes(lambda t: np.nan if t > 0.01 else 1e-3)
    with simulator(network) as sim:
        with pytest.raises(SimulationError, match=r"learning rate of .* at t=0\.011 s"):
            host_of(sim).run(50)


def test_checkpoints_are_refused(tmp_path):
    with simulator(pes(1e-3)) as sim:
        with pytest.raises(SimulationError, match="states of its filters"):
            checkpoint.save(sim, tmp_path / "file")


def test_other_hooks_are_refused_with_both_versions(monkeypatch):
    monkeypatch.delattr(nengo_ocl.Simulator, "_plan_SimPES")
    network = pes(1e-3)
    with pytest.raises(BuildError, match=rf"nengo_lr {version} .* nengo-ocl 3\.0\.0"):
        simulator(network)
    with nengo.Simulator(network, progress_bar=False) as sim:
        sim.run_steps(2)
