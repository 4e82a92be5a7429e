"""Tune the parameters of a schedule or an optimizer with Optuna."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Callable

import nengo
import numpy as np
from nengo.exceptions import NengoException, SimulationError, ValidationError

from nengo_lr.checks import check_callable, check_integer, check_type
from nengo_lr.lab.answers import SAME, Answer, need
from nengo_lr.lab.identity import digest
from nengo_lr.lab.models import probes_of
from nengo_lr.lab.runner import ends_cleanly
from nengo_lr.lab.trials import Trial, check_seeds, rms
from nengo_lr.schedules import expressions

__all__ = ["Template", "Tuning", "tune"]

RANGE = re.compile(r"\{(?:(\w+):)?\s*([^{}]+?)\s*\.\.\s*([^{}]+?)\s*\}")

REPORTS = 20
"""How often a trial reports its error, and may be pruned."""

RATE = "learning_rate"
"""The keyword under which a suggestion holds the rate."""

QUESTION = "question"
"""The attribute of a study by which it is told from others of the same name."""

PROCESS = "process"
"""The attribute of an Optuna trial that says which process runs it."""

EDGE = 0.02
"""A value within this fraction of its range from an end is at the end."""


@dataclass(frozen=True)
class Template:
    """A schedule (or an optimizer) with ranges in place of some of its numbers.

    A range is written ``{low..high}`` or ``{name:low..high}``. It is searched on a
    logarithmic scale.

    Parameters
    ----------
    text : str
        For instance ``"ExponentialDecay({rate:1e-5..1e-2}, tau={tau:1..20})"``.
    names : dict, optional
        Classes that the text may name, as in `.expressions.parse`; by default those of
        all schedules.

    Raises
    ------
    ValidationError
        If a range is none, or the rest is no schedule.

    Examples
    --------
    >>> Template("ExponentialDecay({rate:1e-5..1e-2}, {tau:1..20})").ranges
    {'rate': (1e-05, 0.01), 'tau': (1.0, 20.0)}
    """

    text: str
    names: dict | None = None

    def __post_init__(self):
        check_type(self.text, str, "text", "text")
        self.fill({name: low for name, (low, _) in self.ranges.items()})

    @cached_property
    def ranges(self):
        """The lowest and highest value of each name."""
        ranges = {}
        for i, match in enumerate(RANGE.finditer(self.text), start=1):
            name, low, high = match.groups()
            try:
                low, high = float(low), float(high)
            except ValueError:
                low = high = np.nan
            if not 0 < low < high < np.inf:
                raise ValidationError(
                    f"{match[0]!r} must be a range of numbers above 0, such as "
                    "{rate:1e-5..1e-2}",
                    "schedule",
                )
            ranges[name or f"x{i}"] = low, high
        return ranges

    def fill(self, values):
        """The schedule with a value for each name, a dict."""
        values = iter([values[name] for name in self.ranges])
        text = RANGE.sub(lambda _: repr(next(values)), self.text)
        return expressions.parse(text, self.names)

    def __call__(self, trial):
        """The schedule that an Optuna trial suggests."""
        return self.fill(
            {
                name: trial.suggest_float(name, low, high, log=True)
                for name, (low, high) in self.ranges.items()
            }
        )


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
            return (
                "the error is the same in every trial, so that learning does not "
                "change it: the rates are far too low, or the error does not reach the "
                "rule, or does not depend on what the connection puts out"
            )
        best = self.study.best_trial
        doubts = []
        size = best.user_attrs.get("target", np.nan)
        if best.value > size:
            doubts.append(
                f"in no trial is the error (in the best {best.value:.3g}) below the "
                f"target's root mean square ({size:.3g}), as it is without learning"
            )
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

    def plot(self, ax=None):
        """Draw the trials in their order, and the best one so far.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        ax : matplotlib.axes.Axes
        """
        from nengo_lr.lab import plot

        return plot.study(self.table, ax)


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
        ``{"learning_rate": 1e-2, "optimizer": RMSProp(tau=1.0)}``.
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
    optuna = need("optuna", "search")
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
        for seed in check_seeds(seeds, tune)
    ]
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with clear_errors(store):
        study = optuna.create_study(
            storage=url(store),
            study_name=name,
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_warmup_steps=REPORTS // 2),
        )
        give_up_the_dead(study)
    if store is not None:
        check_question(study, digest((trials, suggest)))
    run = Run(study, trials, suggest, sampler_seed, store)
    with ends_cleanly():
        while True:
            with clear_errors(store):
                done = sum(counts(trial) for trial in study.trials)
                free = done + sum(t.state.name == "RUNNING" for t in study.trials)
            if progress is not None:
                progress(min(done, n_trials), n_trials)
            if free >= n_trials:
                break
            run.next_trial()
    return Tuning(study, suggest).warned()


@dataclass(frozen=True)
class Run:
    """What a process does for a study.

    Parameters
    ----------
    study : optuna.Study
    trials : list of Trial
        One for each seed; the rate is to be suggested.
    suggest : callable
        Returns a rate or keyword arguments for an Optuna trial.
    sampler_seed : int or None
    store : object
        Where the study is kept, for messages.
    """

    study: Any
    trials: list
    suggest: Callable
    sampler_seed: int | None
    store: Any

    def next_trial(self):
        """Run one trial of the study, and tell the study what came of it."""
        with clear_errors(self.store):
            trial = self.study.ask()
            trial.set_user_attr(PROCESS, f"{socket.gethostname()}:{os.getpid()}")
            self.seed_sampler(trial)
        try:
            value, state = self.objective(trial)
        except BaseException:
            self.study.tell(trial, state=states().FAIL)
            raise
        with clear_errors(self.store):
            self.study.tell(trial, value, state)

    def seed_sampler(self, trial):
        """Let a trial's suggestions depend on its number, not on who began the study.

        A sampler that is seeded once would repeat its first trials where the study goes
        on in another process.
        """
        seed = None
        if self.sampler_seed is not None:
            earlier = [t for t in self.study.trials if t.number < trial.number]
            words = self.sampler_seed, sum(counts(t) for t in earlier)
            seed = int(np.random.SeedSequence(words).generate_state(1)[0])
        optuna = need("optuna", "search")
        self.study.sampler = optuna.samplers.TPESampler(seed=seed)

    def objective(self, trial):
        """The mean error over the seeds, and the state that the trial ends in."""
        try:
            chosen = self.suggest(trial)
            options = dict(chosen) if isinstance(chosen, dict) else {RATE: chosen}
            if RATE in options:
                return self.mean_error(trial, options.pop(RATE), options)
        except (NengoException, ArithmeticError) as error:
            trial.set_user_attr("failure", f"{type(error).__name__}: {error}")
            return None, states().FAIL
        raise ValidationError(
            f'must return a learning rate, or a dict with "{RATE}" (got {chosen!r})',
            "suggest",
            tune,
        )

    def mean_error(self, trial, rate, options):
        """The mean error of a rate, and the state that the trial ends in."""
        scores = []
        for i, plan in enumerate(self.trials):
            plan = replace(plan, rate=rate, options=options)
            steps = -(-plan.n_steps // REPORTS)

            def watch(part, network, host, i=i, steps=steps):
                error = recent_error(network, host, steps)
                trial.report(error, i * REPORTS + part)
                return trial.should_prune()

            scores.append(plan.run(watch, REPORTS))
            if scores[-1].failure == "stopped":
                return None, states().PRUNED
            if scores[-1].failure:
                trial.set_user_attr("failure", scores[-1].failure)
                return None, states().FAIL
        target = float(np.mean([score.target for score in scores]))
        if np.isfinite(target):
            trial.set_user_attr("target", target)
        return float(np.mean([score.error for score in scores])), states().COMPLETE


def recent_error(network, host, n_steps):
    """The root mean square error of the last steps, without noise where possible."""
    probes = probes_of(network, "test_error") or probes_of(network, "error")
    parts = []
    for probe in probes:
        period = probe.sample_every or host.sim.dt
        n_samples = max(1, round(n_steps * host.sim.dt / period))
        parts.append(host.samples(probe)[0][-n_samples:])
    return rms(*parts)


def check_question(study, question):
    """Refuse a study that was begun with another model or other settings."""
    known = study.user_attrs.get(QUESTION)
    if known is None and not study.trials:
        study.set_user_attr(QUESTION, question)
    elif known != question:
        raise ValidationError(
            f"{study.study_name!r} is a study of another model, suggestion, seeds or "
            "times, or of another version of them; give this one another name",
            "name",
            tune,
        )


def counts(trial):
    """Whether a trial has come to an end of its own.

    One that was interrupted has the state "fail" too, but no failure.
    """
    failed = trial.state.name == "FAIL"
    return "failure" in trial.user_attrs if failed else trial.state.is_finished()


def give_up_the_dead(study):
    """End the trials whose processes have been killed."""
    for trial in study.trials:
        if trial.state.name == "RUNNING" and not is_alive(trial):
            study.tell(trial.number, state=states().FAIL)


def is_alive(trial):
    """Whether the process that runs a trial is still there, as far as can be known."""
    machine, _, process = trial.user_attrs.get(PROCESS, "").rpartition(":")
    if not process:
        return datetime.now() - trial.datetime_start < timedelta(minutes=1)
    if machine != socket.gethostname():
        return True
    # this process runs none, so that its number was another's before
    return int(process) != os.getpid() and exists(int(process))


def exists(process):
    """Whether there is a process with this number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def url(store):
    """The address of a database, for Optuna."""
    if isinstance(store, (str, PathLike)) and "://" not in fspath(store):
        return f"sqlite:///{Path(store).resolve()}"
    return store


@contextmanager
def clear_errors(store):
    """Let what goes wrong in the library that keeps a study end in one clear error."""
    try:
        yield
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise ValidationError(
            f"cannot use {store!r} to keep trials in: {reason}", "store", tune
        ) from error


def states():
    """Optuna's states of trials."""
    return need("optuna", "search").trial.TrialState
