"""The figure of what learning costs: one panel for each question."""

import matplotlib.pyplot as plt
import numpy as np

from nengo_lr.builder.hosts import hosts
from nengo_lr.lab.plot import COLORS, INK, style, tidy

OURS = "ScheduledPES"
RATIO = "CPU time of a step / that with nengo.PES"
FEW = 3
"""How many methods at a size do not make a panel of methods yet."""


def draw(table, baseline, floor):
    """Draw the answers that a table of costs has.

    Parameters
    ----------
    table : pandas.DataFrame
        The rows of ``cost.measure``, with the names of sizes.
    baseline, floor : str
        The method that the others are compared with, and the one without learning.

    Returns
    -------
    figure : matplotlib.figure.Figure
    """
    table = table[~table["method"].isin([baseline, "memory limit"])]
    first = table["simulator"].iloc[0]
    panels = []
    for simulator, part in table.groupby("simulator", sort=False):
        rule = part[part["method"].isin([OURS, floor])]
        one, many = rule[rule["rules"] == 1], rule[rule["rules"] > 1]
        title = hosts()[simulator].title
        if simulator != first:
            panels.append((title, draw_bars, rule, "size", "method"))
            continue
        if len(one):
            panels.append((f"{title}: one rule", draw_sizes, one))
        if len(many):
            panels.append((f"{title}: many rules", draw_bars, many, "size", "method"))
        counts = part.groupby("size")["method"].transform("count")
        each = part[(counts > FEW) & (part["rules"] == 1)].sort_values("ratio")
        if len(each):
            panels.append((f"{title}: methods", draw_bars, each, "method", "size"))
    rows, columns = -(-len(panels) // 2), min(2, len(panels))
    with style():
        figure = plt.figure(figsize=(5.4 * columns, 4.2 * rows))
        for i, (title, draw_panel, *of) in enumerate(panels):
            ax = figure.add_subplot(rows, columns, i + 1)
            draw_panel(ax, *of)
            ax.set_title(title)
    return figure


def draw_sizes(ax, table):
    """Draw the cost of one rule, by the number of its weights."""
    table = table.assign(weights=table["neurons"] * table["dimensions"])
    for (method, part), color in zip(table.groupby("method"), COLORS):
        # sizes with as many weights as others have one point for all
        part = part.groupby("weights")[["ratio", "low", "high"]].median()
        ax.plot(part.index, part["ratio"], "o-", color=color, label=method)
        ax.fill_between(part.index, part["low"], part["high"], color=color, alpha=0.2)
    ax.axhline(1.0, color=INK, lw=1.0)
    ax.set_xscale("log")
    ax.set_ylim(0, max(1.3, table["high"].max()))
    tidy(ax, "weights", RATIO)
    ax.legend(loc="lower left")


def draw_bars(ax, table, rows, colors):
    """Draw costs as bars, with one column's values as rows and another's as colors."""
    names = list(table[rows].unique())[::-1]
    series = sorted(table[colors].unique())
    height = 0.8 / len(series)
    for i, (value, color) in enumerate(zip(series, COLORS)):
        part = table[table[colors] == value]
        places = np.array([names.index(name) for name in part[rows]])
        places = places + ((len(series) - 1) / 2 - i) * height
        drawn = ax.barh(places, part["ratio"], height, color=color, label=value)
        ax.bar_label(drawn, fmt="%.2f", padding=2, fontsize=8, color=INK)
    ax.axvline(1.0, color=INK, lw=1.0, zorder=0)
    ax.set_yticks(range(len(names)), names)
    ax.set_xlim(0, max(1.3, table["ratio"].max() * 1.1))
    ax.grid(False)
    ax.set_xlabel(RATIO)
    if colors == "size":
        ax.legend(title="neurons x dimensions", loc="upper right")
    else:  # beside the title, for bars may be long
        look = {"ncols": 2, "fontsize": 8, "handlelength": 1.0, "columnspacing": 1.0}
        ax.legend(loc="lower right", bbox_to_anchor=(1, 1), **look)
