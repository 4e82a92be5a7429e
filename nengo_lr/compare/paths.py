"""The ways to learn with a rate that changes, and what they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Callable

import nengo
import numpy as np

from nengo_lr.checks import check_choice, check_type
from nengo_lr.lab.tasks import SAMPLE, SYNAPSE, WEIGHTS_EVERY, Task, build, played
from nengo_lr.learning_rules import ScheduledPES
from nengo_lr.networks import ErrorScaler
from nengo_lr.optimizers import AdaGrad, Adam, LocalGains, RMSProp
from nengo_lr.schedules import Schedule

__all__ = [
    "ADAPTIVE",
    "FIXED",
    "NATIVE",
    "NODE",
    "PRODUCT",
    "SCALERS",
    "Experiment",
    "Path",
    "default_paths",
]

LEARNING_SHARE = 0.75
"""Share of the duration in which the rate may be above 0; the rest is the test."""

N_SCALER = 200
"""Neurons per dimension of whatever scales the error."""


def whole(seconds):
    """A length of time, rounded to whole samples of the weights."""
    return round(seconds / WEIGHTS_EVERY) * WEIGHTS_EVERY


@dataclass(frozen=True)
class Experiment:
    """What all paths of one run have in common.

    Parameters
    ----------
    task : Task
    schedule : Schedule
        The rate; in the test phase it counts as 0, whatever the schedule says.
    duration : float
        Length of the run in seconds: three quarters learning, one quarter test.
    seed : int
        Determines the input, the neurons and the noise.
    """

    task: Task
    schedule: Schedule
    duration: float
    seed: int

    @property
    def learning(self):
        """Length of the learning phase in seconds."""
        return whole(LEARNING_SHARE * self.duration)

    @cached_property
    def rate(self):
        """The schedule, and 0 in the test phase."""
        return self.schedule.between(0.0, self.learning)

    @cached_property
    def rates(self):
        """The rate at each step, an array."""
        return self.rate(np.arange(1, round(self.duration / SAMPLE) + 1) * SAMPLE)

    @property
    def peak(self):
        """The largest rate of the run."""
        return float(self.rates.max())

    def build(self, path):
        """Build the network that learns the task on one path."""
        wire = path.wire and partial(path.wire, self)
        return build(
            self.task,
            path.rule(self),
            wire=wire,
            seed=self.seed,
            learning=self.learning,
            test=self.duration - self.learning,
        )


@dataclass(frozen=True)
class Path:
    """One way to learn with a rate that changes.

    Parameters
    ----------
    name : str
        What tables and figures call it.
    rule : callable
        ``rule(experiment)`` returns the connection's learning rule.
    wire : callable, optional
        ``wire(experiment, error, learning_rule)`` brings the error to the learning
        rule, within the network. By default that is one connection.
    """

    name: str
    rule: Callable
    wire: Callable | None = None


def native_rule(experiment):
    """The rule of this package."""
    return ScheduledPES(experiment.rate)


def adaptive_rule(experiment, optimizer, gain):
    """The rule of this package with a per-weight optimizer."""
    return ScheduledPES(experiment.rate * gain, optimizer=optimizer)


def plain_pes(experiment):
    """Plain PES, whose rate is the largest of the schedule for good."""
    return nengo.PES(experiment.peak)


def scaling_factor(experiment):
    """Make a Node with the rate as a fraction of the largest rate."""
    return played(experiment.rates[:, None] / experiment.peak)


def scale_in_node(experiment, error, learning_rule):
    """Multiply the filtered error by the rate in a Node: exact, but no neurons."""
    size = error.size_out
    scaled = nengo.Node(lambda t, x: x[:-1] * x[-1], size_in=size + 1, size_out=size)
    nengo.Connection(error, scaled[:size], synapse=SYNAPSE)
    nengo.Connection(scaling_factor(experiment), scaled[size], synapse=None)
    nengo.Connection(scaled, learning_rule, synapse=None)


def scale_in_neurons(experiment, error, learning_rule, **design):
    """Multiply the error by the rate in an `.ErrorScaler`.

    What neurons compute has to be filtered after them. The error itself gets no other
    filter, so that it is as old as in the native rule when it arrives.
    """
    scaler = ErrorScaler(
        N_SCALER,
        error.size_out,
        error_radius=experiment.task.error_radius,
        watch=False,
        seed=experiment.seed,
        **design,
    )
    nengo.Connection(error, scaler.error, synapse=None)
    nengo.Connection(scaling_factor(experiment), scaler.rate, synapse=None)
    nengo.Connection(scaler.output, learning_rule, synapse=SYNAPSE)


def scale_in_product(experiment, error, learning_rule):
    """Multiply the error by the rate in a `nengo.networks.Product`."""
    size, radius = error.size_out, experiment.task.error_radius
    network = nengo.networks.Product(N_SCALER, size, seed=experiment.seed)
    factor, ones = scaling_factor(experiment), np.ones((size, 1))
    nengo.Connection(error, network.input_a, transform=1 / radius, synapse=None)
    nengo.Connection(factor, network.input_b, transform=ones, synapse=None)
    nengo.Connection(network.output, learning_rule, transform=radius, synapse=SYNAPSE)


FIXED = Path("fixed rate", plain_pes)
NATIVE = Path("ScheduledPES", native_rule)
NODE = Path("Node scaling", plain_pes, scale_in_node)
PRODUCT = Path("Product network", plain_pes, scale_in_product)
SCALERS = {
    name: Path(f"ErrorScaler {name}", plain_pes, partial(scale_in_neurons, **arguments))
    for name, arguments in {
        "tied": {"design": "tied"},
        "tied+gate": {"design": "tied", "gate": "neural"},
        "classic": {"design": "classic"},
    }.items()
}
ADAPTIVE = {
    name: Path(name, partial(adaptive_rule, optimizer=optimizer, gain=gain))
    for name, (optimizer, gain) in {
        "AdaGrad": (AdaGrad(), 10.0),
        "RMSProp": (RMSProp(), 10.0),
        "Adam": (Adam(), 10.0),
        "LocalGains": (LocalGains(), 1.0),
    }.items()
}
"""What divides the change by its size learns as fast at ten times the rate."""


def default_paths(scalers: Sequence[str] = ("tied",)) -> list[Path]:
    """The paths that are compared: fixed rate, native rule, and scaled errors.

    Parameters
    ----------
    scalers : sequence of str
        Names in `SCALERS`.

    Returns
    -------
    paths : list of Path

    Examples
    --------
    >>> [path.name for path in default_paths()]
    ['fixed rate', 'ScheduledPES', 'Node scaling', 'ErrorScaler tied']
    """
    check_type(scalers, (list, tuple), "scalers", "a list of names")
    for name in scalers:
        check_choice(name, SCALERS, "scalers")
    return [FIXED, NATIVE, NODE, *(SCALERS[name] for name in scalers)]
