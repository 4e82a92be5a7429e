"""The learning tasks that comparisons, searches, benchmarks and examples share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Callable

import nengo
import numpy as np
from nengo.learning_rules import LearningRuleType

from nengo_lr.checks import (
    check_callable,
    check_integer,
    check_number,
    check_type,
)
from nengo_lr.learning_rules import ScheduledPES
from nengo_lr.networks.defaults import NENGO_DEFAULTS

__all__ = [
    "STANDARD",
    "TASKS",
    "Task",
    "band_limited",
    "build",
    "final_error",
    "least_squares_limit",
]

SYNAPSE = 0.005
"""Time constant of every synapse of a task, in seconds."""

SAMPLE = 0.001
"""Time between two samples of a task's inputs, in seconds."""

WEIGHTS_EVERY = 0.05
"""Time between two samples of the weights, in seconds."""

LEARNING = 15.0
"""Usual length of the phase in which the rate is not 0, in seconds."""

TEST = 5.0
"""Usual length of the phase after it, in which the learned weights are tested."""


SPIKING = nengo.LIF()


def product(x):
    """The product of all dimensions."""
    return np.prod(x, axis=-1, keepdims=True)


@dataclass(frozen=True)
class Task:
    """A function that a connection learns online with PES.

    Parameters
    ----------
    name : str
        What the task is called on the command line.
    description : str
        What is learned, in one line.
    function : callable
        The target as a function of the input: ``function(x) -> y`` with shapes
        ``(..., dimensions)`` and ``(..., 1)``.
    later : callable, optional
        The target from half of the learning phase on, where it changes.
    varying : callable, optional
        The target where it goes on changing, in place of ``function``: ``varying(x, t)
        -> y`` with the time t in seconds, shape ``(..., 1)``. In the test it stays as
        it is at the end of learning.
    dimensions : int, optional
        Number of input dimensions.
    n_neurons : int, optional
        Number of neurons in the ensemble that learns from.
    radius : float, optional
        Radius of this ensemble.
    neuron_type : nengo.neurons.NeuronType, optional
        Type of its neurons.
    highest : float, optional
        Highest frequency of the input in Hz.
    noise : float, optional
        Root mean square of the noise on the target that the error sees.
    noise_highest : float, optional
        Highest frequency of this noise in Hz.
    shown : callable, optional
        The input as a function of random samples between -1 and 1: ``shown(x, t) -> x``
        with the time t in seconds, shape ``(..., 1)``. By default these are the input.
    error_gain : callable, optional
        What the error is multiplied by on its way to the rule, as a function of the
        time in seconds. By default it is 1.
    error_radius : float, optional
        The largest error to expect; what an `.ErrorScaler` has to represent.

    Examples
    --------
    >>> TASKS["square"].function(np.array([[0.5]]))
    array([[0.25]])
    """

    name: str
    description: str
    function: Callable
    later: Callable | None = None
    varying: Callable | None = None
    dimensions: int = 1
    n_neurons: int = 100
    radius: float = 1.0
    neuron_type: nengo.neurons.NeuronType = SPIKING
    highest: float = 5.0
    noise: float = 0.0
    noise_highest: float = 100.0
    shown: Callable | None = None
    error_gain: Callable | None = None
    error_radius: float = 1.0

    def target(self, x, learning):
        """The target (n, outputs) for all inputs (n, dimensions) of a run."""
        if self.varying is not None:
            return self.varying(x, np.minimum(times(x), learning - SAMPLE))
        target = self.function(x)
        if self.later is not None:
            half = round(learning / 2 / SAMPLE)
            target[half:] = self.later(x[half:])
        return target

    def settled(self, learning):
        """The same task with the target that there is at the end of learning."""
        function = self.later or self.function
        if self.varying is not None:
            function = partial(self.varying, t=learning - SAMPLE)
        return replace(self, function=function, later=None, varying=None)


def drifting(x, t):
    """A target that turns from x to its square, to their opposites, and on."""
    angle = 2 * np.pi * t / 10.0
    return np.cos(angle) * x + np.sin(angle) * x**2


def flipping(x, t, period=4.0):
    """A target that changes its sign after every period."""
    return np.where(t // period % 2 == 0, x, -x)


def seldom(t, seconds=0.5, period=2.5):
    """Whether an error is seen that is there for some seconds of every period."""
    return float(t % period < seconds)


def scaled_square(x, factor):
    """A factor times the square of x."""
    return factor * x**2


TASKS = {
    task.name: task
    for task in [
        Task("comm", "a communication channel, f(x) = x", np.positive),
        Task("square", "f(x) = x squared", np.square),
        Task(
            "product",
            "f(x, y) = x y",
            product,
            dimensions=2,
            n_neurons=200,
            radius=np.sqrt(2),
        ),
        Task(
            "noisy",
            "f(x) = x, with noise on the target that the error sees",
            np.positive,
            noise=0.5,
            error_radius=2.0,
        ),
        Task(
            "switch",
            "f(x) = x, and -x from half of the learning phase on",
            np.positive,
            later=np.negative,
            error_radius=2.0,
        ),
        Task(
            "comm-8d",
            "a communication channel of 8 dimensions",
            np.positive,
            dimensions=8,
            n_neurons=400,
            radius=1.5,
        ),
        Task("slow-input", "f(x) = x, up to .5 Hz", np.positive, highest=0.5),
        Task("fast-input", "f(x) = x, up to 20 Hz", np.positive, highest=20.0),
        Task(
            "slow-noise",
            "f(x) = x, with noise up to 10 Hz on the target that the error sees",
            np.positive,
            noise=0.3,
            noise_highest=10.0,
            error_radius=2.0,
        ),
        Task(
            "drift",
            "from f(x) = x to x squared, to their opposites, and back in 10 s",
            np.positive,
            varying=drifting,
            error_radius=2.0,
        ),
        Task(
            "flip",
            "f(x) = x and -x, in turn for 4 s",
            np.positive,
            varying=flipping,
            error_radius=2.0,
        ),
        Task(
            "seldom",
            "f(x) = x squared, with an error for .5 s of every 2.5 s",
            np.square,
            error_gain=seldom,
        ),
        Task("50-neurons", "f(x) = x squared", np.square, n_neurons=50),
        Task("1000-neurons", "f(x) = x squared", np.square, n_neurons=1000),
        Task(
            "rate-neurons",
            "f(x) = x squared, without spikes",
            np.square,
            neuron_type=nengo.LIFRate(),
        ),
        Task(
            "large-target",
            "f(x) = 10 x squared",
            partial(scaled_square, factor=10.0),
            error_radius=10.0,
        ),
        Task(
            "small-target",
            "f(x) = .1 x squared",
            partial(scaled_square, factor=0.1),
            error_radius=0.1,
        ),
    ]
}

STANDARD = ("comm", "square", "product", "noisy", "switch")
"""The tasks that most figures are about; the others differ from them in one thing."""


def band_limited(
    rng: np.random.RandomState | np.random.Generator,
    duration: float,
    dimensions: int = 1,
    high: float = 5.0,
    rms: float = 0.5,
) -> np.ndarray:
    """Draw a random signal that is a sum of sines.

    The sines are .025 Hz apart (closer where the signal would otherwise repeat within
    ``duration``), with random phases and Rayleigh amplitudes.

    Parameters
    ----------
    rng : numpy.random.RandomState
    duration : float
        Length in seconds.
    dimensions : int, optional
        Number of independent signals.
    high : float, optional
        Highest frequency in Hz.
    rms : float, optional
        Root mean square of each signal over one period.

    Returns
    -------
    signal : array (n_samples, dimensions)
        One sample per millisecond.
    """
    check_type(
        rng,
        (np.random.RandomState, np.random.Generator),
        "rng",
        "one of numpy's random number generators",
    )
    check_number(duration, "duration")
    check_integer(dimensions, "dimensions")
    check_number(high, "high")
    check_number(rms, "rms", least=0)
    period = 40.0 * max(1, np.ceil(duration / 40.0))
    n_samples = round(period / SAMPLE)
    n_sines = round(high * period)
    spectrum = np.zeros((n_samples // 2 + 1, dimensions), dtype=complex)
    sines = rng.normal(size=(n_sines, dimensions, 2)) @ [1, 1j]
    spectrum[1 : n_sines + 1] = sines / np.linalg.norm(sines, axis=0)
    signal = np.fft.irfft(spectrum, n_samples, axis=0) * n_samples
    return rms / np.sqrt(2) * signal[: round(duration / SAMPLE)]


def played(samples):
    """Make a Node that plays samples, one per millisecond: an array (n, size)."""
    return nengo.Node(nengo.processes.PresentInput(samples, SAMPLE))


def times(samples):
    """The times of samples in seconds, an array (n, 1)."""
    return np.arange(len(samples))[:, None] * SAMPLE


def build(
    task: Task,
    rule: LearningRuleType,
    wire: Callable | None = None,
    seed: int = 0,
    learning: float = LEARNING,
    test: float = TEST,
) -> nengo.Network:
    """Build the network that learns a task.

    An ensemble represents the input; a connection from it learns the target. All its
    decoders start at 0, every synapse has 5 ms, and every random choice is made from
    ``seed``, whatever else is added to the network.

    Parameters
    ----------
    task : Task
    rule : nengo.learning_rules.LearningRuleType
        The learning rule of the connection. Its rate should be 0 from ``learning`` on.
    wire : callable, optional
        Called in the network as ``wire(error, learning_rule)`` to bring the error (a
        Node) to the learning rule. By default that is a connection with a synapse of
        5 ms.
    seed : int, optional
        Determines the input, the neurons and the noise.
    learning, test : float, optional
        Lengths of the two phases in seconds.

    Returns
    -------
    network : nengo.Network
        It has these attributes: ``stimulus``, the Node that plays the input;
        ``ensemble``, the neurons; ``connection``, what learns; and the Probes ``error``
        (what the rule sees, filtered), ``target`` and ``test_error`` (output minus
        target, neither with noise; the target filtered like the output) and
        ``weights`` (every 50 ms).
    """
    check_type(task, Task, "task", "a Task, such as TASKS['comm']")
    check_number(learning, "learning")
    check_number(test, "test", least=0)
    check_integer(seed, "seed", least=0)
    if wire is not None:
        check_callable(wire, "wire", "a function of the error and the learning rule")
    duration = learning + test
    rng = np.random.RandomState(seed)
    x = band_limited(rng, duration, task.dimensions, task.highest)
    x = np.clip(x, -1, 1)
    if task.shown is not None:
        x = task.shown(x, times(x))
    target = task.target(x, learning)

    with nengo.Network(seed=seed) as network, NENGO_DEFAULTS:
        network.ensemble = nengo.Ensemble(
            task.n_neurons,
            task.dimensions,
            radius=task.radius,
            neuron_type=task.neuron_type,
            label=task.name,
            seed=seed,
        )
        network.stimulus = played(x)
        nengo.Connection(network.stimulus, network.ensemble, synapse=None)

        def zero(x):
            return np.zeros(output.size_in)

        output = nengo.Node(size_in=target.shape[1], label="output")
        network.connection = nengo.Connection(
            network.ensemble,
            output,
            function=zero,
            synapse=SYNAPSE,
            learning_rule_type=rule,
            seed=seed,
        )

        target_node = played(target)
        clean_error = nengo.Node(size_in=target.shape[1])
        nengo.Connection(output, clean_error, synapse=None)
        nengo.Connection(target_node, clean_error, transform=-1, synapse=SYNAPSE)
        error = clean_error
        if task.noise:
            noise = band_limited(rng, duration, 1, task.noise_highest, task.noise)
            error = nengo.Node(size_in=target.shape[1])
            nengo.Connection(clean_error, error, synapse=None)
            to_all = -np.ones((target.shape[1], 1))
            nengo.Connection(played(noise), error, transform=to_all, synapse=SYNAPSE)
        if task.error_gain is not None:

            def multiplied(t, values):
                return task.error_gain(t) * values

            whole, error = error, nengo.Node(multiplied, size_in=error.size_out)
            nengo.Connection(whole, error, synapse=None)
        if wire is None:
            nengo.Connection(error, network.connection.learning_rule, synapse=SYNAPSE)
        else:
            wire(error, network.connection.learning_rule)

        network.error = nengo.Probe(error, synapse=SYNAPSE)
        network.target = nengo.Probe(target_node, synapse=SYNAPSE)
        network.test_error = nengo.Probe(clean_error)
        network.weights = nengo.Probe(
            network.connection, "weights", sample_every=WEIGHTS_EVERY
        )
    return network


def final_error(
    simulator: nengo.Simulator, network: nengo.Network, learning: float = LEARNING
) -> float:
    """The root mean square of the error in the test phase.

    Parameters
    ----------
    simulator : Simulator
        Any simulator that has run a network made by `build`.
    network : nengo.Network
    learning : float, optional
        Length of the learning phase in seconds.

    Returns
    -------
    rmse : float
        In units of the target.
    """
    check_number(learning, "learning")
    error = simulator.data[network.test_error][round(learning / simulator.dt) :]
    return float(np.sqrt(np.mean(error**2)))


def least_squares_limit(
    task: Task, seed: int = 0, learning: float = LEARNING, test: float = TEST
) -> float:
    """The test error of the best decoders that exist for a task.

    The decoders are fitted offline, by least squares over the whole learning phase, to
    the clean target (where it changes, to the later one). No online rule that starts
    from the same neurons and the same input can be expected to do better.

    Parameters
    ----------
    task : Task
    seed : int, optional
    learning, test : float, optional
        As in `build`.

    Returns
    -------
    rmse : float
        The root mean square error in the test phase, in units of the target.
    """
    check_type(task, Task, "task", "a Task, such as TASKS['comm']")
    task = task.settled(learning)
    network = build(task, ScheduledPES(0.0), seed=seed, learning=learning, test=test)
    with network:
        activities = nengo.Probe(network.ensemble.neurons, synapse=SYNAPSE)
    with nengo.Simulator(network, progress_bar=False) as simulator:
        simulator.run(learning + test)
    activities, target = simulator.data[activities], simulator.data[network.target]
    n_learning = round(learning / simulator.dt)
    fit = slice(0, n_learning, 5)  # samples one synapse apart are enough
    decoders = np.linalg.lstsq(activities[fit], target[fit], rcond=None)[0]
    error = activities[n_learning:] @ decoders - target[n_learning:]
    return float(np.sqrt(np.mean(error**2)))
