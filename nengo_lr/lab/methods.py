"""Methods: ways to learn with a rate that changes, for `.comparing.compare`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Callable

import nengo
import numpy as np

from nengo_lr.networks import to_error_scaling
from nengo_lr.optimizers import AdaGrad, Adam, LocalGains, RMSProp
from nengo_lr.schedules import Schedule

__all__ = ["AUTO", "DEFAULT", "FIXED", "METHODS", "NATIVE", "Method"]

FIXED, NATIVE, AUTO = "fixed", "scheduled", "auto"
"""A fixed rate; a schedule, whose weights and costs the other methods are compared
with; and a rate that needs no number."""

FIXED_RATES = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3)
"""The rates from which the best fixed rate is chosen."""


@dataclass(frozen=True)
class Method:
    """One way to learn with a rate that changes.

    Parameters
    ----------
    name : str
        What the method is called on the command line.
    title : str
        What tables and figures call it.
    rates : tuple of float or Schedule or str, optional
        What the model learns with instead of the comparison's schedule: of several
        rates, the one with the lowest median error in the test.
    gain : float, optional
        What the schedule is multiplied by.
    convert : callable, optional
        ``convert(network, error_radius=..., rate_radius=...)`` returns the network that
        learns instead of the one that the model function has made.
    options : dict, optional
        More keyword arguments for the model function, such as ``optimizer``.

    Examples
    --------
    >>> from nengo_lr.lab import METHODS, Method
    >>> half = Method("half", "ScheduledPES at half the rate", gain=0.5)
    >>> float(half.choices(nlr.Constant(1e-3))[0].rate_at(0.0))
    0.0005
    >>> list(METHODS)[:3]
    ['fixed', 'scheduled', 'auto']
    """

    name: str
    title: str
    rates: tuple = ()
    gain: float = 1.0
    convert: Callable[..., nengo.Network] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def choices(self, schedule: Schedule) -> tuple:
        """What the model may learn with, for the schedule of a comparison."""
        return self.rates or (schedule if self.gain == 1 else schedule * self.gain,)


def scaled_in_node(network, error_radius, rate_radius):
    """Plain PES, whose error is multiplied by the rate in a Node."""
    return to_error_scaling(network, "node")


def scaled_in_neurons(network, error_radius, rate_radius, **options):
    """Plain PES, whose error is multiplied by the rate in neurons."""
    return to_error_scaling(
        network, error_radius=error_radius, rate_radius=rate_radius, **options
    )


def product(n_neurons, dimensions, error_radius, **kwargs):
    """A product of error and rate as users write it: Nengo's own network."""
    network = nengo.networks.Product(n_neurons, dimensions, **kwargs)
    with network:
        network.rate = nengo.Node(size_in=1)
        to_all = np.ones((dimensions, 1))
        nengo.Connection(network.rate, network.input_b, transform=to_all, synapse=None)
    network.error = network.input_a
    return network


def one_ensemble(n_neurons, dimensions, error_radius, **kwargs):
    """A product of error and rate as users write it: an ensemble for each dimension."""
    with nengo.Network(**kwargs) as network:
        network.error, network.output = (nengo.Node(size_in=dimensions) for _ in "ab")
        network.rate = nengo.Node(size_in=1)
        for i in range(dimensions):
            factors = nengo.Ensemble(n_neurons, dimensions=2)
            nengo.Connection(network.error[i], factors[0], synapse=None)
            nengo.Connection(network.rate, factors[1], synapse=None)
            nengo.Connection(factors, network.output[i], function=np.prod, synapse=None)
    return network


def in_scaler(name, title, **options):
    """A method that scales the error in an `.ErrorScaler`."""
    return Method(name, title, convert=partial(scaled_in_neurons, **options))


METHODS = {
    method.name: method
    for method in [
        Method(FIXED, "best fixed rate", rates=FIXED_RATES),
        Method(NATIVE, "ScheduledPES"),
        Method(AUTO, 'ScheduledPES, "auto"', rates=("auto",)),
        Method("node", "PES, error scaled in a Node", convert=scaled_in_node),
        in_scaler("tied", "PES, ErrorScaler", watch=False),
        in_scaler(
            "tied+gate", "PES, ErrorScaler with gate", gate="neural", watch=False
        ),
        in_scaler("classic", "PES, ErrorScaler classic", design="classic", watch=False),
        in_scaler("product-200", "PES, 200-neuron product", scaler=product),
        in_scaler(
            "product-10",
            "PES, 10-neuron product",
            scaler=one_ensemble,
            n_neurons=10,
        ),
        *(
            # what divides a change by its size needs ten times the rate
            Method(name, f"ScheduledPES, {name}", gain=gain, options={"optimizer": opt})
            for name, opt, gain in [
                ("AdaGrad", AdaGrad(), 10.0),
                ("RMSProp", RMSProp(), 10.0),
                ("Adam", Adam(), 10.0),
                ("LocalGains", LocalGains(), 1.0),
            ]
        ),
    ]
}
"""All methods by their names."""

DEFAULT = (FIXED, NATIVE, AUTO, "tied", "product-200", "product-10")
"""The methods that are compared where none are named."""
