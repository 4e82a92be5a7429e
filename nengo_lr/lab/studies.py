"""Studies that Optuna keeps: their trials, in one process or in many."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Callable

import numpy as np
from nengo.exceptions import NengoException, ValidationError

from nengo_lr.lab.answers import need
from nengo_lr.lab.identity import digest
from nengo_lr.lab.models import probes_of
from nengo_lr.lab.trials import StoreError, rms

__all__ = ["Run", "n_begun", "open_study"]

REPORTS = 20
"""How often a trial reports its error, and may be pruned."""

RATE = "learning_rate"
"""The keyword under which a suggestion holds the rate."""

QUESTION = "question"
"""The attribute of a study by which it is told from others of the same name."""

PROCESS = "process"
"""The attribute of an Optuna trial that says which process runs it."""


def open_study(store, name, trials, suggest):
    """Make a study, or go on with the one that is in the store.

    Parameters
    ----------
    store, name, suggest
        As in `.tune`.
    trials : list of Trial
        One for each seed, with any rate.

    Returns
    -------
    study : optuna.Study

    Raises
    ------
    ValidationError
        If the store cannot be used, or if the study in it is of something else.
    """
    optuna = need("optuna", "search")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with clear_errors(store):
        what = {
            "storage": optuna.storages.get_storage(url(store)),
            "study_name": name,
            "pruner": optuna.pruners.MedianPruner(n_warmup_steps=REPORTS // 2),
        }
        try:  # which writes nothing: what is finished may be read-only
            study = optuna.load_study(**what)
        except KeyError:
            study = optuna.create_study(load_if_exists=True, **what)
        give_up_the_dead(study)
    if store is not None:
        check_question(study, digest((trials, suggest)))
    return study


def n_begun(study, store):
    """The numbers of trials that have ended, and of those with all that run now."""
    with clear_errors(store):
        trials = study.trials
    done = sum(counts(trial) for trial in trials)
    return done, done + sum(trial.state.name == "RUNNING" for trial in trials)


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
            with suppress(Exception):  # what has failed may be the store itself
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
            with clear_errors(self.store, storage_errors()):
                chosen = self.suggest(trial)
            options = dict(chosen) if isinstance(chosen, dict) else {RATE: chosen}
            if RATE in options:
                return self.mean_error(trial, options.pop(RATE), options)
        except StoreError:
            raise
        except (NengoException, ArithmeticError) as error:
            return self.failed(trial, f"{type(error).__name__}: {error}")
        raise ValidationError(
            f'must return a learning rate, or a dict with "{RATE}" (got {chosen!r})',
            "suggest",
        )

    def failed(self, trial, failure):
        """Keep why a trial failed, and return what `objective` does."""
        with clear_errors(self.store):
            trial.set_user_attr("failure", failure)
        return None, states().FAIL

    def mean_error(self, trial, rate, options):
        """The mean error of a rate, and the state that the trial ends in."""
        scores = []
        for i, plan in enumerate(self.trials):
            plan = replace(plan, rate=rate, options=options)
            steps = -(-plan.n_steps // REPORTS)

            def watch(part, network, host, i=i, steps=steps):
                error = recent_error(network, host, steps)
                with clear_errors(self.store):
                    trial.report(error, i * REPORTS + part)
                    return trial.should_prune()

            scores.append(plan.run(watch, REPORTS))
            if scores[-1].failure == "stopped":
                return None, states().PRUNED
            if scores[-1].failure:
                return self.failed(trial, scores[-1].failure)
        target = float(np.mean([score.target for score in scores]))
        if np.isfinite(target):
            with clear_errors(self.store):
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
def clear_errors(store, kinds=Exception):
    """Let what goes wrong in the library that keeps a study end in one clear error."""
    try:
        yield
    except kinds as error:
        reason = str(error.__cause__ or error).partition("\n")[0]
        raise StoreError(
            f"cannot use {store!r} to keep trials in: {reason}", "store"
        ) from error


def storage_errors():
    """What Optuna raises where it cannot read or write."""
    optuna, sqlalchemy = need("optuna", "search"), need("sqlalchemy", "search")
    return optuna.exceptions.StorageInternalError, sqlalchemy.exc.SQLAlchemyError


def states():
    """Optuna's states of trials."""
    return need("optuna", "search").trial.TrialState
