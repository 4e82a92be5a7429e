"""Learning rates that change while a Nengo model runs."""

from nengo_lr import (
    builder,
    feedback,
    learning_rules,
    networks,
    optimizers,
    schedules,
)
from nengo_lr.feedback import *  # noqa: F403
from nengo_lr.learning_rules import *  # noqa: F403
from nengo_lr.optimizers import *  # noqa: F403
from nengo_lr.schedules import *  # noqa: F403
from nengo_lr.version import version as __version__

__all__ = [
    "__version__",
    "builder",
    "feedback",
    "learning_rules",
    "networks",
    "optimizers",
    "schedules",
    *feedback.__all__,
    *learning_rules.__all__,
    *optimizers.__all__,
    *schedules.__all__,
]
