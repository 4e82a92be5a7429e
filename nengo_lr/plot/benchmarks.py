"""Figures of what learning costs."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from nengo_lr.plot.style import COLORS, INK, label_lines, style, tidy

__all__ = ["costs"]


def costs(table: pd.DataFrame) -> Figure:
    """Draw what learning costs against the size of the model.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of `nengo_lr.benchmark.measure`.

    Returns
    -------
    figure : matplotlib.figure.Figure
    """
    simulators = table["simulator"].unique()
    with style():
        figure = plt.figure(figsize=(8.0, 4.2 * len(simulators)))
        axes = figure.subplots(len(simulators), squeeze=False)[:, 0]
        for ax, simulator in zip(axes, simulators):
            draw_costs(ax, table[table["simulator"] == simulator])
            ax.set_title(simulator)
        figure.draw_without_rendering()
        for ax in axes:
            label_lines(ax, gap=0.06)
    return figure


LIMITS = {
    "nengo.PES": {"color": INK, "linewidth": 1.0},
    "no learning": {"color": "#999999", "linewidth": 1.0},
    "memory limit": {"color": "#999999", "linewidth": 1.0, "linestyle": "--"},
}
"""How to draw what the other paths are compared with."""


def draw_costs(ax, table):
    """Draw the cost of every path on one simulator, from few to many weights."""
    n_weights = table["neurons"] * table["dimensions"]
    table = table.assign(n_weights=n_weights).sort_values(["n_weights", "neurons"])
    sizes = table.drop_duplicates(["neurons", "dimensions"])
    places = {
        size: i for i, size in enumerate(zip(sizes["neurons"], sizes["dimensions"]))
    }
    looks = iter(
        {"color": color, "linestyle": line, "marker": "o", "markersize": 4}
        for line in ("-", ":")
        for color in COLORS
    )
    for path, part in table.groupby("path", sort=False):
        x = [places[size] for size in zip(part["neurons"], part["dimensions"])]
        look = LIMITS.get(path) or next(looks)
        ax.plot(x, part["ratio"], label=path, **look)
        ax.fill_between(
            x, part["low"], part["high"], color=look["color"], alpha=0.15, lw=0
        )
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(plt.FixedLocator([0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 8]))
    ax.yaxis.set_minor_locator(plt.NullLocator())
    ax.yaxis.set_major_formatter("{x:g}")
    names = [f"{neurons} x {dimensions}" for neurons, dimensions in places]
    rotation = 45 if len(names) > 6 else 0
    ax.set_xticks(range(len(names)), names, rotation=rotation)
    tidy(ax, "neurons x error dimensions", "CPU time per step\nover that of nengo.PES")
