"""Run trials: in this process, in others, or as the items of a minibatch."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    ProcessPoolExecutor,
    as_completed,
)
from contextlib import contextmanager
from multiprocessing import active_children, connection, get_context, parent_process
from os import PathLike
from typing import Callable

from nengo.exceptions import SimulationError, ValidationError

from nengo_lr.checks import check_callable, check_type
from nengo_lr.lab.minibatch import groups_of, run_together, takes_items
from nengo_lr.lab.store import Store
from nengo_lr.lab.trials import MACHINE, Score, Trial

__all__ = ["ends_cleanly", "n_cores", "quiet", "run_trials"]

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
)
"""Variables that limit the threads of a process that computes."""


def run_trials(
    trials: Iterable[Trial],
    executor: Executor | str | int | None = None,
    store: str | PathLike | None = None,
    progress: Callable[[float, int], object] | None = None,
    together: bool = True,
) -> list[Score]:
    """Run trials, wherever they can run, and keep each as soon as it is finished.

    A trial that fails is scored with its failure, and the others go on. Where the run
    is interrupted (SIGINT, SIGTERM, or an error), the processes that it started end at
    once, and what is finished is in the store.

    Parameters
    ----------
    trials : iterable of Trial
    executor : Executor or "serial" or int, optional
        What runs them: any `concurrent.futures.Executor`, such as that of
        ``dask.distributed``'s ``Client(...).get_executor()``; a number of processes; or
        ``"serial"``, one after the other in this process. By default a process for each
        core; minibatches and single trials run in this process.
    store : str or path-like, optional
        An SQLite file in which each finished trial is kept at once. Trials that are in
        it already are not repeated.
    progress : callable, optional
        Called as ``progress(done, total)``, counted in trials.
    together : bool, optional
        Whether trials that differ only in their rates run as the items of one
        minibatch, on simulators that have minibatches.

    Returns
    -------
    scores : list of Score
        In the order of the trials.

    Raises
    ------
    ValidationError
        If an argument is not one of the above, or if the store cannot be used.
    SimulationError
        If the executor fails, for example because its workers die.
    """
    check_type(trials, Iterable, "trials", "one or more Trials")
    trials = list(trials)
    for trial in trials:
        check_type(trial, Trial, "trials", "one or more Trials")
    check_type(together, bool, "together", "True or False")
    check_executor(executor)
    if progress is not None:
        check_callable(progress, "progress", "a function of two numbers, or None")
    keep = None if store is None else Store(store)
    scores = {}
    if keep is not None:
        found = {i: keep.load(trial) for i, trial in enumerate(trials)}
        scores = {i: score for i, score in found.items() if score is not None}
    missing = [i for i in range(len(trials)) if i not in scores]
    if keep is not None and missing:
        keep.check_writable()
    jobs = [[i] for i in missing]
    if together:
        groups = groups_of([trials[i] for i in missing])
        jobs = [[missing[k] for k in group] for group in groups]

    def report(part=0):
        if progress is not None:
            progress(len(scores) + part, len(trials))

    report()
    with ends_cleanly():
        for job, result in run_jobs(trials, jobs, executor, together, report):
            for i, score in zip(job, result):
                if keep is not None:
                    keep.save(trials[i], score)
                scores[i] = score
            report()
    return [scores[i] for i in range(len(trials))]


def run_jobs(trials, jobs, executor, together, report):
    """Run jobs, and yield each of them with its Scores as soon as it is done.

    A job is a list of places in ``trials``.
    """
    if not jobs:
        return
    if executor is None:
        in_processes = len(jobs) > 1 and max(map(len, jobs)) == 1
        executor = n_cores() if in_processes else "serial"
    if executor == "serial":
        for job in jobs:
            part = [trials[i] for i in job]

            def tell(fraction, job=job):
                report(fraction * len(job))

            yield job, run_job(part, together, tell)
        return
    with workers(executor, len(jobs)) as pool:
        with clear_errors():
            check_workers(pool, trials)
            futures = {}
            for job in jobs:
                part = [trials[i] for i in job]
                futures[pool.submit(run_job, part, together)] = job
        try:
            for future in as_completed(futures):
                with clear_errors():
                    result = future.result()
                yield futures[future], result
        finally:
            for future in futures:
                future.cancel()


def run_job(trials, together, progress=None):
    """Run some trials; returns their Scores.

    Parameters
    ----------
    trials : list of Trial
        Several only if they can share a minibatch.
    together : bool
    progress : callable, optional
        Called with the fraction of the job that is done, where that is known.
    """
    if together and takes_items(trials[0]):
        return run_together(trials, progress)
    return [trial.run() for trial in trials]


def check_executor(executor):
    """Refuse what cannot run trials."""
    if isinstance(executor, int) and not isinstance(executor, bool) and executor > 0:
        return
    if not (executor is None or executor == "serial" or isinstance(executor, Executor)):
        raise ValidationError(
            'must be a concurrent.futures.Executor, a number of processes, or "serial" '
            f"(got {executor!r})",
            "executor",
        )


@contextmanager
def workers(executor, n_jobs):
    """The executor, or a pool of fresh processes that ends with the block."""
    if isinstance(executor, Executor):
        yield executor
        return
    for name in THREADS:
        os.environ.setdefault(name, "1")
    others = active_children()
    pool = ProcessPoolExecutor(
        min(executor, n_jobs), mp_context=get_context("spawn"), initializer=start_worker
    )
    try:
        yield pool
    except BaseException:
        # or they would go on until their trials have ended
        for process in active_children():
            if process not in others:
                process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def start_worker():
    """Let a process be quiet, leave SIGINT to its parent, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()
    quiet()


def end_with_parent():
    """Wait for the end of the parent, even by SIGKILL, and end this process too."""
    connection.wait([parent_process().sentinel])
    os._exit(1)


def quiet() -> None:
    """Let warnings take one line, and keep out those that are not about the models."""
    warnings.formatwarning = lambda message, *args, **kwargs: f"nengo-lr: {message}\n"
    for message in ("No GPU support", "Decoder cache"):
        warnings.filterwarnings("ignore", message)


def n_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def ends_cleanly() -> Iterator[None]:
    """Let SIGTERM, with which batch systems stop a job, end a block as SIGINT does.

    It raises SystemExit, so that the block can end its processes; the exit code is 143,
    as a shell reports SIGTERM. A handler that somebody else has set stays.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def stop(number, frame):
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def clear_errors():
    """Let what goes wrong outside of the trials end in one clear error."""
    try:
        yield
    except (ValidationError, *MACHINE):
        raise
    except BrokenExecutor as error:
        raise SimulationError(
            f"the executor failed with {type(error).__name__}: a worker has died, or "
            "could not begin; a script that starts processes must do so under "
            'if __name__ == "__main__":, or run with executor="serial"'
        ) from error
    except Exception as error:
        raise SimulationError(
            f"the executor failed with {type(error).__name__}: {error}"
        ) from error


def check_workers(pool, trials):
    """Refuse what cannot be sent to workers, and workers that cannot receive it."""
    if isinstance(pool, ProcessPoolExecutor):
        try:
            pickle.dumps(trials)
        except Exception as error:
            raise ValidationError(
                f"cannot be sent to another process ({error}): define what it is made "
                "of, and a method's convert, at the top level of a module, or run with "
                'executor="serial"',
                "model",
            ) from None
    modules = {getattr(trial.model, "__module__", "__main__") for trial in trials}
    for module in ("nengo_lr.lab", *sorted(modules - {"__main__"})):
        try:
            pool.submit(exec, f"import {module}").result()
        except ModuleNotFoundError as error:
            raise ValidationError(
                f"its workers cannot import {module} ({error}); install it where they "
                "run",
                "executor",
            ) from None
