"""Networks that learn in every way that can be frozen, changed and saved."""

import nengo
import numpy as np
from helpers import learning_network, neurons_to_neurons
from nengo.builder import Operator
from nengo.builder.processes import SimProcess

from nengo_lr import (
    AdaGrad,
    ErrorDriven,
    ExponentialDecay,
    LocalGains,
    RMSProp,
    Scheduled,
    ScheduledPES,
    frozen,
    set_learning_rate,
)
from nengo_lr.builder.hosts import host_of
from nengo_lr.builder.merging import members

DECAY = ExponentialDecay(1e-3, tau=0.05)
LAW = ErrorDriven(1e-5, 1e-3, scale=0.5, tau=0.01)


def add_rate_probe(network):
    with network:
        rule = network.connection.learning_rule
        network.rate = nengo.Probe(rule, "learning_rate")
    return network


def pes(learning_rate, **kwargs):
    return add_rate_probe(
        learning_network(ScheduledPES(learning_rate, **kwargs), n_neurons=20)
    )


def node_rate():
    with nengo.Network(seed=0) as outer:
        node = nengo.Node([1e-3, 5e-4])
        inner = add_rate_probe(learning_network(ScheduledPES(node)))
        outer.connection, outer.weights = inner.connection, inner.weights
        outer.rate = inner.rate
    return outer


def probed_delta():
    network = pes(DECAY)
    with network:
        nengo.Probe(network.connection.learning_rule, "delta")
    return network


def oja():
    with nengo.Network(seed=0) as network:
        pre = nengo.Ensemble(20, 1, seed=1)
        post = nengo.Ensemble(10, 1, seed=2)
        nengo.Connection(nengo.Node(lambda t: np.sin(9 * t)), pre)
        network.connection = neurons_to_neurons(
            pre, post, learning_rule_type=Scheduled(nengo.Oja(), DECAY)
        )
        network.weights = nengo.Probe(network.connection, "weights")
    return add_rate_probe(network)


def voja():
    with nengo.Network(seed=0) as network:
        pre = nengo.Ensemble(20, 1, seed=1)
        post = nengo.Ensemble(10, 1, seed=2)
        nengo.Connection(nengo.Node(lambda t: np.sin(9 * t)), pre)
        network.connection = nengo.Connection(
            pre, post, learning_rule_type=Scheduled(nengo.Voja(), DECAY)
        )
        rule = network.connection.learning_rule
        network.weights = nengo.Probe(rule, "scaled_encoders")
    return add_rate_probe(network)


NETWORKS = {
    "constant": lambda: pes(1e-3),
    "schedule": lambda: pes(DECAY),
    "callable": lambda: pes(lambda t: 1e-3 * np.exp(-t)),
    "node": node_rate,
    "law": lambda: pes(LAW),
    "AdaGrad": lambda: pes(0.01, optimizer=AdaGrad()),
    "RMSProp": lambda: pes(0.01, optimizer=RMSProp()),
    "LocalGains": lambda: pes(DECAY, optimizer=LocalGains(window=0.01)),
    "delta probed": probed_delta,
    "Oja": oja,
    "Voja": voja,
}


def all_networks():
    """All of them in one, which NengoDL builds in much less time."""
    with nengo.Network() as network:
        network.parts = {name: make() for name, make in NETWORKS.items()}
    return network


def state(sim):
    """Everything that learning changes, as copies."""
    host = host_of(sim)
    # the filters of activities go on while a rule is frozen
    learning = [
        op
        for op in members(sim.model.operators, Operator)
        if type(op).__module__.startswith("nengo_lr") and not isinstance(op, SimProcess)
    ]
    assert learning
    changed = [signal for op in learning for signal in op.incs + op.updates]
    values = {signal: host.read(signal.base) for signal in changed}
    return {signal: array for signal, array in values.items() if array is not None}


def freeze_and_change(sim, network, rtol):
    """Freeze a rule that decays from 1e-3 with a tau of .1 s, then change its rate.

    Returns the rates of 25 steps as they were built.
    """
    host, rule = host_of(sim), network.connection.learning_rule
    weights = sim.model.sig[network.connection]["weights"]
    host.run(5)
    with frozen(sim):
        before = host.read(weights)
        host.run(5)
        assert np.array_equal(host.read(weights), before)
    host.run(5)
    assert not np.array_equal(host.read(weights), before)
    set_learning_rate(sim, rule, 2e-4)
    host.run(5)
    set_learning_rate(sim, rule, ExponentialDecay(3e-4, tau=0.1))
    host.run(5)
    times = np.arange(1, 26) * sim.dt
    built, given = 1e-3 * np.exp(-times / 0.1), 3e-4 * np.exp(-times / 0.1)
    right = np.concatenate([built[:15], np.full(5, 2e-4), given[20:]])
    assert np.allclose(host.samples(network.rate)[-1, :, 0], right, rtol=rtol)
    return built
