"""The largest stable learning rate of PES, and the smallest that is fast enough."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import nengo
import numpy as np
from nengo.exceptions import ValidationError
from numpy.typing import ArrayLike

from nengo_lr.auto import Auto
from nengo_lr.builder.hosts import host_of
from nengo_lr.checks import check_number, check_type
from nengo_lr.error_loop import ErrorLoop
from nengo_lr.error_loop.reading import feeds_back
from nengo_lr.error_loop.system import bisect
from nengo_lr.learning_rules import ScheduledPES, rules_of
from nengo_lr.stability.activities import (
    ensemble_of,
    run_neurons,
    spiking_power,
    tuning,
)

__all__ = ["Stability", "error_left", "rate_for", "stable_rate", "warn_if_unstable"]

MARGIN = 0.8
"""The fraction of the bound that is safe, for what the theory leaves out."""


def stable_rate(
    sim: nengo.Simulator, connection: nengo.Connection, margin: float = MARGIN
) -> float:
    r"""Compute the largest constant rate with which a connection's error is stable.

    With n neurons whose filtered activities are a, a step multiplies a constant error
    by :math:`1 - g`, where :math:`g = \kappa\,dt\,|a|^2/n`. Without filters that is
    stable for :math:`g < 2`. With filters between the output and the error, whose poles
    are :math:`a_i`, it is stable where all roots of

    .. math:: (z - 1) \prod_i (z - a_i) + g \prod_i (1 - a_i)

    are inside the unit circle; with transforms, parallel connections or recurrent ones,
    where the eigenvalues of the whole linear system are. The rate follows from the
    largest such g and the largest :math:`|a|^2` over the evaluation points and their
    projections onto the radius. Spikes raise it. By how much is measured: the root mean
    square norm of the spikes as the rule filters them, times that of the spikes as the
    loop does.

    Parameters
    ----------
    sim : Simulator
        An open simulator that has built the model, with the connection in it.
    connection : nengo.Connection
        It learns with `.ScheduledPES` or `nengo.PES`; its rate does not matter.
    margin : float, optional
        The fraction of the bound to return. The rest is for what the theory leaves out:
        the neurons' dynamics and inputs that move.

    Returns
    -------
    rate : float
        In the units of ``nengo.PES(learning_rate=...)``.

    Raises
    ------
    ValidationError
        If there is no answer, with the reason: the connection does not learn with one
        PES rule whose change is PES's own but for the rate; its neurons are silent; its
        error does not depend on its output, grows with any rate (its sign is wrong), or
        comes through objects that are not linear (a Node with a function, such as a
        gate or a simulated arm, a function, neurons); or its output comes back to its
        input.

    Notes
    -----
    Each connection is judged by itself. Where several learn from one error, the sum of
    their rates over their stable rates must stay below 1.

    References
    ----------
    Widrow, B., & Stearns, S. D. (1985). Adaptive signal processing. Prentice-Hall.

    Examples
    --------
    >>> with nengo.Network(seed=0) as model:
    ...     pre, error = nengo.Ensemble(50, 1), nengo.Node(size_in=1)
    ...     conn = nengo.Connection(pre, error, learning_rule_type=nlr.ScheduledPES())
    ...     to_rule = nengo.Connection(error, conn.learning_rule)
    >>> with nengo.Simulator(model, progress_bar=False) as sim:
    ...     rate = stable_rate(sim, conn)
    >>> 1e-3 < rate < 1e-2
    True
    """
    host_of(sim)
    check_number(margin, "margin")
    rule = pes_rule(sim, connection)
    loop = error_loop(sim, rule)
    rates, currents = tuning(sim, connection)
    powers = np.sum(rates**2, axis=1)
    worst = np.argmax(powers)
    power = powers[worst]
    if not power:
        raise ValidationError(
            f"the neurons of {connection} are silent at every evaluation point, so "
            "that it cannot learn",
            "connection",
        )
    gain = loop.largest_stable_gain()
    neuron_type = ensemble_of(connection).neuron_type
    if neuron_type.spiking:
        spikes = run_neurons(neuron_type, currents[worst], sim.dt)
        synapse = rule.learning_rule_type.pre_synapse
        power = spiking_power(spikes, synapse, loop, gain, sim.dt)
    return float(margin * gain * rates.shape[1] / (sim.dt * power))


def rate_for(
    sim: nengo.Simulator,
    connection: nengo.Connection,
    time: float,
    fraction: float,
    x: ArrayLike | None = None,
) -> float:
    r"""Compute the smallest constant rate that shrinks a constant error in a time.

    Without filters the error is multiplied by :math:`1 - \kappa\,dt\,|a|^2/n` in each
    step, so that the fraction f is left at the time T with
    :math:`\kappa = n\,(1 - f^{dt/T})/(dt\,|a|^2)`. Filters between the output and the
    error are counted in.

    Parameters
    ----------
    sim : Simulator
        An open simulator that has built the model, with the connection in it.
    connection : nengo.Connection
        It learns with `.ScheduledPES` or `nengo.PES`.
    time : float
        In seconds.
    fraction : float
        The fraction of the error that may be left after it, between 0 and 1.
    x : array_like (dimensions,), optional
        What the ensemble represents meanwhile. By default the mean of :math:`|a|^2`
        over the evaluation points counts.

    Returns
    -------
    rate : float
        In the units of ``nengo.PES(learning_rate=...)``.

    Raises
    ------
    ValidationError
        As in `stable_rate`; and if no stable rate is fast enough.

    Examples
    --------
    >>> with nengo.Network(seed=0) as model:
    ...     pre, error = nengo.Ensemble(50, 1), nengo.Node(size_in=1)
    ...     conn = nengo.Connection(pre, error, learning_rule_type=nlr.ScheduledPES())
    ...     to_rule = nengo.Connection(error, conn.learning_rule)
    >>> with nengo.Simulator(model, progress_bar=False) as sim:
    ...     fast, slow = (rate_for(sim, conn, time, 0.1) for time in (0.1, 10.0))
    >>> slow < fast
    True
    """
    host_of(sim)
    check_number(fraction, "fraction")
    check_number(time, "time")
    if fraction >= 1:
        raise ValidationError(f"must be between 0 and 1 (got {fraction})", "fraction")
    if time < sim.dt:
        raise ValidationError(
            f"must be at least one step of {sim.dt} s (got {time})", "time"
        )
    loop, n_steps = error_loop(sim, pes_rule(sim, connection)), round(time / sim.dt)
    largest = loop.largest_stable_gain()
    gains = np.geomspace(largest * 1e-3 / n_steps, largest, 200)
    left = [loop.response(g, n_steps) for g in gains]
    if min(left) > fraction:
        raise ValidationError(
            f"no rate is fast enough: after {time} s at least {min(left):.2g} of the "
            f"error is left (wanted {fraction})",
            "time",
        )
    first = np.argmax(np.array(left) <= fraction)
    gain = gains[first]
    if first:
        gain = bisect(
            lambda g: loop.response(g, n_steps) > fraction, gains[first - 1], gain
        )
    return float(gain / gain_per_rate(sim, connection, x))


def error_left(
    sim: nengo.Simulator,
    connection: nengo.Connection,
    rate: float,
    times: ArrayLike,
    x: ArrayLike | None = None,
) -> Any:
    """Compute the fraction of a constant error that is left after some times.

    Parameters
    ----------
    sim, connection, x
        As in `rate_for`.
    rate : float
        The constant rate, in the units of ``nengo.PES(learning_rate=...)``.
    times : array_like (n,)
        In seconds, from when learning begins.

    Returns
    -------
    left : array (n,)
        The norm of the error over that at the beginning.

    Raises
    ------
    ValidationError
        As in `stable_rate`.

    Examples
    --------
    >>> with nengo.Network(seed=0) as model:
    ...     pre, error = nengo.Ensemble(50, 1), nengo.Node(size_in=1)
    ...     conn = nengo.Connection(pre, error, learning_rule_type=nlr.ScheduledPES())
    ...     to_rule = nengo.Connection(error, conn.learning_rule)
    >>> with nengo.Simulator(model, progress_bar=False) as sim:
    ...     rate = rate_for(sim, conn, time=2.0, fraction=0.1)
    ...     error_left(sim, conn, rate, [0.0, 2.0]).round(6)
    array([1. , 0.1])
    """
    host_of(sim)
    check_number(rate, "rate", least=0)
    loop = error_loop(sim, pes_rule(sim, connection))
    gain = rate * gain_per_rate(sim, connection, x)
    steps = np.round(np.asarray(times) / sim.dt).astype(int)
    return np.array([loop.response(gain, k) for k in steps])


@dataclass
class Stability:
    """The result of `warn_if_unstable`. Each connection that learns is in one of them.

    Attributes
    ----------
    stable : dict of nengo.Connection to float
        Connections whose rate stays below their stable rate, and that rate.
    unstable : dict of nengo.Connection to float
        Connections whose rate exceeds it.
    unjudged : dict of nengo.Connection to str
        Connections that cannot be judged, and the reason.
    """

    stable: dict[nengo.Connection, float] = field(default_factory=dict)
    unstable: dict[nengo.Connection, float] = field(default_factory=dict)
    unjudged: dict[nengo.Connection, str] = field(default_factory=dict)


def warn_if_unstable(sim: nengo.Simulator) -> Stability:
    """Warn of each rate above the stable one, and of each that cannot be judged.

    Call it right after the simulator is built. `stable_rate` says what can be judged.
    Other rules than PES cannot, nor can rates that only a run determines: those of
    Nodes and laws, and schedules without an upper bound.

    Parameters
    ----------
    sim : Simulator
        An open simulator that has built the model.

    Returns
    -------
    stability : Stability
        All connections that learn, as ``stable``, ``unstable`` or ``unjudged``.

    Raises
    ------
    ValidationError
        If this is no open simulator that nengo_lr knows.

    Examples
    --------
    >>> with nengo.Network(seed=0) as model:
    ...     pre, error = nengo.Ensemble(50, 1), nengo.Node(size_in=1)
    ...     conn = nengo.Connection(pre, error, learning_rule_type=nlr.ScheduledPES())
    ...     to_rule = nengo.Connection(error, conn.learning_rule)
    >>> with nengo.Simulator(model, progress_bar=False) as sim:
    ...     found = warn_if_unstable(sim)
    >>> len(found.stable), found.unstable, found.unjudged
    (1, {}, {})
    """
    host_of(sim)
    found = Stability()
    for connection in sim.model.toplevel.all_connections:
        if not rules_of(connection):
            continue
        try:
            bound = stable_rate(sim, connection, margin=1.0)
            rate = largest_rate(sim, connection)
        except ValidationError as error:
            message = f"The learning rate of {connection} cannot be judged: "
            found.unjudged[connection] = error.args[0]
            warnings.warn(message + error.args[0], stacklevel=2)
            continue
        if rate <= bound:
            found.stable[connection] = bound
            continue
        found.unstable[connection] = bound
        warnings.warn(
            f"The learning rate of {connection} rises to {rate:.2g}, but is stable "
            f"only up to {bound:.2g}",
            stacklevel=2,
        )
    return found


def pes_rule(sim, connection):
    """A connection's PES rule, if the theory holds for it."""
    check_type(connection, nengo.Connection, "connection", "a nengo.Connection")
    if connection not in sim.model.params:
        raise ValidationError(
            f"{connection} is not in the simulator's model", "connection"
        )
    rules = [
        rule
        for rule in rules_of(connection)
        if isinstance(rule.learning_rule_type, (nengo.PES, ScheduledPES))
    ]
    if len(rules) != 1 or changes_the_gradient(rules[0].learning_rule_type):
        raise ValidationError(
            f"{connection} must learn with one PES or ScheduledPES, without an "
            'optimizer, a precondition or the rate "auto" (got '
            f"{connection.learning_rule_type})",
            "connection",
        )
    return rules[0]


def changes_the_gradient(rule_type):
    """Whether something beside the rate distinguishes a rule from PES."""
    return isinstance(rule_type, ScheduledPES) and (
        rule_type.optimizer is not None
        or rule_type.precondition is not None
        or isinstance(rule_type.learning_rate, Auto)
    )


def largest_rate(sim, connection):
    """The largest rate of a connection's PES rule, if it is known before a run."""
    rule = pes_rule(sim, connection).learning_rule_type
    if len(rules_of(connection)) > 1:
        reason = f"other rules change it, too: {connection.learning_rule_type}"
    elif isinstance(rule, nengo.PES):
        return rule.learning_rate
    elif rule.schedule is not None and rule.schedule.upper_bound is not None:
        return rule.schedule.upper_bound
    else:
        reason = f"{rule} has no largest rate that is known before a run"
    raise ValidationError(reason, "connection")


def error_loop(sim, rule):
    """The error loop of a rule whose input does not depend on its output."""
    network, connection = sim.model.toplevel, rule.connection
    loop = ErrorLoop(network, rule, sim.dt)
    if feeds_back(network, connection):
        raise ValidationError(
            f"what {connection} puts out comes back to {ensemble_of(connection)}, and "
            "the theory holds for inputs that do not depend on the output",
            "connection",
        )
    return loop


def gain_per_rate(sim, connection, x):
    """What a step removes of an error without filters, as a fraction, for a rate of 1.

    The mean of dt |a|^2 / n over the evaluation points, or its value at ``x``.
    """
    rates, _ = tuning(sim, connection, x)
    if x is None:
        rates = rates[: len(rates) // 2]  # the evaluation points alone
    return sim.dt * np.mean(np.sum(rates**2, axis=1)) / rates.shape[1]
