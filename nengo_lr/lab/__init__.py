"""Experiments on learning rates: trials, and the questions that are asked of them."""

from importlib import import_module

from nengo_lr.lab.comparing import Comparison, compare
from nengo_lr.lab.methods import METHODS, Method
from nengo_lr.lab.models import TaskModel, find_model, make
from nengo_lr.lab.range_tests import RangeTest, range_test
from nengo_lr.lab.runner import run_trials
from nengo_lr.lab.sweeps import Sweep, side_by_side, sweep
from nengo_lr.lab.tasks import TASKS, Task
from nengo_lr.lab.templates import Template
from nengo_lr.lab.timing import interleaved
from nengo_lr.lab.trials import Score, Trial
from nengo_lr.lab.tuning import Tuning, tune

__all__ = [
    "METHODS",
    "TASKS",
    "Comparison",
    "Method",
    "RangeTest",
    "Score",
    "Sweep",
    "Task",
    "TaskModel",
    "Template",
    "Trial",
    "Tuning",
    "compare",
    "find_model",
    "interleaved",
    "make",
    "plot",
    "range_test",
    "run_trials",
    "side_by_side",
    "sweep",
    "tune",
]


def __getattr__(name):
    if name == "plot":  # only figures need matplotlib
        return import_module("nengo_lr.lab.plot")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
