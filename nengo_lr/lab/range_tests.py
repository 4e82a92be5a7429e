"""Find a learning rate in one run, in which the rate grows until it is too high."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import nengo
import numpy as np
from nengo.exceptions import SimulationError, ValidationError

from nengo_lr.checks import check_number
from nengo_lr.lab.answers import Answer, need
from nengo_lr.lab.models import probes_of
from nengo_lr.lab.trials import Trial
from nengo_lr.schedules import Geometric

__all__ = ["SUGGESTIONS", "RangeTest", "range_test"]

N_POINTS = 1000
"""Number of points on the curve of a whole run."""

N_CHUNKS = 100
"""How often the run is looked at, to stop it early."""

BLOW_UP = 2.0
"""A squared error of so many times the target's, or the first one, has blown up."""

STOP = 100.0
"""The run ends where the squared error is so many times that."""

NEAR = 1.2
"""Squared errors up to so many times the lowest are near it."""

CAUTION = 10.0
"""How far below the rate of the lowest error a rate averages instead of following."""

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
        first squared error.
    """

    rates: np.ndarray
    errors: np.ndarray

    name = "range_test"

    @property
    def table(self):
        """The curve, a `pandas.DataFrame` with the columns ``rate`` and ``error``."""
        columns = {"rate": self.rates, "error": self.errors}
        return need("pandas", "cli").DataFrame(columns)

    @property
    def reason(self):
        """Why there is no suggestion, or why to doubt it; empty if all is well."""
        return ""

    @property
    def lowest(self):
        """The rate at which the error was lowest."""
        return float(self.rates[np.argmin(self.errors)])

    @property
    def generalize(self):
        """A rate for weights that are to be used after learning.

        A tenth of `lowest`. There the weights follow the last moments, which lowers the
        error now; a tenth of it averages over more of the input.
        """
        return self.lowest / CAUTION

    @property
    def track(self):
        """A rate for learning that never ends, and should follow its target.

        The smallest rate within 20 % of the lowest error.
        """
        near = self.errors <= NEAR * self.errors.min()
        return float(self.rates[np.argmax(near)])

    @property
    def diverges(self):
        """The rate from which on the error has blown up, or None if it never has.

        It has where it is above twice the target's power (or twice the first error).
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
    same window: otherwise it would be low where the target happens to be small. The run
    ends early once the error blows up.

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
        If an argument or the model is not one of the above.

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
    trial = Trial(model, rate, learning, seed=seed, dt=dt)
    n_window = round(window * learning / dt)
    with trial.open() as (network, host):
        for _ in range(N_CHUNKS):
            overflow = None
            try:
                host.run(round(learning / dt / N_CHUNKS))
            except SimulationError as failure:
                overflow = failure
            error, target = powers(host, network)
            seen_enough = blown_up(error, target, n_window)
            if overflow is not None and not seen_enough:
                raise overflow
            if overflow is not None or (seen_enough and len(error) >= 2 * n_window):
                break
    ends, errors = smooth(error, target, n_window)
    return RangeTest(rate((ends + 1) * dt), errors).warned()


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


def smooth(error, target, n_window):
    """The curve: steps at which trailing windows end, and the relative errors there."""
    if len(error) < 2 * n_window:
        raise ValidationError(
            "the error blows up before there is a curve; test lower rates",
            "low",
            range_test,
        )
    ends = np.arange(n_window - 1, len(error), max(1, len(error) // N_POINTS))

    def means(power):
        windows = np.lib.stride_tricks.sliding_window_view(power, n_window)
        return windows[ends - n_window + 1].mean(axis=1)

    errors = means(error)
    scale = errors[0] if target is None else means(target)
    if not np.all(scale > 0):
        raise ValidationError(
            "there is a time without an error or target to compare with; use a longer "
            "window",
            "window",
            range_test,
        )
    return ends, errors / scale
