"""Learning rates that change while a Nengo model runs."""

from nengo_lr import builder, learning_rules, schedules
from nengo_lr.learning_rules import *  # noqa: F403
from nengo_lr.schedules import *  # noqa: F403
from nengo_lr.version import version as __version__

__all__ = [
    "__version__",
    "builder",
    "learning_rules",
    "schedules",
    *learning_rules.__all__,
    *schedules.__all__,
]
