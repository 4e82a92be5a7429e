"""Learning rates that change while a Nengo model runs."""

from importlib import import_module
from typing import TYPE_CHECKING

from nengo_lr import (
    auto,
    builder,
    feedback,
    learning_rules,
    networks,
    optimizers,
    runtime,
    schedules,
    weights,
)
from nengo_lr.auto import *  # noqa: F403
from nengo_lr.builder.guard import configure_settings
from nengo_lr.feedback import *  # noqa: F403
from nengo_lr.learning_rules import *  # noqa: F403
from nengo_lr.networks import ErrorScaler, to_error_scaling
from nengo_lr.optimizers import *  # noqa: F403
from nengo_lr.runtime import *  # noqa: F403
from nengo_lr.schedules import *  # noqa: F403
from nengo_lr.version import version as __version__
from nengo_lr.weights import *  # noqa: F403

if not TYPE_CHECKING:  # type checkers do not add lists up, and know the names anyway
    __all__ = [
        "ErrorScaler",
        "__version__",
        "auto",
        "builder",
        "configure_settings",
        "feedback",
        "learning_rules",
        "networks",
        "optimizers",
        "runtime",
        "schedules",
        "to_error_scaling",
        "weights",
        *auto.__all__,
        *feedback.__all__,
        *learning_rules.__all__,
        *optimizers.__all__,
        *runtime.__all__,
        *schedules.__all__,
        *weights.__all__,
    ]

ON_DEMAND = (
    "checkpoint",
    "keras",
    "lab",
    "stability",
)
"""Modules that are imported when they are first used: some need more than Nengo."""

MOVED = {"compare": "lab", "plot": "lab.plot", "search": "lab", "tasks": "lab.tasks"}
"""Names that modules had in earlier versions."""


# simulators that are imported later are asked when they let nengo_lr build a rule
builder.register_backends()


def __getattr__(name):
    if name in ON_DEMAND:
        return import_module(f"{__name__}.{name}")
    hint = f"; it is {__name__}.{MOVED[name]} now" if name in MOVED else ""
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")


def __dir__():
    return sorted([*globals(), *ON_DEMAND])
