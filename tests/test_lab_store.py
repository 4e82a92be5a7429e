"""Stores that are damaged, and stores that several processes use."""

import sqlite3

import numpy as np
import pytest
from lab_helpers import exact
from nengo.exceptions import ValidationError

import nengo_lr as nlr
from nengo_lr.lab import Score, Trial
from nengo_lr.lab.store import Store

N_FILES = 100
"""A thousand were tried once."""


def trials():
    rates = [1e-5, 1e-4, nlr.CosineDecay(1e-3, 1.0)]
    return [
        Trial(exact, rate, 0.1, seed=seed, record=("weights",))
        for rate in rates
        for seed in (0, 1)
    ]


SCORES = [
    Score(0.1 * i, 0.2, np.nan, "", {"weights": np.arange(50.0) + i}) for i in range(5)
] + [Score(failure="SimulationError: overflow")]


def same(score, other):
    return (
        np.array_equal(score[:3], other[:3], equal_nan=True)
        and score.failure == other.failure
        and score.data.keys() == other.data.keys()
        and all(np.array_equal(score.data[k], other.data[k]) for k in score.data)
    )


@pytest.fixture
def file(tmp_path):
    store = Store(tmp_path / "trials.sqlite")
    for trial, score in zip(trials(), SCORES):
        store.save(trial, score)
    return tmp_path / "trials.sqlite"


def test_scores_come_back_as_they_were(file):
    store = Store(file)
    for trial, score in zip(trials(), SCORES):
        assert same(store.load(trial), score)


@pytest.mark.parametrize("change", ["learning", "test", "dt", "seed", "rate", "record"])
def test_every_setting_counts(file, change):
    values = {"learning": 0.2, "test": 0.1, "dt": 5e-4, "seed": 7, "rate": 2e-5}
    values["record"] = ()
    first = trials()[0]
    changed = {**vars(first), change: values[change]}
    assert Store(file).load(Trial(**changed)) is None
    # but not in what form a number is written
    again = Trial(exact, np.float64(1e-5), 0.1, 0, np.int64(0), record=("weights",))
    assert same(Store(file).load(again), SCORES[0])


def test_damaged_files_are_refused_or_their_trials_run_again(file):
    """Files with some bytes changed: no score is ever another."""
    rng = np.random.RandomState(0)
    good, outcomes = file.read_bytes(), {"same": 0, "missing": 0, "refused": 0}
    for _ in range(N_FILES):
        bad = bytearray(good)
        for place in rng.randint(len(good), size=rng.randint(1, 9)):
            bad[place] = rng.randint(256)
        if rng.rand() < 0.2:
            bad = bad[: rng.randint(len(bad))]
        file.write_bytes(bad)
        try:
            store = Store(file)
            found = [store.load(trial) for trial in trials()]
        except ValidationError:
            outcomes["refused"] += 1
            continue
        for score, expected in zip(found, SCORES):
            assert score is None or same(score, expected)
        outcomes["missing" if None in found else "same"] += 1
    assert min(outcomes.values()) > 0


@pytest.mark.parametrize(
    "content", [b"", b"not a database", b"SQLite format 3\x00" + bytes(100)]
)
def test_files_that_are_no_store(tmp_path, content):
    file = tmp_path / "trials.sqlite"
    file.write_bytes(content)
    if content:
        with pytest.raises(ValidationError, match="cannot use"):
            Store(file)
    else:  # as a temporary file is
        assert Store(file).load(trials()[0]) is None


def test_tables_of_others(tmp_path):
    file = tmp_path / "trials.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE trials (name TEXT)")
    with pytest.raises(ValidationError, match="no such column"):
        Store(file).load(trials()[0])
