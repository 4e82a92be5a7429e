"""Hand the jobs of a sweep to whatever runs them."""

import pickle
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager

from nengo.exceptions import SimulationError, ValidationError

from nengo_lr.executors import n_cores, processes

__all__ = ["run_job", "run_jobs"]


def run_job(plan, simulator, rates, seed, progress=None):
    """Run some rates with one seed.

    Parameters
    ----------
    plan : Plan
    simulator : {"nengo", "nengo_dl"}
    rates : list of float or Schedule
        On NengoDL they run together.
    seed : int
    progress : callable, optional
        Called with the share of the job that is done, where that is known.

    Returns
    -------
    scores : list of Score
    """
    if simulator == "nengo_dl":
        return plan.run_together(rates, seed, progress)
    return [plan.run(rate, seed) for rate in rates]


def run_jobs(plan, simulator, jobs, executor=None, progress=None):
    """Run jobs, and yield each of them with its Scores as soon as it is done.

    Parameters
    ----------
    plan, simulator, progress
        As in `run_job`; there is progress within jobs in this process alone.
    jobs : list of tuple
        Pairs of rates and a seed.
    executor : concurrent.futures.Executor or "serial", optional
        As in `.sweep`.

    Yields
    ------
    job : tuple
    scores : list of Score
    """
    if executor is None and (simulator == "nengo_dl" or len(jobs) < 2):
        executor = "serial"
    if executor == "serial":
        for job in jobs:
            yield job, run_job(plan, simulator, *job, progress)
        return
    with workers(executor, len(jobs)) as executor:
        with clear_errors():
            check_workers(executor, plan, jobs)
            futures = {
                executor.submit(run_job, plan, simulator, *job): job for job in jobs
            }
        for future in as_completed(futures):
            with clear_errors():
                scores = future.result()
            yield futures[future], scores


@contextmanager
def workers(executor, n_jobs):
    """The executor, or a pool of processes that ends with the block."""
    if executor is not None:
        yield executor
        return
    pool = processes(min(n_cores(), n_jobs))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def clear_errors():
    """Let what goes wrong outside of the runs end in one clear error."""
    try:
        yield
    except ValidationError:
        raise
    except Exception as error:
        raise SimulationError(
            f"the executor failed with {type(error).__name__}: {error}"
        ) from error


def check_workers(executor, plan, jobs):
    """Refuse what cannot be sent to workers, and workers that cannot receive it."""
    if isinstance(executor, ProcessPoolExecutor):
        try:
            pickle.dumps((plan, jobs))
        except Exception as error:
            raise ValidationError(
                f"cannot be sent to another process ({error}): define the function at "
                'the top level of a module, or run with executor="serial"',
                "model",
            ) from None
    for module in ("nengo_lr.search", getattr(plan.model, "__module__", "__main__")):
        if module == "__main__":
            continue
        try:
            executor.submit(exec, f"import {module}").result()
        except ModuleNotFoundError as error:
            raise ValidationError(
                f"its workers cannot import {module} ({error}); install it where they "
                "run",
                "executor",
            ) from None
