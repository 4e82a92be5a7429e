"""The simulators that comparisons and searches can run on."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import warnings

import nengo

__all__ = ["SIMULATORS", "missing_simulators"]


def nengo_simulator(network, **kwargs):
    """Make Nengo's reference simulator."""
    return nengo.Simulator(network, progress_bar=False, **kwargs)


def nengo_dl_simulator(network, **kwargs):
    """Make NengoDL's simulator."""
    if "nengo_dl" not in sys.modules:
        # its INFO and WARNING lines repeat what is raised as an error, or mean nothing
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        # first, because NengoDL would lower the level of messages that is set for it
        import_quietly("tensorflow")
        import_quietly("nengo_dl")
    import nengo_dl

    return nengo_dl.Simulator(network, progress_bar=False, **kwargs)


def import_quietly(name):
    """Import a module without what it and the libraries below it say of themselves."""
    # TensorFlow writes to the file descriptor, past Python's own stream
    stderr, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(name)
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(null)


SIMULATORS = {"nengo": nengo_simulator, "nengo_dl": nengo_dl_simulator}
"""Functions that make a simulator of a network."""


def missing_simulators() -> list[str]:
    """The simulators that are not installed.

    Returns
    -------
    names : list of str
        Those in `SIMULATORS` whose package is not there.
    """
    return [name for name in SIMULATORS if importlib.util.find_spec(name) is None]


def reason(error):
    """What went wrong; on NengoDL it stands in TensorFlow's report, the cause."""
    for line in str(error.__cause__).splitlines():
        kind, _, message = line.strip().partition(": ")
        if kind == "nengo.exceptions.SimulationError":
            return message
    return error
