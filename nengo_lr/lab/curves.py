"""Runs in which the rate grows, the curves of their errors, and what these can tell."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from nengo.exceptions import SimulationError, ValidationError

from nengo_lr.lab.models import probes_of
from nengo_lr.learning_rules import rules_of

__all__ = [
    "doubt",
    "presence",
    "smooth",
    "vanishes",
    "watched_run",
    "why_still",
]

N_POINTS = 1000
"""Number of points on the curve of a whole run."""

N_CHUNKS = 100
"""How often the run is looked at, to stop it early."""

BLOW_UP = 2.0
"""A squared error of so many times the reference, or the first one, has blown up."""

STOP = 100.0
"""The run ends where the squared error is so many times that."""

NEAR = 1.2
"""Squared errors up to so many times the lowest are near it."""

LEARNS = 0.8
"""What learns brings the squared error below this fraction of that without learning."""

LEARNED = 0.5
"""A squared error below this fraction of the reference has been learned."""

SPARSE = 0.4
"""What is there for less than this fraction of the time is sparse."""

CAUTION = 10.0
"""How far below the rate of the lowest error a rate averages instead of following."""

SMALL = 1e-4
"""Squared distances of less than so many times their mean are none."""

TOO_SELDOM = "too seldom to tell a rate from one run: compare rates with a sweep"
"""What is the matter where something is sparse."""

NO_EFFECT = (
    "learning does not lower the error: the rates are too low, the run is too short, "
    "or the error does not depend on what the connection puts out"
)
"""The reason where a curve is that of a model that does not learn."""


class Run(NamedTuple):
    """What was seen in a run."""

    error: np.ndarray
    """The squared norm of the error at each step."""
    target: np.ndarray | None
    """That of the target, if there is one."""
    ends: np.ndarray
    """The steps at which parts of the run, of about the same length, end."""
    moves: np.ndarray
    """The squared distance that the weights moved in each part."""
    has_blown_up: bool
    """Whether the run ended early because of the error."""


def watched_run(trial, n_window, n_steps=None):
    """Run a trial until it ends, or without ``n_steps`` until its error blows up."""
    is_watched = n_steps is None
    n_steps = trial.n_steps if is_watched else n_steps
    ends = np.linspace(0, n_steps, N_CHUNKS + 1).round().astype(int)
    with trial.open() as (network, host):
        weights, moves = weights_of(trial, network, host), []
        for start, end in zip(ends, ends[1:]):
            overflow = None
            try:
                if end > start:
                    host.run(end - start)
            except SimulationError as failure:
                overflow = failure
            before, weights = weights, weights_of(trial, network, host)
            moves.append(sum(np.sum((w - b) ** 2) for w, b in zip(weights, before)))
            error, target = powers(host, network)
            is_over = overflow is not None or blown_up(error, target, n_window)
            if is_watched and is_over and len(error) >= 2 * n_window:
                break
            if overflow is not None:
                raise ValidationError(
                    "the error blows up before there is a curve; test lower rates",
                    "low",
                ) from overflow
    return Run(error, target, ends[1 : len(moves) + 1], np.array(moves), is_over)


def why_still(run, rates, window):
    """Why weights do not move as much as it takes to test rates; empty if they do.

    Parameters
    ----------
    run : Run
    rates : array (n,)
        The rate at the end of each part of the run.
    window : float
        The fraction of the whole run over which errors are averaged.
    """
    if not np.any(run.moves):
        return "no weight moves, so that no error reaches the rule"
    n_parts = len(run.moves) - run.has_blown_up  # in the last one all is too large
    if n_parts == 0:
        return ""
    # whatever the rate is, and with plain PES whatever the error is
    relative = (run.moves / rates**2)[:n_parts]
    borders = np.append(0, run.ends)[: n_parts + 1]
    powers = np.add.reduceat(run.error[: borders[-1]], borders[:-1]) / np.diff(borders)
    per_error = relative / np.maximum(powers, np.finfo(float).tiny)
    moved = np.any([x > SMALL * np.mean(x) for x in (relative, per_error)], axis=0)
    pauses = np.diff(np.flatnonzero(np.concatenate([[True], moved, [True]]))) - 1
    if np.mean(moved) < SPARSE or np.max(pauses) > window * N_CHUNKS:
        return f"weights move for {np.mean(moved):.0%} of the time, {TOO_SELDOM}"
    return ""


def weights_of(trial, network, host):
    """The values of all that learns with the trial's rate, a list of arrays."""
    signals = host.sim.model.sig
    values = []
    for connection in network.all_connections:
        for rule in rules_of(connection):
            kind = rule.learning_rule_type
            if getattr(kind, "learning_rate", None) == trial.schedule:
                is_post = kind.modifies == "encoders"
                owner = connection.post_obj if is_post else connection
                values.append(
                    host.read(signals[owner][kind.modifies if is_post else "weights"])
                )
    return values


def powers(host, network):
    """The squared norms of the error and of the target (or None) at each step."""
    sums = {"error": None, "target": None}
    for attribute in sums:
        squares = []
        for probe in probes_of(network, attribute):
            if probe.sample_every is not None:
                raise ValidationError(
                    f"{probe}, the network's {attribute!r}, must sample every step "
                    f"(got sample_every={probe.sample_every})",
                    "model",
                )
            squares.append(np.sum(np.square(host.samples(probe)[0]), axis=1))
        if squares:
            sums[attribute] = np.sum(squares, axis=0)
    return sums["error"], sums["target"]


def blown_up(error, target, n_window):
    """Whether the error of the last percent says that there is no more to see."""
    scale = np.mean(error[:n_window])
    if target is not None:
        scale = max(scale, np.mean(target))
    return not np.mean(error[-max(1, len(error) // N_CHUNKS) :]) <= STOP * scale


def presence(power):
    """The fraction of the time in which something is there."""
    return np.mean(power > 0.01 * np.mean(power))


def vanishes(error, target):
    """Whether the error is 0, or as good as, for some of the time."""
    return np.mean(error < 1e-6 * np.mean(target)) > 0.1


def smooth(error, reference, n_window):
    """The curve: steps at which trailing windows end, and the relative errors there.

    Windows without a reference are left out.
    """
    ends = np.arange(n_window - 1, len(error), max(1, len(error) // N_POINTS))

    def means(power):
        windows = np.lib.stride_tricks.sliding_window_view(power, n_window)
        return windows[ends - n_window + 1].mean(axis=1)

    scale = means(reference)
    is_there = scale > 0
    if not is_there.any():
        raise ValidationError(
            "the target (or the error without learning) is 0 in the whole run, so that "
            "there is nothing to compare the error with",
            "model",
        )
    errors = means(error)[is_there] / scale[is_there]
    errors[np.isnan(errors)] = np.inf
    return ends[is_there], errors


def doubt(rates, errors):
    """Why a curve has no rate to suggest; empty if it has."""
    first, lowest, last = errors[0], errors.min(), errors[-1]
    if lowest > LEARNS * first:
        if first < LEARNED:
            return f"the error is lowest at the lowest rate, {rates[0]:.2g}: test lower"
        if first > BLOW_UP:
            return "the error has blown up from the start: test lower rates"
        if last > BLOW_UP * first:
            return (
                "the error only grows: its sign may be wrong (it is the output minus "
                "the target), or all rates are too high"
            )
        return NO_EFFECT
    if last <= NEAR * lowest:
        return (
            f"the error still falls at the highest rate, {rates[-1]:.2g}: test higher"
        )
    best = rates[np.argmin(errors)]
    if best < CAUTION * rates[0]:
        return (
            f"the error is lowest at {best:.2g}, and a tenth of that is below the "
            f"lowest rate, {rates[0]:.2g}: test lower"
        )
    return ""
