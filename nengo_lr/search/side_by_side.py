"""Many learning rates in one run, on the same neurons."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import nengo
import numpy as np

from nengo_lr import tasks
from nengo_lr.checks import check_number, check_type
from nengo_lr.learning_rules import ScheduledPES
from nengo_lr.optimizers import Optimizer
from nengo_lr.schedules import Between
from nengo_lr.search.sweep import check_rates

__all__ = ["side_by_side"]


def side_by_side(
    task: tasks.Task,
    rates: Any,
    seed: int = 0,
    learning: float = tasks.LEARNING,
    test: float = tasks.TEST,
    optimizer: Optimizer | None = None,
) -> np.ndarray:
    """Learn a task with many rates or schedules in one run, on the same neurons.

    One connection learns the task once for each rate, in as many output dimensions: the
    rate is a Node with one output per error dimension. What one dimension learns does
    not touch another, so that this equals runs of their own, to rounding. Fifty rates
    cost little more than one.

    Parameters
    ----------
    task : Task
        A task with one output.
    rates : sequence of float or Schedule
        What to learn with; 0 in the test. All must be stable: where one diverges, the
        run ends for all.
    seed : int, optional
    learning, test : float, optional
        As in `.tasks.build`.
    optimizer : Optimizer, optional
        Adapts every weight, as in `.ScheduledPES`.

    Returns
    -------
    errors : array (n_steps, n_rates)
        Output minus target for each rate, neither with noise, one row per millisecond.

    Examples
    --------
    >>> from nengo_lr.search import side_by_side
    >>> rates = [0.0, 1e-4, nlr.CosineDecay(1e-3, 2.0)]
    >>> errors = side_by_side(nlr.tasks.TASKS["comm"], rates, learning=2.0, test=1.0)
    >>> np.sqrt(np.mean(errors[2000:] ** 2, axis=0)).round(2)
    array([0.41, 0.1 , 0.04])
    """
    task_words = "a Task, such as TASKS['comm']"
    check_type(task, tasks.Task, "task", task_words, side_by_side)
    rates = check_rates(rates, side_by_side)
    check_number(learning, "learning", obj=side_by_side)
    check_number(test, "test", least=0, obj=side_by_side)
    duration = learning + test
    times = np.arange(1, round(duration / tasks.SAMPLE) + 1) * tasks.SAMPLE
    values = [Between(rate, 0.0, learning)(times) for rate in rates]

    with nengo.Network() as model:
        rate = tasks.played(np.stack(values, axis=1))
        rule = ScheduledPES(rate, optimizer=optimizer)
        network = tasks.build(
            copies(task, len(rates)), rule, seed=seed, learning=learning, test=test
        )
        network.probes[:] = [network.test_error]  # the others would only cost time
    with nengo.Simulator(model, dt=tasks.SAMPLE, progress_bar=False) as simulator:
        simulator.run(duration)
    return simulator.data[network.test_error]


def copies(task, n):
    """The same task with its one output n times."""

    def repeated(function):
        return lambda x: np.repeat(function(x), n, axis=-1)

    later = task.later and repeated(task.later)
    return replace(task, function=repeated(task.function), later=later)
