"""What learning costs: whole simulation steps, as ratios to those with `nengo.PES`."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable

import nengo
import numpy as np

from nengo_lr import optimizers
from nengo_lr.checks import check_choice, check_integer, check_type
from nengo_lr.learning_rules import ScheduledPES
from nengo_lr.schedules import ExponentialDecay

__all__ = ["PATHS", "Path", "build", "interleaved", "measure", "peak_memory"]

RATE = 1e-6
PRODUCT_NEURONS = 200


def interleaved(
    runs: Mapping[str, Callable[[], object]], baseline: str, rounds: int = 15
) -> tuple[dict[str, list[float]], float]:
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
    check_choice(baseline, runs, "baseline")
    check_integer(rounds, "rounds")
    seconds: dict[str, list[float]] = {name: [] for name in runs}
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
    scale: Callable | None = None


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

FLOOR = "no learning"

ROUND_SECONDS = {"nengo": 0.03, "nengo_dl": 0.15}
"""How long a round of the baseline takes; NengoDL has a cost per run."""

PATHS = {
    path.name: path
    for path in [
        Path(BASELINE, plain),
        Path("ScheduledPES", scheduled()),
        Path("ScheduledPES at rate 0", lambda: ScheduledPES(0.0)),
        Path(FLOOR, lambda: None),
        Path("PES + scaling Node", plain, scaling_node),
        Path("PES + product network", plain, product_network),
        *(
            Path(name, scheduled(optimizer=getattr(optimizers, name)()))
            for name in ("AdaGrad", "RMSProp", "Adam", "LocalGains")
        ),
    ]
}


def build(path: Path, neurons: int, dimensions: int) -> nengo.Network:
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
    check_type(path, Path, "path", "a Path, such as PATHS['ScheduledPES']")
    check_integer(neurons, "neurons")
    check_integer(dimensions, "dimensions")
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


def reference(network):
    """Make Nengo's own simulator."""
    return nengo.Simulator(network, progress_bar=False)


def nengo_dl(network, minibatch_size=None):
    """Make NengoDL's simulator, in its usual float32."""
    import nengo_dl

    return nengo_dl.Simulator(
        network, minibatch_size=minibatch_size, progress_bar=False
    )


SIMULATORS: dict[str, Callable] = {"nengo": reference, "nengo_dl": nengo_dl}


def measure(
    names: Iterable[str],
    neurons: int,
    dimensions: int,
    simulator: str = "nengo",
    rounds: int = 15,
    **kwargs: Any,
) -> list[dict[str, Any]]:
    """Measure whole steps along several paths, interleaved in this process.

    Parameters
    ----------
    names : list of str
        Names of the `PATHS`; the baseline and the floor are added where they lack.
    neurons, dimensions : int
        As in `build`.
    simulator : {"nengo", "nengo_dl"}, optional
    rounds : int, optional
    **kwargs
        ``minibatch_size`` for NengoDL.

    Returns
    -------
    rows : list of dict
        For each path the median and the quartiles of its ratio to `nengo.PES`, and the
        microseconds of a step of that. The path "memory limit" is the floor (no
        learning) and one pass that reads and writes all weights.
    """
    for name in names:
        check_choice(name, PATHS, "names")
    check_choice(simulator, SIMULATORS, "simulator")
    check_integer(rounds, "rounds")
    names = list(dict.fromkeys([BASELINE, FLOOR, *names]))
    simulators = {
        name: SIMULATORS[simulator](build(PATHS[name], neurons, dimensions), **kwargs)
        for name in names
    }
    weights = np.ones((dimensions, neurons))
    try:
        for sim in simulators.values():
            sim.run_steps(20)
        n_steps = steps_per_round(simulators[BASELINE], ROUND_SECONDS[simulator])

        def pass_over_weights():
            for _ in range(n_steps):
                np.add(weights, 1.0, out=weights)

        runs: dict[str, Callable[[], object]] = {
            name: partial(sim.run_steps, n_steps) for name, sim in simulators.items()
        }
        runs["pass"] = pass_over_weights
        for run in runs.values():
            run()  # NengoDL compiles a graph for this number of steps
        ratios, base = interleaved(runs, BASELINE, rounds)
    finally:
        for sim in simulators.values():
            sim.close()
    one_pass = ratios.pop("pass")
    if simulator == "nengo":
        ratios["memory limit"] = [a + b for a, b in zip(ratios[FLOOR], one_pass)]
    return [
        {
            "simulator": simulator,
            "minibatch": kwargs.get("minibatch_size") or 1,
            "neurons": neurons,
            "dimensions": dimensions,
            "path": name,
            "ratio": np.median(values),
            "low": np.quantile(values, 0.25),
            "high": np.quantile(values, 0.75),
            "microseconds_pes": base / n_steps * 1e6,
        }
        for name, values in ratios.items()
    ]


def steps_per_round(simulator, seconds):
    """How many steps take a simulator about so many seconds of CPU time."""
    simulator.run_steps(100)
    start = time.process_time()
    simulator.run_steps(100)
    return int(np.clip(100 * seconds / (time.process_time() - start), 10, 5000))


def peak_memory(name: str, neurons: int, dimensions: int) -> int:
    """The most memory that running a path takes, in bytes.

    Parameters
    ----------
    name : str
        One of the `PATHS`.
    neurons, dimensions : int
        As in `build`.

    Returns
    -------
    peak : int
        In bytes of arrays and objects, on the reference simulator.
    """
    check_choice(name, PATHS, "name")
    network = build(PATHS[name], neurons, dimensions)
    tracemalloc.start()
    with nengo.Simulator(network, progress_bar=False) as sim:
        tracemalloc.reset_peak()
        sim.run_steps(10)
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak
