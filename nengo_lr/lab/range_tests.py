"""Find a learning rate in one run, in which the rate grows until it is too high."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, NamedTuple

import nengo
import numpy as np
from nengo.exceptions import SimulationError, ValidationError

from nengo_lr.checks import check_number
from nengo_lr.lab.answers import Answer, need
from nengo_lr.lab.models import probes_of
from nengo_lr.lab.trials import Trial
from nengo_lr.learning_rules import rules_of
from nengo_lr.schedules import Geometric

__all__ = ["SUGGESTIONS", "RangeTest", "range_test"]

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

CAUTION = 10.0
"""How far below the rate of the lowest error a rate averages instead of following."""

LEARNS = 0.8
"""What learns brings the squared error below this fraction of that without learning."""

LEARNED = 0.5
"""A squared error below this fraction of the reference has been learned."""

SPARSE = 0.4
"""What is there for less than this fraction of the time is sparse."""

NO_EFFECT = (
    "learning does not lower the error: the rates are too low, the run is too short, "
    "or the error does not depend on what the connection puts out"
)
"""The reason where a curve is that of a model that does not learn."""

SUGGESTIONS = {
    "generalize": "for weights that are used after learning",
    "track": "for learning that never ends",
    "diverges": "the error blows up",
}
"""What a range test suggests, and what each rate is for."""


@dataclass(frozen=True)
class RangeTest(Answer):
    """What `range_test` found: a curve, and rates that it suggests.

    Parameters
    ----------
    rates : array (n,)
        Learning rates, growing, in the units of ``nengo.PES(learning_rate=...)``.
    errors : array (n,)
        The mean squared error over the time that led up to each rate, divided by the
        target's power in the same time (no unit). Without a target it is divided by the
        squared error of the same model without learning.
    reason : str
        Why there is nothing to suggest; empty if there is.
    """

    rates: np.ndarray
    errors: np.ndarray
    reason: str = ""

    name = "range_test"

    @property
    def table(self):
        """The curve, a `pandas.DataFrame` with the columns ``rate`` and ``error``."""
        columns = {"rate": self.rates, "error": self.errors}
        return need("pandas", "cli").DataFrame(columns)

    @property
    def summary(self):
        """The suggestions, a `pandas.DataFrame`."""
        rows = [
            (name, "none" if rate is None else f"{rate:.2g}", SUGGESTIONS[name])
            for name, rate in self.suggestions.items()
        ]
        columns = ["suggestion", "rate", "what for"]
        return need("pandas", "cli").DataFrame(rows, columns=columns)

    @property
    def lowest(self):
        """The rate at which the error was lowest."""
        return float(self.rates[np.argmin(self.errors)])

    @property
    def generalize(self):
        """A rate for weights that are to be used after learning, or None.

        A tenth of `lowest`. There the weights follow the last moments, which lowers the
        error now; a tenth of it averages over more of the input.
        """
        return None if self.reason else self.lowest / CAUTION

    @property
    def track(self):
        """A rate for learning that never ends and follows its target, or None.

        The smallest rate within 20 % of the lowest error.
        """
        if self.reason:
            return None
        near = self.errors <= NEAR * self.errors.min()
        return float(self.rates[np.argmax(near)])

    @property
    def diverges(self):
        """The rate from which on the error has blown up, or None if it never has.

        It has where it is above twice what it is divided by, and twice the first one.
        """
        above = self.errors > BLOW_UP * max(1.0, self.errors[0])
        above &= self.rates > self.lowest
        return float(self.rates[np.argmax(above)]) if above.any() else None

    @property
    def suggestions(self):
        """The suggested rates by their names in `SUGGESTIONS`, a dict."""
        return {name: getattr(self, name) for name in SUGGESTIONS}

    def plot(self, ax=None):
        """Draw the curve with its suggestions.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        ax : matplotlib.axes.Axes
        """
        from nengo_lr.lab import plot

        return plot.range_test(self, ax)


def range_test(
    model: Callable[..., nengo.Network],
    low: float = 1e-6,
    high: float = 1e-1,
    learning: float = 10.0,
    *,
    seed: int | None = None,
    window: float = 0.1,
    dt: float = 0.001,
) -> RangeTest:
    r"""Let the learning rate grow geometrically in one run, and watch the error.

    At time t the rate is :math:`\text{low}\,(\text{high}/\text{low})^{t/T}`. The curve
    is the squared error over a trailing window, divided by the target's power in the
    same window: otherwise it would be low where the target happens to be small. Without
    a target, the error of a second run without learning takes its place. The run ends
    early once the error blows up.

    Parameters
    ----------
    model : callable
        ``model(learning_rate)`` returns a network; see `.models.make`.
    low, high : float, optional
        The first and the last rate, in the units of ``nengo.PES(learning_rate=...)``.
    learning : float, optional
        Length T of the run in seconds.
    seed : int, optional
        Seed of the network; by default its own.
    window : float, optional
        Length of the trailing window, as a fraction of the run.
    dt : float, optional
        Length of a step in seconds.

    Returns
    -------
    found : RangeTest

    Raises
    ------
    ValidationError
        If an argument or the model is not one of the above, or if the error blows up
        before there is a curve.

    Warns
    -----
    UserWarning
        If there is nothing to suggest; see `RangeTest.reason`.

    Notes
    -----
    The rate grows for every connection to which the function gives it. Of several
    connections that learn, all can be tested together, or one at a time by a function
    that gives a rate of their own to the others.

    References
    ----------
    Smith, L. N. (2017). Cyclical learning rates for training neural networks. IEEE
    Winter Conference on Applications of Computer Vision, 464-472.

    Examples
    --------
    >>> from nengo_lr.lab import TaskModel, range_test
    >>> found = range_test(TaskModel("comm"), learning=2.0)
    >>> found.generalize < found.track < found.lowest < found.diverges
    True
    """
    check(low, high, learning, window, dt)
    rate = Geometric(low, learning, final=high)
    n_window = round(window * learning / dt)
    trial = Trial(model, rate, learning, seed=seed, dt=dt)
    run = watched_run(trial, n_window)
    reference, without = run.target, None
    # what the error would be without learning is needed where there is no target, where
    # it need not depend on what is learned, and where it may not be there all the time
    if reference is None or not run.has_blown_up or vanishes(run.error, reference):
        without = watched_run(replace(trial, rate=0.0), n_window, len(run.error))
        if reference is None or presence(without.error) < SPARSE:
            reference = without.error
    ends, errors = smooth(run.error, reference, n_window)
    rates = rate((ends + 1) * dt)
    if not run.has_moved:
        reason = "no weight moves, so that no error reaches the rule"
    elif presence(reference) < SPARSE:
        reason = (
            f"the target or error is there for {presence(reference):.0%} of the time, "
            "too seldom to tell a rate from one run: compare rates with a sweep"
        )
    elif without is None:
        reason = doubt(rates, errors)
    else:
        ends, gain = smooth(run.error, without.error, n_window)
        reason = doubt(rate((ends + 1) * dt), gain)
    return RangeTest(rates, errors, reason).warned()


def check(low, high, learning, window, dt):
    """Refuse numbers with which there is no test."""
    for value, name in ((low, "low"), (high, "high"), (window, "window"), (dt, "dt")):
        check_number(value, name, obj=range_test)
    check_number(learning, "learning", obj=range_test)
    if low >= high:
        raise ValidationError(
            "low and high must be rates with 0 < low < high "
            f"(got low={low}, high={high})",
            "low",
            range_test,
        )
    if window > 0.5:
        raise ValidationError(
            f"must be a fraction above 0 and at most .5 (got {window})",
            "window",
            range_test,
        )
    if learning < N_CHUNKS * dt:
        raise ValidationError(
            f"must be at least {N_CHUNKS} steps of dt={dt} s (got {learning} s)",
            "learning",
            range_test,
        )


class Run(NamedTuple):
    """What was seen in a run."""

    error: np.ndarray
    """The squared norm of the error at each step."""
    target: np.ndarray | None
    """That of the target, if there is one."""
    has_moved: bool
    """Whether any weight has changed."""
    has_blown_up: bool
    """Whether the run ended early because of the error."""


def watched_run(trial, n_window, n_steps=None):
    """Run a trial until it ends, or without ``n_steps`` until its error blows up."""
    is_watched = n_steps is None
    n_steps = trial.n_steps if is_watched else n_steps
    ends = np.linspace(0, n_steps, N_CHUNKS + 1).round().astype(int)
    with trial.open() as (network, host):
        before = weights_of(trial, network, host)
        for start, end in zip(ends, ends[1:]):
            overflow = None
            try:
                if end > start:
                    host.run(end - start)
            except SimulationError as failure:
                overflow = failure
            error, target = powers(host, network)
            is_over = overflow is not None or blown_up(error, target, n_window)
            if is_watched and is_over and len(error) >= 2 * n_window:
                break
            if overflow is not None:
                raise ValidationError(
                    "the error blows up before there is a curve; test lower rates",
                    "low",
                    range_test,
                ) from overflow
        after = weights_of(trial, network, host)
    has_moved = any(np.any(a != b) for a, b in zip(before, after))
    return Run(error, target, has_moved, is_over)


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
                    range_test,
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
            range_test,
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
    return ""
