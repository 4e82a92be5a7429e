"""What commands print and write."""

from contextlib import contextmanager

import click
import numpy as np
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from nengo_lr.lab import TASKS, TaskModel
from nengo_lr.lab.models import describe

WIDE = 40
"""Characters of a cell from which on it may be broken into lines."""


def present(found, model, folder):
    """Print what was found, save it to a folder, and say what was written.

    Parameters
    ----------
    found : nengo_lr.lab.answers.Answer
    model : callable
        The model function that the question was about.
    folder : pathlib.Path
    """
    print_table(found.summary, title_of(model))
    if found.conclusion:
        click.echo(found.conclusion)
    try:  # last, since the disk may be full
        files = found.save(folder)
    except OSError as error:
        raise click.ClickException(
            f"cannot write to {folder}: {error.strerror}."
        ) from error
    click.echo(f"wrote {', '.join(file.name for file in files)} to {folder}/")


def title_of(model):
    """What is learned, in words."""
    if not isinstance(model, TaskModel):
        return describe(model)
    return f"{model.task}: {TASKS[model.task].description}"


def print_table(table, title=None):
    """Print a `pandas.DataFrame`, numbers with three digits.

    Parameters
    ----------
    table : pandas.DataFrame
    title : str, optional
    """
    printed = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    for name, column in table.items():
        # long headers are broken at their words, and long cells where there is room
        words = [*map(text_of, column), *name.split()]
        width = max(map(len, words))
        printed.add_column(
            name,
            justify="left" if column.dtype == object else "right",
            width=width if width < WIDE else None,
        )
    for row in table.itertuples(index=False):
        printed.add_row(*(escape(text_of(value)) for value in row))
    if title is not None:
        click.echo(title)
    Console(highlight=False).print(printed)


def text_of(value):
    """A cell of a printed table."""
    if isinstance(value, (float, np.floating)):
        return "" if np.isnan(value) else f"{value:.3g}"
    return str(value)


@contextmanager
def progress(name="trials"):
    """A progress bar on stderr, if it is a terminal; yields what moves it."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(name, total=1)
        yield lambda done, total: bar.update(task, completed=done, total=total)
