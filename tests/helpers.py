"""What several test files use."""

import ctypes

import nengo
import numpy as np

N_STEPS = 500


def weights_run(simulator, network, n_steps=N_STEPS, **kwargs):
    """Run a network and return the data of its attribute ``weights``, a Probe."""
    with simulator(network, **kwargs) as sim:
        sim.run_steps(n_steps)
    return sim.data[network.weights]


def relative(actual, expected):
    """The largest difference relative to the largest expected value."""
    assert np.max(np.abs(expected)) > 0
    return np.max(np.abs(actual - expected)) / np.max(np.abs(expected))


def decoded(pre, post, **kwargs):
    return nengo.Connection(pre, post, function=lambda x: [0, 0], **kwargs)


def to_node(pre, post, **kwargs):
    node = nengo.Node(size_in=2)
    nengo.Connection(node, post)
    return decoded(pre, node, **kwargs)


def weight_solver(pre, post, **kwargs):
    return decoded(pre, post, solver=nengo.solvers.LstsqL2(weights=True), **kwargs)


def neurons_to_neurons(pre, post, **kwargs):
    transform = np.random.RandomState(7).uniform(
        -1e-3, 1e-3, size=(post.n_neurons, pre.n_neurons)
    )
    return nengo.Connection(pre.neurons, post.neurons, transform=transform, **kwargs)


def neurons_to_ensemble(pre, post, **kwargs):
    return nengo.Connection(
        pre.neurons, post, transform=np.zeros((2, pre.n_neurons)), **kwargs
    )


def sliced_neurons(pre, post, **kwargs):
    return nengo.Connection(
        pre.neurons[5:25], post.neurons[::2], transform=np.zeros((10, 20)), **kwargs
    )


def sliced_dimensions(pre, post, **kwargs):
    return nengo.Connection(pre[1], post[0], function=lambda x: 0, **kwargs)


def with_transform(pre, post, **kwargs):
    return nengo.Connection(
        pre,
        post,
        function=lambda x: [0, 0, 0],
        transform=[[1, 0, 0.5], [0, 1, 0.5]],
        **kwargs,
    )


CONNECTIONS = {
    function.__name__: function
    for function in (
        decoded,
        to_node,
        weight_solver,
        neurons_to_neurons,
        neurons_to_ensemble,
        sliced_neurons,
        sliced_dimensions,
        with_transform,
    )
}
"""Every kind of connection on which PES learns."""


def learning_network(rule, connect=decoded, n_neurons=30, **kwargs):
    """A small network that learns a two-dimensional communication channel.

    Everything has its seed, so that two networks differ only in their rule.
    """
    with nengo.Network(seed=1, **kwargs) as network:
        stimulus = nengo.Node(lambda t: [np.sin(6 * t), np.cos(4 * t)])
        pre = nengo.Ensemble(n_neurons, 2, seed=2)
        post = nengo.Ensemble(20, 2, seed=3)
        network.error = nengo.Node(size_in=2)
        nengo.Connection(stimulus, pre, seed=4)
        network.connection = connect(pre, post, learning_rule_type=rule, seed=5)
        nengo.Connection(post, network.error, seed=6)
        nengo.Connection(stimulus, network.error, transform=-1, seed=7)
        learning_rule = network.connection.learning_rule
        nengo.Connection(network.error[: learning_rule.size_in], learning_rule, seed=8)
        network.weights = nengo.Probe(network.connection, "weights")
    return network


def obey_permissions():
    """Let a new process of root's on Linux be bound by permissions, as anybody's is."""
    pr_capbset_drop, cap_dac_override = 24, 1
    ctypes.CDLL(None).prctl(pr_capbset_drop, cap_dac_override, 0, 0, 0)
