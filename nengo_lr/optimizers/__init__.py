"""Learning rates per weight, adapted from the gradient inside the run."""

from nengo_lr.optimizers.base import Optimizer
from nengo_lr.optimizers.gains import LocalGains
from nengo_lr.optimizers.moments import AdaGrad, Adam, RMSProp

__all__ = ["AdaGrad", "Adam", "LocalGains", "Optimizer", "RMSProp"]
