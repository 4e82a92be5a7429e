"""Find a learning rate in one run, in which the rate grows until it is too high."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable

import nengo
import numpy as np
from nengo.exceptions import ValidationError

from nengo_lr.checks import check_number
from nengo_lr.lab.answers import Answer, need
from nengo_lr.lab.curves import (
    BLOW_UP,
    CAUTION,
    N_CHUNKS,
    NEAR,
    SPARSE,
    TOO_SELDOM,
    doubt,
    presence,
    smooth,
    vanishes,
    watched_run,
    why_still,
)
from nengo_lr.lab.trials import Trial
from nengo_lr.schedules import Geometric

__all__ = ["SUGGESTIONS", "RangeTest", "range_test"]

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
    reason = why_still(run, rate(run.ends * dt), window)
    if reason:
        pass
    elif presence(reference) < SPARSE:
        reason = (
            f"the target or error is there for {presence(reference):.0%} of the time, "
            f"{TOO_SELDOM}"
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
        check_number(value, name)
    check_number(learning, "learning")
    if low >= high:
        raise ValidationError(
            "low and high must be rates with 0 < low < high "
            f"(got low={low}, high={high})",
            "low",
        )
    if window > 0.5:
        raise ValidationError(
            f"must be a fraction above 0 and at most .5 (got {window})",
            "window",
        )
    if round(window * learning / dt) < 1:
        raise ValidationError(
            f"must be at least a step, which is {dt / learning:g} of this run "
            f"(got {window})",
            "window",
        )
    if learning < N_CHUNKS * dt:
        raise ValidationError(
            f"must be at least {N_CHUNKS} steps of dt={dt} s (got {learning} s)",
            "learning",
        )
