"""The commands that show schedules without running a model."""

import inspect
import textwrap

import click

from nengo_lr.schedules import expressions


@click.command()
def schedules():
    """List every schedule with its parameters; all times are seconds."""
    for name, cls in expressions.catalogue().items():
        click.echo(f"{name}{inspect.signature(cls)}")
        click.echo(f"    {inspect.getdoc(cls).splitlines()[0].replace('``', '')}")
    click.echo('Draw one: nengo-lr plot "Warmup(CosineDecay(1e-3, 10), 1)"')


@click.command(
    epilog='For instance: nengo-lr plot "CosineDecay(1e-3, 10) * 0.5" --output half.svg'
)
@click.argument("expression")
@click.option(
    "--duration",
    type=click.FloatRange(min=0, min_open=True),
    default=20.0,
    help="Length of the time to draw, in seconds.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, writable=True),
    default="schedule.png",
    help="The file to draw to; its ending says in which format.",
)
def plot(expression, duration, output):
    """Draw the schedule that EXPRESSION describes to a file.

    It holds names of schedules, numbers and lists, the operators * and +, and methods
    such as .between(2, 8). It is read, and never run as Python code.
    """
    from nengo_lr.lab import plot

    ax = plot.schedule(expressions.parse(expression), duration)
    ax.set_title(textwrap.fill(expression, 80), loc="left", fontsize="medium")
    try:
        plot.save(ax.figure, output)
    except ValueError as error:  # a format that matplotlib does not know
        raise click.BadParameter(str(error), param_hint="'--output'") from None
    click.echo(f"wrote {output}")
