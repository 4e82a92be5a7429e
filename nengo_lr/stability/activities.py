"""Tuning curves and spikes of the neurons that a connection learns from."""

import numpy as np
from nengo.builder.ensemble import get_activities
from nengo.ensemble import Ensemble, Neurons
from nengo.exceptions import ValidationError
from scipy.signal import fftconvolve

__all__ = ["ensemble_of", "run_neurons", "spiking_power", "tuning"]

LEARNED_FRACTION = 2 / 3
"""The power of the rule's own norm of spikes in `spiking_power`, of 1 in all."""

N_WINDOWS, WINDOW = 5, 0.1
"""For how many windows spiking neurons are measured, and their length in seconds."""


def ensemble_of(connection):
    """The ensemble whose activities a connection learns from."""
    pre = connection.pre_obj
    ensemble = pre.ensemble if isinstance(pre, Neurons) else pre
    if not isinstance(ensemble, Ensemble):
        raise ValidationError(
            f"{connection} must come from an ensemble or its neurons (got {pre})",
            "connection",
        )
    return ensemble


def tuning(sim, connection, x=None):
    """The rates and input currents of the neurons, (n_points, n) each.

    By default at the evaluation points and at their projections onto the radius, where
    most neurons are most active.
    """
    ensemble = ensemble_of(connection)
    built = sim.model.params[ensemble]
    if x is None:
        points = built.eval_points
        lengths = np.linalg.norm(points, axis=1, keepdims=True)
        outer = points / np.where(lengths > 0, lengths, 1.0) * ensemble.radius
        points = np.vstack([points, outer])
    else:
        points = np.reshape(x, (1, ensemble.dimensions))
    rates = get_activities(built, ensemble, points)
    currents = built.gain * (points @ built.encoders.T / ensemble.radius) + built.bias
    if isinstance(connection.pre_obj, Neurons):
        rates, currents = (a[:, connection.pre_slice] for a in (rates, currents))
    return rates, currents


def run_neurons(neuron_type, currents, dt):
    """The spikes of neurons under constant currents, (n_steps, n) in Hz."""
    state = neuron_type.make_state(len(currents), np.random.RandomState(0))
    spikes = np.zeros((round(N_WINDOWS * WINDOW / dt), len(currents)))
    for output in spikes:
        neuron_type.step(dt, currents, output, **state)
    return spikes


def spiking_power(spikes, synapse, loop, gain, dt):
    """What stands for the squared norm of the rates where neurons spike, in Hz^2.

    The error sees the spikes through the filters of the loop. The weights see them
    through the rule's filter, and average them: at the stable limit a step removes a
    fraction g of the error, so that about 1 / g steps count together. The result is a
    product of powers of both root mean square norms, in the window in which it is
    largest, since neurons may adapt. The powers are an estimate, which
    ``benchmarks/stability.py`` puts to the test.
    """
    learned = spikes if synapse is None else synapse.filt(spikes, dt=dt)
    n_window = round(WINDOW / dt)
    fraction = max(abs(gain * loop.mean_gain()), 1 / n_window)
    n_steps = max(1, round(1 / fraction))
    norms = [
        np.linalg.norm(fftconvolve(of, response[:, None], axes=0)[: len(of)], axis=1)
        for of, response in [
            (learned, np.full(n_steps, 1 / n_steps)),
            (spikes, loop.impulse_response(n_window)),
        ]
    ]
    squares = np.square(norms).reshape(2, N_WINDOWS, -1).mean(axis=2)
    weighted = squares[0] ** LEARNED_FRACTION * squares[1] ** (1 - LEARNED_FRACTION)
    return np.max(weighted)
