"""Figures of searches for a learning rate."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from nengo_lr.plot.style import COLORS, INK, style, tidy

__all__ = ["error_left", "range_test", "study", "sweep"]

SUGGESTIONS = {"generalize": COLORS[2], "track": COLORS[0], "diverges": COLORS[1]}
"""What a range test suggests, in the colours in which it is marked."""


def new_axes(ax):
    """The Axes to draw on: those that are given, or those of a new figure."""
    if ax is not None:
        return ax
    with style():
        return plt.figure(figsize=(6.4, 3.6)).add_subplot()


def range_test(found: Any, ax: Axes | None = None) -> Axes:
    """Draw the curve of a range test, and mark what it suggests.

    Parameters
    ----------
    found : nengo_lr.search.RangeTest
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    ax : matplotlib.axes.Axes
    """
    ax = new_axes(ax)
    ax.loglog(found.rates, found.errors, color=INK)
    low = np.argmin(found.errors)
    ax.plot(found.rates[low], found.errors[low], "o", color=INK, markersize=5)
    ax.set_ylim(found.errors[low] / 2, 6 * max(1.0, found.errors[0]))
    heights = iter((0.97, 0.83, 0.69))  # three labels beside each other would overlap
    for name, color in SUGGESTIONS.items():
        rate = getattr(found, name)
        if rate is not None:
            ax.axvline(rate, color=color, linewidth=1.2, linestyle="--")
            ax.annotate(
                f"{name}\n{rate:.2g}",
                xy=(rate, next(heights)),
                xycoords=ax.get_xaxis_transform(),
                xytext=(-4, 0),
                textcoords="offset points",
                ha="right",
                va="top",
                color=color,
            )
    tidy(ax, "learning rate", "squared error over\nthe target's power")
    return ax


def error_left(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what is left of a constant error over time, for several rates.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``rate``, ``time`` (seconds) and ``left``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    ax : matplotlib.axes.Axes
    """
    ax = new_axes(ax)
    for rate, part in table.groupby("rate"):
        ax.semilogx(part["time"], part["left"], label=f"{rate:.2g}")
    ax.legend(title="learning rate", frameon=False)
    ax.set_ylim(0, 1.4)
    tidy(ax, "time (s)", "what is left of a constant error")
    return ax


def sweep(found: Any, ax: Axes | None = None) -> Axes:
    """Draw the errors of a sweep: the median over the seeds, and their range.

    Parameters
    ----------
    found : nengo_lr.search.Sweep
        Schedules are drawn by their number.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    ax : matplotlib.axes.Axes
    """
    ax = new_axes(ax)
    numbers = all(isinstance(rate, float) for rate in found.rates)
    x = np.array(found.rates) if numbers else np.arange(len(found.rates))
    order = np.argsort(x)
    errors = np.where(np.isnan(found.errors), np.inf, found.errors)[order]
    x, medians = x[order], np.median(errors, axis=1)
    color = COLORS[0]
    ax.plot(x, medians, color=color, marker="o", markersize=4)
    ax.fill_between(
        x, errors.min(axis=1), errors.max(axis=1), color=color, alpha=0.15, lw=0
    )
    finite = errors[np.isfinite(errors)]
    if numbers and x[0] > 0:
        ax.set_xscale("log")
    if len(finite) and finite.min() > 0:
        ax.set_yscale("log")
        # what blows up has no top, and would hide everything else
        ax.set_ylim(finite.min() / 1.5, min(finite.max(), 100 * finite.min()) * 1.5)
    tidy(ax, "learning rate" if numbers else "schedule", "RMS error (target's unit)")
    return ax


def study(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the trials of a study in their order, and the best one so far.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``number``, ``value`` and ``state``, as Optuna's
        ``study.trials_dataframe()`` has them.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    ax : matplotlib.axes.Axes
    """
    ax = new_axes(ax)
    done = table[table["state"] == "COMPLETE"]
    pruned = table[table["state"] == "PRUNED"]
    ax.plot(done["number"], done["value"], "o", color=COLORS[0], label="a trial")
    best = done["value"].cummin()
    ax.step(done["number"], best, where="post", color=INK, label="best so far")
    ax.set_yscale("log")
    for number in pruned["number"]:
        ax.axvline(number, ymax=0.03, color=COLORS[1], linewidth=1.2)
    if len(pruned):
        ax.plot([], [], color=COLORS[1], label="stopped early")
    if len(done):
        # what blew up has no top, and would hide everything else
        top = min(done["value"].max(), 10 * done["value"].median())
        ax.set_ylim(done["value"].min() / 1.5, 2 * top)
    ax.legend(frameon=False, loc="upper right")
    tidy(ax, "trial", "RMS error (target's unit)")
    return ax
