"""CPU times of functions that take turns, as ratios to one of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from typing import Callable

from nengo_lr.checks import check_choice, check_integer

__all__ = ["interleaved"]


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
