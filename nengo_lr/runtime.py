"""Change learning rates, or freeze learning, in a simulator that has been built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Callable, Union

import nengo
from nengo.connection import Connection, LearningRule
from nengo.exceptions import SimulationError, ValidationError
from nengo.node import Node

from nengo_lr.auto import Auto
from nengo_lr.builder.control import BUILT, CHOICE, NUMBER, VALUE
from nengo_lr.builder.hosts import host_of
from nengo_lr.checks import check_type
from nengo_lr.feedback import FeedbackLaw
from nengo_lr.learning_rules import Scheduled, ScheduledPES
from nengo_lr.schedules import Constant, Schedule

Rule = Union[LearningRule, Connection]
Rate = Union[float, Schedule, Callable[[float], float]]

__all__ = ["frozen", "set_learning_rate"]


def set_learning_rate(
    sim: nengo.Simulator, rule: Rule, learning_rate: Rate | None
) -> None:
    r"""Change the learning rate of one rule, from the next step on.

    It takes the place of whatever rate the rule was built with, until it is changed
    again, set to None, or ``sim.reset()`` restores the built one. A `.FeedbackLaw` that
    was built does not advance meanwhile. Call it between two runs. The change that the
    last step made with the old rate still lands in the next.

    Parameters
    ----------
    sim : nengo.Simulator
        A simulator that is open: Nengo's, NengoDL's, or one of a subclass.
    rule : nengo.connection.LearningRule or nengo.Connection
        ``connection.learning_rule``, with a `.ScheduledPES` or `.Scheduled`; or the
        connection, if it has one rule.
    learning_rate : float or Schedule or callable or None
        The new rate, in the units of ``nengo.PES(learning_rate=...)``. Schedules and
        callables are given the simulation time in seconds, which does not start anew;
        on NengoDL the rate must be a number (or a `.Constant`), since its graph is
        compiled. None: the rate that the rule was built with, whatever its kind.

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
    if isinstance(rule, Connection):
        rule = rule.learning_rule
    control = find_control(sim, rule)
    values = host.read(control)
    if learning_rate is None:
        values[CHOICE] = BUILT
        host.set_control(control, values)
        return
    automatic = isinstance(learning_rate, str) and learning_rate == "auto"
    if automatic or isinstance(learning_rate, (Node, FeedbackLaw, Auto)):
        raise ValidationError(
            f"{learning_rate} must be part of the model when it is built; a simulator "
            "can only be given a number, a schedule, or None for the rate that it was "
            "built with",
            "learning_rate",
        )
    # a rule of the same kind checks the rate, and warns of it, as at build
    rule_type = rule.learning_rule_type
    if isinstance(rule_type, ScheduledPES):
        schedule = ScheduledPES(learning_rate).schedule
    else:
        schedule = Scheduled(rule_type.rule, learning_rate).schedule
    if isinstance(schedule, Constant):
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
def frozen(
    sim: nengo.Simulator,
    rules: Rule | Iterable[Rule] | None = None,
) -> Iterator[None]:
    """Run a simulator without learning: for tests in the middle of a run.

    Within the ``with`` block no weight moves by a bit, the change of the last step
    waits, and neither optimizers nor feedback laws advance, nor the inverse gain matrix
    of RLS. Everything else runs as always, the simulation time too. After it, learning
    goes on where it stopped.

    Parameters
    ----------
    sim : nengo.Simulator
        A simulator that is open: Nengo's, NengoDL's, or one of a subclass. On NengoDL,
        ``predict`` and ``evaluate`` leave the weights alone within the block; outside
        they learn.
    rules : LearningRule or Connection or iterable of them, optional
        What is frozen: ``connection.learning_rule``, or all rules of a connection.
        Default: all rules of the model. Nengo's simulator freezes any rule, Nengo's
        own among them, NengoDL only those of nengo_lr.

    Raises
    ------
    ValidationError
        If a rule is not in the simulator's model, or is one that the simulator cannot
        freeze.
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
    ends = [host.freeze(rule) for rule in rules_to_freeze(host, rules)]
    try:
        yield
    finally:
        lasted = [end() for end in reversed(ends) if not sim.closed]
    if not all(lasted):
        raise SimulationError(
            "The simulator was reset while it was frozen, so that it has learned since "
            "then; reset it before or after"
        )


def rules_to_freeze(host, rules):
    """Check what `frozen` is given; returns the LearningRules, each once."""
    in_model = [rule for rule in host.sim.model.sig if isinstance(rule, LearningRule)]
    if rules is None:
        chosen = in_model
    else:
        if isinstance(rules, (LearningRule, Connection)):
            rules = [rules]
        check_type(rules, Iterable, "rules", "learning rules or connections")
        chosen = []
        for rule in rules:
            check_type(
                rule,
                (LearningRule, Connection),
                "rules",
                "connection.learning_rule or a connection",
            )
            of_rule = [r for r in in_model if rule in (r, r.connection)]
            if not of_rule:
                raise ValidationError(
                    f"{rule} has no learning rule in the simulator's model"
                    if isinstance(rule, Connection)
                    else f"{rule} is not in the simulator's model",
                    "rules",
                )
            chosen += [r for r in of_rule if r not in chosen]
    for rule in chosen:
        if not host.can_freeze(rule):
            raise ValidationError(
                f"{rule.learning_rule_type} on {rule.connection} cannot be frozen on "
                f"{host.title}; use nengo_lr.ScheduledPES or nengo_lr.Scheduled, or "
                "freeze other rules alone: frozen(sim, rules)",
                "rules",
            )
    return chosen


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
            f"The rate of {rule.learning_rule_type} on {rule.connection} cannot be "
            "changed while it runs; use nengo_lr.ScheduledPES or nengo_lr.Scheduled",
            "rule",
        )
    return sim.model.sig[rule]["control"]
