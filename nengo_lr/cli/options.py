"""The options that commands share, and the types of their values."""

import tempfile
from functools import partial
from pathlib import Path

import click
import numpy as np
from click.core import ParameterSource
from nengo.exceptions import ValidationError

from nengo_lr.builder.hosts import hosts, missing_hosts
from nengo_lr.lab import TASKS, TaskModel, find_model
from nengo_lr.lab.tasks import LEARNING, TEST
from nengo_lr.schedules import expressions

SIMULATORS = [*hosts(), *missing_hosts()]
"""The names of all simulators; one that is missing gets an error of its own."""


# --- types


class Names(click.ParamType):
    """One or more different names, separated by commas.

    Parameters
    ----------
    choices : sequence of str
        The names that are allowed.
    """

    name = "names"

    def __init__(self, choices):
        self.choices = list(choices)

    def get_metavar(self, param, ctx=None):
        return "NAMES"

    def convert(self, value, param, ctx):
        names = value.split(",") if isinstance(value, str) else list(value)
        for name in names:
            if name not in self.choices:
                known = ", ".join(self.choices)
                self.fail(f"{name!r} is not one of {known}.", param, ctx)
        return names


class Seeds(click.ParamType):
    """Numbers and ranges, separated by commas, like ``0,3`` or ``0-4``."""

    name = "seeds"

    def convert(self, value, param, ctx):
        seeds = []
        try:
            for part in value.split(","):
                first, _, last = part.partition("-")
                seeds.extend(range(int(first), int(last or first) + 1))
        except ValueError:
            self.fail(f"{value!r} is not like 0,3 or 0-4.", param, ctx)
        if not seeds or len(set(seeds)) < len(seeds) or max(seeds) >= 2**32:
            self.fail(f"{value!r} is not a set of seeds like 0,3 or 0-4.", param, ctx)
        return seeds


class Rates(click.ParamType):
    """Rates like ``1e-4,auto``, or ``1e-6:1e-2:9``: nine, from low to high."""

    name = "rates"

    def convert(self, value, param, ctx):
        rates = []
        try:
            for part in value.split(","):
                if part == "auto":
                    rates.append(part)
                elif ":" in part:
                    low, high, number = part.split(":")
                    rates += np.geomspace(float(low), float(high), int(number)).tolist()
                else:
                    rates.append(float(part))
        except ValueError:
            self.fail(
                f"{value!r} is not like 1e-4,1e-3,auto or 1e-6:1e-2:9.", param, ctx
            )
        return rates


class ScheduleText(click.ParamType):
    """A schedule, read and never evaluated."""

    name = "schedule"

    def convert(self, value, param, ctx):
        try:
            return expressions.parse(value)
        except ValidationError as error:
            self.fail(error.args[0], param, ctx)


class OutputFolder(click.ParamType):
    """A folder that can be written to; it is made where it does not exist."""

    name = "folder"

    def convert(self, value, param, ctx):
        folder = Path(value)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            self.fail(f"cannot write to {value!r}: {error.strerror}.", param, ctx)
        return folder


# --- options

count = click.IntRange(min=1)

seeds = click.option(
    "--seeds",
    type=Seeds(),
    default="0-2",
    help="Seeds of the model, such as 0,3 or 0-4; each gets a trial of its own.",
)
seed = click.option(
    "--seed", type=click.IntRange(min=0), default=0, help="Seed of the model."
)
learning = partial(
    click.option,
    "--learning",
    type=float,
    default=LEARNING,
    help="Length of the learning phase in seconds.",
)
test = click.option(
    "--test",
    type=float,
    default=TEST,
    help="Length of the test after it in seconds, with a rate of 0.",
)
simulator = click.option(
    "--simulator",
    type=click.Choice(SIMULATORS),
    default="nengo",
    help="The simulator to run on; one with minibatches runs all rates together.",
)
simulators = click.option(
    "--simulators",
    type=Names(SIMULATORS),
    help=f"The simulators to run on, with commas: {', '.join(SIMULATORS)}.  "
    "[default: all that are installed]",
)
jobs = click.option(
    "--jobs", type=count, help="Number of processes.  [default: one for each core]"
)
store = click.option(
    "--store",
    type=click.Path(dir_okay=False),
    help="An SQLite file that keeps finished trials, so that none is run twice.",
)


def output(command):
    """The option of a command for the folder of its results."""
    return click.option(
        "--output",
        type=OutputFolder(),
        default=f"nengo-lr-{command}",
        help="Folder for the tables (CSV) and the figure (PNG).",
    )


def model(task="comm"):
    """The options for a task or a user's own model, as one argument ``model``."""

    def decorate(command):
        options = [
            click.option(
                "--task",
                type=click.Choice(list(TASKS)),
                default=task,
                is_eager=True,
                metavar="TASK",
                help=f"The task that the model learns: {', '.join(TASKS)}.",
            ),
            click.option(
                "--model",
                callback=find,
                metavar="MODULE:FUNCTION",
                help="A model of your own instead: a function that gets the learning "
                "rate, and returns a network with a scheduled rule and with a Probe of "
                "the error as its attribute 'error'.",
            ),
        ]
        for option in options:
            command = option(command)
        return command

    return decorate


def find(context, parameter, value):
    """The model function that the options --task and --model mean."""
    task = context.params.pop("task")
    if value is None:
        return TaskModel(task)
    if context.get_parameter_source("task") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--task does not go with --model")
    return find_model(value)
