"""The commands that ask the lab, or the theory, about a model that learns."""

import click
import nengo
import numpy as np
import pandas as pd
from nengo.exceptions import ValidationError

from nengo_lr import lab, optimizers, stability
from nengo_lr.builder.hosts import missing_hosts
from nengo_lr.cli import options
from nengo_lr.cli.output import present, print_table, progress, title_of
from nengo_lr.lab.answers import Answer
from nengo_lr.lab.methods import DEFAULT, METHODS
from nengo_lr.lab.runner import quiet
from nengo_lr.schedules import expressions

OPTIMIZERS = {
    name: getattr(optimizers, name)
    for name in optimizers.__all__
    if getattr(optimizers, name) is not optimizers.Optimizer
}

FRACTIONS = (1.0, 0.1, 0.01)
"""Fractions of the stable rate; what is left of the error is drawn for each."""


@click.command()
@options.model(task="noisy")
@click.option(
    "--schedule",
    type=options.ScheduleText(),
    help='The learning rate, such as "ExponentialDecay(1e-3, 4)"; 0 in the test.  '
    "[default: from 1e-3 in a line to 0]",
)
@click.option(
    "--methods",
    type=options.Names(METHODS),
    default=",".join(DEFAULT),
    help=f"The methods to compare, with commas: {', '.join(METHODS)}.",
)
@click.option(
    "--error-radius",
    type=click.FloatRange(min=0, min_open=True),
    help="The largest error to expect, in the target's unit.  [default: the task's, "
    "or 1]",
)
@options.learning()
@options.test
@options.seeds
@options.simulators
@options.jobs
@options.store
@options.output("compare")
def compare(model, jobs, output, simulators, **question):
    """Compare ScheduledPES with a fixed rate and with scaling the error.

    All methods learn the same from the same neurons. Then the rate is 0 for all of
    them, and the learned weights are tested.
    """
    quiet()
    with progress("trials and timings") as report:
        question.update(simulators=simulators, executor=jobs, progress=report)
        found = lab.compare(model, **question)
    present(found, model, output)
    missing = missing_hosts().values() if simulators is None else ()
    for host in missing:
        if host.fits_python():
            click.echo(
                f"{host.title} is not installed: {host.how_to_install()} "
                "adds it to the table"
            )


@click.command("range-test")
@options.model()
@click.option("--low", type=float, default=1e-6, help="The first rate.")
@click.option("--high", type=float, default=1e-1, help="The last rate.")
@options.learning(default=10.0)
@options.seed
@options.output("range-test")
def range_test(model, output, **question):
    """Find a learning rate in one run.

    The rate grows geometrically from very low to too high; the error over the last
    tenth of the run says which rates learn, and which are too much.
    """
    quiet()
    present(lab.range_test(model, **question), model, output)


@click.command()
@options.model()
@click.option(
    "--rates",
    type=options.Rates(),
    default="1e-5:1e-2:9",
    help="The learning rates, with commas: numbers, low:high:number, or auto.",
)
@click.option(
    "--schedule",
    help='A schedule with {} for the rate, such as "CosineDecay({}, 10)".  '
    "[default: the rate stays]",
)
@options.learning()
@options.test
@options.seeds
@options.simulator
@options.jobs
@options.store
@options.output("sweep")
def sweep(model, rates, schedule, jobs, output, **question):
    """Learn with many rates or schedules, each with several seeds."""
    quiet()
    if schedule is not None:
        if "{}" not in schedule:
            raise click.BadParameter(
                f"{schedule!r} has no {{}} for the rate.", param_hint="'--schedule'"
            )
        rates = [
            r if r == "auto" else expressions.parse(schedule.replace("{}", repr(r)))
            for r in rates
        ]
    with progress() as report:
        found = lab.sweep(model, rates, executor=jobs, progress=report, **question)
    present(found, model, output)


@click.command()
@options.model()
@click.option(
    "--schedule",
    default="Constant({rate:1e-5..1e-2})",
    help="A schedule with ranges {name:low..high} in place of numbers.",
)
@click.option(
    "--optimizer",
    help='An optimizer, such as "RMSProp({tau:0.1..10})", with or without ranges; a '
    "model of your own gets it as its argument 'optimizer'.",
)
@click.option(
    "--trials",
    type=options.count,
    default=30,
    help="Number of trials in all, with those that are in the store.",
)
@options.learning()
@options.test
@options.seeds
@options.store
@click.option("--name", default="nengo-lr", help="The name of the study in the store.")
@click.option(
    "--sampler-seed", type=int, help="A seed that makes what is tried repeatable."
)
@options.output("tune")
def tune(model, schedule, optimizer, trials, output, **question):
    """Tune the parameters of a schedule or an optimizer with Optuna.

    Trials that do worse than most are stopped early.
    """
    quiet()
    templates = {"learning_rate": lab.Template(schedule)}
    if optimizer is not None:
        templates["optimizer"] = lab.Template(optimizer, OPTIMIZERS)
    if not any(template.ranges for template in templates.values()):
        raise click.BadParameter(
            "there is no range such as {rate:1e-5..1e-2} to search.",
            param_hint="'--schedule'",
        )

    def suggest(trial):
        return {key: template(trial) for key, template in templates.items()}

    with progress() as report:
        found = lab.tune(model, suggest, n_trials=trials, progress=report, **question)
    present(found, model, output)


class StableRates(Answer):
    """The stable rates of a model's connections, as a table and a figure.

    Parameters
    ----------
    summary : pandas.DataFrame
        One row for each connection that learns.
    table : pandas.DataFrame
        The fraction of a constant error that is ``left``, by ``connection``, ``rate``
        and ``time``.
    """

    name = "stable-rate"
    summary = table = None
    reason = ""

    def __init__(self, summary, table):
        self.summary, self.table = summary, table

    def plot(self, ax=None):
        """Draw what is left of the error of the first connection."""
        from nengo_lr.lab import plot

        first = self.table["connection"] == self.table["connection"].iloc[0]
        return plot.error_left(self.table[first], ax)


@click.command("stable-rate")
@options.model()
@click.option(
    "--time",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    help="The time in seconds in which a constant error should shrink.",
)
@click.option(
    "--fraction",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.1,
    help="The fraction of a constant error that may be left after that time.",
)
@options.seed
@options.output("stable-rate")
def stable_rate(model, time, fraction, seed, output):
    """Tell the largest stable rate, and one that is fast enough, without a run.

    They follow from the tuning curves, the step and the synapses between the output
    and its error.
    """
    network = lab.make(model, 1e-6, seed, time, 0.0)
    enough = f"{fraction:g} of the error left after {time:g} s"
    rows, parts = [], []
    with nengo.Simulator(network, progress_bar=False) as sim:
        for connection in network.all_connections:
            if connection.learning_rule is None:
                continue
            row = {"connection": str(connection), "largest stable rate": np.nan}
            rows.append({**row, enough: np.nan, "why not": ""})
            try:
                bound = stability.stable_rate(sim, connection)
                rows[-1]["largest stable rate"] = bound
                parts += left_of(sim, connection, bound, max(time, 10 * sim.dt))
                rate = stability.rate_for(sim, connection, time, fraction)
                rows[-1][enough] = rate
            except ValidationError as error:
                rows[-1]["why not"] = str(error)
    summary = pd.DataFrame(rows)
    if not summary["why not"].any():
        del summary["why not"]
    if not parts:
        print_table(summary, title_of(model))
        raise click.ClickException("no connection has a stable rate to tell")
    found = StableRates(summary, pd.concat(parts, ignore_index=True))
    present(found, model, output)


def left_of(sim, connection, bound, end):
    """What is left of a constant error over time, at fractions of the stable rate."""
    times = np.geomspace(sim.dt, end, 200)
    for rate in bound * np.array(FRACTIONS):
        left = stability.error_left(sim, connection, rate, times)
        part = {"connection": str(connection), "rate": rate, "time": times}
        yield pd.DataFrame({**part, "left": left})
