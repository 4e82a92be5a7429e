"""The commands that show schedules without running a model."""

import inspect
import os
import textwrap

import click
from rich import box
from rich.console import Console
from rich.table import Table

from nengo_lr.schedules import expressions


@click.command()
def schedules():
    """List every schedule."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("schedule", style="bold", no_wrap=True)
    table.add_column("what it is")
    for name, cls in expressions.catalogue().items():
        summary = inspect.getdoc(cls).partition("\n")[0]
        table.add_row(name, summary.replace("``", ""))
    console = Console(highlight=False)
    console.print(table)
    console.print('Draw one: nengo-lr plot "Warmup(CosineDecay(1e-3, 10), 1)"')


@click.command()
@click.argument("expression")
@click.option(
    "--duration",
    type=click.FloatRange(min=0, min_open=True),
    default=20.0,
    help="Until when to draw, in seconds.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, writable=True),
    default="schedule.png",
    help="The file to draw to; its ending says in which format.",
)
def plot(expression, duration, output):
    r"""Draw the schedule that EXPRESSION describes to a file.

    It holds names of schedules, numbers and lists, the operators * and +,
    and methods such as .between(2, 8). It is read, and never run as Python code.

    \b
    nengo-lr plot "Warmup(CosineDecay(1e-3, 10), 1)"
    nengo-lr plot "ExponentialDecay(1e-3, 5).repeated(4) * 0.5" --output saw.svg
    """
    os.environ.setdefault("MPLBACKEND", "agg")
    from nengo_lr.lab import plot

    ax = plot.schedule(expressions.parse(expression), duration)
    ax.set_title(textwrap.fill(expression, 80), loc="left", fontsize="medium")
    try:
        plot.save(ax.figure, output)
    except ValueError as error:  # a format that matplotlib does not know
        raise click.BadParameter(str(error), param_hint="'--output'") from None
    click.echo(f"wrote {output}")
