"""Learning rates as pure functions of simulation time in seconds."""

from nengo_lr.schedules.base import FunctionSchedule, Schedule
from nengo_lr.schedules.decays import CosineDecay, ExponentialDecay
from nengo_lr.schedules.pieces import Constant, PiecewiseConstant

__all__ = [
    "Constant",
    "CosineDecay",
    "ExponentialDecay",
    "FunctionSchedule",
    "PiecewiseConstant",
    "Schedule",
]
