"""Many learning rates times many seeds."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from os import PathLike
from typing import Callable

import nengo
import numpy as np
from nengo.exceptions import SimulationError

from nengo_lr.auto import Auto
from nengo_lr.checks import check_number, check_type
from nengo_lr.lab import tasks
from nengo_lr.lab.answers import SAME, Answer, above_target, need, no_difference
from nengo_lr.lab.runner import run_trials
from nengo_lr.lab.trials import Score, Trial, check_rates, check_seeds
from nengo_lr.learning_rules import ScheduledPES, upper_bound_of
from nengo_lr.networks.defaults import NENGO_DEFAULTS
from nengo_lr.optimizers import Optimizer
from nengo_lr.schedules import Between, Schedule

__all__ = ["Sweep", "side_by_side", "sweep"]


@dataclass(frozen=True)
class Sweep(Answer):
    """What `sweep` found.

    Parameters
    ----------
    rates : tuple of float or Schedule
    seeds : tuple of int
    scores : dict
        The `Score` of each trial, by the places of its rate and seed.
    """

    rates: tuple[float | Schedule, ...]
    seeds: tuple[int, ...]
    scores: dict[tuple[int, int], Score]

    name = "sweep"

    @property
    def errors(self) -> np.ndarray:
        """Root mean square errors, (n_rates, n_seeds); NaN for failures."""
        shape = len(self.rates), len(self.seeds)
        errors = [
            np.nan if score.failure else score.error for score in self.scores.values()
        ]
        return np.reshape(errors, shape)

    @property
    def medians(self) -> np.ndarray:
        """The median error of each rate over the seeds; infinite where most fail."""
        errors = np.where(np.isfinite(self.errors), self.errors, np.inf)
        return np.median(errors, axis=1)

    @property
    def table(self):
        """One row per rate and seed, a `pandas.DataFrame`.

        Its columns are ``rate`` (a schedule as its ``repr``), ``seed``, ``error`` and
        ``learning_error`` (in the target's unit) and ``failure`` (why a trial failed;
        else empty).
        """
        rows = []
        for (i, j), score in self.scores.items():
            rows.append(
                {
                    "rate": self.names[i],
                    "seed": self.seeds[j],
                    "error": score.error,
                    "learning_error": score.learning_error,
                    "failure": score.failure,
                }
            )
        return need("pandas", "cli").DataFrame(rows)

    @property
    def summary(self):
        """One row per rate, a `pandas.DataFrame`: its errors over the seeds."""
        errors = np.where(np.isfinite(self.errors), self.errors, np.inf)
        table = need("pandas", "cli").DataFrame({"rate": self.names})
        table["median error"] = self.medians
        table["lowest"], table["highest"] = errors.min(axis=1), errors.max(axis=1)
        n_failed = np.isinf(errors).sum(axis=1)
        if n_failed.any():
            table["failed seeds"] = n_failed
        return table

    @property
    def conclusion(self):
        """Which rate is the best; empty if there is none."""
        if self.has_none or not np.isfinite(self.medians).any():
            return ""
        name = self.names[int(np.argmin(self.medians))]
        return f"The best is {name if isinstance(name, str) else format(name, '.3g')}."

    @property
    def names(self) -> list:
        """The rates as numbers, the schedules as texts, and "auto"."""
        words = [
            "auto" if isinstance(rate, Auto) else repr(rate) for rate in self.rates
        ]
        return [r if isinstance(r, float) else w for r, w in zip(self.rates, words)]

    @property
    def best(self) -> float | Schedule:
        """The rate or schedule with the lowest median error over the seeds.

        Raises
        ------
        SimulationError
            If there is none: all failed, or all have the same error.
        """
        if self.has_none:
            raise SimulationError(self.reason)
        return self.rates[int(np.argmin(self.medians))]

    @property
    def has_none(self) -> bool:
        """Whether no rate is better than others."""
        good = self.medians[np.isfinite(self.medians)]
        return not len(good) or (
            len(self.rates) > 1
            and len(good) == len(self.rates)
            and np.ptp(good) <= SAME * good.max()
        )

    @property
    def reason(self):
        """Why there is no best rate, or why to doubt it; empty if all is well."""
        medians = self.medians
        failures = [score.failure for score in self.scores.values() if score.failure]
        if not np.isfinite(medians).any():
            return f"at no rate do half of the seeds succeed; {failures[0]}"
        if self.has_none:
            return no_difference("at every rate")
        best = int(np.argmin(medians))
        rate = self.rates[best]
        if isinstance(rate, float) and rate == 0:
            return "rate 0 is the best: learning does not lower the error"
        size = np.median([self.scores[best, j].target for j in range(len(self.seeds))])
        doubts = above_target("at no rate", medians[best], size)
        alike = [upper_bound_of(r) for r in self.rates if type(r) is type(rate)]
        if None not in alike and len(set(alike)) > 1:
            ends, highest = (
                {min(alike): "lower", max(alike): "higher"},
                upper_bound_of(rate),
            )
            if highest in ends:
                doubts.append(
                    f"the best rate, {highest:.3g}, is at an end of those that were "
                    f"tried: try {ends[highest]} ones too"
                )
        return "; ".join(doubts)


def sweep(
    model: Callable[..., nengo.Network],
    rates: Iterable[float | Schedule],
    learning: float,
    test: float = 0.0,
    *,
    seeds: Iterable[int] = (0,),
    simulator: str = "nengo",
    executor: Executor | str | int | None = None,
    store: str | PathLike | None = None,
    progress: Callable[[float, int], object] | None = None,
    dt: float = 0.001,
) -> Sweep:
    """Learn with many rates or schedules, with each of many seeds.

    Every rate and seed is a `Trial` of its own. On simulators with minibatches the
    rates of a seed run together, each as an item of the minibatch. A trial that fails
    is recorded with its failure, and the others go on.

    Parameters
    ----------
    model : callable
        ``model(learning_rate)`` returns a network; see `.models.make`.
    rates : iterable of float or Schedule
        What to learn with: numbers, or schedules with different parameters.
    learning : float
        Length of the learning phase in seconds.
    test : float, optional
        Length of a phase after learning in seconds, in which the rate is 0. There the
        network's Probe ``test_error`` (or ``error``) is read. By default there is none,
        and ``error`` is read in the last fifth of learning.
    seeds : iterable of int, optional
        Seeds of the network.
    simulator : str, optional
        Where to run: the name of a simulator in `.hosts.hosts`.
    executor : Executor or "serial" or int, optional
        What runs the trials: any `concurrent.futures.Executor`, a number of processes,
        or ``"serial"``; see `.runner.run_trials`.
    store : str or path-like, optional
        An SQLite file in which each finished trial is kept at once. Trials that are in
        it already are not repeated.
    progress : callable, optional
        Called as ``progress(done, total)``, counted in trials.
    dt : float, optional
        Length of a step in seconds.

    Returns
    -------
    found : Sweep

    Raises
    ------
    ValidationError
        If an argument is not one of the above.
    SimulationError
        If the executor fails, for example because its workers lack this package.

    Warns
    -----
    UserWarning
        If there is no best rate, or a reason to doubt it; see `Sweep.reason`.

    Examples
    --------
    >>> from nengo_lr.lab import TaskModel, sweep
    >>> rates = [1e-5, 1e-3, 1e-1]
    >>> found = sweep(TaskModel("comm"), rates, learning=2.0, executor="serial")
    >>> found.best
    0.001
    """
    all_rates, all_seeds = check_rates(rates), check_seeds(seeds)
    # seed by seed, so that a minibatch is one job
    trials = {
        (i, j): Trial(model, rate, learning, test, seed, dt, simulator=simulator)
        for j, seed in enumerate(all_seeds)
        for i, rate in enumerate(all_rates)
    }
    scores = dict(zip(trials, run_trials(trials.values(), executor, store, progress)))
    return Sweep(all_rates, all_seeds, dict(sorted(scores.items()))).warned()


def side_by_side(
    task: tasks.Task,
    rates: Iterable[float | Schedule],
    seed: int = 0,
    learning: float = tasks.LEARNING,
    test: float = tasks.TEST,
    optimizer: Optimizer | None = None,
    precondition: int | None = None,
) -> np.ndarray:
    """Learn a task with many rates or schedules in one run, on the same neurons.

    One connection learns the task once for each rate, in as many output dimensions: the
    rate is a Node with one output per error dimension. What one dimension learns does
    not touch another, so that this equals runs of their own, to rounding. Fifty rates
    cost little more than one.

    Parameters
    ----------
    task : Task
    rates : iterable of float or Schedule
        What to learn with; 0 in the test. All must be stable: where one diverges, the
        run ends for all.
    seed : int, optional
        Seed of the network.
    learning, test : float, optional
        As in `.tasks.build`.
    optimizer : Optimizer, optional
        Adapts every weight, as in `.ScheduledPES`.
    precondition : int, optional
        How many leading directions of the activities to damp, as in `.ScheduledPES`.

    Returns
    -------
    errors : array (n_steps, n_rates) or (n_steps, outputs, n_rates)
        Output minus target for each rate, neither with noise, one row per millisecond;
        the second for tasks with several outputs.

    Raises
    ------
    ValidationError
        If an argument is not one of the above.
    SimulationError
        If the weights of one of the rates overflow.

    Examples
    --------
    >>> from nengo_lr.lab import TASKS, side_by_side
    >>> rates = [0.0, 1e-4, nlr.CosineDecay(1e-3, 2.0)]
    >>> errors = side_by_side(TASKS["comm"], rates, learning=2.0, test=1.0)
    >>> np.sqrt(np.mean(errors[2000:] ** 2, axis=0)).round(2)
    array([0.41, 0.1 , 0.04])
    """
    task_words = "a Task, such as TASKS['comm']"
    check_type(task, tasks.Task, "task", task_words)
    all_rates = check_rates(rates)
    check_number(learning, "learning")
    check_number(test, "test", least=0)
    duration = learning + test
    times = np.arange(1, round(duration / tasks.SAMPLE) + 1) * tasks.SAMPLE
    values = [Between(rate, 0.0, learning)(times) for rate in all_rates]

    n_outputs = task.target(np.zeros((1, task.dimensions)), learning).shape[1]
    with nengo.Network() as model, NENGO_DEFAULTS:
        rate = tasks.played(np.tile(np.stack(values, axis=1), n_outputs))
        rule = ScheduledPES(rate, optimizer=optimizer, precondition=precondition)
        network = tasks.build(
            copies(task, len(all_rates)), rule, seed=seed, learning=learning, test=test
        )
        network.probes[:] = [network.test_error]  # the others would only cost time
    with nengo.Simulator(model, dt=tasks.SAMPLE, progress_bar=False) as simulator:
        simulator.run(duration)
    errors = simulator.data[network.test_error]
    return errors if n_outputs == 1 else errors.reshape(len(errors), n_outputs, -1)


def copies(task, n):
    """The same task with each of its outputs n times."""

    def repeated(function):
        return lambda *args: np.repeat(function(*args), n, axis=-1)

    targets = "function", "later", "varying"
    given = {name: getattr(task, name) for name in targets if getattr(task, name)}
    return replace(task, **{name: repeated(of) for name, of in given.items()})
