"""Simulations stop before weights overflow."""

import re

import nengo
import numpy as np
import pytest
from nengo.exceptions import NetworkContextError, SimulationError, ValidationError

from nengo_lr import (
    AdaGrad,
    LocalGains,
    Scheduled,
    ScheduledPES,
    configure_settings,
)
from nengo_lr.builder import SimPESGradient, SimWeightsGuard


def reference(network, **kwargs):
    return nengo.Simulator(network, progress_bar=False, **kwargs)


def diverging(rule, probe_delta=False, label="learned"):
    """A network whose output error grows in every step where the rate is high."""
    with nengo.Network(seed=0) as network:
        stimulus = nengo.Node(0.5)
        pre = nengo.Ensemble(20, 1, seed=1, neuron_type=nengo.LIFRate())
        error = nengo.Node(size_in=1)
        nengo.Connection(stimulus, pre, synapse=None)
        nengo.Connection(stimulus, error, transform=-1, synapse=None)
        network.connection = nengo.Connection(
            pre,
            error,
            function=lambda x: 0,
            synapse=None,
            learning_rule_type=rule,
            label=label,
        )
        nengo.Connection(error, network.connection.learning_rule, synapse=None)
        network.weights = nengo.Probe(network.connection, "weights")
        if probe_delta:
            nengo.Probe(network.connection.learning_rule, "delta")
    return network


@pytest.mark.parametrize(
    ("options", "probe_delta"),
    [({}, False), ({}, True), ({"optimizer": LocalGains(window=0.01)}, False)],
    ids=["factors", "delta", "optimizer"],
)
def test_divergence_stops_with_connection_time_rate_and_sizes(options, probe_delta):
    network = diverging(ScheduledPES(0.5, **options), probe_delta)
    sim = reference(network)
    with pytest.raises(SimulationError) as caught:
        sim.run_steps(3000)
    found = re.fullmatch(
        r"The (?:weights|gradients) of <Connection learned> overflow at t=(\S+) s: the "
        r"learning rate is 0\.5, the largest error is (\S+), the largest weight is "
        r"(\S+)\. Lower the learning rate, or .*",
        str(caught.value),
    )
    t, error, weight = map(float, found.groups())
    weights = sim.data[network.weights]
    # the step of the message is the one that did not complete
    assert len(weights) == round(t / sim.dt) - 1
    assert np.all(np.isfinite(weights))
    assert 1e150 < error < np.inf
    assert np.max(np.abs(weights)) <= weight < np.inf
    # up to there, the numbers were small enough to be squared
    assert np.max(np.abs(weights)) ** 2 < np.inf


def test_an_error_that_is_not_finite_stops_before_it_reaches_weights():
    network = diverging(ScheduledPES(1e-3))
    with network:
        sudden = nengo.Node(lambda t: 1e200 if t > 0.01 else 0.0)
        nengo.Connection(sudden, network.connection.learning_rule, synapse=None)
    sim = reference(network)
    with pytest.raises(SimulationError, match=r"at t=0\.011 s.*error is 1e\+200"):
        sim.run_steps(100)
    assert np.max(np.abs(sim.data[network.weights])) < 1


@pytest.mark.needs("has_float64")
@pytest.mark.parametrize(
    "rate", [0.0, lambda t: 0.0, np.zeros(2)], ids=["number", "function", "node"]
)
@pytest.mark.parametrize("probe_delta", [False, True])
def test_an_error_of_any_size_is_fine_at_rate_0(Simulator, rate, probe_delta):
    """No weight can move."""
    with nengo.Network(seed=0) as network:
        pre = nengo.Ensemble(10, 2)
        if isinstance(rate, np.ndarray):
            rate = nengo.Node(rate)
        connection = nengo.Connection(
            pre, nengo.Node(size_in=2), learning_rule_type=ScheduledPES(rate)
        )
        nengo.Connection(nengo.Node([1e200, 1.0]), connection.learning_rule)
        weights = nengo.Probe(connection, "weights")
        if probe_delta:
            nengo.Probe(connection.learning_rule, "delta")
    with Simulator(network) as sim:
        sim.run_steps(30)
    assert np.all(sim.data[weights] == sim.data[weights][0])


def test_an_error_too_large_for_a_small_rate_is_fine():
    """What counts is by how much the weights would move."""
    rule = ScheduledPES(1e-250)
    network = diverging(rule)
    with network:
        sudden = nengo.Node(1e200)
        nengo.Connection(sudden, network.connection.learning_rule, synapse=None)
    with reference(network) as sim:
        sim.run_steps(20)
    weights = sim.data[network.weights]
    assert 0 < np.max(np.abs(weights[-1] - weights[0])) < 1e-40


def test_an_optimizer_stops_before_its_state_overflows():
    """Also at rate 0: it would never learn again."""
    with nengo.Network(seed=0) as network:
        connection = nengo.Connection(
            nengo.Ensemble(10, 1),
            nengo.Node(size_in=1),
            learning_rule_type=ScheduledPES(0.0, optimizer=AdaGrad()),
            label="learned",
        )
        nengo.Connection(nengo.Node(1e200), connection.learning_rule)
    sim = reference(network)
    with pytest.raises(SimulationError, match=r"The gradients of .* learned> overflow"):
        sim.run_steps(100)


def test_a_rate_of_any_size_is_fine_where_there_is_no_error():
    with pytest.warns(UserWarning, match="very high"):
        rule = ScheduledPES(1e300)
    with nengo.Network(seed=0) as network:
        pre = nengo.Ensemble(10, 1)
        connection = nengo.Connection(
            pre, nengo.Node(size_in=1), learning_rule_type=rule
        )
        nengo.Connection(nengo.Node(0.0), connection.learning_rule)
    with reference(network) as sim:
        sim.run_steps(10)


def test_adagrad_bounds_the_change():
    # where PES diverges, a change that is divided by the error's size cannot
    network = diverging(ScheduledPES(0.5, optimizer=AdaGrad()))
    with reference(network) as sim:
        sim.run_steps(3000)
    assert np.all(np.isfinite(sim.data[network.weights]))


def scaled_oja(rate):
    with nengo.Network(seed=0) as network:
        pre = nengo.Ensemble(10, 1, seed=1, neuron_type=nengo.LIFRate())
        post = nengo.Ensemble(10, 1, seed=2, neuron_type=nengo.LIFRate())
        network.connection = nengo.Connection(
            pre.neurons,
            post.neurons,
            transform=np.full((10, 10), 1e-3),
            learning_rule_type=Scheduled(nengo.Oja(), rate),
            label="learned",
        )
        network.weights = nengo.Probe(network.connection, "weights")
    return network


def test_divergence_of_another_rule_stops():
    network = scaled_oja(0.5)
    sim = reference(network)
    words = r"<Connection learned> overflow at t=\S+ s: the learning rate is 0\.5, the "
    with pytest.raises(SimulationError, match=words + "largest weight is"):
        sim.run_steps(2000)
    assert len(sim.data[network.weights]) % 10 == 9  # every tenth step is looked at


def scaled_bcm(rate):
    """Rates that are not bounded: they square from step to step."""
    network = scaled_oja(0.0)
    post = network.ensembles[1]
    post.neuron_type = nengo.RectifiedLinear()
    network.connection.learning_rule_type = Scheduled(nengo.BCM(), rate)
    return network


def test_divergence_within_a_few_steps_leaves_the_last_finite_weights():
    network = scaled_bcm(1e-3)
    sim = reference(network)
    words = r"<Connection learned> overflow at t=(\S+) s: the learning rate is 0\.001"
    with pytest.raises(SimulationError, match=words) as caught:
        sim.run_steps(2000)
    weights = sim.data[network.weights]
    t = float(re.search(words, str(caught.value))[1])
    assert len(weights) == round(t / sim.dt) - 1
    assert np.all(np.isfinite(weights))
    # a few steps before, there was nothing to be seen
    assert np.max(np.abs(weights[-1])) > 1e50 > 1e6 > np.max(np.abs(weights[-8]))


@pytest.mark.parametrize(
    "make",
    [lambda: diverging(ScheduledPES(0.5)), lambda: scaled_oja(0.5)],
    ids=["PES", "Oja"],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_divergence_stops_nengo_dl(NengoDL, make, dtype):
    with NengoDL(make(), dtype=dtype, minibatch_size=2) as sim:
        with pytest.raises(SimulationError) as error:
            sim.run_steps(2000)
    cause = str(error.value.__cause__)
    words = (
        r"The weights of <Connection learned> \(item \d of the minibatch\) overflow at"
    )
    assert re.search(words, cause)


def test_nengo_dl_names_the_rule_and_the_item(NengoDL):
    with nengo.Network(seed=0) as network:
        rate = nengo.Node([0.0])
        diverging(ScheduledPES(1e-4), label="calm")
        diverging(ScheduledPES(rate), label="wild")
    data = np.broadcast_to(np.reshape([0.0, 0.5], (2, 1, 1)), (2, 2000, 1))
    with NengoDL(network, minibatch_size=2) as sim:
        with pytest.raises(SimulationError) as error:
            sim.run_steps(2000, data={rate: data})
    message = str(error.value.__cause__)
    assert "<Connection wild> (item 1 of the minibatch) overflow" in message
    assert "the learning rate is 0.5" in message


def guards(network):
    with reference(network) as sim:
        return [
            op
            for op in sim.model.operators
            if isinstance(op, SimWeightsGuard)
            or (isinstance(op, SimPESGradient) and op.guarded)
        ]


@pytest.mark.parametrize(
    "make",
    [lambda: diverging(ScheduledPES(1e-3)), lambda: scaled_oja(1e-3)],
    ids=["PES", "Oja"],
)
def test_models_are_guarded_unless_told_not_to_be(make):
    network = make()
    assert len(guards(network)) == 1
    with network:
        configure_settings(guard=False)
        with nengo.Network():  # the setting is the outermost network's
            configure_settings(guard=False)
    assert guards(network) == []
    with network:
        configure_settings(guard=True)
    assert len(guards(network)) == 1


def test_settings_stand_beside_those_of_nengo_dl(NengoDL):
    nengo_dl = pytest.importorskip("nengo_dl")
    network = diverging(ScheduledPES(0.5))
    with network:
        nengo_dl.configure_settings(dtype="float64")
        configure_settings(guard=False)
        nengo_dl.configure_settings(inference_only=True)
    with NengoDL(network) as sim:
        sim.run_steps(3000)
        assert not np.all(np.isfinite(sim.data[network.weights]))
        assert sim.data[network.weights].dtype == np.float64


def test_settings_need_a_network_and_a_bool():
    with pytest.raises(NetworkContextError, match="must be called in a network"):
        configure_settings(guard=False)
    with nengo.Network(), pytest.raises(ValidationError, match="guard"):
        configure_settings(guard="off")
