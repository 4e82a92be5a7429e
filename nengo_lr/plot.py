"""Figures of schedules and comparisons, in one style.

This is the only module that imports matplotlib. Nothing here calls ``show()``.
"""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import LogLocator, NullFormatter

from nengo_lr.checks import check_number, check_type
from nengo_lr.schedules import Schedule

__all__ = [
    "COLORS",
    "STYLE",
    "comparison",
    "costs",
    "label_lines",
    "save",
    "schedule",
    "style",
    "tidy",
]

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5D5D5D")
"""Colours that stay apart for colour-blind readers (Okabe and Ito)."""

INK = "#333333"

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

style = partial(plt.rc_context, STYLE)
"""A context in which new figures get the style: ``with nengo_lr.plot.style(): ...``"""


def tidy(ax, xlabel=None, ylabel=None):
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


def label_lines(ax, gap=0.09):
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


def spread(heights, gap):
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
        placed[order] = np.clip(np.repeat(*zip(*groups)), 0, 1 - steps[-1]) + steps
    return placed


def save(figure, file):
    """Write a figure to a file, sharp enough for a page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    file : str or path-like
        Its ending says in which format.
    """
    figure.savefig(file, dpi=STYLE["savefig.dpi"])


def schedule(schedule, duration, ax=None, **kwargs):
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

    Examples
    --------
    >>> import nengo_lr as nlr
    >>> ax = nlr.plot.schedule(nlr.CosineDecay(1e-3, 10.0), duration=12.0)
    >>> ax.get_xlabel()
    'time (s)'
    """
    check_type(schedule, Schedule, "schedule", "a Schedule")
    check_number(duration, "duration")
    if ax is None:
        with style():
            ax = plt.figure(figsize=(6.4, 3.2)).add_subplot()
    times = np.linspace(0.0, duration, 4001)
    ax.plot(times, schedule(times), **kwargs)
    ax.set_xlim(0, duration)
    ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))
    ax.yaxis.set_major_formatter("{x:g}")
    tidy(ax, "time (s)", "learning rate")
    return ax


def comparison(comparison):
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


def costs(table):
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
