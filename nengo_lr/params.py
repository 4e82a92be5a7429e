"""What the parameters of the learning rules accept."""

import numpy as np
from nengo.exceptions import ValidationError
from nengo.learning_rules import PES, RLS, LearningRuleType
from nengo.node import Node
from nengo.params import Parameter
from nengo.utils.numpy import is_number

from nengo_lr.feedback import FeedbackLaw
from nengo_lr.optimizers import Optimizer
from nengo_lr.schedules import FunctionSchedule, Schedule


class LearningRateParam(Parameter):
    """A number, a schedule, a function of time in seconds, a Node, or a law."""

    equatable = True

    def coerce(self, instance, rate):
        if isinstance(rate, (Schedule, Node, FeedbackLaw)):
            pass
        elif is_number(rate):
            if not np.isfinite(rate) or rate < 0:
                raise ValidationError(
                    f"must be finite and not negative (got {rate})",
                    self.name,
                    instance,
                )
        elif callable(rate) and not isinstance(rate, type):
            rate = FunctionSchedule(rate)
        else:
            raise ValidationError(
                "must be a number, a Schedule, a function of time in seconds, a "
                f"FeedbackLaw, or a nengo.Node that outputs the rate (got {rate!r}). "
                "For a rate that an ensemble drives, connect the ensemble to a Node of "
                "size 1 and give the Node",
                self.name,
                instance,
            )
        return super().coerce(instance, rate)


class OptimizerParam(Parameter):
    """A per-weight optimizer, or None for the plain gradient."""

    equatable = True

    def coerce(self, instance, optimizer):
        if optimizer is not None and not isinstance(optimizer, Optimizer):
            raise ValidationError(
                "must be an Optimizer, for example nengo_lr.RMSProp(), or None "
                f"(got {optimizer!r})",
                self.name,
                instance,
            )
        return super().coerce(instance, optimizer)


class RuleParam(Parameter):
    """A learning rule whose weight change is proportional to its learning rate."""

    equatable = True

    def coerce(self, instance, rule):
        reason = None
        if not isinstance(rule, LearningRuleType):
            reason = "must be a learning rule, for example nengo.BCM()"
        elif isinstance(rule, PES):
            reason = "cannot be PES, which has a class of its own: use ScheduledPES"
        elif isinstance(rule, RLS):
            reason = (
                "cannot be RLS: its learning rate only sets the initial matrix, so "
                "that a later change would do nothing. Use ScheduledPES with an "
                "optimizer such as RMSProp, or plain nengo.RLS"
            )
        elif isinstance(type(rule).learning_rate, LearningRateParam):
            reason = "has a learning rate that may change already"
        elif not 0 < rule.learning_rate < np.inf:
            reason = (
                "must have a finite learning rate of its own above 0, by which its "
                "weight change is divided"
            )
        if reason is not None:
            raise ValidationError(f"{reason} (got {rule!r})", self.name, instance)
        return super().coerce(instance, rule)
