"""Many learning rates times many seeds."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Callable

import nengo
import numpy as np
from nengo.exceptions import SimulationError, ValidationError
from nengo.utils.numpy import is_integer, is_number

from nengo_lr.checks import check_callable, check_choice, check_number
from nengo_lr.schedules import Schedule
from nengo_lr.search.contract import check_signature, describe
from nengo_lr.search.jobs import run_jobs
from nengo_lr.search.optional import need
from nengo_lr.search.runs import Plan
from nengo_lr.search.store import Store
from nengo_lr.simulators import SIMULATORS, missing_simulators

__all__ = ["Sweep", "sweep"]


@dataclass(frozen=True)
class Sweep:
    """What `sweep` found.

    Parameters
    ----------
    rates : tuple of float or Schedule
    seeds : tuple of int
    scores : dict
        The `Score` of each run, by the places of its rate and seed.
    """

    rates: tuple
    seeds: tuple
    scores: dict

    @property
    def errors(self):
        """Root mean square errors in the end, (n_rates, n_seeds); NaN for failures."""
        shape = len(self.rates), len(self.seeds)
        return np.reshape([score.error for score in self.scores.values()], shape)

    @property
    def table(self):
        """One row per rate and seed, a `pandas.DataFrame`.

        Its columns are ``rate`` (a schedule as its ``repr``), ``seed``, ``error`` (in
        the target's unit) and ``failure`` (why a run failed; else empty).
        """
        pandas = need("pandas", "cli")
        rows = [
            {
                "rate": repr(rate) if isinstance(rate, Schedule) else rate,
                "seed": seed,
                "error": self.scores[i, j].error,
                "failure": self.scores[i, j].failure,
            }
            for i, rate in enumerate(self.rates)
            for j, seed in enumerate(self.seeds)
        ]
        return pandas.DataFrame(rows)

    @property
    def best(self):
        """The rate or schedule with the lowest median error over the seeds."""
        errors = np.where(np.isnan(self.errors), np.inf, self.errors)
        medians = np.median(errors, axis=1)
        if not np.isfinite(medians).any():
            failures = [score.failure for score in self.scores.values()]
            raise SimulationError(
                "no rate has a finite median error"
                + "".join(f"; {failure}" for failure in failures[:1] if failure)
            )
        return self.rates[np.argmin(medians)]

    def plot(self, ax=None):
        """Draw the errors over the rates.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        ax : matplotlib.axes.Axes
        """
        from nengo_lr.lab import plot

        return plot.sweep(self, ax)


def sweep(
    model: Callable[..., nengo.Network],
    rates: Any,
    duration: float,
    seeds: Any = (0,),
    test: float = 0.0,
    simulator: str = "nengo",
    executor: Executor | str | None = None,
    store: Any = None,
    progress: Callable[[float, int], object] | None = None,
    dt: float = 0.001,
) -> Sweep:
    """Learn with many rates or schedules, with each of many seeds.

    On NengoDL all rates run in one simulator, each as an item of the minibatch, and one
    seed after the other. On the reference simulator every rate and seed is a run of its
    own. A run that fails is recorded with its error, and the others go on.

    Parameters
    ----------
    model : callable
        ``model(learning_rate)`` returns a network; see `.contract.make`.
    rates : sequence of float or Schedule
        What to learn with: numbers, or schedules with different parameters.
    duration : float
        Length of the learning phase in seconds.
    seeds : sequence of int, optional
        Seeds of the network.
    test : float, optional
        Length of a phase after learning in seconds, in which the rate is 0. There the
        network's Probe ``test_error`` (or ``error``) is read. By default there is none,
        and ``error`` is read in the last fifth of learning.
    simulator : {"nengo", "nengo_dl"}, optional
        Where to run.
    executor : concurrent.futures.Executor or "serial", optional
        What runs them: any Executor, such as that of ``dask.distributed``'s
        ``Client(...).get_executor()``; or ``"serial"``, one after the other in this
        process. By default a process for each core, and ``"serial"`` on NengoDL.
    store : str or path-like, optional
        An SQLite file in which each finished run is kept at once. Runs that are in it
        already are not repeated.
    progress : callable, optional
        Called as ``progress(done, total)``, counted in runs.
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

    Examples
    --------
    >>> from nengo_lr.search import TaskModel, sweep
    >>> rates = [1e-5, 1e-3]
    >>> found = sweep(TaskModel("comm", 2.0), rates, duration=2.0, executor="serial")
    >>> found.best
    0.001
    """
    rates, seeds = check_rates(rates, sweep), check_seeds(seeds)
    check_signature(model, describe(model), {})
    check_settings(duration, test, dt, simulator, executor)
    if progress is not None:
        check_callable(progress, "progress", "a function of two numbers", sweep)
    plan = Plan(model, duration, test, dt)
    keep = None if store is None else Store(store, plan, simulator)
    done = {} if keep is None else keep.load()
    total = len(rates) * len(seeds)
    jobs = [
        (missing, seed)
        for seed in seeds
        if (missing := [rate for rate in rates if (repr(rate), seed) not in done])
    ]
    if simulator == "nengo":
        jobs = [([rate], seed) for missing, seed in jobs for rate in missing]
    n_done = total - sum(len(missing) for missing, _ in jobs)

    def report(extra=0):
        if progress is not None:
            progress(n_done + extra, total)

    def report_share(share):
        report(share * len(jobs[0][0]))

    report()
    results = run_jobs(plan, simulator, jobs, executor, report_share)
    for (missing, seed), scores in results:
        for rate, score in zip(missing, scores):
            done[repr(rate), seed] = score
            if keep is not None:
                keep.save(rate, seed, score)
        n_done += len(missing)
        report()
    scores = {
        (i, j): done[repr(rate), seed]
        for i, rate in enumerate(rates)
        for j, seed in enumerate(seeds)
    }
    return Sweep(rates, seeds, scores)


def check_rates(rates, obj):
    """The rates as a tuple of floats and Schedules, once they are checked."""
    rates = tuple(rates) if np.iterable(rates) else ()
    for rate in rates:
        if not isinstance(rate, Schedule) and not (
            is_number(rate) and 0 <= rate < np.inf
        ):
            raise ValidationError(
                f"must be finite numbers that are not negative, or Schedules "
                f"(got {rate!r})",
                "rates",
                obj,
            )
    rates = tuple(r if isinstance(r, Schedule) else float(r) for r in rates)
    if not rates or len(set(map(repr, rates))) < len(rates):
        raise ValidationError(
            f"must be one or more different rates (got {list(rates)})", "rates", obj
        )
    return rates


def check_seeds(seeds):
    """The seeds as a tuple of int, once they are checked."""
    seeds = tuple(seeds) if np.iterable(seeds) else ()
    if (
        not seeds
        or len(set(seeds)) < len(seeds)
        or not all(is_integer(seed) and 0 <= seed < 2**32 for seed in seeds)
    ):
        raise ValidationError(
            f"must be one or more different whole numbers (got {list(seeds)})",
            "seeds",
            sweep,
        )
    return tuple(map(int, seeds))


def check_settings(duration, test, dt, simulator, executor):
    """Refuse what no run can have."""
    check_number(dt, "dt", obj=sweep)
    check_number(duration, "duration", obj=sweep)
    check_number(test, "test", least=0, obj=sweep)
    if duration < dt:
        raise ValidationError(
            f"must be at least a step of dt={dt} s (got {duration} s)",
            "duration",
            sweep,
        )
    check_choice(simulator, SIMULATORS, "simulator", sweep)
    if simulator in missing_simulators():
        raise ValidationError(
            f"{simulator} is not installed; pip install 'nengo-lr[dl]' brings NengoDL "
            "(Python 3.9 to 3.11)",
            "simulator",
            sweep,
        )
    if not (executor is None or executor == "serial" or isinstance(executor, Executor)):
        raise ValidationError(
            f'must be a concurrent.futures.Executor, or "serial" (got {executor!r})',
            "executor",
            sweep,
        )
