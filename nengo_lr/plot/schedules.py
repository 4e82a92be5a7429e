"""Figures of schedules."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from nengo_lr.checks import check_number, check_type
from nengo_lr.plot.style import style, tidy
from nengo_lr.schedules import Schedule

__all__ = ["schedule"]


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
