"""Schedules and optimizers with ranges in place of numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import count

import numpy as np
from nengo.exceptions import ValidationError

from nengo_lr.checks import check_type
from nengo_lr.schedules import expressions

__all__ = ["Template"]

RANGE = re.compile(r"\{(?:(\w+):)?\s*([^{}]+?)\s*\.\.\s*([^{}]+?)\s*\}")


@dataclass(frozen=True)
class Template:
    """A schedule (or an optimizer) with ranges in place of some of its numbers.

    A range is written ``{low..high}`` or ``{name:low..high}``. It is searched on a
    logarithmic scale. Where a name stands twice, it has one value.

    Parameters
    ----------
    text : str
        For instance ``"ExponentialDecay({rate:1e-5..1e-2}, tau={tau:1..20})"``.
    names : dict, optional
        Classes that the text may name, as in `.expressions.parse`; by default those of
        all schedules.

    Raises
    ------
    ValidationError
        If a range is none, or the rest is no schedule.

    Examples
    --------
    >>> Template("ExponentialDecay({rate:1e-5..1e-2}, {tau:1..20})").ranges
    {'rate': (1e-05, 0.01), 'tau': (1.0, 20.0)}
    """

    text: str
    names: dict | None = None

    def __post_init__(self):
        check_type(self.text, str, "text", "text")
        if self.text.strip() == "auto":
            raise ValidationError(
                '"auto" has no number to tune: compare it with rates in a sweep, or '
                "suggest it among other things with a function",
                "schedule",
            )
        self.fill({name: low for name, (low, _) in self.ranges.items()})

    @cached_property
    def ranges(self):
        """The lowest and highest value of each name."""
        ranges = {}
        for i, match in enumerate(RANGE.finditer(self.text), start=1):
            name, low, high = match.groups()
            try:
                low, high = float(low), float(high)
            except ValueError:
                low = high = np.nan
            if not 0 < low < high < np.inf:
                raise ValidationError(
                    f"{match[0]!r} must be a range of numbers above 0, such as "
                    "{rate:1e-5..1e-2}",
                    "schedule",
                )
            if ranges.setdefault(name or f"x{i}", (low, high)) != (low, high):
                raise ValidationError(
                    f"{match[0]!r} has another range than the {name} before it",
                    "schedule",
                )
        return ranges

    def fill(self, values):
        """The schedule with a value for each name, a dict."""
        places = count(1)

        def value(match):
            place = next(places)
            return repr(values[match[1] or f"x{place}"])

        text = RANGE.sub(value, self.text)
        return expressions.parse(text, self.names)

    def __call__(self, trial):
        """The schedule that an Optuna trial suggests."""
        return self.fill(
            {
                name: trial.suggest_float(name, low, high, log=True)
                for name, (low, high) in self.ranges.items()
            }
        )
