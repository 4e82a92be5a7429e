"""The command that learns with many rates."""

import os

import click
import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from nengo_lr import lab
from nengo_lr.cli.compare import progress, spread
from nengo_lr.cli.options import OutputFolder, Seeds, learning_model, model_function
from nengo_lr.lab.runner import quiet
from nengo_lr.schedules import expressions
from nengo_lr.simulators import SIMULATORS


class Rates(click.ParamType):
    """Rates like ``1e-4,1e-3``, or ``1e-6:1e-2:9``: nine, from low to high."""

    name = "rates"

    def convert(self, value, param, ctx):
        if not isinstance(value, str):
            return value
        try:
            if ":" in value:
                low, high, number = value.split(":")
                return np.geomspace(float(low), float(high), int(number)).tolist()
            return [float(part) for part in value.split(",")]
        except ValueError:
            self.fail(f"{value!r} is not like 1e-4,1e-3 or 1e-6:1e-2:9.", param, ctx)


@click.command()
@learning_model
@click.option(
    "--rates",
    type=Rates(),
    default="1e-5:1e-2:9",
    help="Rates with commas, or low:high:number.",
)
@click.option(
    "--schedule",
    help='A schedule with {} for the rate, such as "CosineDecay({}, 10)".  '
    "[default: the rate stays]",
)
@click.option("--seeds", type=Seeds(), default="0-2", help="Each rate with each seed.")
@click.option("--duration", type=float, default=10.0, help="Seconds of learning.")
@click.option(
    "--test", type=float, default=5.0, help="Seconds of test after it, at rate 0."
)
@click.option(
    "--simulator",
    type=click.Choice(list(SIMULATORS)),
    default="nengo",
    help="On nengo_dl all rates run in one minibatch.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Number of processes on nengo.  [default: one per core]",
)
@click.option(
    "--store",
    type=click.Path(dir_okay=False),
    help="A file that keeps finished runs; those in it are not repeated.",
)
@click.option(
    "--output",
    type=OutputFolder(),
    default="nengo-lr-sweep",
    help="Folder for the table (CSV) and the figure (PNG).",
)
def sweep(
    task,
    model,
    rates,
    schedule,
    seeds,
    duration,
    test,
    simulator,
    jobs,
    store,
    output,
):
    """Learn with many rates or schedules, each with several seeds."""
    os.environ.setdefault("MPLBACKEND", "agg")
    from nengo_lr.lab import plot

    console = Console(highlight=False)
    if schedule is not None:
        if "{}" not in schedule:
            raise click.BadParameter(
                f"{schedule!r} has no {{}} for the rate.", param_hint="'--schedule'"
            )
        rates = [expressions.parse(schedule.replace("{}", repr(r))) for r in rates]
    quiet()
    with progress("trials") as report:
        found = lab.sweep(
            model_function(task, model),
            rates,
            duration,
            test,
            seeds=seeds,
            simulator=simulator,
            executor=jobs,
            store=store,
            progress=report,
        )
    found.table.to_csv(output / "runs.csv", index=False)
    ax = found.plot()
    ax.set_title(model or task, loc="left", fontsize="medium")
    plot.save(ax.figure, output / "sweep.png")
    print_sweep(console, model or task, found)
    console.print(f"wrote runs.csv and sweep.png to {output}/")


def print_sweep(console, title, found):
    """Print the medians and what failed."""
    table = Table(title=f"[bold]{title}", title_justify="left", box=box.SIMPLE)
    table.add_column("rate" if isinstance(found.rates[0], float) else "schedule")
    table.add_column("RMS error", justify="right", no_wrap=True)
    table.add_column("failed", justify="right", no_wrap=True)
    best = found.best
    for rate, errors in zip(found.rates, found.errors):
        name = f"{rate:.3g}" if isinstance(rate, float) else str(rate)
        good = errors[np.isfinite(errors)]
        cell = spread(np.median(good), good.min(), good.max(), 4) if len(good) else ""
        failed = len(errors) - len(good)
        style = "bold" if rate is best else None
        table.add_row(name, cell, f"{failed or ''}", style=style)
    console.print(table)
    console.print("Medians ± half the range over the seeds; the best is bold.")
