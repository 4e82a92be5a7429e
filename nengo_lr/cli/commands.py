"""The commands of ``nengo-lr``."""

import click

import nengo_lr
from nengo_lr.cli.compare import compare
from nengo_lr.cli.examples import examples
from nengo_lr.cli.range_test import range_test
from nengo_lr.cli.schedules import plot, schedules
from nengo_lr.cli.search import search
from nengo_lr.cli.stable_rate import stable_rate
from nengo_lr.cli.sweep import sweep


@click.group(
    name="nengo-lr",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.version_option(nengo_lr.__version__, message="nengo-lr %(version)s")
@click.pass_context
def commands(context):
    """Learning rates that change while a Nengo model runs."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in (
    compare,
    range_test,
    sweep,
    search,
    stable_rate,
    schedules,
    plot,
    examples,
):
    commands.add_command(command)
