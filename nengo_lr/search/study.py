"""Tune the parameters of a schedule or an optimizer with Optuna."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Callable

import nengo
import numpy as np
from nengo.exceptions import NengoException, ValidationError

from nengo_lr.checks import check_callable, check_integer, check_type
from nengo_lr.schedules import expressions
from nengo_lr.search.contract import check_signature, describe, make, probes_of
from nengo_lr.search.optional import need
from nengo_lr.search.runs import Plan
from nengo_lr.search.sweep import check_seeds, check_settings

__all__ = ["Template", "search"]

RANGE = re.compile(r"\{(?:(\w+):)?\s*([^{}]+?)\s*\.\.\s*([^{}]+?)\s*\}")

REPORTS = 20
"""How often a trial reports its error, and may be pruned."""


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


def search(
    model: Callable[..., nengo.Network],
    suggest: str | Callable,
    duration: float,
    n_trials: int = 50,
    seeds: Iterable[int] = (0,),
    test: float = 0.0,
    storage: Any = None,
    name: str = "nengo-lr",
    sampler_seed: int | None = None,
    progress: Callable[[int, int], object] | None = None,
    dt: float = 0.001,
) -> Any:
    """Tune what a model learns with, and stop trials early that do worse than most.

    The objective is the mean over the seeds of the error at the end, as in `.sweep`.
    While a trial runs, it reports twenty times the mean square of ``test_error`` (or
    ``error``). Optuna's MedianPruner stops it in its second half where the lowest so
    far is above the median of the trials before.

    Parameters
    ----------
    model : callable
        ``model(learning_rate)`` returns a network; see `.contract.make`.
    suggest : Template or str or callable
        A schedule with ranges; or ``suggest(trial)`` that returns a learning rate, or a
        dict of the model function's keyword arguments, for instance
        ``{"learning_rate": 1e-2, "optimizer": RMSProp(tau=1.0)}``.
    duration, test : float
        Lengths of learning and of the test after it in seconds, as in `.sweep`.
    n_trials : int, optional
        Number of trials that this process adds.
    seeds : sequence of int, optional
        Each trial learns with all of them.
    storage : str, optional
        Where the study is kept, such as ``"sqlite:///study.db"``. Processes and
        machines that give the same one share the study ``name``. By default it is in
        memory.
    name : str, optional
        Of the study.
    sampler_seed : int, optional
        Makes what is suggested repeatable.
    progress : callable, optional
        Called as ``progress(done, total)``, counted in trials.
    dt : float, optional
        Length of a step in seconds.

    Returns
    -------
    study : optuna.Study
        With ``best_params``, ``best_value`` and ``trials``. A trial that fails has the
        state "fail", and its error as the attribute ``failure``.

    Raises
    ------
    ValidationError
        If an argument or the model is not one of the above.
    ModuleNotFoundError
        If Optuna is not installed.

    References
    ----------
    Akiba, T., Sano, S., Yanase, T., Ohta, T., & Koyama, M. (2019). Optuna: a
    next-generation hyperparameter optimization framework. KDD, 2623-2631.

    Examples
    --------
    >>> from nengo_lr.search import TaskModel, search
    >>> model = TaskModel("comm", learning=1.0)
    >>> study = search(model, "Constant({rate:1e-5..1e-2})", 1.0, n_trials=3)
    >>> sorted(study.best_params)
    ['rate']
    """
    optuna = need("optuna", "search")
    if isinstance(suggest, str):
        suggest = Template(suggest)
    if not callable(suggest):
        raise ValidationError(
            f"must be text, or a function suggest(trial) (got {suggest!r})", "suggest"
        )
    check_signature(model, describe(model), {})
    check_integer(n_trials, "n_trials")
    seeds = check_seeds(seeds)
    check_settings(duration, test, dt, "nengo", None)
    check_type(name, str, "name", "text")
    if sampler_seed is not None:
        check_integer(sampler_seed, "sampler_seed", least=0)
    if progress is not None:
        check_callable(progress, "progress", "a function of two numbers, or None")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            load_if_exists=True,
            sampler=optuna.samplers.TPESampler(seed=sampler_seed),
            pruner=optuna.pruners.MedianPruner(n_warmup_steps=REPORTS // 2),
        )
    except Exception as error:  # of whatever library keeps the study
        reason = str(error).partition("\n")[0]
        raise ValidationError(
            f"cannot use {storage!r} to keep trials in: {reason}", "storage"
        ) from error
    objective = Objective(Plan(model, duration, test, dt), suggest, tuple(seeds))

    def report(done):
        if progress is not None:
            progress(done, n_trials)

    report(0)
    for done in range(1, n_trials + 1):
        study.optimize(objective, n_trials=1, catch=(NengoException, ArithmeticError))
        report(done)
    return study


@dataclass(frozen=True)
class Objective:
    """What a trial of a study does.

    Parameters
    ----------
    plan : Plan
    suggest : callable
        Returns a rate or keyword arguments for a trial.
    seeds : tuple of int
    """

    plan: Plan
    suggest: Callable
    seeds: tuple

    def __call__(self, trial):
        """The mean error over the seeds."""
        chosen = self.suggest(trial)
        options = (
            dict(chosen) if isinstance(chosen, dict) else {"learning_rate": chosen}
        )
        try:
            rate = self.plan.schedule(options.pop("learning_rate"))
            return float(
                np.mean(
                    [
                        self.run(trial, i, rate, seed, options)
                        for i, seed in enumerate(self.seeds)
                    ]
                )
            )
        except NengoException as error:
            trial.set_user_attr("failure", f"{type(error).__name__}: {error}")
            raise

    def run(self, trial, i, rate, seed, options):
        """The error with one seed; a TrialPruned where it does worse than others."""
        plan = self.plan
        network = make(plan.model, rate, seed, **options)
        n_steps = np.diff(np.linspace(0, plan.n_steps, REPORTS + 1).round().astype(int))
        with nengo.Simulator(network, dt=plan.dt, progress_bar=False) as sim:
            for k, steps in enumerate(n_steps, start=i * REPORTS):
                sim.run_steps(steps)
                trial.report(recent_error(sim, network, steps), k)
                if trial.should_prune():
                    raise need("optuna", "search").TrialPruned
            return plan.score(network, sim.data.__getitem__).error


def recent_error(sim, network, n_steps):
    """The mean square error over the last steps, without noise where that is known."""
    probes = probes_of(network, "test_error") or probes_of(network, "error")
    errors = [sim.data[probe][-n_steps:] for probe in probes]
    return float(sum(np.mean(np.square(error)) for error in errors))
