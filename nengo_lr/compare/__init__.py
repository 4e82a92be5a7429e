"""Native rule, error scaling and fixed rate: the same learning, side by side."""

from nengo_lr import simulators
from nengo_lr.compare import models, paths, run, tables, timing
from nengo_lr.compare.models import *  # noqa: F403
from nengo_lr.compare.paths import *  # noqa: F403
from nengo_lr.compare.run import *  # noqa: F403
from nengo_lr.compare.tables import *  # noqa: F403
from nengo_lr.compare.timing import *  # noqa: F403
from nengo_lr.simulators import *  # noqa: F403

__all__ = [
    *models.__all__,
    *run.__all__,
    *paths.__all__,
    *simulators.__all__,
    *tables.__all__,
    *timing.__all__,
]
