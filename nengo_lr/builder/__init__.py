"""Operators and build functions that put the learning rules into Nengo."""

from nengo_lr.builder.control import SimAddDelta, build_control
from nengo_lr.builder.feedback import SimFeedbackRate, build_feedback_rate
from nengo_lr.builder.gradient import SimPESGradient
from nengo_lr.builder.guard import SimWeightsGuard
from nengo_lr.builder.hosts import register_backends, take_over_rule
from nengo_lr.builder.learning_rate import build_rate
from nengo_lr.builder.node_rate import SimNodeRate, build_node_rate
from nengo_lr.builder.optimized import SimOptimizedPES, build_optimizer_state
from nengo_lr.builder.pes import (
    SimAddOuter,
    SimPESFactors,
    SimScheduledPES,
    build_scheduled_pes,
    is_probed,
)
from nengo_lr.builder.rates import (
    CHUNK,
    SimRate,
    SimScheduledRate,
    build_schedule_rate,
    check_rate,
)
from nengo_lr.builder.scaled import SimScaledRule, build_scheduled

__all__ = [
    "CHUNK",
    "SimAddDelta",
    "SimAddOuter",
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
    "build_control",
    "build_feedback_rate",
    "build_node_rate",
    "build_optimizer_state",
    "build_rate",
    "build_schedule_rate",
    "build_scheduled",
    "build_scheduled_pes",
    "check_rate",
    "is_probed",
    "register_backends",
    "take_over_rule",
]
