"""What learning costs: whole simulation steps, as ratios to those with `nengo.PES`."""

import statistics
import time
import tracemalloc
from dataclasses import dataclass
from typing import Callable

import nengo
import numpy as np

from nengo_lr import optimizers
from nengo_lr.learning_rules import ScheduledPES
from nengo_lr.schedules import ExponentialDecay

__all__ = ["PATHS", "Path", "build", "interleaved", "measure", "peak_memory"]

RATE = 1e-6
PRODUCT_NEURONS = 200


def interleaved(runs, baseline, rounds=15):
    """Time several functions in turn, and each round as ratios to one of them.

    The machine's speed drifts and differs from one minute to the next; two functions
    that run right after each other meet the same speed.

    Parameters
    ----------
    runs : dict of str to callable
        What to time, without arguments.
    baseline : str
        The key of the function that the others are compared with.
    rounds : int, optional
        How often each function is called.

    Returns
    -------
    ratios : dict of str to list of float
        CPU time over that of the baseline, for each round.
    seconds : float
        Median CPU time of the baseline in seconds.
    """
    seconds = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.process_time()
            run()
            seconds[name].append(time.process_time() - start)
    base = seconds[baseline]
    ratios = {
        name: [a / b for a, b in zip(times, base)] for name, times in seconds.items()
    }
    return ratios, statistics.median(base)


@dataclass(frozen=True)
class Path:
    """One way to learn, or not to.

    Parameters
    ----------
    name : str
        As it appears in tables.
    rule : callable
        Returns the learning rule, or None.
    scale : callable, optional
        ``scale(dimensions)`` builds what stands between the error and the rule, and
        returns its input and its output.
    """

    name: str
    rule: Callable
    scale: Callable = None


def scaling_node(dimensions):
    """Scale the error exactly, in a Node."""
    node = nengo.Node(lambda t, error: error * np.exp(-t / 5.0), size_in=dimensions)
    return node, node


def product_network(dimensions):
    """Scale the error in neurons, as users write it."""
    product = nengo.networks.Product(PRODUCT_NEURONS, dimensions)
    rate = nengo.Node(lambda t: np.exp(-t / 5.0))
    nengo.Connection(rate, product.input_b, transform=np.ones((dimensions, 1)))
    return product.input_a, product.output


def plain():
    """Nengo's own rule."""
    return nengo.PES(RATE)


def scheduled(**kwargs):
    """Our rule, with a rate that changes in each step."""
    return lambda: ScheduledPES(ExponentialDecay(RATE, tau=5.0), **kwargs)


BASELINE = "nengo.PES"

PATHS = [
    Path(BASELINE, plain),
    Path("ScheduledPES", scheduled()),
    Path("ScheduledPES, rate 0", lambda: ScheduledPES(0.0)),
    Path("no learning", lambda: None),
    Path("PES + scaling Node", plain, scaling_node),
    Path("PES + product network", plain, product_network),
] + [
    Path(name, scheduled(optimizer=getattr(optimizers, name)()))
    for name in ("AdaGrad", "RMSProp", "Adam", "LocalGains")
]


def build(path, neurons, dimensions):
    """Build a network in which one connection learns along a path.

    Parameters
    ----------
    path : Path
    neurons : int
        Number of LIF neurons.
    dimensions : int
        Number of dimensions of the input, the output and the error.

    Returns
    -------
    network : nengo.Network
    """
    value = np.random.RandomState(0).standard_normal(dimensions)
    decoders = np.zeros((neurons, dimensions))
    with nengo.Network(seed=0) as network:
        stimulus = nengo.Node(value / np.linalg.norm(value))
        ensemble = nengo.Ensemble(neurons, dimensions, seed=1)
        error = nengo.Node(size_in=dimensions)
        nengo.Connection(stimulus, ensemble, synapse=None)
        nengo.Connection(stimulus, error, transform=-1, synapse=None)
        learned = nengo.Connection(
            ensemble,
            error,
            solver=nengo.solvers.NoSolver(decoders),
            learning_rule_type=path.rule(),
        )
        if learned.learning_rule is None:
            return network
        before, after = (error, error) if path.scale is None else path.scale(dimensions)
        if before is not error:
            nengo.Connection(error, before)
        nengo.Connection(
            after, learned.learning_rule, synapse=0.005 if after is error else None
        )
    return network


def measure(paths, neurons, dimensions, simulator, rounds=15, seconds=0.02, **kwargs):
    """Measure whole steps of several paths, interleaved in this process.

    Parameters
    ----------
    paths : list of Path
        The first is the baseline.
    neurons, dimensions : int
        As in `build`.
    simulator : callable
        ``simulator(network, **kwargs)`` makes a simulator with ``run_steps``.
    rounds : int, optional
    seconds : float, optional
        CPU time in seconds that one round of the baseline should take.
    **kwargs
        Passed on to the simulator.

    Returns
    -------
    rows : list of dict
        For each path the median, lowest and highest quartile of its ratio to the
        baseline, and the microseconds of a step of the baseline.
    """
    simulators = {
        path.name: simulator(build(path, neurons, dimensions), **kwargs)
        for path in paths
    }
    try:
        first = simulators[paths[0].name]
        for sim in simulators.values():
            sim.run_steps(20)
        start = time.process_time()
        first.run_steps(20)
        step = (time.process_time() - start) / 20
        n_steps = int(np.clip(seconds / step, 10, 2000))
        runs = {
            name: lambda sim=sim: sim.run_steps(n_steps)
            for name, sim in simulators.items()
        }
        for run in runs.values():
            run()
        ratios, base = interleaved(runs, paths[0].name, rounds)
    finally:
        for sim in simulators.values():
            sim.close()
    return [
        {
            "neurons": neurons,
            "dimensions": dimensions,
            "path": path.name,
            "ratio": np.median(ratios[path.name]),
            "low": np.quantile(ratios[path.name], 0.25),
            "high": np.quantile(ratios[path.name], 0.75),
            "microseconds_pes": base / n_steps * 1e6,
        }
        for path in paths
    ]


def peak_memory(path, neurons, dimensions):
    """The most memory that building and running a path takes, in bytes of arrays.

    Parameters
    ----------
    path : Path
    neurons, dimensions : int
        As in `build`.

    Returns
    -------
    peak : int
        In bytes, on the reference simulator.
    """
    network = build(path, neurons, dimensions)
    tracemalloc.start()
    with nengo.Simulator(network, progress_bar=False) as sim:
        tracemalloc.reset_peak()
        sim.run_steps(10)
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak
