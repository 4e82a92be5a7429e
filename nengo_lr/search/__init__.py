"""Find a learning rate: in one run, in one minibatch, or from theory."""

from nengo_lr.search.contract import TaskModel, make
from nengo_lr.search.range_test import RangeTest, range_test
from nengo_lr.search.side_by_side import side_by_side
from nengo_lr.search.stability import (
    error_left,
    rate_for,
    stable_rate,
    warn_if_unstable,
)
from nengo_lr.search.study import Template, search
from nengo_lr.search.sweep import Sweep, sweep

__all__ = [
    "RangeTest",
    "Sweep",
    "TaskModel",
    "Template",
    "error_left",
    "make",
    "range_test",
    "rate_for",
    "search",
    "side_by_side",
    "stable_rate",
    "sweep",
    "warn_if_unstable",
]
