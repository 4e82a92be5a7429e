"""A learning rate of its own for each layer that ``sim.fit`` trains."""

from __future__ import annotations

from typing import Any

import numpy as np
from nengo import Connection, Ensemble
from nengo.exceptions import ValidationError

from nengo_lr.builder.hosts import host_of
from nengo_lr.schedules.params import RateParam


def layer_factors(sim: Any, factors: dict[Any, float]) -> list[np.ndarray]:
    """Factors for `.LocalGains` from Nengo objects.

    NengoDL may keep the weights of several objects in one variable. This finds the rows
    that belong to each object.

    Parameters
    ----------
    sim : ``nengo_dl.Simulator``
        The simulator that will be trained.
    factors : dict
        The factor of the learning rate, a finite number that is not negative, for any
        `nengo.Connection` (its weights), `nengo.Ensemble` (its encoders and biases) or
        ``Ensemble.neurons`` (its biases). All other objects keep the factor 1.

    Returns
    -------
    factors : list of array (rows, 1, ...)
        One array for each variable in ``sim.keras_model.trainable_weights``, with one
        factor for each of the variable's rows.

    Examples
    --------
    ::

        with nengo_dl.Simulator(model, minibatch_size=494) as sim:
            factors = layer_factors(sim, {layer1: 3.0, layer2: 0.5})
            sim.compile(LocalGains(1e-3, factors=factors), loss=loss)
    """
    variables = sim.keras_model.trainable_weights
    arrays = [np.ones(v.shape[:1] + (1,) * (v.shape.rank - 1)) for v in variables]
    for obj, factor in factors.items():
        name = f"layer_factors: factors[{obj}]"
        factor = RateParam(name).coerce(None, factor)
        places = host_of(sim).trainable_rows(_parameters(sim.model, obj))
        if not places:
            raise ValidationError("has nothing to train in this simulator", name)
        for index, rows in places:
            arrays[index][rows] = factor
    return arrays


def _parameters(model, obj):
    """The Signals of an object that can be trained."""
    if isinstance(obj, Connection):
        parameters = [(obj, "weights")]
    elif isinstance(obj, Ensemble):
        parameters = [(obj, "encoders"), (obj.neurons, "bias")]
    else:
        parameters = [(obj, "bias")]
    return [model.sig[owner].get(name) for owner, name in parameters]
