"""Operators and build functions that put the learning rules into Nengo."""

from nengo_lr.builder import groups
from nengo_lr.builder.auto import (
    SimAutoRate,
    SimDamp,
    build_auto_rate,
    build_damping,
    loop_delay,
)
from nengo_lr.builder.control import SimAddDelta, build_control
from nengo_lr.builder.filters import SimActivityFilter
from nengo_lr.builder.guard import SimWeightsGuard, configure_settings
from nengo_lr.builder.hosts import Host, host_of, register_backends
from nengo_lr.builder.pes import (
    SimAddOuter,
    SimOptimizedPES,
    SimPESFactors,
    SimPESGradient,
    SimScheduledPES,
    build_optimizer_state,
    build_scheduled_pes,
    is_probed,
)
from nengo_lr.builder.rates import (
    CHUNK,
    SimFeedbackRate,
    SimNodeRate,
    SimRate,
    SimScheduledRate,
    build_feedback_rate,
    build_node_rate,
    build_rate,
    build_schedule_rate,
    check_rate,
)
from nengo_lr.builder.scaled import SimScaledRule, build_scheduled
from nengo_lr.builder.wiring import take_over_rule

__all__ = [
    "CHUNK",
    "Host",
    "SimActivityFilter",
    "SimAddDelta",
    "SimAddOuter",
    "SimAutoRate",
    "SimDamp",
    "SimFeedbackRate",
    "SimNodeRate",
    "SimOptimizedPES",
    "SimPESFactors",
    "SimPESGradient",
    "SimRate",
    "SimScaledRule",
    "SimScheduledPES",
    "SimScheduledRate",
    "SimWeightsGuard",
    "build_auto_rate",
    "build_control",
    "build_damping",
    "build_feedback_rate",
    "build_node_rate",
    "build_optimizer_state",
    "build_rate",
    "build_schedule_rate",
    "build_scheduled",
    "build_scheduled_pes",
    "check_rate",
    "configure_settings",
    "groups",
    "host_of",
    "is_probed",
    "loop_delay",
    "register_backends",
    "take_over_rule",
]
