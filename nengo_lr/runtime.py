"""Change learning rates, or freeze learning, in a simulator that has been built."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Callable, Union

import nengo
from nengo.connection import LearningRule
from nengo.exceptions import SimulationError, ValidationError
from nengo.node import Node

from nengo_lr.auto import Auto
from nengo_lr.builder.control import CHOICE, FROZEN, NUMBER, VALUE
from nengo_lr.builder.hosts import host_of
from nengo_lr.feedback import FeedbackLaw
from nengo_lr.learning_rules import LearningRateParam, ScheduledRuleType
from nengo_lr.schedules import Constant, Schedule

Rate = Union[float, Schedule, Callable[[float], float]]

__all__ = ["frozen", "set_learning_rate"]


def set_learning_rate(
    sim: nengo.Simulator, rule: LearningRule, learning_rate: Rate
) -> None:
    r"""Change the learning rate of one rule, from the next step on.

    It takes the place of whatever rate the rule was built with, until it is changed
    again or ``sim.reset()`` restores the built one. A `.FeedbackLaw` that was built
    does not advance meanwhile. Call it between two runs. The change that the last step
    made with the old rate still lands in the next.

    Parameters
    ----------
    sim : nengo.Simulator
        A simulator that is open: Nengo's, NengoDL's, or one of a subclass.
    rule : nengo.connection.LearningRule
        ``connection.learning_rule``, with a `.ScheduledPES` or `.Scheduled`.
    learning_rate : float or Schedule or callable
        The new rate, in the units of ``nengo.PES(learning_rate=...)``. Schedules and
        callables are given the simulation time in seconds, which does not start anew;
        on NengoDL the rate must be a number (or a `.Constant`), since its graph is
        compiled.

    Raises
    ------
    ValidationError
        If the rule is not in the simulator or is none of ours, or if the rate is no
        rate, or one that a simulator cannot be given once it is built.
    SimulatorClosed
        If the simulator is closed.

    Examples
    --------
    >>> from nengo_lr import ExponentialDecay, ScheduledPES
    >>> with nengo.Network(seed=0) as model:
    ...     a, b = nengo.Ensemble(20, 1), nengo.Node(size_in=1)
    ...     connection = nengo.Connection(a, b, learning_rule_type=ScheduledPES(1e-3))
    ...     rate = nengo.Probe(connection.learning_rule, "learning_rate")
    >>> with nengo.Simulator(model, progress_bar=False) as sim:
    ...     sim.run_steps(2)
    ...     set_learning_rate(sim, connection.learning_rule, 1e-4)
    ...     sim.run_steps(2)
    >>> sim.data[rate][:, 0]
    array([0.001 , 0.001 , 0.0001, 0.0001])
    """
    host = host_of(sim)
    control = find_control(sim, rule)
    automatic = isinstance(learning_rate, (Auto, str))
    if automatic or isinstance(learning_rate, (Node, FeedbackLaw)):
        raise ValidationError(
            f"{learning_rate} must be part of the model when it is built; a simulator "
            "can only be given a number or a schedule",
            "learning_rate",
        )
    schedule = ScheduledRate(learning_rate).schedule
    if isinstance(schedule, Constant):
        values = host.read(control)
        values[[CHOICE, VALUE]] = NUMBER, schedule.value
        host.set_control(control, values)
    elif host.takes_schedules:
        host.set_schedule(control, schedule)
    else:
        raise ValidationError(
            f"{host.title} has compiled the learning rate of {rule.connection} and can "
            f"be given another number, but not {schedule}. Build the connection with "
            "this schedule and make a new Simulator",
            "learning_rate",
        )


@contextmanager
def frozen(sim: nengo.Simulator) -> Iterator[None]:
    """Run a simulator without learning: for tests in the middle of a run.

    Within the ``with`` block no weight moves by a bit, the change of the last step
    waits, and neither optimizers nor feedback laws advance. Everything else runs as
    always, the simulation time too. After it, learning goes on where it stopped.

    Parameters
    ----------
    sim : nengo.Simulator
        A simulator that is open: Nengo's, NengoDL's, or one of a subclass. On NengoDL,
        ``predict`` and ``evaluate`` leave the weights alone within the block; outside
        they learn.

    Raises
    ------
    ValidationError
        If the model has a learning rule that cannot be frozen, such as `nengo.PES`.
    SimulatorClosed
        If the simulator is closed.
    SimulationError
        At the end of the block, if ``sim.reset()`` was called in it, which ends it.

    Examples
    --------
    >>> from nengo_lr import ScheduledPES
    >>> with nengo.Network(seed=0) as model:
    ...     a, b = nengo.Ensemble(20, 1), nengo.Node(size_in=1)
    ...     connection = nengo.Connection(a, b, learning_rule_type=ScheduledPES(1e-3))
    ...     c = nengo.Connection(nengo.Node(1), connection.learning_rule)
    ...     weights = nengo.Probe(connection, "weights")
    >>> with nengo.Simulator(model, progress_bar=False) as sim:
    ...     sim.run_steps(10)
    ...     with frozen(sim):
    ...         sim.run_steps(10)
    >>> bool(np.all(sim.data[weights][10:] == sim.data[weights][9]))
    True
    """
    host = host_of(sim)
    rules = [rule for rule in sim.model.sig if isinstance(rule, LearningRule)]
    controls = [find_control(sim, rule) for rule in rules]
    before = [host.read(control)[FROZEN] for control in controls]
    for control in controls:
        set_frozen(host, control, 1.0)
    try:
        yield
    finally:
        if not sim.closed:
            lifted = [c for c in controls if host.read(c)[FROZEN] != 1.0]
            for control, was_frozen in zip(controls, before):
                set_frozen(host, control, was_frozen)
    if not sim.closed and lifted:
        raise SimulationError(
            "The simulator was reset while it was frozen, so that it has learned since "
            "then; reset it before or after"
        )


class ScheduledRate(ScheduledRuleType):
    """Checks a learning rate as the rules do."""

    learning_rate = LearningRateParam("learning_rate")


def find_control(sim, rule):
    """The control Signal of a rule, or a ValidationError."""
    if not isinstance(rule, LearningRule):
        raise ValidationError(
            f"must be a connection's learning_rule (got {rule!r})", "rule"
        )
    if rule not in sim.model.sig:
        raise ValidationError(f"{rule} is not in the simulator's model", "rule")
    if "control" not in sim.model.sig[rule]:
        raise ValidationError(
            f"{rule.learning_rule_type} on {rule.connection} cannot be changed or "
            "frozen while it runs; use nengo_lr.ScheduledPES or nengo_lr.Scheduled",
            "rule",
        )
    return sim.model.sig[rule]["control"]


def set_frozen(host, control, value):
    """Freeze one rule, or let it go on."""
    values = host.read(control)
    values[FROZEN] = value
    host.set_control(control, values)
