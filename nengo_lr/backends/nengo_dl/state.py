"""The values of signals in a simulator, between two runs."""

import numpy as np


def variable(sim, signal):
    """The TensorFlow variable that keeps a signal between runs, or None."""
    key = sim.tensor_graph.signals[signal].key
    params, state = sim.tensor_graph.base_params, sim.tensor_graph.saved_state
    return params.get(key, state.get(key))


def place(sim, signal):
    """Where a signal lies in its variable."""
    tensor = sim.tensor_graph.signals[signal]
    rows = np.concatenate([np.arange(*bounds) for bounds in tensor.slices])
    return (slice(None), rows) if tensor.minibatched else rows


def read(sim, signal):
    """The values of a signal, or None if it is not kept.

    Parameters
    ----------
    sim : nengo_dl.Simulator
    signal : nengo.builder.Signal (n, ...)

    Returns
    -------
    values : array (n, ...) or (minibatch, n, ...)
    """
    stored = variable(sim, signal)
    return None if stored is None else stored.numpy()[place(sim, signal)]


def write(sim, signal, values):
    """Set a signal that is kept.

    Parameters
    ----------
    sim : nengo_dl.Simulator
    signal : nengo.builder.Signal (n, ...)
    values : array (n, ...) or (minibatch, n, ...)
    """
    stored = variable(sim, signal)
    data = stored.numpy()
    data[place(sim, signal)] = values
    stored.assign(data)
