"""Figures of schedules, comparisons and searches, in one style.

This is the only room that imports matplotlib. Nothing here calls ``show()``.
"""

from nengo_lr.plot.comparisons import comparison
from nengo_lr.plot.schedules import schedule
from nengo_lr.plot.searches import error_left, range_test, study, sweep
from nengo_lr.plot.style import (
    COLORS,
    INK,
    STYLE,
    label_lines,
    save,
    spread,
    style,
    tidy,
)

__all__ = [
    "COLORS",
    "INK",
    "STYLE",
    "comparison",
    "error_left",
    "label_lines",
    "range_test",
    "save",
    "schedule",
    "spread",
    "study",
    "style",
    "sweep",
    "tidy",
]
