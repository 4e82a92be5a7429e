"""Convert models with scheduled rules to models that need plain PES only."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable

import nengo
import numpy as np
from nengo.base import ObjView
from nengo.exceptions import ValidationError
from nengo.params import Parameter

from nengo_lr.auto import Auto
from nengo_lr.checks import check_callable, check_choice, check_number, check_type
from nengo_lr.feedback import FeedbackLaw
from nengo_lr.learning_rules import ScheduledPES, ScheduledRuleType, rules_of
from nengo_lr.networks.copying import copy_with_seeds
from nengo_lr.networks.defaults import NENGO_DEFAULTS
from nengo_lr.networks.designs import replaced
from nengo_lr.networks.error_scaler import ErrorScaler
from nengo_lr.schedules import Constant

__all__ = ["to_error_scaling"]

NODE_RATE = 1e-4
"""The constant rate of PES where a Node scales the error. It may be any but 0."""


class LawRate(nengo.Process):
    """A feedback law as the process of a Node: an error comes in, a rate goes out."""

    law = Parameter("law")

    def __init__(self, law):
        super().__init__(default_size_out=1)
        self.law = law

    def make_state(self, shape_in, shape_out, dt, dtype=None):
        return {"state": self.law.initial_state}

    def make_step(self, shape_in, shape_out, dt, rng, state):
        state, law = state["state"], self.law

        def step_law(t, error):
            state[...], rate = law.update(state, round(t / dt), dt, error, np)
            return rate

        return step_law


class ScaleInNode:
    """Multiply an error by rates, relative to the constant rate of plain PES."""

    def __init__(self, dimensions, pes_rate):
        self.dimensions = dimensions
        self.pes_rate = pes_rate

    def __call__(self, t, x):
        """Scale ``x``, the error's dimensions followed by the rates."""
        return x[: self.dimensions] * (x[self.dimensions :] / self.pes_rate)


def to_error_scaling(
    network: nengo.Network,
    method: str = "ensemble",
    *,
    scaler: Callable[..., nengo.Network] = ErrorScaler,
    n_neurons: int = 200,
    error_radius: float = 1.0,
    rate_radius: float | None = None,
    **scaler_options: Any,
) -> nengo.Network:
    r"""Copy a model so that it learns the same with plain PES and a scaled error.

    Every `.ScheduledPES` becomes a `nengo.PES` with a constant rate :math:`\kappa_0`,
    whose error is multiplied by :math:`\kappa(t)/\kappa_0` on its way: exactly in a
    Node, or in neurons. Where the rate is constant it becomes the rate of the plain
    rule, with `.Scheduled` rules such as Voja as well, and nothing else is needed. All
    else is left as it is: connections and probes keep their order, and every object of
    the copy has the seed that the model gives the original. What was connected to a
    rule goes to the scaling, with its synapse; behind the scaling there is none. Probes
    on a rule's error and rate are moved to the Nodes that have them.

    Parameters
    ----------
    network : nengo.Network
        The model; it is not changed.
    method : {"ensemble", "node"}, optional
        Scale the error in an `.ErrorScaler`, or in a Node. With a Node the weights
        equal those of the scheduled rules but for rounding.
    scaler : callable, optional
        ``scaler(n_neurons, dimensions, error_radius, **scaler_options)`` makes what
        scales the error (with "ensemble"): a network with the Nodes ``error``, ``rate``
        (over the largest rate) and ``output``. It takes ``add_to_container``, as every
        `nengo.Network` does.
    n_neurons : int, optional
        Neurons per error dimension of each scaler (with "ensemble").
    error_radius : float, optional
        Largest error to expect, in the error's unit (with "ensemble").
    rate_radius : float, optional
        Largest rate to expect (with "ensemble"): the constant rate of plain PES. By
        default each schedule's own largest rate; it has to be given where a function, a
        Node or a feedback law determines the rate.
    **scaler_options
        Further options of the scaler, such as ``gate``. Its neurons are LIF
        neurons unless ``neuron_type`` says otherwise, whatever the model's config.

    Returns
    -------
    converted : nengo.Network
        The copy.

    Raises
    ------
    ValidationError
        If the model has no scheduled rule, or one that no scaling of the error equals
        (with an optimizer, or another rule than PES whose rate changes), or if
        ``rate_radius`` is needed.

    Examples
    --------
    >>> with nengo.Network() as model:
    ...     pre = nengo.Ensemble(50, dimensions=1)
    ...     conn = nengo.Connection(
    ...         pre,
    ...         nengo.Node(size_in=1),
    ...         learning_rule_type=nlr.ScheduledPES(nlr.ExponentialDecay(1e-3, 5.0)),
    ...     )
    >>> converted = to_error_scaling(model, method="node")
    >>> converted.connections[0].learning_rule_type
    PES()
    """
    check_type(network, nengo.Network, "network", "a nengo.Network")
    check_choice(method, ("ensemble", "node"), "method")
    if rate_radius is not None:
        check_number(rate_radius, "rate_radius")
    check_callable(scaler, "scaler", "a function that makes one")
    scaler = partial(scaler, n_neurons, error_radius=error_radius, **scaler_options)
    if method == "ensemble":  # refuse its arguments even if no rule needs a scaler
        scaler(dimensions=1, add_to_container=False)
    rules = scheduled_rules(network)
    # the copy of each object, as deepcopy takes it
    copies: dict[int, Any] = {}
    for rule in rules:
        scheduled = rule.learning_rule_type
        if id(scheduled) not in copies:
            rate = pes_rate(rule, method, rate_radius)
            copies[id(scheduled)] = plain_rule(network, scheduled, rate, copies)
    replace_probes(network, rules, copies)
    converted = copy_with_seeds(network, copies)
    rates_probed = {p.obj for p in network.all_probes if p.attr == "learning_rate"}
    for rule, enclosing in rules.items():
        if is_constant(rule.learning_rule_type) and rule not in rates_probed:
            continue
        with copies[id(enclosing)], NENGO_DEFAULTS:
            rate = rate_node(rule, copies)
            move_probes(network, rule, "learning_rate", rate, copies)
            if is_constant(rule.learning_rule_type):
                continue
            error = nengo.Node(size_in=rule.size_in, label="error")
            move_probes(network, rule, "error", error, copies)
            move_connections(network, rule, error, copies)
            if isinstance(rule.learning_rule_type.learning_rate, FeedbackLaw):
                nengo.Connection(error, rate, synapse=None)
            plain = copied_rule(rule, copies)
            if method == "node":
                scale_in_node(error, rate, plain)
            else:
                scale_in_neurons(error, rate, plain, scaler)
    return converted


def scheduled_rules(network):
    """All rules of ours in a model, with the networks that enclose them."""
    found = {}
    for enclosing in [network, *network.all_networks]:
        for connection in enclosing.connections:
            for rule in rules_of(connection):
                scheduled = rule.learning_rule_type
                if isinstance(scheduled, ScheduledRuleType):
                    check_convertible(scheduled, connection)
                    found[rule] = enclosing
    if not found:
        raise ValidationError(
            f"{network} has no connection with a ScheduledPES or Scheduled rule to "
            "convert",
            "network",
        )
    return found


def check_convertible(scheduled, connection):
    """Refuse a rule that no plain rule equals, with or without a scaled error."""
    if isinstance(scheduled, ScheduledPES):
        rate = scheduled.learning_rate
        plain = ScheduledPES(rate, scheduled.pre_synapse)
        convertible = scheduled == plain and not isinstance(rate, Auto)
    else:
        convertible = is_constant(scheduled)
    if not convertible:
        raise ValidationError(
            f"{scheduled} on {connection} cannot be converted: only the rate of PES "
            "itself is the same as a factor of the error, and other rules need a "
            "constant rate",
            "network",
        )


def is_constant(scheduled):
    """Whether a rule of ours has the same rate always."""
    return isinstance(scheduled.schedule, Constant)


def pes_rate(rule, method, rate_radius):
    """The constant rate of a rule's plain form."""
    scheduled = rule.learning_rule_type
    if is_constant(scheduled):
        return scheduled.schedule.value
    if method == "node":
        return NODE_RATE
    if rate_radius is not None:
        return rate_radius
    largest = None if scheduled.schedule is None else scheduled.schedule.upper_bound
    if largest is None:
        raise ValidationError(
            f"{scheduled} on {rule.connection} has no largest rate that could be known "
            "beforehand: give rate_radius, the largest rate to expect",
            "rate_radius",
        )
    return largest or NODE_RATE


def plain_rule(network, scheduled, rate, copies):
    """The plain form of a rule of ours with a constant rate.

    Nengo takes two equal rules on one connection for the same, so that the rate moves
    by a last digit until the rule is unlike all others where it is used.
    """
    others = [
        copies.get(id(other.learning_rule_type), other.learning_rule_type)
        for connection in network.all_connections
        if any(r.learning_rule_type is scheduled for r in rules_of(connection))
        for other in rules_of(connection)
    ]
    while True:
        if isinstance(scheduled, ScheduledPES):
            plain = nengo.PES(rate, scheduled.pre_synapse)
        else:
            plain = replaced(scheduled.rule, learning_rate=rate)
        if plain not in others:
            return plain
        rate = np.nextafter(rate, np.inf)


def copied_rule(rule, copies):
    """The rule in the copy that has taken the place of one in the model."""
    index = rules_of(rule.connection).index(rule)
    return rules_of(copies[id(rule.connection)])[index]


def rate_node(rule, copies):
    """A Node that puts out a rule's learning rate."""
    scheduled = rule.learning_rule_type
    rate = scheduled.learning_rate
    if isinstance(rate, nengo.Node):
        node = nengo.Node(size_in=rate.size_out, label="learning rate")
        nengo.Connection(copies[id(rate)], node, synapse=None)
        return node
    if isinstance(rate, FeedbackLaw):
        return nengo.Node(LawRate(rate), size_in=rule.size_in, label="learning rate")
    return nengo.Node(scheduled.schedule.rate_at, size_out=1, label="learning rate")


def replace_probes(network, rules, copies):
    """Take new probes for those of learning rates, which plain rules do not have."""
    for probe in network.all_probes:
        if probe.attr == "learning_rate" and probe.obj in rules:
            with NENGO_DEFAULTS:
                copies[id(probe)] = nengo.Probe(
                    nengo.Node(size_in=1, add_to_container=False),
                    sample_every=probe.sample_every,
                    synapse=probe.synapse,
                    label=probe.label,
                    add_to_container=False,
                )


def move_connections(network, rule, error, copies):
    """Lead all that is connected to a rule to the Node that stands for its error."""
    for connection in network.all_connections:
        if connection.post_obj == rule:
            reset(copies[id(connection)], "post", moved(connection.post, error))


def move_probes(network, rule, attribute, node, copies):
    """Let all probes of a rule's attribute probe a Node."""
    for probe in network.all_probes:
        if probe.obj == rule and probe.attr == attribute:
            copy = copies[id(probe)]
            reset(copy, "target", moved(probe.target, node))
            copy.attr = "output"


def reset(obj, name, value):
    """Set a parameter of one of our copies, which is read-only once it is set."""
    parameter = getattr(type(obj), name)
    parameter.__delete__(obj)
    parameter.__set__(obj, value)


def moved(end, node):
    """A Node in place of a rule, or its slice in place of the rule's."""
    return node[end.slice] if isinstance(end, ObjView) else node


def scale_in_node(error, rate, rule):
    """Multiply the error by the rate exactly."""
    dimensions = error.size_out
    scaled = nengo.Node(
        ScaleInNode(dimensions, rule.learning_rule_type.learning_rate),
        size_in=dimensions + rate.size_out,
        size_out=dimensions,
        label="scaled error",
    )
    nengo.Connection(error, scaled[:dimensions], synapse=None)
    nengo.Connection(rate, scaled[dimensions:], synapse=None)
    nengo.Connection(scaled, rule, synapse=None)


def scale_in_neurons(error, rate, rule, scaler):
    """Multiply the error by the rate in one scaler for each rate."""
    fraction = 1 / rule.learning_rule_type.learning_rate
    if rate.size_out == 1:
        parts = [(error, rule)]
    else:
        parts = [(error[i], rule[i]) for i in range(rate.size_out)]
    for i, (error_part, rule_part) in enumerate(parts):
        scaled = scaler(dimensions=error_part.size_out)
        nengo.Connection(error_part, scaled.error, synapse=None)
        nengo.Connection(rate[i], scaled.rate, transform=fraction, synapse=None)
        nengo.Connection(scaled.output, rule_part, synapse=None)
