"""Where a sweep keeps what it has finished."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from nengo.exceptions import ValidationError

from nengo_lr.search.contract import describe
from nengo_lr.search.runs import Score

__all__ = ["Store"]

TABLE = """
CREATE TABLE IF NOT EXISTS runs (
    model TEXT, simulator TEXT, duration REAL, test REAL, dt REAL, rate TEXT,
    seed INTEGER, error REAL, failure TEXT,
    PRIMARY KEY (model, simulator, duration, test, dt, rate, seed)
)
"""

SWEEP = "model = ? AND simulator = ? AND duration = ? AND test = ? AND dt = ?"

PATIENCE = 60.0
"""How many seconds to wait while another process writes."""


@dataclass(frozen=True)
class Store:
    """The finished runs of one sweep in an SQLite file, which may hold other sweeps.

    A run is known by the name of its model function, its rate's ``repr`` and all other
    settings. If the function changes, use another file.

    Parameters
    ----------
    file : str or path-like
        Made where it does not exist.
    plan : Plan
        What all runs of the sweep have in common.
    simulator : str
        Where they run.
    """

    file: Path
    plan: object
    simulator: str

    def __post_init__(self):
        self.execute(TABLE)

    @property
    def sweep(self):
        """What tells this sweep from others, as a tuple."""
        plan = self.plan
        settings = plan.duration, plan.test, plan.dt
        return (describe(plan.model), self.simulator, *map(float, settings))

    def load(self):
        """The Scores of all finished runs, by the rate's repr and the seed."""
        query = f"SELECT rate, seed, error, failure FROM runs WHERE {SWEEP}"
        return {
            (rate, seed): Score(np.nan if error is None else error, failure)
            for rate, seed, error, failure in self.execute(query, self.sweep)
        }

    def save(self, rate, seed, score):
        """Keep the Score of a run at once."""
        row = (*self.sweep, repr(rate), seed, score.error, score.failure)
        marks = ", ".join("?" * len(row))
        self.execute(f"INSERT OR REPLACE INTO runs VALUES ({marks})", row)

    def execute(self, command, values=()):
        """Carry out one command of SQL in a transaction of its own."""
        try:
            with closing(sqlite3.connect(self.file, timeout=PATIENCE)) as connection:
                with connection:
                    return connection.execute(command, values).fetchall()
        except sqlite3.Error as error:
            raise ValidationError(
                f"cannot use {str(self.file)!r} to keep runs in: {error}", "store"
            ) from None
