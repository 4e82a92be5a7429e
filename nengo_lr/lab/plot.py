"""Figures of schedules and of what the lab finds, in one style.

This is the only module that imports matplotlib. Nothing here calls ``show()``.
"""

from __future__ import annotations

import os
import textwrap
from contextlib import AbstractContextManager
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from nengo_lr.auto import Auto
from nengo_lr.checks import check_number, check_type
from nengo_lr.schedules import Schedule

__all__ = [
    "COLORS",
    "INK",
    "STYLE",
    "compare",
    "error_left",
    "range_test",
    "save",
    "schedule",
    "style",
    "sweep",
    "tidy",
    "tune",
]

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5D5D5D")
"""Colours that stay apart for colour-blind readers (Okabe and Ito)."""

INK = "#333333"
"""The colour of text."""

SHORT = 200
"""How many times its lowest value a logarithmic axis may reach for plain numbers."""

PHASE = "#F2F2F2"
"""The colour behind a test phase."""

STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#999999",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.linewidth": 0.8,
    "axes.prop_cycle": plt.cycler(color=COLORS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "font.size": 10,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.8,
    "savefig.dpi": 150,
    "xtick.color": "#999999",
    "xtick.labelcolor": INK,
    "ytick.color": "#999999",
    "ytick.labelcolor": INK,
}
"""Settings for ``matplotlib.rc_context`` that every figure here is drawn with."""


# --- the style


def style() -> AbstractContextManager:
    """Make a context in which new figures get the style.

    Examples
    --------
    >>> with nlr.lab.plot.style():
    ...     pass  # make a figure
    """
    return plt.rc_context(STYLE)


def tidy(ax: Axes, xlabel: str | None = None, ylabel: str | None = None) -> None:
    """Give Axes that may have been made elsewhere the light frame of the style.

    Short logarithmic axes get plain numbers at 1, 2 and 5 times powers of ten. Call it
    last, since it looks at what is drawn.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    xlabel, ylabel : str, optional
        Labels of the axes, with their units.
    """
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(True, axis="y", color=STYLE["grid.color"], linewidth=0.8)
    ax.set_axisbelow(True)
    if xlabel is not None:
        ax.set_xlabel(xlabel)
    if ylabel is not None:
        ax.set_ylabel(ylabel)
    for axis in (ax.xaxis, ax.yaxis):
        low, high = axis.get_view_interval()
        if axis.get_scale() == "log":
            axis.set_minor_formatter(NullFormatter())
            if high < SHORT * low:
                axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                axis.set_major_formatter("{x:g}")


def save(figure: Figure, file: str | os.PathLike) -> None:
    """Write a figure to a file, sharp enough for a page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    file : str or path-like
        Its ending says in which format.
    """
    figure.savefig(file, dpi=STYLE["savefig.dpi"])


def new_axes(ax, height=3.6):
    """The Axes to draw on: those that are given, or those of a new figure."""
    if ax is not None:
        return ax
    with style():
        return plt.figure(figsize=(6.4, height)).add_subplot()


def draw_spread(ax, x, median, low, high, **look):
    """Draw a median as a line, and the range around it as a band."""
    (line,) = ax.plot(x, median, **look)
    ax.fill_between(x, low, high, color=line.get_color(), alpha=0.15, lw=0)


# --- schedules


def schedule(
    schedule: Schedule, duration: float, ax: Axes | None = None, **kwargs: Any
) -> Axes:
    """Draw a schedule without running a model.

    Parameters
    ----------
    schedule : Schedule
    duration : float
        Until when to draw, in seconds.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.
    **kwargs
        Handed on to ``ax.plot``.

    Returns
    -------
    ax : matplotlib.axes.Axes

    Raises
    ------
    ValidationError
        If the schedule is not one, or the duration is not a length of time.

    Examples
    --------
    >>> import nengo_lr as nlr
    >>> ax = nlr.lab.plot.schedule(nlr.CosineDecay(1e-3, 10.0), duration=12.0)
    >>> ax.get_xlabel()
    'time (s)'
    """
    check_type(schedule, Schedule, "schedule", "a Schedule")
    check_number(duration, "duration")
    ax = new_axes(ax, height=3.2)
    times = np.linspace(0.0, duration, 4001)
    ax.plot(times, schedule(times), **kwargs)
    ax.set_xlim(0, duration)
    ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))
    ax.yaxis.set_major_formatter("{x:g}")
    tidy(ax, "time (s)", "learning rate")
    return ax


# --- range tests, sweeps and studies


def range_test(found: Any, ax: Axes | None = None) -> Axes:
    """Draw the curve of a range test, and mark the rates that it suggests.

    Parameters
    ----------
    found : nengo_lr.lab.RangeTest
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
    for (name, rate), color in zip(found.suggestions.items(), COLORS):
        if rate is not None:
            label = f"{name}: {rate:.2g}"
            ax.axvline(rate, color=color, linewidth=1.2, linestyle="--", label=label)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="lower left", frameon=False)
    tidy(ax, "learning rate", "squared error over\nthe target's power")
    return ax


def error_left(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the fraction of a constant error that is left over time, for several rates.

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
    tidy(ax, "time (s)", "fraction of a constant\nerror that is left")
    return ax


def sweep(found: Any, ax: Axes | None = None) -> Axes:
    """Draw the errors of a sweep: the median over the seeds, and their range.

    Parameters
    ----------
    found : nengo_lr.lab.Sweep
        Schedules are drawn by their number, "auto" among others as a line.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    ax : matplotlib.axes.Axes
    """
    ax = new_axes(ax)
    errors = np.where(np.isnan(found.errors), np.inf, found.errors)
    if len(found.rates) > 1 and Auto() in found.rates:
        i = found.rates.index(Auto())
        ax.axhline(np.median(errors[i]), color=COLORS[1], lw=1.5, label='"auto"')
        ax.legend()
        errors = np.delete(errors, i, axis=0)
    rates = [r for r in found.rates if len(found.rates) == 1 or r != Auto()]
    numbers = all(isinstance(rate, float) for rate in rates)
    x = np.array(rates) if numbers else np.arange(len(rates))
    order = np.argsort(x)
    x, errors = x[order], errors[order]
    medians, low, high = (
        np.median(errors, axis=1),
        errors.min(axis=1),
        errors.max(axis=1),
    )
    draw_spread(ax, x, medians, low, high, color=COLORS[0], marker="o", markersize=4)
    finite = errors[np.isfinite(errors)]
    if numbers and x[0] > 0:
        ax.set_xscale("log")
    if len(finite) and finite.min() > 0:
        ax.set_yscale("log")
        # what blows up has no top, and would hide everything else
        ax.set_ylim(finite.min() / 1.5, min(finite.max(), 100 * finite.min()) * 1.5)
    tidy(ax, "learning rate" if numbers else "schedule", "RMS error (target's unit)")
    return ax


def tune(found: Any, ax: Axes | None = None) -> Axes:
    """Draw the trials of a study in their order, and the best one so far.

    Parameters
    ----------
    found : nengo_lr.lab.Tuning
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    ax : matplotlib.axes.Axes
    """
    ax, table = new_axes(ax), found.table
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
    ax.legend(loc="upper right", frameon=False)
    tidy(ax, "trial", "RMS error (target's unit)")
    return ax


# --- comparisons

MARKERS, LINES = "osD^v", ("-", "--", ":", "-.", "-")
"""How to draw what was found on each simulator."""


def compare(found: Any, ax: Axes | None = None) -> Axes:
    """Draw the rate, the errors in the test, and the weights that move at rate 0.

    A method has the same colour in all panels. Points and lines are medians over the
    seeds, and what is around them is their range.

    Parameters
    ----------
    found : nengo_lr.lab.Comparison
    ax : matplotlib.axes.Axes, optional
        Where to draw the errors alone; by default a new figure with all of it.

    Returns
    -------
    ax : matplotlib.axes.Axes
        Those of the errors.
    """
    if ax is not None:
        draw_errors(ax, found)
        return ax
    with style():
        figure = plt.figure(figsize=(11.0, 3.9))
        left, ax, right = figure.subplots(1, 3, width_ratios=[2, 3, 2.5])
        schedule(found.rate, found.learning + found.test, left, color=INK)
        left.axvspan(found.learning, found.learning + found.test, color=PHASE, zorder=0)
        left.text(found.learning, left.get_ylim()[1], " test", va="top", color=INK)
        draw_errors(ax, found)
        draw_moves(right, found)
        n_moving, n_methods = len(found.moving), found.table["method"].nunique()
        moving = f"At rate 0, weights move on with {n_moving} of {n_methods} methods"
        left.set_title("The rate, 0 in the test", fontsize=10)
        ax.set_title(textwrap.fill(found.headline, 44), fontsize=10)
        right.set_title(textwrap.fill(moving, 30), fontsize=10)
    return ax


def draw_errors(ax, found):
    """Draw the error of each method in the test, a row for each."""
    table = found.table
    methods = list(table["method"].unique())
    simulators = list(table["simulator"].unique())
    for row in table.itertuples():
        i = simulators.index(row.simulator)
        y = methods.index(row.method) + 0.3 * (i - (len(simulators) - 1) / 2)
        color = COLORS[methods.index(row.method) % len(COLORS)]
        ax.plot([row.lowest, row.highest], [y, y], color=color, alpha=0.5)
        error = row[table.columns.get_loc("test error") + 1]
        ax.plot(error, y, MARKERS[i % 5], color=color, markersize=5)
    for i, name in enumerate(simulators[: len(simulators) * (len(simulators) > 1)]):
        ax.plot([], [], MARKERS[i % 5], color=INK, markersize=5, label=name)
    if len(simulators) > 1:
        ax.legend(loc="upper right", frameon=False)
    ax.set_yticks(range(len(methods)), methods)
    for label, color in zip(ax.get_yticklabels(), COLORS * 3):
        label.set_color(color)
    ax.set_ylim(len(methods) - 0.5, -0.5)
    ax.set_xscale("log")
    tidy(ax, "RMS error in the test (target's unit)")
    ax.grid(visible=False, axis="y")


def draw_moves(ax, found):
    """Draw how far the weights of each method have moved since the rate is 0."""
    traces = found.traces[found.traces["time"] >= found.learning]
    methods = list(found.table["method"].unique())
    simulators = list(found.table["simulator"].unique())
    for (method, simulator), part in traces.groupby(["method", "simulator"]):
        moved = 100 * part.groupby("time")["moved"].median()
        line = LINES[simulators.index(simulator) % 5]
        color = COLORS[methods.index(method) % len(COLORS)]
        ax.plot(moved.index, moved, color=color, linestyle=line, clip_on=False)
    ax.set_xlim(found.learning, found.learning + found.test)
    ax.set_ylim(bottom=0)
    tidy(ax, "time (s)", "weights moved\nsince the rate is 0 (%)")
