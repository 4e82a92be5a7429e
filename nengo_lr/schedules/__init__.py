"""Learning rates as pure functions of simulation time in seconds."""

from nengo_lr.schedules import (
    algebra,
    base,
    cycles,
    decays,
    functions,
    pieces,
)
from nengo_lr.schedules.algebra import *  # noqa: F403
from nengo_lr.schedules.base import *  # noqa: F403
from nengo_lr.schedules.cycles import *  # noqa: F403
from nengo_lr.schedules.decays import *  # noqa: F403
from nengo_lr.schedules.functions import *  # noqa: F403
from nengo_lr.schedules.pieces import *  # noqa: F403

__all__ = [
    *base.__all__,
    *pieces.__all__,
    *decays.__all__,
    *cycles.__all__,
    *algebra.__all__,
    *functions.__all__,
]
