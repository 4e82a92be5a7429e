"""Learning rates from theory: the largest stable one, and one that is fast enough."""

from __future__ import annotations

import warnings
from typing import Any

import nengo
import numpy as np
from nengo.exceptions import ValidationError
from numpy.typing import ArrayLike

from nengo_lr.builder.hosts import host_of
from nengo_lr.checks import check_number, check_type
from nengo_lr.learning_rules import ScheduledPES
from nengo_lr.networks.error_scaling import rules_of
from nengo_lr.stability.activities import (
    ensemble_of,
    run_neurons,
    spiking_power,
    tuning,
)
from nengo_lr.stability.loop import Loop, bisect

__all__ = ["error_left", "rate_for", "stable_rate", "warn_if_unstable"]

MARGIN = 0.8
"""How much of the bound is safe, for what the theory leaves out."""


def stable_rate(
    sim: nengo.Simulator, connection: nengo.Connection, margin: float = MARGIN
) -> float:
    r"""The largest constant rate with which a connection's error does not blow up.

    With n neurons whose filtered activities are a, a step multiplies a constant error
    by :math:`1 - g`, where :math:`g = \kappa\,dt\,|a|^2/n`. Without filters that is
    stable for :math:`g < 2`. Filters with poles :math:`a_i` in the way from the output
    to the error make it stable where all roots of

    .. math:: (z - 1) \prod_i (z - a_i) + g \prod_i (1 - a_i)

    are inside the unit circle; with transforms, several ways or loops, where the
    eigenvalues of the whole linear system are. The rate follows from the largest such
    g and the largest :math:`|a|^2` over the evaluation points and their projections
    onto the radius. Spikes raise it; by how much is measured: the root mean square norm
    of the spikes as the rule filters them, times that of the spikes as the loop does.

    Parameters
    ----------
    sim : Simulator
        Any simulator that has built the model, with the connection in it.
    connection : nengo.Connection
        It learns with `.ScheduledPES` or `nengo.PES`; its rate does not matter.
    margin : float, optional
        The share of the bound to return. What the theory leaves out (the neurons'
        dynamics, inputs that move) is in the other part.

    Returns
    -------
    rate : float
        In the units of ``nengo.PES(learning_rate=...)``.

    Raises
    ------
    ValidationError
        If the connection has no PES rule, or if its error comes by a way that cannot
        be followed: through a Node with a function, or a function that is not linear.

    References
    ----------
    Widrow, B., & Stearns, S. D. (1985). Adaptive signal processing. Prentice-Hall.

    Examples
    --------
    >>> from nengo_lr.search import TaskModel
    >>> from nengo_lr.stability import stable_rate
    >>> network = TaskModel("comm", learning=1.0)(1e-4)
    >>> with nengo.Simulator(network, progress_bar=False) as sim:
    ...     rate = stable_rate(sim, network.connection)
    >>> 1e-3 < rate < 1e-2
    True
    """
    host_of(sim)
    check_number(margin, "margin", obj=stable_rate)
    rule = pes_rule(connection)
    loop = Loop(sim.model.toplevel, rule, sim.dt)
    rates, currents = tuning(sim, connection)
    powers = np.sum(rates**2, axis=1)
    worst = np.argmax(powers)
    power = powers[worst]
    if not power:
        raise ValidationError(
            f"the neurons of {connection} are silent at every evaluation point",
            "connection",
            stable_rate,
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
    shrink: float,
    x: ArrayLike | None = None,
) -> float:
    r"""The smallest constant rate that shrinks a constant error in a given time.

    Without filters the error is multiplied by :math:`1 - \kappa\,dt\,|a|^2/n` in each
    step, so that
    :math:`\kappa = n\,(1 - \text{shrink}^{dt/\text{time}})/(dt\,|a|^2)`. Filters on the
    way from the output to the error are counted in.

    Parameters
    ----------
    sim : Simulator
        Any simulator that has built the model, with the connection in it.
    connection : nengo.Connection
        It learns with `.ScheduledPES` or `nengo.PES`.
    time : float
        In seconds.
    shrink : float
        The share of the error that may be left, between 0 and 1.
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
    >>> from nengo_lr.search import TaskModel
    >>> from nengo_lr.stability import rate_for
    >>> network = TaskModel("comm", learning=1.0)(1e-4)
    >>> with nengo.Simulator(network, progress_bar=False) as sim:
    ...     fast, slow = (
    ...         rate_for(sim, network.connection, time, 0.1) for time in (0.1, 10.0)
    ...     )
    >>> slow < fast
    True
    """
    host_of(sim)
    check_number(shrink, "shrink", obj=rate_for)
    check_number(time, "time", obj=rate_for)
    if shrink >= 1:
        raise ValidationError(
            f"must be between 0 and 1 (got {shrink})", "shrink", rate_for
        )
    if time < sim.dt:
        raise ValidationError(
            f"must be at least one step of {sim.dt} s (got {time})", "time", rate_for
        )
    loop, n_steps = (
        Loop(sim.model.toplevel, pes_rule(connection), sim.dt),
        round(time / sim.dt),
    )
    most = loop.largest_stable_gain()
    gains = np.geomspace(most * 1e-3 / n_steps, most, 200)
    left = [loop.response(g, n_steps) for g in gains]
    if min(left) > shrink:
        raise ValidationError(
            f"no rate is fast enough: after {time} s at least {min(left):.2g} of the "
            f"error is left (wanted {shrink})",
            "time",
            rate_for,
        )
    first = np.argmax(np.array(left) <= shrink)
    gain = gains[first]
    if first:
        gain = bisect(
            lambda g: loop.response(g, n_steps) > shrink, gains[first - 1], gain
        )
    return float(gain / gain_per_rate(sim, connection, x))


def error_left(
    sim: nengo.Simulator,
    connection: nengo.Connection,
    rate: float,
    times: ArrayLike,
    x: ArrayLike | None = None,
) -> Any:
    """What is left of a constant error, after some time at a constant rate.

    Parameters
    ----------
    sim, connection, x
        As in `rate_for`.
    rate : float
        In the units of ``nengo.PES(learning_rate=...)``.
    times : array_like (n,)
        In seconds, from when learning begins.

    Returns
    -------
    left : array (n,)
        The norm of the error over that at the beginning.

    Examples
    --------
    >>> from nengo_lr.search import TaskModel
    >>> from nengo_lr.stability import error_left, rate_for
    >>> network = TaskModel("comm", learning=1.0)(1e-4)
    >>> with nengo.Simulator(network, progress_bar=False) as sim:
    ...     rate = rate_for(sim, network.connection, time=2.0, shrink=0.1)
    ...     error_left(sim, network.connection, rate, [0.0, 2.0]).round(6)
    array([1. , 0.1])
    """
    host_of(sim)
    check_number(rate, "rate", least=0, obj=error_left)
    loop = Loop(sim.model.toplevel, pes_rule(connection), sim.dt)
    gain = rate * gain_per_rate(sim, connection, x)
    steps = np.round(np.asarray(times) / sim.dt).astype(int)
    return np.array([loop.response(gain, k) for k in steps])


def warn_if_unstable(sim: nengo.Simulator) -> list[nengo.Connection]:
    """Warn of every schedule that exceeds the stable rate of its connection.

    Call it right after the simulator is built. Rates that only a run determines are
    not looked at, nor are connections that `stable_rate` cannot judge.

    Parameters
    ----------
    sim : Simulator
        Any simulator that has built the model.

    Returns
    -------
    connections : list of nengo.Connection
        Those of which it warned.
    """
    host_of(sim)
    unstable = []
    for connection in sim.model.toplevel.all_connections:
        for rule in rules_of(connection):
            scheduled = rule.learning_rule_type
            if not isinstance(scheduled, ScheduledPES) or scheduled.schedule is None:
                continue
            try:
                bound = stable_rate(sim, connection, margin=1.0)
            except ValidationError:
                continue
            if (scheduled.schedule.largest or 0.0) > bound:
                unstable.append(connection)
                warnings.warn(
                    f"The learning rate of {connection} rises to "
                    f"{scheduled.schedule.largest:.2g}, but is stable only up to "
                    f"{bound:.2g}",
                    stacklevel=2,
                )
    return unstable


def pes_rule(connection):
    """A connection's PES rule, if the theory holds for it."""
    check_type(connection, nengo.Connection, "connection", "a nengo.Connection")
    for rule in rules_of(connection):
        if (
            isinstance(rule.learning_rule_type, (nengo.PES, ScheduledPES))
            and getattr(rule.learning_rule_type, "optimizer", None) is None
        ):
            return rule
    raise ValidationError(
        f"{connection} must learn with PES or ScheduledPES, and without an optimizer",
        "connection",
    )


def gain_per_rate(sim, connection, x):
    """What a step removes of an error without filters, as a share, for a rate of 1."""
    rates, _ = tuning(sim, connection, x)
    if x is None:
        rates = rates[: len(rates) // 2]  # the evaluation points alone
    return sim.dt * np.mean(np.sum(rates**2, axis=1)) / rates.shape[1]
