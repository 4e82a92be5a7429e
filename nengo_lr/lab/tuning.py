"""Tune the parameters of a schedule or an optimizer with Optuna."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Callable

import nengo
import numpy as np
from nengo.exceptions import SimulationError

from nengo_lr.checks import check_callable, check_integer, check_type
from nengo_lr.lab.answers import SAME, Answer, above_target, need, no_difference
from nengo_lr.lab.runner import ends_cleanly
from nengo_lr.lab.studies import Run, n_begun, open_study
from nengo_lr.lab.templates import Template
from nengo_lr.lab.trials import Trial, check_seeds

__all__ = ["Tuning", "tune"]

EDGE = 0.02
"""A value within this fraction of its range from an end is at the end."""


@dataclass(frozen=True)
class Tuning(Answer):
    """What `tune` found.

    Parameters
    ----------
    study : optuna.Study
        All trials. One that fails has the state "fail", and its error as the attribute
        ``failure``.
    suggest : callable
        What a trial learns with, as a function of an Optuna trial.
    """

    study: Any
    suggest: Callable

    name = "tune"

    @property
    def table(self):
        """One row per trial, a `pandas.DataFrame`.

        Its columns are ``number``, ``value`` (the error), ``params_...`` and ``state``.
        """
        need("pandas", "cli")
        attributes = ("number", "value", "params", "state")
        return self.study.trials_dataframe(attrs=attributes)

    @property
    def complete(self):
        """The trials that ran to their end."""
        return [trial for trial in self.study.trials if trial.state.name == "COMPLETE"]

    @property
    def best_trial(self):
        """The trial with the lowest error.

        Raises
        ------
        SimulationError
            If there is none: all failed, or all have the same error.
        """
        if self.has_none:
            raise SimulationError(self.reason)
        return self.study.best_trial

    @property
    def best_params(self) -> dict[str, Any]:
        """The values of the best trial by their names."""
        return self.best_trial.params

    @property
    def best_value(self) -> float:
        """The mean error of the best trial over the seeds."""
        return self.best_trial.value

    @property
    def best(self):
        """What the best trial learned with: a rate, or keyword arguments."""
        fixed = need("optuna", "search").trial.FixedTrial
        return self.suggest(fixed(self.best_params))

    @property
    def has_none(self) -> bool:
        """Whether no trial is better than others."""
        values = [trial.value for trial in self.complete]
        return not values or (
            len(values) > 1 and np.ptp(values) <= SAME * np.max(np.abs(values))
        )

    @property
    def summary(self):
        """The values of the best trial, a `pandas.DataFrame`."""
        rows = [*self.best_params.items(), ("error", self.best_value)]
        return need("pandas", "cli").DataFrame(rows, columns=["best", "value"])

    @property
    def conclusion(self):
        """What the best trial learned with, and how the trials ended."""
        best = self.best if isinstance(self.best, dict) else {"best": self.best}
        states = [trial.state.name.lower() for trial in self.study.trials]
        counted = ", ".join(f"{states.count(s)} {s}" for s in dict.fromkeys(states))
        lines = [f"{key}: {value}" for key, value in best.items()]
        return "\n".join([*lines, f"{len(states)} trials: {counted}"])

    @property
    def reason(self):
        """Why there is no best trial, or why to doubt it; empty if all is well."""
        if not self.complete:
            failures = [t.user_attrs.get("failure", "") for t in self.study.trials]
            return "every trial failed; " + next(filter(None, failures), "")
        if self.has_none:
            return no_difference("in every trial")
        best = self.study.best_trial
        size = best.user_attrs.get("target", np.nan)
        doubts = above_target("in no trial", best.value, size)
        for name, value in best.params.items():
            range_of = best.distributions[name]
            if not hasattr(range_of, "low") or range_of.single():
                continue
            scaled = np.log if range_of.log else float
            low, high = scaled(range_of.low), scaled(range_of.high)
            if min(scaled(value) - low, high - scaled(value)) <= EDGE * (high - low):
                doubts.append(
                    f"the best {name}, {value:.3g}, is at an end of its range, "
                    f"{range_of.low:g} to {range_of.high:g}: try a wider one"
                )
        return "; ".join(doubts)


def tune(
    model: Callable[..., nengo.Network],
    suggest: str | Callable,
    learning: float,
    test: float = 0.0,
    *,
    n_trials: int = 50,
    seeds: Iterable[int] = (0,),
    store: Any = None,
    name: str = "nengo-lr",
    sampler_seed: int | None = None,
    progress: Callable[[int, int], object] | None = None,
    dt: float = 0.001,
) -> Tuning:
    """Tune what a model learns with, and stop trials early that do worse than most.

    The objective is the mean over the seeds of the error, as in `.sweep`. While a trial
    runs, it reports twenty times the root mean square of ``test_error`` (or ``error``)
    since its last report. Optuna's MedianPruner stops it in its second half where the
    lowest so far is above the median of the trials before.

    Parameters
    ----------
    model : callable
        ``model(learning_rate)`` returns a network; see `.models.make`.
    suggest : Template or str or callable
        A schedule with ranges; or ``suggest(trial)`` that returns a learning rate, or a
        dict of the model function's keyword arguments, for instance
        ``{"learning_rate": 1e-2, "optimizer": RMSProp(tau=1.0)}``. The rate may be
        "auto" in some of the trials.
    learning : float
        Length of the learning phase in seconds.
    test : float, optional
        Length of the test after it in seconds, as in `.sweep`.
    n_trials : int, optional
        Number of trials in all, with those that are in the store already. Trials that
        were interrupted do not count.
    seeds : iterable of int, optional
        Seeds of the network. Each trial learns with all of them.
    store : str or path-like, optional
        An SQLite file, or the URL of another database that Optuna can use, such as
        ``"postgresql://..."``. Processes and machines that give the same one share the
        study ``name``, which must be of the same model, suggestion, seeds and times. By
        default the study is in memory.
    name : str, optional
        Name of the study in the store.
    sampler_seed : int, optional
        Makes what is suggested repeatable: it depends on this seed, on the trials
        before, and on how many they are.
    progress : callable, optional
        Called as ``progress(done, total)``, counted in trials.
    dt : float, optional
        Length of a step in seconds.

    Returns
    -------
    found : Tuning

    Raises
    ------
    ValidationError
        If an argument, what is suggested, or the model is not one of the above.
    ModuleNotFoundError
        If Optuna is not installed.

    Warns
    -----
    UserWarning
        If there is no best trial, or a reason to doubt it; see `Tuning.reason`.

    References
    ----------
    Akiba, T., Sano, S., Yanase, T., Ohta, T., & Koyama, M. (2019). Optuna: a
    next-generation hyperparameter optimization framework. KDD, 2623-2631.

    Examples
    --------
    >>> from nengo_lr.lab import TaskModel, tune
    >>> template = "Constant({rate:1e-5..1e-1})"
    >>> found = tune(TaskModel("comm"), template, 1.0, n_trials=4, sampler_seed=0)
    >>> sorted(found.best_params)
    ['rate']
    """
    need("optuna", "search")
    if isinstance(suggest, str):
        suggest = Template(suggest)
    check_callable(suggest, "suggest", "text, or a function suggest(trial)")
    check_integer(n_trials, "n_trials")
    check_type(name, str, "name", "text")
    if sampler_seed is not None:
        check_integer(sampler_seed, "sampler_seed", least=0)
    if progress is not None:
        check_callable(progress, "progress", "a function of two numbers, or None")
    trials = [
        Trial(model, 0.0, learning, test, seed=seed, dt=dt)
        for seed in check_seeds(seeds)
    ]
    study = open_study(store, name, trials, suggest)
    run = Run(study, trials, suggest, sampler_seed, store)
    with ends_cleanly():
        while True:
            done, begun = n_begun(study, store)
            if progress is not None:
                progress(min(done, n_trials), n_trials)
            if begun >= n_trials:
                break
            run.next_trial()
    return Tuning(study, suggest).warned()
