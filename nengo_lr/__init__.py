"""Learning rates that change while a Nengo model runs."""

from nengo_lr import schedules
from nengo_lr.schedules import *  # noqa: F403
from nengo_lr.version import version as __version__

__all__ = ["__version__", "schedules", *schedules.__all__]
