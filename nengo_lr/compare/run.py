"""Learn one task on all paths and simulators."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import replace
from typing import Callable

import numpy as np
from nengo.exceptions import ValidationError
from nengo.utils.numpy import is_number

from nengo_lr.checks import (
    check_callable,
    check_choice,
    check_integer,
    check_type,
)
from nengo_lr.compare.jobs import attempt, outcome, run_paths, time_paths
from nengo_lr.compare.paths import (
    LEARNING_SHARE,
    NATIVE,
    Experiment,
    Path,
    default_paths,
    whole,
)
from nengo_lr.compare.tables import Comparison, tabulate
from nengo_lr.executors import Immediately
from nengo_lr.lab.tasks import TASKS, Task
from nengo_lr.schedules import CosineDecay, Schedule
from nengo_lr.simulators import SIMULATORS, missing_simulators

__all__ = ["compare"]


def compare(
    task: str | Task = "comm",
    schedule: Schedule | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    duration: float = 20.0,
    simulators: Sequence[str] = ("nengo",),
    paths: Sequence[Path] | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Comparison:
    """Learn one task with one schedule on several paths and simulators.

    The rate follows the schedule in the first three quarters of the run. Then it is 0,
    and the learned weights are tested on input that they have not seen.

    Parameters
    ----------
    task : str or Task, optional
        A task, or a name in `.tasks.TASKS`.
    schedule : Schedule, optional
        By default a cosine from 1e-3 to 0 over the learning phase.
    seeds : sequence of int, optional
        One run for each.
    duration : float, optional
        Length of a run in seconds.
    simulators : sequence of str, optional
        ``"nengo"`` and ``"nengo_dl"``, or one of them.
    paths : list of Path, optional
        What is compared; by default `default_paths`. The native rule must be among
        them, and the first is what the cost of a step is relative to.
    executor : concurrent.futures.Executor, optional
        Where to run. By default one after the other in this process. Costs are
        measured at the end, one simulator at a time.
    progress : callable, optional
        Called as ``progress(done, total)`` when a part is finished.

    Returns
    -------
    comparison : Comparison

    Raises
    ------
    ValidationError
        If an argument is not one of the above.
    SimulationError
        If a run fails; the message names it.

    Examples
    --------
    >>> from nengo_lr import ExponentialDecay
    >>> from nengo_lr.compare import FIXED, NATIVE, compare
    >>> schedule = ExponentialDecay(1e-3, tau=0.5)
    >>> found = compare("comm", schedule, [0], duration=1.0, paths=[FIXED, NATIVE])
    >>> float(found.runs["drift"][found.runs["path"] == "ScheduledPES"].iloc[0])
    0.0
    """
    if paths is None:
        paths = default_paths()
    check_type(paths, (list, tuple), "paths", "a list of Paths")
    for path in paths:
        check_type(path, Path, "paths", "a list of Paths")
    if progress is not None:
        check_callable(progress, "progress", "a function of two numbers, or None")
    experiments = make_experiments(task, schedule, seeds, duration)
    check_choices(simulators, paths)
    if executor is None:
        executor = Immediately()
    check_callable(
        getattr(executor, "submit", None), "executor", "an Executor with a submit"
    )
    # the slower simulator first, so that no worker has to wait for it at the end
    jobs = [(name, e) for name in reversed(simulators) for e in experiments]
    total = len(jobs) + len(simulators)

    def step(done):
        if progress is not None:
            progress(done, total)

    step(0)
    futures, results, ratios = {}, {}, {}
    for simulator, experiment in jobs:
        future = executor.submit(attempt, run_paths, experiment, paths, simulator)
        futures[future] = simulator, experiment.seed
    for done, future in enumerate(as_completed(futures), start=1):
        results[futures[future]] = outcome(future)
        step(done)
    for done, simulator in enumerate(simulators, start=len(jobs) + 1):
        future = executor.submit(attempt, time_paths, experiments[0], paths, simulator)
        ratios[simulator] = outcome(future)
        step(done)
    return tabulate(experiments, simulators, paths, results, ratios)


def make_experiments(task, schedule, seeds, duration):
    """The experiments, one per seed, once their arguments are checked."""
    if not isinstance(task, Task):
        check_choice(task, TASKS, "task")
        task = TASKS[task]
    if not is_number(duration) or not 1.0 <= duration < np.inf:
        raise ValidationError(
            f"must be at least 1 second, and finite (got {duration!r})", "duration"
        )
    if schedule is None:
        schedule = CosineDecay(1e-3, LEARNING_SHARE * duration)
    check_type(schedule, Schedule, "schedule", "a Schedule")
    check_type(seeds, (list, tuple, range), "seeds", "a list of numbers")
    for seed in seeds:
        check_integer(seed, "seeds", least=0)
    if len(seeds) == 0 or len(set(seeds)) < len(seeds):
        raise ValidationError(
            f"must be one or more different numbers (got {list(seeds)})", "seeds"
        )
    first = Experiment(task, schedule, whole(duration), seeds[0])
    if not 0 < first.peak < np.inf:
        raise ValidationError(
            f"must be above 0, and finite, within the first {first.learning:g} s "
            f"(its largest rate is {first.peak})",
            "schedule",
        )
    return [replace(first, seed=seed) for seed in seeds]


def check_choices(simulators, paths):
    """Refuse simulators that are not there, and paths that cannot be compared."""
    check_type(simulators, (list, tuple), "simulators", "a list of names")
    for name in simulators:
        check_choice(name, SIMULATORS, "simulators")
        if name in missing_simulators():
            raise ValidationError(
                f"{name} is not installed; pip install 'nengo-lr[dl]' brings NengoDL "
                "(Python 3.9 to 3.11)",
                "simulators",
            )
    if len(simulators) == 0 or len(set(simulators)) < len(simulators):
        raise ValidationError(
            f"must be one or more different names (got {list(simulators)})",
            "simulators",
        )
    if NATIVE not in paths:
        raise ValidationError("must include NATIVE", "paths")
