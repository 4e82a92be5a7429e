"""The command that finds a learning rate in one run."""

import os

import click
import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from nengo_lr import lab
from nengo_lr.cli.options import OutputFolder, learning_model, model_function
from nengo_lr.lab.range_tests import SUGGESTIONS


@click.command("range-test")
@learning_model
@click.option("--low", type=float, default=1e-6, help="The first rate.")
@click.option("--high", type=float, default=1e-1, help="The last rate.")
@click.option(
    "--duration", type=float, default=10.0, help="Length of the run in seconds."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of the model.")
@click.option(
    "--output",
    type=OutputFolder(),
    default="nengo-lr-range-test",
    help="Folder for the curve (CSV) and the figure (PNG).",
)
def range_test(task, model, low, high, duration, seed, output):
    """Find a learning rate in one run.

    The rate grows geometrically from very low to too high; the error over the last
    tenth of the run says which rates learn, and which are too much.
    """
    os.environ.setdefault("MPLBACKEND", "agg")
    from nengo_lr.lab import plot

    console = Console(highlight=False)
    function = model_function(task, model)
    found = lab.range_test(function, low, high, duration, seed=seed)
    table = Table(title=f"[bold]{model or task}", title_justify="left", box=box.SIMPLE)
    for header in ("suggestion", "rate", ""):
        table.add_column(header, no_wrap=True)
    for name, meaning in SUGGESTIONS.items():
        rate = found.suggestions[name]
        table.add_row(name, "never" if rate is None else f"{rate:.2g}", meaning)
    console.print(table)
    curve = pd.DataFrame({"rate": found.rates, "error": found.errors})
    curve.to_csv(output / "curve.csv", index=False)
    ax = found.plot()
    ax.set_title(model or task, loc="left", fontsize="medium")
    plot.save(ax.figure, output / "range-test.png")
    console.print(f"wrote curve.csv and range-test.png to {output}/")
