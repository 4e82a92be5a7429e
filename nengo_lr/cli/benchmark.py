"""The command that measures what learning costs on this machine."""

import os

import click
from rich import box
from rich.console import Console
from rich.table import Table

from nengo_lr import benchmark as measuring
from nengo_lr import compare as comparing
from nengo_lr.cli.compare import progress
from nengo_lr.cli.options import Names, OutputFolder
from nengo_lr.executors import processes

MOST_PRODUCT_DIMENSIONS = 64
"""A product network for more dimensions has more neurons than the model."""

COLUMNS = 4
"""How many sizes fit into the width of a terminal."""


class Sizes(click.ParamType):
    """Sizes like ``200x8``, separated by commas: neurons x dimensions."""

    name = "sizes"

    def convert(self, value, param, ctx):
        if not isinstance(value, str):
            return value
        try:
            sizes = [tuple(map(int, part.split("x"))) for part in value.split(",")]
        except ValueError:
            sizes = []
        if not sizes or any(len(size) != 2 or min(size) < 1 for size in sizes):
            self.fail(f"{value!r} is not like 50x1,200x8.", param, ctx)
        return sizes


@click.command()
@click.option(
    "--sizes",
    type=Sizes(),
    default="50x1,200x8,1000x64",
    help="Neurons x dimensions of the error.",
)
@click.option(
    "--paths",
    type=Names(measuring.PATHS),
    default=",".join(measuring.PATHS),
    help="What to measure.",
)
@click.option(
    "--simulators",
    type=Names(measuring.SIMULATORS),
    default="nengo",
    help="Where to run.",
)
@click.option(
    "--minibatch", type=click.IntRange(min=1), help="Minibatch size on NengoDL."
)
@click.option(
    "--rounds", type=click.IntRange(min=3), default=11, help="How often to time each."
)
@click.option(
    "--output",
    type=OutputFolder(),
    default="nengo-lr-benchmark",
    help="Folder for the table (CSV) and the figure (PNG).",
)
def benchmark(sizes, paths, simulators, minibatch, rounds, output):
    """Measure what learning costs, as ratios to nengo.PES.

    All paths take turns in one process, on one thread; the cost of a path is the median
    over the rounds of its CPU time for whole steps, divided by that of nengo.PES in the
    same round.
    """
    os.environ.setdefault("MPLBACKEND", "agg")
    import pandas as pd

    from nengo_lr import plot

    console = Console(highlight=False)
    for name in set(simulators) & set(comparing.missing_simulators()):
        raise click.ClickException(f"{name} is not installed")
    jobs = [(simulator, *size) for simulator in simulators for size in sizes]
    rows = []
    with progress() as report:
        for done, (simulator, neurons, dimensions) in enumerate(jobs):
            report(done, len(jobs))
            options = {"minibatch_size": minibatch} if simulator == "nengo_dl" else {}
            wanted = [
                name
                for name in paths
                if dimensions <= MOST_PRODUCT_DIMENSIONS or "product" not in name
            ]
            # a fresh process each, so that one size leaves nothing behind for the next
            with processes(1) as executor:
                rows += executor.submit(
                    measuring.measure,
                    wanted,
                    neurons,
                    dimensions,
                    simulator,
                    rounds,
                    **options,
                ).result()
    table = pd.DataFrame(rows)
    table.to_csv(output / "cost.csv", index=False)
    plot.save(plot.costs(table), output / "cost.png")
    print_costs(console, table)
    console.print(f"wrote cost.csv and cost.png to {output}/")


def print_costs(console, table):
    """Print the medians, a row for each path and a column for each size."""
    for simulator, part in table.groupby("simulator", sort=False):
        costs = part.set_index(["path", "neurons", "dimensions"])
        sizes = list(dict.fromkeys(zip(part["neurons"], part["dimensions"])))
        for first in range(0, len(sizes), COLUMNS):
            printed = Table(
                title=f"[bold]{simulator}[/]: CPU time per step over that of nengo.PES",
                title_justify="left",
                box=box.SIMPLE,
            )
            add_columns(printed, costs, sizes[first : first + COLUMNS])
            console.print(printed)
    console.print("Medians ± half the distance between the quartiles over the rounds.")


def add_columns(printed, costs, sizes):
    """Fill a table with the costs for some sizes."""
    printed.add_column("path", no_wrap=True)
    for neurons, dimensions in sizes:
        printed.add_column(f"{neurons} x {dimensions}", justify="right")
    for path in costs.index.unique("path"):
        found = [
            costs.loc[(path, *size)] if (path, *size) in costs.index else None
            for size in sizes
        ]
        cells = [
            "" if one is None else f"{one.ratio:.2f} ±{(one.high - one.low) / 2:.2f}"
            for one in found
        ]
        printed.add_row(path, *cells)
    microseconds = [
        costs.xs(size, level=(1, 2))["microseconds_pes"].iloc[0] for size in sizes
    ]
    printed.add_row(
        "step with nengo.PES (µs)", *(f"{one:.0f}" for one in microseconds), style="dim"
    )
