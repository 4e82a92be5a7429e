"""Find a learning rate: in one run or in one minibatch."""

from nengo_lr.search.contract import TaskModel, make
from nengo_lr.search.range_test import RangeTest, range_test
from nengo_lr.search.side_by_side import side_by_side
from nengo_lr.search.study import Template, search
from nengo_lr.search.sweep import Sweep, sweep

__all__ = [
    "RangeTest",
    "Sweep",
    "TaskModel",
    "Template",
    "make",
    "range_test",
    "search",
    "side_by_side",
    "sweep",
]
