"""Learning rules whose rate changes while the simulation runs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Callable, Literal, Union

import numpy as np
from nengo.exceptions import ValidationError
from nengo.learning_rules import PES, RLS
from nengo.node import Node
from nengo.synapses import Lowpass, Synapse, SynapseParam
from nengo.utils.numpy import is_number

from nengo_lr.auto import Auto
from nengo_lr.checks import is_bool
from nengo_lr.feedback import FeedbackLaw
from nengo_lr.optimizers import Optimizer
from nengo_lr.schedules import Constant, FunctionSchedule, Schedule
from nengo_lr.schedules.params import Declared, DeclaredParam, dataclass_transform

if TYPE_CHECKING:

    class LearningRuleType:
        """Nengo has no type hints, and a base of unknown type takes any argument."""

        size_in: Any

else:
    from nengo.learning_rules import LearningRuleType

__all__ = ["Scheduled", "ScheduledPES"]

Rate = Union[float, Schedule, Callable[[float], float], FeedbackLaw, Node]
PESRate = Union[Rate, Auto, Literal["auto"]]

HIGH_RATE = 1.0
"""The rate of PES from which on it is taken for a mistake, as `nengo.PES` does."""


class LearningRateParam(DeclaredParam):
    """A number, a schedule, a function of time in seconds, a Node, or a law."""

    words = ""

    def coerce(self, instance, rate):
        if isinstance(rate, np.ndarray) and rate.shape == ():
            rate = rate.item()
        if isinstance(rate, (Schedule, Node, FeedbackLaw)):
            pass
        elif is_number(rate) and not is_bool(rate):
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
                "must be a number, a Schedule, a function of time in seconds, "
                f"{self.words}a FeedbackLaw, or a nengo.Node that outputs the rate "
                f"(got {rate!r}). For a rate that an ensemble drives, connect the "
                "ensemble to a Node of size 1 and give the Node",
                self.name,
                instance,
            )
        return super().coerce(instance, rate)


class PESRateParam(LearningRateParam):
    """What a LearningRateParam accepts, or "auto"."""

    words = '"auto", '

    def coerce(self, instance, rate):
        if isinstance(rate, str) and rate == "auto":
            rate = Auto()
        if isinstance(rate, Auto):
            return DeclaredParam.coerce(self, instance, rate)
        return super().coerce(instance, rate)


class RankParam(DeclaredParam):
    """A number of directions, or None."""

    def coerce(self, instance, rank):
        integer = isinstance(rank, (int, np.integer)) and not is_bool(rank)
        if rank is not None and not (integer and rank >= 1):
            raise ValidationError(
                "must be the number of leading directions to damp, an integer from 1 "
                "to the number of neurons (10 suits most models), or None "
                f"(got {rank!r})",
                self.name,
                instance,
            )
        return super().coerce(instance, rank)


class OptimizerParam(DeclaredParam):
    """A per-weight optimizer, or None for the plain gradient."""

    def coerce(self, instance, optimizer):
        if optimizer is not None and not isinstance(optimizer, Optimizer):
            raise ValidationError(
                "must be an Optimizer, for example nengo_lr.RMSProp(), or None "
                f"(got {optimizer!r})",
                self.name,
                instance,
            )
        return super().coerce(instance, optimizer)


class RuleParam(DeclaredParam):
    """A learning rule whose weight change is proportional to its learning rate."""

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


class FilterParam(DeclaredParam, SynapseParam):
    """A synapse, a time constant in seconds, or None."""


@dataclass_transform(
    eq_default=False,
    frozen_default=True,
    field_specifiers=(
        LearningRateParam,
        PESRateParam,
        RankParam,
        OptimizerParam,
        RuleParam,
        FilterParam,
    ),
)
class ScheduledRuleType(Declared, LearningRuleType):
    """A learning rule that takes a learning rate of any kind."""

    @property
    def schedule(self):
        """The rate as a Schedule, or None where the model determines it."""
        if isinstance(self.learning_rate, (Node, FeedbackLaw, Auto)):
            return None
        if isinstance(self.learning_rate, Schedule):
            return self.learning_rate
        return Constant(self.learning_rate)


class ScheduledPES(ScheduledRuleType):
    r"""Prescribed Error Sensitivity with a learning rate that may change over time.

    Works wherever `nengo.PES` does, on every kind of connection, and like it learns
    from the error that is connected to ``conn.learning_rule``. With a number as the
    learning rate it is a drop-in for `nengo.PES`.

    At step k, which begins at time :math:`t_k = k\,dt`, the rate :math:`\kappa(t_k)`,
    the error :math:`e_j` and the filtered activities :math:`a_i` of that step make the
    change

    .. math:: \Delta\omega_{ji} = -\frac{\kappa(t_k)\,dt}{n} e_j a_i,

    where :math:`n` is the number of presynaptic neurons. It is added to the weights at
    the start of step k + 1, exactly when `nengo.PES` adds its own: if the rate is 0 at
    step k, the weights of step k + 1 are those of step k, bit for bit.

    Parameters
    ----------
    learning_rate : float, Schedule, callable, nengo.Node, FeedbackLaw or "auto"
        The rate, in the units of ``nengo.PES(learning_rate=...)``:

        - a number (default 1e-4) is a constant rate;
        - a `.Schedule` is a rate as a function of simulation time in seconds;
        - a callable ``f(t)`` is called once per step, in order, with the time in
          seconds as a Python float, and once with ``t = 0`` at build. It may return
          negative rates;
        - a `nengo.Node` with one output is a rate that something in the model drives;
          it may be negative (signed neuromodulation). On connections to decoded
          dimensions the Node may also have one output per error dimension: one rate
          for each;
        - a `.FeedbackLaw` computes the rate from the error, in each step and for each
          item of a minibatch;
        - ``"auto"`` stands for `.Auto`, which needs no number: it learns from the error
          what rate suits, and from the model what is stable.
    pre_synapse : nengo.synapses.Synapse, optional
        Synapse model that filters the presynaptic activities
        (default ``Lowpass(0.005)``, in seconds).
    optimizer : Optimizer, optional
        What adapts the change of every weight by itself: `.AdaGrad`, `.RMSProp`,
        `.Adam` or `.optimizers.LocalGains`. It takes the place of the gradient
        :math:`e_j a_i` above. Rates that suit `.AdaGrad` and `.RMSProp` are around
        1e-2. Default (None): the gradient itself.
    precondition : int, optional
        How many leading directions of the activities to damp: with their eigenvectors
        :math:`v` and eigenvalues :math:`\lambda`, from the tuning curves, and with
        :math:`s^2`, 8 times the variance that Poisson spikes of the neurons that fire
        would have, the rule learns from

        .. math:: a - \sum_i \frac{\lambda_i}{\lambda_i + s^2} v_i v_i^\top a

        in place of a. A few directions (the mean activity, the first modes of the
        tuning curves) carry most of the power and bound the rate of all others. With
        10 of them damped, the rates that suit are several times higher: 3e-3 is a first
        guess. Default (None): none, or 10 with ``learning_rate="auto"``.

    Raises
    ------
    ValidationError
        If a number or a schedule's parameter is negative or not finite, if the learning
        rate is nothing of the above, or if it is "auto" with an optimizer. When the
        model is built, if there are not as many neurons as directions to damp.
    BuildError
        When the model is built, if a Node has the wrong size or is no part of it.
    SimulationError
        When the model runs, if a callable or Node yields NaN or infinity. The weights
        keep their last finite values.

    Notes
    -----
    ``error``, ``activities``, ``delta`` and ``learning_rate`` (the rate in use at each
    step) can be probed. The change is kept as its two factors; a probe on ``delta``
    makes it a matrix in every step, which costs time and memory. With an optimizer it
    is one always, and the optimizer's state can be probed as well. With "auto",
    ``window`` (the averaging window in seconds) and ``learnable`` (the fraction of the
    error that can still be learned) can be probed too.

    References
    ----------
    MacNeil, D., & Eliasmith, C. (2011). Fine-tuning and the stability of recurrent
    neural networks. PLoS ONE, 6(9), e22885.

    Examples
    --------
    >>> from nengo_lr import ExponentialDecay
    >>> ScheduledPES(ExponentialDecay(1e-3, tau=5.0))
    ScheduledPES(learning_rate=ExponentialDecay(initial=0.001, tau=5.0))
    """

    modifies = "decoders"
    probeable = ("error", "activities", "delta", "learning_rate")

    learning_rate: PESRate = PESRateParam("learning_rate", default=1e-4)
    pre_synapse: Synapse | float | None = FilterParam(
        "pre_synapse", default=Lowpass(tau=0.005)
    )
    optimizer: Optimizer | None = OptimizerParam(
        "optimizer", optional=True, default=None
    )
    precondition: int | None = RankParam("precondition", optional=True, default=None)

    def validate(self):
        self.size_in = "post_state"
        if isinstance(self.learning_rate, Auto):
            if self.optimizer is not None:
                raise ValidationError(
                    'must be None where the learning rate is "auto" (got '
                    f"{self.optimizer}): each would adapt to the other. Give the "
                    "optimizer a rate, or leave it out",
                    "optimizer",
                    self,
                )
            self.probeable = (*type(self).probeable, "window", "learnable")
        if self.optimizer is not None:
            self.probeable = (*type(self).probeable, *self.optimizer.probeable)
        warn_if_high(self.learning_rate, stacklevel=4)


class Scheduled(ScheduledRuleType):
    r"""Any of Nengo's learning rules, with a learning rate that may change over time.

    At step k, which begins at time :math:`t_k = k\,dt`, the rule computes its weight
    change :math:`\Delta\omega_\text{rule}` with its own rate
    :math:`\kappa_\text{rule}`. It is scaled to

    .. math::
       \Delta\omega = \frac{\kappa(t_k)}{\kappa_\text{rule}}
       \Delta\omega_\text{rule}

    so that :math:`\kappa` replaces the rule's rate, in the same units. The change is
    added at the start of step k + 1, as the rule adds its own. While the rate is 0, the
    weights or encoders stay as they are, bit for bit.

    Parameters
    ----------
    rule : nengo.learning_rules.LearningRuleType
        The rule, for example ``nengo.BCM()``. Its rate must not be 0. PES has a class
        of its own, `.ScheduledPES`; the rate of RLS only sets its initial matrix and
        cannot change.
    learning_rate : float or Schedule or callable or FeedbackLaw or nengo.Node, optional
        The rate, as in `.ScheduledPES` (default: the rule's own). A Node must have one
        output. A feedback law watches what is connected to ``conn.learning_rule``: with
        Voja its learning signal, with rules that take no input an error in the
        dimensions of the postsynaptic ensemble.

    Raises
    ------
    ValidationError
        If the rule cannot be scaled, or the learning rate is nothing of the above.
    BuildError
        When the model is built, if a Node has the wrong size or is no part of it, or if
        the rule does not compute its change in one operator as Nengo's rules do.
    SimulationError
        When the model runs, if a callable or Node yields NaN or infinity, or if the
        weights overflow.

    Notes
    -----
    What the rule lets probe can be probed, and ``learning_rate``.

    Examples
    --------
    >>> import nengo
    >>> from nengo_lr import ExponentialDecay
    >>> Scheduled(nengo.Oja(), ExponentialDecay(1e-6, tau=5.0))
    Scheduled(rule=Oja(), learning_rate=ExponentialDecay(initial=1e-06, tau=5.0))
    """

    rule: LearningRuleType = RuleParam("rule")
    learning_rate: Rate | None = LearningRateParam(
        "learning_rate", default=None, derive=lambda self: self.rule.learning_rate
    )

    def validate(self):
        self.size_in = self.rule.size_in
        if self.size_in == 0 and isinstance(self.learning_rate, FeedbackLaw):
            self.size_in = "post_state"

    @property
    def modifies(self):
        """What the rule modifies: ``"encoders"``, ``"decoders"`` or ``"weights"``."""
        return self.rule.modifies

    @property
    def probeable(self):
        """The names of what can be probed."""
        return (*self.rule.probeable, "learning_rate")


def upper_bound_of(rate: Any) -> float | None:
    """A rate that a number, schedule or law exceeds at no time; None if not known."""
    return rate if is_number(rate) else getattr(rate, "upper_bound", None)


def warn_if_high(rate: PESRate, stacklevel: int = 2) -> None:
    """Warn if a rate may come to be too high for PES.

    Parameters
    ----------
    rate : float or Schedule or FeedbackLaw or other
        A rate that says how high it may come to be, or else nothing happens.
    stacklevel : int, optional
        Of the warning, as in `warnings.warn`.
    """
    highest = upper_bound_of(rate)
    if highest is not None and highest >= HIGH_RATE:
        warnings.warn(
            f"This learning rate is very high (it may reach {highest:g}), and can "
            "result in floating point errors from too much current.",
            stacklevel=stacklevel,
        )


def rules_of(connection: Any) -> list:
    """A connection's learning rules.

    Parameters
    ----------
    connection : nengo.Connection

    Returns
    -------
    rules : list of nengo.connection.LearningRule
    """
    rules = connection.learning_rule
    if rules is None:
        return []
    if isinstance(rules, dict):
        return list(rules.values())
    return rules if isinstance(rules, list) else [rules]


def rule_types(network: Any) -> Iterator:
    """The types of all learning rules of a model, one after the other.

    Parameters
    ----------
    network : nengo.Network

    Yields
    ------
    rule_type : nengo.learning_rules.LearningRuleType
    """
    for connection in network.all_connections:
        for rule in rules_of(connection):
            yield rule.learning_rule_type
