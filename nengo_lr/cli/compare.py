"""The command that compares ways to learn with a rate that changes."""

import os
from contextlib import contextmanager
from dataclasses import replace

import click
import pandas as pd
from click.core import ParameterSource
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from nengo_lr import compare as comparing
from nengo_lr.cli.options import Names, OutputFolder, ScheduleText, Seeds
from nengo_lr.executors import n_cores, processes
from nengo_lr.lab.tasks import TASKS

NOTES = """\
distance  of the final weights from those of ScheduledPES, relative
drift     how far the weights move after the rate is 0, relative
cost      processor time per step over that of the fixed rate
Medians ± half the range over the seeds (cost: between quartiles over rounds).
The fixed rate has no end: in the test it goes on learning from the target."""

LARGE = 1e4
"""Numbers from here on, as of runs that diverge, are written with an exponent."""

WITH_MODEL = ("error_radius", "rate_radius")
WITHOUT_MODEL = ("task", "schedule", "seeds", "neurons", "optimizers")
"""Options that say nothing about a comparison with, or without, a user's model."""


@click.command()
@click.option(
    "--task", type=click.Choice(list(TASKS)), default="comm", help="What is learned."
)
@click.option(
    "--model",
    help="Compare the forms of a model of your own instead: module:function, which "
    "returns a network with scheduled rules. Its Probes are what is compared.",
)
@click.option(
    "--error-radius",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    help="With --model: the largest error to expect.",
)
@click.option(
    "--rate-radius",
    type=click.FloatRange(min=0, min_open=True),
    help="With --model: the largest rate to expect.  [default: the schedule's]",
)
@click.option(
    "--schedule",
    type=ScheduleText(),
    help='The rate, such as "ExponentialDecay(1e-3, 4)"; 0 in the test, the last '
    "quarter of the run.  [default: a cosine from 1e-3 to 0]",
)
@click.option("--seeds", type=Seeds(), default="0-2", help="One run for each seed.")
@click.option(
    "--duration", type=float, default=10.0, help="Length of a run in seconds."
)
@click.option(
    "--neurons",
    type=click.IntRange(min=1),
    help="Neurons to learn from.  [default: the task's]",
)
@click.option(
    "--simulators",
    type=Names(comparing.SIMULATORS),
    help="Where to run.  [default: all that are installed]",
)
@click.option(
    "--scaler",
    type=Names(comparing.SCALERS),
    help="ErrorScalers to compare, with nengo.networks.Product as a further baseline.  "
    "[default: tied, alone]",
)
@click.option(
    "--optimizers",
    type=Names(comparing.ADAPTIVE),
    help="Per-weight optimizers to compare; AdaGrad, RMSProp and Adam at ten times the "
    "rate.",
)
@click.option(
    "--output",
    type=OutputFolder(),
    default="nengo-lr-compare",
    help="Folder for the tables (CSV) and the figure (PNG).",
)
@click.pass_context
def compare(
    context,
    task,
    model,
    error_radius,
    rate_radius,
    schedule,
    seeds,
    duration,
    neurons,
    simulators,
    scaler,
    optimizers,
    output,
):
    """Compare ScheduledPES with plain PES and with scaling its error.

    All paths learn the same task from the same neurons and input, with the same
    schedule; only the fixed rate goes on learning in the test.
    """
    os.environ.setdefault("MPLBACKEND", "agg")
    from nengo_lr.lab import plot

    refuse(context, WITH_MODEL if model is None else WITHOUT_MODEL, model)
    console = Console(highlight=False)
    missing = comparing.missing_simulators() if simulators is None else ()
    if simulators is None:
        simulators = [name for name in comparing.SIMULATORS if name not in missing]
    if model is not None:
        forms = ["ScheduledPES", "Node scaling"]
        forms += [f"ErrorScaler {name}" for name in scaler or ("tied",)]
        radii = {"error_radius": error_radius, "rate_radius": rate_radius}
        compare_model(console, model, duration, simulators, forms, radii, output)
        tell_missing(console, missing)
        return
    task = TASKS[task]
    if neurons is not None:
        task = replace(task, n_neurons=neurons)
    paths = comparing.default_paths(scaler or (() if optimizers else ("tied",)))
    if scaler:
        paths.append(comparing.PRODUCT)
    paths += [comparing.ADAPTIVE[name] for name in optimizers or ()]

    n_jobs = len(seeds) * len(simulators)
    with processes(min(n_jobs, n_cores())) as executor, progress() as report:
        found = comparing.compare(
            task, schedule, seeds, duration, simulators, paths, executor, report
        )
    found.save(output)
    plot.save(plot.comparison(found), output / "compare.png")
    print_comparison(console, found, seeds)
    console.print(f"wrote runs.csv, traces.csv, cost.csv and compare.png to {output}/")
    tell_missing(console, missing)


def tell_missing(console, missing):
    """Tell why a simulator was left out."""
    if missing:
        console.print(
            "NengoDL is not installed: this is the reference simulator alone "
            "(pip install 'nengo-lr[dl]' brings it, Python 3.9 to 3.11)",
            markup=False,
        )


def refuse(context, names, model):
    """Refuse options that would be ignored."""
    for name in names:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = "--" + name.replace("_", "-")
            needs = "needs --model" if model is None else "does not go with --model"
            raise click.UsageError(f"{option} {needs}")


def compare_model(console, model, duration, simulators, forms, radii, output):
    """Compare the forms of a user's own model, and print and write the table."""
    make = comparing.find_model(model)
    rows = comparing.compare_model(make, duration, simulators, forms, **radii)
    table = Table(
        title=f"[bold]{model}[/]: differences from ScheduledPES, relative",
        title_justify="left",
        box=box.SIMPLE,
    )
    for header in ("simulator", "path", "probe"):
        table.add_column(header)
    for header in ("whole run", "at the end"):
        table.add_column(header, justify="right", no_wrap=True)
    for row in rows:
        if row["path"] != forms[0]:
            differences = share(row["difference"]), share(row["final_difference"])
            table.add_row(row["simulator"], row["path"], row["probe"], *differences)
    console.print(table)
    pd.DataFrame(rows).to_csv(output / "model.csv", index=False)
    console.print(f"wrote model.csv to {output}/")


@contextmanager
def progress(name="runs and timings"):
    """A progress bar on stderr, if it is a terminal; yields what moves it."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda done, total: None
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


def print_comparison(console, found, seeds):
    """Print the medians and spreads as a table."""
    experiment, summary = found.experiment, found.summary()
    console.print()
    console.print(f"[bold]{experiment.task.name}[/]: {experiment.task.description}")
    console.print(
        f"{experiment.schedule} for {experiment.learning:g} s, then 0 for "
        f"{experiment.duration - experiment.learning:g} s; seeds "
        f"{', '.join(map(str, seeds))}; {experiment.task.n_neurons} neurons"
    )
    for simulator, part in summary.groupby("simulator", sort=False):
        table = Table(title=f"[bold]{simulator}", title_justify="left", box=box.SIMPLE)
        table.add_column("path", no_wrap=True)
        for header in ("test RMSE", "distance", "drift", "cost"):
            table.add_column(header, justify="right", no_wrap=True)
        for row in part.itertuples():
            table.add_row(
                row.path,
                spread(row.rmse, row.rmse_low, row.rmse_high, 4),
                share(row.distance),
                share(row.drift),
                spread(row.cost, row.cost_low, row.cost_high, 2),
            )
        console.print(table)
    console.print(NOTES)
    native = summary[summary["path"] == comparing.NATIVE.name]
    first, others = native.iloc[0], native.iloc[1:]
    for row in others.itertuples():
        console.print(
            f"On {row.simulator}, ScheduledPES ends {share(row.from_reference)} from "
            f"its weights on {first['simulator']}."
        )


def spread(median, low, high, digits):
    """A median and half the width of what is around it, as text."""
    form = f".{digits}f" if high < LARGE else ".1e"
    return f"{median:{form}} ±{(high - low) / 2:{form}}"


def share(number):
    """A share of 1, as short text."""
    if number >= 1e-4:
        return f"{100 * number:.2g} %"
    if number == 0:
        return "0"
    return f"{number:.0e}" if number > 1e-16 else "<1e-16"
