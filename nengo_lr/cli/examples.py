"""The command that tells which examples there are, and where."""

import re
import site
import sysconfig
from pathlib import Path

import click
import pandas as pd

import nengo_lr
from nengo_lr.cli.output import print_table

TITLE = re.compile(r"# %% \[markdown\]\n# # (.+)")
"""How an example begins; files in their folder that do not are what they import."""

INSTALLED = "share/nengo_lr/examples"
"""Where setup.cfg puts them when the package is installed, below Python's folder."""


@click.command()
def examples():
    """List the examples, and where they are."""
    folder = find_folder()
    rows = [(file.name, title) for file, title in titles(folder).items()]
    print_table(pd.DataFrame(rows, columns=["example", "what it is about"]))
    click.echo(f"They are in {folder}")
    click.echo(f"Run one: python {folder / 'scheduled_pes.py'}")


def find_folder():
    """The folder with the examples, of a clone or of the installed package."""
    clone = Path(nengo_lr.__file__).parents[1]
    if (clone / "pyproject.toml").exists():
        return clone / "examples"
    for base in (sysconfig.get_path("data"), site.getuserbase()):
        if (installed := Path(base, INSTALLED)).exists():
            return installed
    raise click.ClickException(
        "the examples were not installed with nengo_lr; its source has them"
    )


def titles(folder):
    """The title of each example in a folder: a dict of Path to str."""
    scripts = sorted(folder.glob("*.py"))
    found = {file: TITLE.match(file.read_text()) for file in scripts}
    return {file: title[1] for file, title in found.items() if title}
