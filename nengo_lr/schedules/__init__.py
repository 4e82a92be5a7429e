"""Learning rates as pure functions of simulation time in seconds."""

from typing import TYPE_CHECKING

from nengo_lr.schedules import (
    algebra,
    base,
    cycles,
    decays,
    functions,
    phases,
    pieces,
)
from nengo_lr.schedules.algebra import *  # noqa: F403
from nengo_lr.schedules.base import *  # noqa: F403
from nengo_lr.schedules.cycles import *  # noqa: F403
from nengo_lr.schedules.decays import *  # noqa: F403
from nengo_lr.schedules.functions import *  # noqa: F403
from nengo_lr.schedules.phases import *  # noqa: F403
from nengo_lr.schedules.pieces import *  # noqa: F403

if not TYPE_CHECKING:  # type checkers do not add lists up, and know the names anyway
    __all__ = [
        *base.__all__,
        *pieces.__all__,
        *decays.__all__,
        *cycles.__all__,
        *phases.__all__,
        *algebra.__all__,
        *functions.__all__,
    ]
