"""What a step costs with each method: CPU times of functions that take turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import Callable

from nengo_lr.checks import check_choice, check_integer
from nengo_lr.lab.methods import NATIVE
from nengo_lr.lab.runner import workers

__all__ = ["interleaved", "measure_costs"]

STEPS, ROUNDS = 200, 7
"""How many steps are timed at once, and how often."""


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

    Raises
    ------
    ValidationError
        If the baseline is none of the functions, or there is no round.
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


def measure_costs(trials, executor):
    """The CPU times of a step by method, as ratios to that with ScheduledPES."""
    trials = {name: trial for (name, *_), trial in trials.items()}
    if NATIVE not in trials:
        return {}
    if executor == "serial":
        return time_steps(trials)
    with workers(1, 1) as pool:  # a fresh process, in which nothing else has run
        return pool.submit(time_steps, trials).result()


def time_steps(trials):
    """CPU times of a step of trials, as medians of ratios to the native method's."""
    with ExitStack() as stack:
        runs = {}
        for name, trial in trials.items():
            _, host = stack.enter_context(trial.open())
            runs[name] = partial(host.run, STEPS)
            runs[name]()  # some simulators compile a graph for this number of steps
        ratios, _ = interleaved(runs, NATIVE, ROUNDS)
    return {name: statistics.median(values) for name, values in ratios.items()}
