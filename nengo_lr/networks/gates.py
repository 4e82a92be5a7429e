"""Gates that close the output of an ErrorScaler while the rate is almost 0."""

import numpy as np
from nengo import Connection, Ensemble, Node
from nengo.dists import Choice
from nengo.neurons import Direct

N_NEURONS = 20
"""Neurons of a neural gate."""

SYNAPSE = 0.002
"""Time constant of its inhibition in seconds: short, to open and close fast."""

HALF_OPEN = 1.2
"""Rate from which a neural gate is fully open, in thresholds."""

MARGIN = 4.0
"""How much stronger than needed the inhibition is, on average, at the threshold.

Filtered spikes fall below their average now and then.
"""


def can_silence(neuron_type):
    """Whether neurons of a type fall silent under enough inhibition."""
    if isinstance(neuron_type, Direct):
        return False
    return not np.any(neuron_type.rates(np.zeros(1), np.ones(1), -np.ones(1)))


def switch(threshold, dimensions):
    """Make a Node that passes its inputs on unless the last of them, the rate, is low.

    Parameters
    ----------
    threshold : float
        Absolute rate below which the output is 0, in the rate's unit.
    dimensions : int
        Number of inputs beside the rate.

    Returns
    -------
    switch : nengo.Node
        Its inputs are the dimensions and, last, the rate.
    """
    return Node(
        PassAbove(threshold),
        size_in=dimensions + 1,
        size_out=dimensions,
        label="switch",
    )


class PassAbove:
    """Pass inputs on while the last of them is not below a threshold."""

    def __init__(self, threshold):
        self.threshold = threshold

    def __call__(self, t, x):
        return x[:-1] * (abs(x[-1]) >= self.threshold)


def inhibitor(threshold, ensembles, neuron_type, max_rates):
    """Make an ensemble that inhibits others while it represents a low value.

    Parameters
    ----------
    threshold : float
        Value below which the others are silent.
    ensembles : list of nengo.Ensemble
        The ensembles to inhibit, with at most ``max_rates`` and no negative intercepts.
    neuron_type : nengo.neurons.NeuronType
        The type of all neurons.
    max_rates : nengo.dists.Distribution
        Maximum rates of the gate, in Hz.

    Returns
    -------
    gate : nengo.Ensemble
        Fires while the value that is connected to it is below 1.2 times the threshold.
    """
    gate = Ensemble(
        N_NEURONS,
        dimensions=1,
        radius=HALF_OPEN * threshold,
        encoders=np.full((N_NEURONS, 1), -1.0),
        intercepts=Choice([-1]),
        max_rates=max_rates,
        neuron_type=neuron_type,
        label="gate",
    )
    inhibition = Node(size_in=1, label="inhibition")
    Connection(
        gate.neurons, inhibition, transform=np.ones((1, N_NEURONS)), synapse=SYNAPSE
    )
    # the largest current that a represented value can cause ...
    rates = max_rates.sample(1000, rng=np.random.RandomState(0))
    gain, bias = neuron_type.gain_bias(rates, np.zeros_like(rates))
    current = np.max(gain + bias)
    # ... and the activity that has to take it away: the gate's at the threshold
    gain, bias = neuron_type.gain_bias(rates, -np.ones_like(rates))
    activity = N_NEURONS * np.mean(neuron_type.rates(-1 / HALF_OPEN, gain, bias))
    for ensemble in ensembles:
        Connection(
            inhibition,
            ensemble.neurons,
            transform=np.full((ensemble.n_neurons, 1), -MARGIN * current / activity),
            synapse=None,
        )
    return gate
