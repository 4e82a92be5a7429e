"""What all answers of the lab share: a table, a figure, and files of both."""

from __future__ import annotations

import importlib
import warnings
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["SAME", "Answer", "above_target", "need", "no_difference"]

SAME = 1e-6
"""Errors that differ by no more than this fraction are the same."""


class Answer:
    """What a question to the lab found."""

    name: ClassVar[str]
    """The name of the files that `save` writes, and of what draws it in `.lab.plot`."""

    @property
    def table(self) -> pd.DataFrame:
        """What was found, a `pandas.DataFrame`."""
        raise NotImplementedError

    @property
    def summary(self) -> pd.DataFrame:
        """What matters of it in a few rows, a `pandas.DataFrame`."""
        return self.table

    @property
    def conclusion(self) -> str:
        """What was seen, in words; may be empty."""
        return ""

    @property
    def reason(self) -> str:
        """Why there is nothing to suggest, or why to doubt it; empty if all is well."""
        raise NotImplementedError

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw what was found.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        ax : matplotlib.axes.Axes
        """
        plot = importlib.import_module("nengo_lr.lab.plot")
        return getattr(plot, self.name)(self, ax)

    def save(self, folder: str | PathLike) -> list[Path]:
        """Write the table (CSV) and the figure (PNG) to a folder.

        Parameters
        ----------
        folder : str or path-like
            Made where it does not exist.

        Returns
        -------
        files : list of pathlib.Path
            What was written.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / f"{self.name}{suffix}" for suffix in (".csv", ".png")]
        self.table.to_csv(files[0], index=False)
        plot = importlib.import_module("nengo_lr.lab.plot")
        plot.save(self.plot().figure, files[1])
        return files

    def warned(self):
        """Self, after a warning where there is a reason for doubt."""
        if self.reason:
            warnings.warn(f"{self.name}: {self.reason}", stacklevel=3)
        return self


def no_difference(where):
    """The reason where all errors are the same."""
    return (
        f"the error is the same {where}, so that learning does not change it: the "
        "rates are far too low, or the error does not reach the rule, or does not "
        "depend on what the connection puts out"
    )


def above_target(where, error, size):
    """The doubt, in a list, that the lowest error is no better than none learned.

    Parameters
    ----------
    where : str
        Where that is so, such as "at no rate".
    error : float
        The lowest error.
    size : float
        The target's root mean square; NaN without a target, and then there is no doubt.
    """
    if not error > size:
        return []
    return [
        f"{where} is the error (at the best {error:.3g}) below the target's root mean "
        f"square ({size:.3g}), as it is without learning"
    ]


def need(name: str, extra: str) -> Any:
    """Import a package, or say how to install it.

    Parameters
    ----------
    name : str
        The package.
    extra : str
        The extra of this project that brings it.

    Returns
    -------
    package : module

    Raises
    ------
    ModuleNotFoundError
        If it is not installed.

    Examples
    --------
    >>> need("bogus", extra="search")
    Traceback (most recent call last):
    ModuleNotFoundError: bogus is not installed; pip install 'nengo-lr[search]'
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ModuleNotFoundError(
            f"{name} is not installed; pip install 'nengo-lr[{extra}]'", name=name
        ) from None
