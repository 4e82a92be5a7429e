"""The commands of ``nengo-lr``."""

import os

import click

import nengo_lr
from nengo_lr.cli import learning
from nengo_lr.cli.examples import examples
from nengo_lr.cli.schedules import plot, schedules


@click.group(
    name="nengo-lr",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.version_option(nengo_lr.__version__, message="nengo-lr %(version)s")
@click.pass_context
def commands(context):
    """Learning rates that change while a Nengo model runs."""
    os.environ.setdefault("MPLBACKEND", "agg")
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in (
    learning.compare,
    learning.range_test,
    learning.sweep,
    learning.tune,
    learning.stable_rate,
    schedules,
    plot,
    examples,
):
    commands.add_command(command)
