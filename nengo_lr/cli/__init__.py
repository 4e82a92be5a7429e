"""The command ``nengo-lr``."""

import sys

from nengo.exceptions import NengoException

__all__ = ["main"]

EXTRA = ("click", "matplotlib", "pandas", "rich")
"""Packages that the command needs beside what the library needs."""

FAILURE = 2
"""Exit code where the input is at fault."""


def main(arguments=None):
    """Run the command; what is wrong with its input becomes one line on stderr.

    Parameters
    ----------
    arguments : list of str, optional
        By default those of the process.
    """
    try:
        import click

        from nengo_lr.cli.commands import commands

        try:
            sys.exit(commands.main(arguments, "nengo-lr", standalone_mode=False))
        except click.ClickException as error:
            fail(error.format_message())
        except click.Abort:
            fail("interrupted")
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package == "optuna":
            fail(error)
        if package not in EXTRA:
            raise
        fail(f"{package} is not installed; pip install 'nengo-lr[cli]'")
    except NengoException as error:
        fail(error)
    except OSError as error:
        fail(f"{error.strerror}: {error.filename}" if error.filename else error)
    except MemoryError as error:
        fail(f"there is not enough memory {error}")


def fail(message):
    """Print one line to stderr and exit."""
    print("nengo-lr:", " ".join(str(message).split()), file=sys.stderr)
    sys.exit(FAILURE)
