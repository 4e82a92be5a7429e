"""Models with scheduled rules as models that need plain PES only."""

from __future__ import annotations

import warnings
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import nengo
import numpy as np
from nengo.builder.network import seed_network
from nengo.connection import LearningRule
from nengo.exceptions import ValidationError
from nengo.params import Parameter

from nengo_lr.checks import check_choice, check_number, check_type
from nengo_lr.feedback import FeedbackLaw
from nengo_lr.learning_rules import ScheduledPES
from nengo_lr.networks.error_scaler import ErrorScaler

__all__ = ["to_error_scaling"]

NODE_RATE = 1e-4
"""The constant rate of PES where a Node scales the error: any but 0 will do."""


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


@dataclass
class Conversion:
    """One scheduled rule of a model, and what takes its place in the copy.

    ``error`` and ``rate`` are Nodes that stand for the rule's input and for its rate:
    whatever was connected to the rule or probed on it goes to them. ``pes`` is the
    plain rule, whose constant rate the scaling is relative to.
    """

    rule: LearningRule
    network: nengo.Network
    error: nengo.Node
    rate: nengo.Node
    pes: nengo.PES = None

    @property
    def scheduled(self):
        return self.rule.learning_rule_type

    def largest(self, rate_radius):
        """The rate that plain PES gets where neurons scale the error by a share."""
        if rate_radius is not None:
            return rate_radius
        schedule = self.scheduled.schedule
        largest = None if schedule is None else schedule.largest
        if largest is None:
            raise ValidationError(
                f"{self.scheduled} on {self.rule.connection} has no largest rate that "
                "could be known beforehand: give rate_radius, the largest rate to "
                "expect",
                "rate_radius",
                to_error_scaling,
            )
        return largest or NODE_RATE


def to_error_scaling(
    network: nengo.Network,
    method: str = "ensemble",
    *,
    n_neurons: int = 200,
    error_radius: float = 1.0,
    rate_radius: float | None = None,
    **scaler_options: Any,
) -> nengo.Network:
    r"""Copy a model so that it learns the same with plain PES and a scaled error.

    Every `.ScheduledPES` becomes a `nengo.PES` with a constant rate :math:`\kappa_0`,
    whose error is multiplied by :math:`\kappa(t)/\kappa_0` on its way: exactly in a
    Node, or in neurons. All else is left as it is: connections and probes keep their
    order, and every object of the copy has the seed that the model gives the original.
    What was connected to a rule goes to the scaling, with its synapse; behind the
    scaling there is none. Probes on a rule's error and rate are moved to what stands
    for them.

    Parameters
    ----------
    network : nengo.Network
        The model; it is not changed.
    method : {"ensemble", "node"}, optional
        Scale the error in an `.ErrorScaler`, or in a Node. With a Node the weights
        equal those of the scheduled rules but for rounding.
    n_neurons : int, optional
        Neurons per error dimension of each scaler (with "ensemble").
    error_radius : float, optional
        Largest error to expect, in the error's unit (with "ensemble").
    rate_radius : float, optional
        Largest rate to expect (with "ensemble"): the constant rate of plain PES. By
        default each schedule's own largest rate; it has to be given where a function, a
        Node or a feedback law determines the rate.
    **scaler_options
        Further options of the `.ErrorScaler`, such as ``gate``.

    Returns
    -------
    converted : nengo.Network
        The copy.

    Raises
    ------
    ValidationError
        If the model has no scheduled rule, or one that no scaling of the error equals,
        or if ``rate_radius`` is needed.

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
    check_type(network, nengo.Network, "network", "a nengo.Network", to_error_scaling)
    check_choice(method, ("ensemble", "node"), "method", to_error_scaling)
    if rate_radius is not None:
        check_number(rate_radius, "rate_radius", obj=to_error_scaling)
    conversions = find_conversions(network)
    # what these objects are replaced by in the copy, as deepcopy takes it
    copies = {}
    taken = set(rule_types(network))
    for conversion in conversions:
        key = id(conversion.scheduled)
        if key not in copies:
            rate = NODE_RATE if method == "node" else conversion.largest(rate_radius)
            copies[key] = plain_rule(rate, conversion.scheduled.pre_synapse, taken)
        conversion.pes = copies[key]
        redirect(network, conversion, copies)
    with warnings.catch_warnings():
        # Nengo says of each copied pass-through Node that it has one size, not two
        warnings.filterwarnings("ignore", "'Node.size_out' is being overwritten")
        converted = deepcopy(network, copies)

    seeds: dict[Any, int] = {}
    seed_network(network, seeds, seeded={})
    for obj, seed in seeds.items():
        copies[id(obj)].seed = seed

    for conversion in conversions:
        rule = copied_rule(conversion, copies)
        with copies[id(conversion.network)] as enclosing:
            enclosing.nodes.extend([conversion.error, conversion.rate])
            connect_rate(conversion, copies)
            if method == "node":
                scale_in_node(conversion, rule)
            else:
                scale_in_neurons(
                    conversion, rule, n_neurons, error_radius, scaler_options
                )
    return converted


def find_conversions(network):
    """All scheduled rules of a model; a ValidationError if none, or one too many."""
    conversions = []
    for enclosing in [network, *network.all_networks]:
        for connection in enclosing.connections:
            for rule in rules_of(connection):
                scheduled = rule.learning_rule_type
                if getattr(scheduled, "optimizer", None) is not None or (
                    hasattr(scheduled, "schedule")
                    and not isinstance(scheduled, ScheduledPES)
                ):
                    raise ValidationError(
                        f"{scheduled} on {connection} cannot be converted: only the "
                        "rate of PES itself is the same as a factor of the error",
                        "network",
                        to_error_scaling,
                    )
                if isinstance(scheduled, ScheduledPES):
                    conversions.append(
                        Conversion(rule, enclosing, *stand_ins(rule.size_in, scheduled))
                    )
    if not conversions:
        raise ValidationError(
            f"{network} has no connection with a ScheduledPES rule to convert",
            "network",
            to_error_scaling,
        )
    return conversions


def rules_of(connection):
    """A connection's learning rules, as a list."""
    rules = connection.learning_rule
    if rules is None:
        return []
    if isinstance(rules, dict):
        return list(rules.values())
    return rules if isinstance(rules, list) else [rules]


def rule_types(network):
    """The types of all learning rules of a model."""
    for connection in network.all_connections:
        for rule in rules_of(connection):
            yield rule.learning_rule_type


def plain_rule(rate, pre_synapse, taken):
    """A PES rule with about this rate that is none of those ``taken``, and becomes so.

    Nengo takes two equal rules on one connection for the same.
    """
    while nengo.PES(rate, pre_synapse) in taken:
        rate = np.nextafter(rate, np.inf)
    taken.add(nengo.PES(rate, pre_synapse))
    return nengo.PES(rate, pre_synapse)


def stand_ins(dimensions, scheduled):
    """Nodes for a rule's error and for its rate."""
    rate = scheduled.learning_rate
    n_rates = rate.size_out if isinstance(rate, nengo.Node) else 1
    return (
        nengo.Node(size_in=dimensions, label="error", add_to_container=False),
        nengo.Node(size_in=n_rates, label="learning rate", add_to_container=False),
    )


def redirect(network, conversion, copies):
    """Lead what is connected to a rule, or probes it, to what stands for it."""
    for connection in network.all_connections:
        if connection.post_obj == conversion.rule:
            copies[id(connection.post_obj)] = conversion.error
    stand_in = {"error": conversion.error, "learning_rate": conversion.rate}
    for probe in network.all_probes:
        if probe.obj == conversion.rule and probe.attr in stand_in:
            copies[id(probe)] = nengo.Probe(
                stand_in[probe.attr],
                sample_every=probe.sample_every,
                synapse=probe.synapse,
                label=probe.label,
                add_to_container=False,
            )


def copied_rule(conversion, copies):
    """The rule of plain PES that a conversion has put into the copy."""
    connection = conversion.rule.connection
    index = rules_of(connection).index(conversion.rule)
    return rules_of(copies[id(connection)])[index]


def connect_rate(conversion, copies):
    """Bring the learning rate to the Node that stands for it."""
    rate = conversion.scheduled.learning_rate
    if isinstance(rate, nengo.Node):
        source = copies[id(rate)]
    elif isinstance(rate, FeedbackLaw):
        source = nengo.Node(LawRate(rate), size_in=conversion.error.size_out)
        nengo.Connection(conversion.error, source, synapse=None)
    else:
        source = nengo.Node(conversion.scheduled.schedule.rate_at, size_out=1)
    nengo.Connection(source, conversion.rate, synapse=None)


def scale_in_node(conversion, rule):
    """Multiply the error by the rate exactly."""
    error, rate = conversion.error, conversion.rate
    dimensions = error.size_out
    scaled = nengo.Node(
        ScaleInNode(dimensions, conversion.pes.learning_rate),
        size_in=dimensions + rate.size_out,
        size_out=dimensions,
        label="scaled error",
    )
    nengo.Connection(error, scaled[:dimensions], synapse=None)
    nengo.Connection(rate, scaled[dimensions:], synapse=None)
    nengo.Connection(scaled, rule, synapse=None)


def scale_in_neurons(conversion, rule, n_neurons, error_radius, scaler_options):
    """Multiply the error by the rate in one scaler for each rate."""
    error, rate = conversion.error, conversion.rate
    share = 1 / conversion.pes.learning_rate
    if rate.size_out == 1:
        parts = [(error, rule)]
    else:
        parts = [(error[i], rule[i]) for i in range(rate.size_out)]
    for i, (error_part, rule_part) in enumerate(parts):
        scaler = ErrorScaler(
            n_neurons, error_part.size_out, error_radius, **scaler_options
        )
        nengo.Connection(error_part, scaler.error, synapse=None)
        nengo.Connection(rate[i], scaler.rate, transform=share, synapse=None)
        nengo.Connection(scaler.output, rule_part, synapse=None)
