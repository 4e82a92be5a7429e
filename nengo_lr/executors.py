"""Where runs are computed: in this process, or in fresh ones."""

from __future__ import annotations

import logging
import os
import warnings
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from multiprocessing import get_context

from nengo_lr.checks import check_integer

__all__ = ["Immediately", "n_cores", "processes", "quiet"]

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
)


class Immediately(Executor):
    """Runs what is submitted at once, in this process."""

    def submit(self, function, *args):
        """Call a function; returns a Future that is done."""
        future = Future()
        future.set_result(function(*args))
        return future


def n_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processes(n_workers: int) -> ProcessPoolExecutor:
    """A pool of fresh processes that compute on one thread each, and quietly.

    Parameters
    ----------
    n_workers : int
        Number of processes.

    Returns
    -------
    executor : concurrent.futures.ProcessPoolExecutor
    """
    check_integer(n_workers, "n_workers")
    for name in THREADS:
        os.environ.setdefault(name, "1")
    return ProcessPoolExecutor(
        n_workers, mp_context=get_context("spawn"), initializer=quiet
    )


def quiet() -> None:
    """Let warnings take one line, and keep those out that are not about the models."""
    warnings.formatwarning = lambda message, *args, **kwargs: f"nengo-lr: {message}\n"
    for message in ("No GPU support", "Decoder cache"):
        warnings.filterwarnings("ignore", message)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
