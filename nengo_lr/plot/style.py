"""What all figures share."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["COLORS", "INK", "STYLE", "label_lines", "save", "spread", "style", "tidy"]

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5D5D5D")
"""Colours that stay apart for colour-blind readers (Okabe and Ito)."""

INK = "#333333"
"""The colour of text."""

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
    "lines.linewidth": 1.8,
    "savefig.dpi": 150,
    "xtick.color": "#999999",
    "xtick.labelcolor": INK,
    "ytick.color": "#999999",
    "ytick.labelcolor": INK,
}
"""Settings for ``matplotlib.rc_context`` that every figure here is drawn with."""


def style() -> AbstractContextManager:
    """Make a context in which new figures get the style.

    Examples
    --------
    >>> with nlr.plot.style():
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


def label_lines(ax: Axes, gap: float = 0.09) -> None:
    """Write each line's label at its right end, in its colour, without overlaps.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Its limits must be final.
    gap : float, optional
        Least distance between two labels, as a fraction of the axes' height.
    """
    lines = [line for line in ax.lines if not line.get_label().startswith("_")]
    to_axes = ax.transData + ax.transAxes.inverted()
    ends = [to_axes.transform(line.get_xydata()[-1]) for line in lines]
    heights = spread([np.clip(end[1], 0, 1) for end in ends], gap)
    for line, height in zip(lines, heights):
        ax.annotate(
            line.get_label(),
            xy=(1, height),
            xycoords="axes fraction",
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=line.get_color(),
        )


def spread(heights: Any, gap: float) -> Any:
    """Move heights apart until neighbours keep a distance, as little as possible."""
    order = np.argsort(heights, kind="stable")
    steps = gap * np.arange(len(heights))
    # isotonic regression: groups of labels that touch move to their common mean
    groups = []
    for target in np.asarray(heights, dtype=float)[order] - steps:
        groups.append([target, 1])
        while len(groups) > 1 and groups[-2][0] > groups[-1][0]:
            (low, n), (high, m) = groups[-2:]
            groups[-2:] = [[(low * n + high * m) / (n + m), n + m]]
    placed = np.empty(len(heights))
    if groups:
        means, sizes = map(list, zip(*groups))
        placed[order] = np.clip(np.repeat(means, sizes), 0, 1 - steps[-1]) + steps
    return placed


def save(figure: Figure, file: str | os.PathLike) -> None:
    """Write a figure to a file, sharp enough for a page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    file : str or path-like
        Its ending says in which format.
    """
    figure.savefig(file, dpi=STYLE["savefig.dpi"])
