"""The command that tells a learning rate from theory."""

import os

import click
import nengo
import numpy as np
import pandas as pd
from nengo.exceptions import ValidationError
from rich import box
from rich.console import Console
from rich.table import Table

from nengo_lr import lab, stability
from nengo_lr.cli.options import OutputFolder, learning_model, model_function

FRACTIONS = (1.0, 0.1, 0.01)
"""Of the stable rate; what is left of the error is drawn for each."""


@click.command("stable-rate")
@learning_model
@click.option(
    "--time",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    help="In how many seconds a constant error should shrink.",
)
@click.option(
    "--fraction",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.1,
    help="The fraction of a constant error that may be left after that time.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of the model.")
@click.option(
    "--output",
    type=OutputFolder(),
    default="nengo-lr-stable-rate",
    help="Folder for what is left of the error (CSV) and the figure (PNG).",
)
def stable_rate(task, model, time, fraction, seed, output):
    """Tell the largest stable rate, and one that is fast enough, without a run.

    They follow from the tuning curves, the step and the synapses between the output
    and its error.
    """
    os.environ.setdefault("MPLBACKEND", "agg")
    from nengo_lr.lab import plot

    console = Console(highlight=False)
    network = lab.make(model_function(task, model), 1e-6, seed, time, 0.0)
    table = Table(title=f"[bold]{model or task}", title_justify="left", box=box.SIMPLE)
    table.add_column("connection")
    table.add_column("largest stable rate", justify="right")
    wanted = f"{fraction:g} of the error left after {time:g} s"
    table.add_column(wanted, justify="right")
    parts = []
    with nengo.Simulator(network, progress_bar=False) as sim:
        for connection in network.all_connections:
            if connection.learning_rule is None:
                continue
            try:
                bound = stability.stable_rate(sim, connection)
            except ValidationError as error:
                table.add_row(str(connection), "none", error.args[0])
                continue
            try:
                rate = stability.rate_for(sim, connection, time, fraction)
                fast_enough = f"{rate:.2g}"
            except ValidationError:
                fast_enough = "none"
            table.add_row(str(connection), f"{bound:.2g}", fast_enough)
            times = np.geomspace(sim.dt, max(time, 10 * sim.dt), 200)
            for rate in bound * np.array(FRACTIONS):
                left = stability.error_left(sim, connection, rate, times)
                part = {"connection": str(connection), "rate": rate, "time": times}
                parts.append(pd.DataFrame({**part, "left": left}))
    console.print(table)
    if not parts:
        return
    left = pd.concat(parts, ignore_index=True)
    left.to_csv(output / "error-left.csv", index=False)
    ax = plot.error_left(left[left["connection"] == left["connection"].iloc[0]])
    ax.set_title(left["connection"].iloc[0], loc="left", fontsize="medium")
    plot.save(ax.figure, output / "stable-rate.png")
    console.print(f"wrote error-left.csv and stable-rate.png to {output}/")
