"""Where finished trials are kept, so that none is run twice."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from dataclasses import fields
from os import PathLike, fspath

import nengo
import numpy as np
from nengo.exceptions import ValidationError

from nengo_lr.builder.hosts import announced_packages
from nengo_lr.lab.identity import Walk, hashed
from nengo_lr.lab.models import describe
from nengo_lr.lab.trials import Score, StoreError, Trial
from nengo_lr.version import version

__all__ = ["Store"]

TABLE = """
CREATE TABLE IF NOT EXISTS trials (
    key TEXT PRIMARY KEY, model TEXT, rate TEXT, learning REAL, test REAL, seed INTEGER,
    dt REAL, simulator TEXT, error REAL, learning_error REAL, target REAL, failure TEXT,
    data BLOB, digest TEXT
)
"""

PATIENCE = 60.0
"""How many seconds to wait while another process writes."""


class Store:
    """Finished trials in an SQLite file, which several processes may use at once.

    A trial is known by all that it is made of: the settings, the versions of nengo_lr,
    Nengo and the simulator, and the model function with all that it holds; see
    `.identity.digest`. Code of other modules that it calls does not count: where that
    changes, use another file.

    Parameters
    ----------
    file : str or path-like
        Made where it does not exist.

    Raises
    ------
    ValidationError
        If it is no such file, or cannot be used.
    """

    def __init__(self, file: str | PathLike):
        try:
            self.file = fspath(file)
        except TypeError:
            raise ValidationError(
                f"must be the name of a file (got {file!r})", "store"
            ) from None
        self.walk = Walk()
        self.execute(TABLE)

    def key(self, trial: Trial) -> str:
        """What tells a trial from others."""
        values = [getattr(trial, field.name) for field in fields(trial)]
        versions = version, nengo.__version__, announced_packages().get(trial.simulator)
        return self.walk.digest((*versions, *map(in_one_type, values)))

    def load(self, trial: Trial) -> Score | None:
        """The Score of a trial, or None if it is not finished."""
        rows = self.execute(
            "SELECT error, learning_error, target, failure, data, digest FROM trials "
            "WHERE key = ?",
            (self.key(trial),),
        )
        if not rows:
            return None
        *values, digest = rows[0]
        if digest != hashed(self.key(trial), *values):
            raise self.refusal(f"the trial with rate {trial.rate} is damaged")
        # SQLite keeps NaN as NULL
        error, learning_error, target = (
            np.nan if number is None else number for number in values[:3]
        )
        return Score(error, learning_error, target, values[3], unpacked(values[4]))

    def save(self, trial: Trial, score: Score) -> None:
        """Keep the Score of a trial at once."""
        *errors, failure, data = score
        numbers = [None if np.isnan(error) else float(error) for error in errors]
        key, values = self.key(trial), (*numbers, failure, packed(data))
        row = (
            *(key, describe(trial.model), repr(trial.rate)),
            *(float(trial.learning), float(trial.test), trial.seed, float(trial.dt)),
            *(trial.simulator, *values, hashed(key, *values)),
        )
        marks = ", ".join("?" * len(row))
        self.execute(f"INSERT OR REPLACE INTO trials VALUES ({marks})", row)

    def check_writable(self) -> None:
        """Refuse a file that cannot be written to, before anything runs for it."""
        self.execute("BEGIN IMMEDIATE")

    def execute(self, command, values=()):
        """Carry out one command of SQL in a transaction of its own."""
        try:
            with closing(sqlite3.connect(self.file, timeout=PATIENCE)) as connection:
                with connection:
                    return connection.execute(command, values).fetchall()
        except (sqlite3.Error, UnicodeError) as error:
            raise self.refusal(error) from None

    def refusal(self, reason):
        """The error for a file that cannot be used."""
        return StoreError(
            f"cannot use {self.file!r} to keep trials in: {reason}", "store"
        )


def in_one_type(value):
    """A number as a float, since 1 and 1.0 make the same trial."""
    is_number = isinstance(value, (int, np.number)) and not isinstance(value, bool)
    return float(value) if is_number else value


def packed(data):
    """Arrays by name as bytes, or None if there are none."""
    if not data:
        return None
    buffer = io.BytesIO()
    np.savez(buffer, **data)
    return buffer.getvalue()


def unpacked(data):
    """The arrays by name that were `packed`."""
    if data is None:
        return {}
    with np.load(io.BytesIO(data)) as arrays:
        return dict(arrays)
