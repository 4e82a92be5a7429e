"""Learning rates per weight, adapted from the gradient inside the run."""

from nengo_lr.optimizers import base, gains, moments
from nengo_lr.optimizers.base import *  # noqa: F403
from nengo_lr.optimizers.gains import *  # noqa: F403
from nengo_lr.optimizers.moments import *  # noqa: F403

__all__ = [*base.__all__, *moments.__all__, *gains.__all__]
