"""Figures of schedules and of what the lab finds, in one style.

This is the only module that imports matplotlib. Nothing here calls ``show()``.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from nengo_lr.checks import check_number, check_type
from nengo_lr.schedules import Schedule

__all__ = [
    "COLORS",
    "INK",
    "STYLE",
    "comparison",
    "error_left",
    "range_test",
    "save",
    "schedule",
    "study",
    "style",
    "sweep",
    "tidy",
]

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5D5D5D")
"""Colours that stay apart for colour-blind readers (Okabe and Ito)."""

INK = "#333333"
"""The colour of text."""

PHASE = "#F2F2F2"
"""The colour behind a test phase."""

STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#999999",
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
    low, high = errors.min(axis=1), errors.max(axis=1)
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
    ax.legend(loc="upper right", frameon=False)
    tidy(ax, "trial", "RMS error (target's unit)")
    return ax


# --- comparisons

MEASURES = {
    "error": "RMS error (target's unit)",
    "distance": "weights' relative distance\nfrom the native rule's",
}

NEGLIGIBLE = 1e-4
"""Relative distances of weights below this are told, not drawn."""


def comparison(comparison: Any) -> Figure:
    """Draw what `nengo_lr.compare.compare` found.

    From top to bottom: the rate, the error of each path, and how far its weights are
    from the native rule's. Lines are medians over the seeds, bands their range.

    Parameters
    ----------
    comparison : nengo_lr.compare.Comparison

    Returns
    -------
    figure : matplotlib.figure.Figure
    """
    traces, experiment = comparison.traces, comparison.experiment
    simulators, names = traces["simulator"].unique(), traces["path"].unique()
    with style():
        figure = plt.figure(figsize=(3.6 * len(simulators) + 1.8, 7.0))
        axes = figure.subplots(
            3,
            len(simulators),
            sharex=True,
            sharey="row",
            squeeze=False,
            gridspec_kw={"height_ratios": [1, 2, 2]},
        )
        for column, simulator in zip(axes.T, simulators):
            part = traces[traces["simulator"] == simulator]
            schedule(experiment.rate, experiment.duration, column[0], color=INK)
            column[0].set(xlabel="", title=simulator)
            draw_measure(column[1], part, names, "error")
            draw_measure(column[2], part, names, "distance")
            column[2].set_xlabel("time (s)")
            for ax in column:
                ax.axvspan(
                    experiment.learning, experiment.duration, color=PHASE, zorder=0
                )
            column[0].text(
                (experiment.learning + experiment.duration) / 2,
                0.92,
                "test",
                transform=column[0].get_xaxis_transform(),
                ha="center",
                va="top",
                color=INK,
            )
        for ax in axes[:, 1:].flat:
            ax.set_ylabel("")
        axes[1, -1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        figure.suptitle(
            experiment.task.description, x=0.01, ha="left", color=INK, fontsize=12
        )
    return figure


def draw_measure(ax, traces, names, measure):
    """Draw one measure of every path over time, on a logarithmic scale."""
    # later lines are thinner, so that those that they cover can still be seen
    colors = ("#8C8C8C", *COLORS)
    widths = (1.8, *np.linspace(4.0, 1.2, len(names) - 1))
    told = []
    for name, color, width in zip(names, colors, widths):
        grouped = traces[traces["path"] == name].groupby("time")[measure]
        median, low, high = grouped.median(), grouped.min(), grouped.max()
        if measure == "distance" and median.iloc[-1] < NEGLIGIBLE:
            told.append(f"{name}: {median.iloc[-1]:.0e}".replace("0e+00", "0"))
        else:
            look = {"color": color, "linewidth": width, "label": name}
            draw_spread(ax, median.index, median, low, high, **look)
    ax.text(0.02, 0.03, "\n".join(told), transform=ax.transAxes, color=INK)
    ax.set_yscale("log")
    if measure == "distance":
        ax.set_ylim(NEGLIGIBLE, None)
    else:
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(NullFormatter())
    tidy(ax, ylabel=MEASURES[measure])
