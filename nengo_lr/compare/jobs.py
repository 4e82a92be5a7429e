"""The parts of a comparison, each a function that any process can run."""

from functools import partial

import nengo
import numpy as np
from nengo.exceptions import NengoException, SimulationError

from nengo_lr.compare.timing import interleaved
from nengo_lr.simulators import SIMULATORS, reason

TIMING = {"nengo": (200, 25), "nengo_dl": (500, 9)}
"""Steps per round and number of rounds when the cost of a step is measured."""


def run_paths(experiment, paths, simulator):
    """Run all paths of one experiment together on one simulator.

    Returns
    -------
    results : list of dict
        For each path, sampled every `WEIGHTS_EVERY` seconds: ``square`` (n_samples,),
        the mean square test error since the sample before, and ``weights``
        (n_samples, n).
    """
    with nengo.Network(seed=experiment.seed) as model:
        networks = [experiment.build(path) for path in paths]
    with SIMULATORS[simulator](model) as sim:
        sim.run(experiment.duration, progress_bar=False)
        results = []
        for network in networks:
            weights, error = sim.data[network.weights], sim.data[network.test_error]
            samples = np.split(error, len(weights))
            results.append(
                {
                    "square": np.mean(np.square(samples), axis=(1, 2)),
                    "weights": weights.reshape(len(weights), -1),
                }
            )
    return results


def time_paths(experiment, paths, simulator):
    """Measure what a step costs on each path, relative to the first.

    Returns
    -------
    ratios : dict of str to list of float
        For each path's name, the ratio of processor times in each round.
    """
    n_steps, n_rounds = TIMING[simulator]
    runs = {}
    for path in paths:
        network = experiment.build(path)
        network.probes.clear()  # they cost the same on every path
        sim = SIMULATORS[simulator](network)
        runs[path.name] = partial(sim.run_steps, n_steps, progress_bar=False)
        runs[path.name]()  # NengoDL compiles
    ratios, _ = interleaved(runs, paths[0].name, n_rounds)
    for run in runs.values():
        run.func.__self__.close()
    return ratios


def attempt(function, experiment, paths, simulator):
    """Call a function, and return its result or the SimulationError that it ends with.

    An error that were raised would drag the modules of its traceback, TensorFlow among
    them, into the process that asks.
    """
    try:
        return function(experiment, paths, simulator)
    except NengoException as error:
        return SimulationError(
            f"task {experiment.task.name}, seed {experiment.seed}, {simulator}: "
            f"{reason(error)}"
        )


def outcome(future):
    """The result of an attempt; its error is raised here."""
    result = future.result()
    if isinstance(result, SimulationError):
        raise result
    return result
