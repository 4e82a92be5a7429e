"""Find a learning rate: in one run, in one minibatch, or from theory."""

from nengo_lr.search.contract import TaskModel, make
from nengo_lr.search.range_test import RangeTest, range_test

__all__ = ["RangeTest", "TaskModel", "make", "range_test"]
