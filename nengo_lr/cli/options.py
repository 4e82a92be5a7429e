"""Types of the values that options and arguments take."""

import tempfile
from pathlib import Path

import click
from nengo.exceptions import ValidationError

from nengo_lr.compare import find_model
from nengo_lr.lab import TaskModel
from nengo_lr.lab.tasks import TASKS
from nengo_lr.schedules import expressions


class Names(click.ParamType):
    """One or more names, separated by commas.

    Parameters
    ----------
    choices : sequence of str
        The names that are allowed.
    """

    name = "names"

    def __init__(self, choices):
        self.choices = list(choices)

    def get_metavar(self, param, ctx=None):
        return ",".join(self.choices)

    def convert(self, value, param, ctx):
        names = value.split(",")
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


def learning_model(command):
    """Let a command take a task or a user's own model function."""
    task = click.option(
        "--task",
        type=click.Choice(list(TASKS)),
        default="comm",
        help="What is learned.",
    )
    model = click.option(
        "--model",
        help="Use a model of your own instead: module:function. The function gets the "
        "learning rate and returns a network with a scheduled rule, and with a Probe "
        "of the error as its attribute 'error'.",
    )
    return task(model(command))


def model_function(task, model):
    """The model function that these options mean."""
    return TaskModel(task) if model is None else find_model(model)
