"""The values of signals in a running simulator."""

import numpy as np


def variable(sim, signal):
    """The TensorFlow variable that keeps a signal between runs, or None."""
    key = sim.tensor_graph.signals[signal].key
    params, state = sim.tensor_graph.base_params, sim.tensor_graph.saved_state
    return params.get(key, state.get(key))


def write(sim, signal, values):
    """Set a signal that is not minibatched.

    Parameters
    ----------
    sim : nengo_dl.Simulator
    signal : nengo.builder.Signal (n,)
    values : array (n,)
    """
    stored = variable(sim, signal)
    data = stored.numpy()
    slices = sim.tensor_graph.signals[signal].slices
    data[np.concatenate([np.arange(*bounds) for bounds in slices])] = values
    stored.assign(data)


def read(sim, signal):
    """The values (n,) of a signal that is not minibatched."""
    slices = sim.tensor_graph.signals[signal].slices
    data = variable(sim, signal).numpy()
    return np.concatenate([data[slice(*bounds)] for bounds in slices])
