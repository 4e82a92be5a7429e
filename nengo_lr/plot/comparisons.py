"""Figures of comparisons."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from nengo_lr.plot.schedules import schedule
from nengo_lr.plot.style import COLORS, INK, label_lines, style, tidy

__all__ = ["comparison"]


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
                    experiment.learning,
                    experiment.duration,
                    color="#F2F2F2",
                    linewidth=0,
                    zorder=0,
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
        figure.draw_without_rendering()
        label_lines(axes[1, -1])
        label_lines(axes[2, -1])
        figure.suptitle(
            f"{experiment.task.description}",
            x=0.01,
            ha="left",
            color=INK,
            fontsize=12,
        )
    return figure


MEASURES = {
    "error": "RMS error (target's unit)",
    "distance": "weights' relative distance\nfrom the native rule's",
}

NEGLIGIBLE = 1e-4
"""Relative distances of weights below this are told, not drawn."""


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
            ax.plot(median.index, median, color=color, linewidth=width, label=name)
            ax.fill_between(median.index, low, high, color=color, alpha=0.15, lw=0)
    ax.text(0.02, 0.03, "\n".join(told), transform=ax.transAxes, color=INK)
    ax.set_yscale("log")
    if measure == "distance":
        ax.set_ylim(NEGLIGIBLE, None)
    else:
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(NullFormatter())
    tidy(ax, ylabel=MEASURES[measure])
