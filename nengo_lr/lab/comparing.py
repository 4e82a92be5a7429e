"""Compare methods: the same model learns with each of them, from the same neurons."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Callable

import nengo
import numpy as np
from nengo.exceptions import ValidationError

from nengo_lr.builder.hosts import hosts
from nengo_lr.checks import (
    check_callable,
    check_choice,
    check_number,
    check_type,
)
from nengo_lr.lab.answers import Answer, need
from nengo_lr.lab.methods import AUTO, DEFAULT, FIXED, METHODS, NATIVE, Method
from nengo_lr.lab.models import TaskModel
from nengo_lr.lab.plans import Plan, title_of
from nengo_lr.lab.tasks import LEARNING, SAMPLE, TASKS, TEST
from nengo_lr.lab.trials import check_seeds, check_simulators
from nengo_lr.schedules import Linear, Schedule

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Comparison", "compare"]

STILL = 1e-3
"""Weights that move by less than this fraction of their size count as still."""


# --- the answer


@dataclass(frozen=True)
class Comparison(Answer):
    """What `compare` found.

    Parameters
    ----------
    rate : Schedule
        What was learned with; 0 in the test.
    learning, test : float
        Lengths of the two phases in seconds.
    trials : pandas.DataFrame
        One row for each method, simulator and seed. ``error`` is the root mean square
        error in the test, in the target's unit. Distances of weights are norms of
        differences, relative to the norm of the weights: how far they ``moved`` in the
        test, their ``distance`` from those of ScheduledPES on the same simulator, and
        the distance ``from_first`` from those of the same method on the first
        simulator. ``failure`` says why a trial failed; else it is empty.
    traces : pandas.DataFrame
        One row for each trial and piece of ``time`` (its end, in seconds): the root
        mean square ``error`` within, and how far the weights have ``moved`` since the
        end of learning.
    costs : pandas.DataFrame
        One row for each method and simulator: the CPU time of a step, as its ``ratio``
        to that with ScheduledPES.
    """

    rate: Schedule
    learning: float
    test: float
    trials: pd.DataFrame
    traces: pd.DataFrame
    costs: pd.DataFrame

    name = "compare"

    @property
    def table(self):
        """One row for each method and simulator, a `pandas.DataFrame`.

        All but ``lowest`` and ``highest`` are medians over the seeds.
        """
        keys = ["method", "simulator"]
        groups = self.trials.groupby(keys, sort=False)
        columns = {
            "test error": groups["error"].median(),
            "lowest": groups["error"].min(),
            "highest": groups["error"].max(),
            "moved at rate 0 (%)": 100 * groups["moved"].median(),
            "relative cost of a step": self.costs.set_index(keys)["ratio"],
        }
        order = groups["error"].median().index  # that of the methods
        return need("pandas", "cli").DataFrame(columns, index=order).reset_index()

    @property
    def reason(self):
        """Why to doubt the comparison: trials that failed, or a best rate at an end."""
        failed = self.trials[self.trials["failure"] != ""]
        doubts = [
            f"{row.method} with seed {row.seed} on {row.simulator}: {row.failure}"
            for row in failed.itertuples()
        ]
        fixed, names = METHODS[FIXED], set(self.trials["method"])
        for rate in (min(fixed.rates), max(fixed.rates)):
            if (name := title_of(fixed, rate)) in names:
                doubts.append(f"the {name}, is at an end of those that were tried")
        return "; ".join(doubts)

    @property
    def conclusion(self) -> str:
        """What was seen, in words."""
        moved = self.trials.groupby("method", sort=False)["moved"].median()
        names = [f"{name} ({100 * moved[name]:.2g} %)" for name in self.moving]
        moving = " and ".join(names) or "no method"
        return (
            f"ScheduledPES has the rate {self.rate}. {self.headline}. At rate 0, the "
            f"weights move on with {moving}."
        )

    @property
    def headline(self) -> str:
        """How the errors without a fixed rate compare with that at the best one."""
        first = self.trials[self.trials["simulator"] == self.trials["simulator"][0]]
        errors = first.pivot(index="seed", columns="method", values="error")
        names = [METHODS[name].title for name in (NATIVE, AUTO)]
        names = [name for name in names if name in errors]
        fixed = [n for n in errors if n.startswith(f"{METHODS[FIXED].title},")]
        if not fixed:
            known = [f"{name} {errors[name].median():.2g}" for name in names]
            return f"The error in the test is with {' and with '.join(known)}"
        ratios = errors[names].median() / errors[fixed[0]].median()
        words = {
            name: "less" if ratio < 1 else "more" for name, ratio in ratios.items()
        }
        changes = [
            f"{100 * abs(1 - ratios[name]):.0f} % {word} with {name}"
            for name, word in words.items()
        ]
        return f"The error is {' and '.join(changes)} than with the {fixed[0]}"

    @property
    def moving(self):
        """The methods that go on learning at rate 0."""
        moved = self.trials.groupby("method", sort=False)["moved"].median()
        return list(moved.index[moved > STILL])

    def save(self, folder: str | PathLike) -> list[Path]:
        """Write the tables (CSV) and the figure (PNG) to a folder.

        Parameters
        ----------
        folder : str or path-like
            Made where it does not exist.

        Returns
        -------
        files : list of pathlib.Path
            What was written.
        """
        files = super().save(folder)
        for name in ("trials", "traces"):
            files.append(Path(folder) / f"{name}.csv")
            getattr(self, name).to_csv(files[-1], index=False)
        return files


# --- the question


def compare(
    model: Callable[..., nengo.Network] = TaskModel("noisy"),
    schedule: Schedule | None = None,
    learning: float = LEARNING,
    test: float = TEST,
    *,
    methods: Iterable[str | Method] = DEFAULT,
    seeds: Iterable[int] = (0, 1, 2),
    simulators: Iterable[str] | None = None,
    error_radius: float | None = None,
    executor: Executor | str | int | None = None,
    store: str | PathLike | None = None,
    progress: Callable[[float, int], object] | None = None,
) -> Comparison:
    """Learn the same with several methods, from the same neurons, on each simulator.

    The rate follows the schedule while the model learns. Then it is 0 for every method,
    and the learned weights are tested on input that they have not seen.

    Parameters
    ----------
    model : callable, optional
        ``model(learning_rate)`` returns a network; see `.models.make`. By default a
        task with a noisy target.
    schedule : Schedule, optional
        The rate. By default it falls in a line from 1e-3 to 0.
    learning, test : float, optional
        Lengths of learning and of the test after it in seconds.
    methods : iterable of str or Method, optional
        What is compared: `Method`s, or names in `METHODS`. ScheduledPES is always among
        them.
    seeds : iterable of int, optional
        Seeds of the network; a trial for each.
    simulators : iterable of str, optional
        Names of simulators in `.hosts.hosts`; by default all of them.
    error_radius : float, optional
        The largest error to expect, in the target's unit: what an `.ErrorScaler` has to
        represent. By default that of the task, or 1.
    executor : Executor or "serial" or int, optional
        What runs the trials; see `.runner.run_trials`.
    store : str or path-like, optional
        An SQLite file in which each finished trial is kept at once. Trials that are in
        it already are not repeated.
    progress : callable, optional
        Called as ``progress(done, total)``, counted in trials and in measurements of
        costs.

    Returns
    -------
    found : Comparison

    Raises
    ------
    ValidationError
        If an argument is not one of the above.
    SimulationError
        If all trials fail.

    Warns
    -----
    UserWarning
        If some trials fail; see `Comparison.reason`.

    Examples
    --------
    >>> from nengo_lr.lab import TaskModel, compare
    >>> found = compare(
    ...     TaskModel("comm"),
    ...     learning=1.0,
    ...     test=0.5,
    ...     methods=["node"],
    ...     seeds=[0],
    ...     simulators=["nengo"],
    ...     executor="serial",
    ... )
    >>> found.table["method"].tolist()
    ['ScheduledPES', 'PES, error scaled in a Node']
    """
    check_number(learning, "learning")
    check_number(test, "test")
    schedule = Linear(1e-3, learning) if schedule is None else schedule
    check_type(schedule, Schedule, "schedule", "a Schedule")
    error_radius = radius_of(model) if error_radius is None else error_radius
    check_number(error_radius, "error_radius")
    progress = ignore if progress is None else progress
    check_callable(progress, "progress", "a function of two numbers")
    plan = Plan(
        model,
        schedule,
        learning,
        test,
        check_methods(methods),
        check_seeds(seeds),
        check_simulators(hosts() if simulators is None else simulators),
        error_radius,
        largest(schedule, learning),
    )
    tables = plan.tables(executor, store, progress)
    rate = schedule.between(0.0, learning)
    return Comparison(rate, learning, test, *tables).warned()


def ignore(done, total):
    """Report no progress."""


def check_methods(methods):
    """The methods as a tuple, ScheduledPES among them, from any iterable."""
    is_list = isinstance(methods, Iterable) and not isinstance(methods, str)
    found = []
    for method in methods if is_list else (methods,):
        if not isinstance(method, Method):
            check_choice(method, METHODS, "methods")
            method = METHODS[method]
        found.append(method)
    names = [method.name for method in found]
    if len(set(names)) < len(names):
        raise ValidationError(
            f"must be different methods (got {', '.join(names)})", "methods"
        )
    return tuple(found) if NATIVE in names else (METHODS[NATIVE], *found)


def largest(schedule, learning):
    """The largest rate of a schedule while a model learns."""
    times = np.arange(1, round(learning / SAMPLE) + 1) * SAMPLE
    peak = float(np.max(schedule(times), initial=0.0))
    if not 0 < peak < np.inf:
        raise ValidationError(
            "must be above 0, and finite, while the model learns (its largest rate in "
            f"the first {learning:g} s is {peak})",
            "schedule",
        )
    return peak


def radius_of(model):
    """The largest error to expect of a model."""
    if not isinstance(model, TaskModel):
        return 1.0
    return TASKS.get(model.task, model.task).error_radius
