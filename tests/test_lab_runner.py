"""Trials end cleanly, whatever ends them, and what is finished is kept."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import nengo
import numpy as np
import pytest
from helpers import obey_permissions
from lab_helpers import SLOW, exact, is_refused, run_command, seeded
from nengo.exceptions import ValidationError

import nengo_lr as nlr
from nengo_lr.lab import TaskModel, Trial, run_trials, sweep

pytestmark = pytest.mark.filterwarnings("ignore:sweep:UserWarning")

SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from lab_helpers import slow_for_large_rates
from nengo_lr.lab import sweep

def tell(done, total):
    print(done, flush=True)

if __name__ == "__main__":
    rates = [1e-5, 2e-5, 1e-3, 2e-3]
    options = dict(executor={executor!r}, store={store!r}, progress=tell)
    sweep(slow_for_large_rates, rates, 0.05, **options)
"""


COMPARISON = """
import sys
sys.path.insert(0, {tests!r})
from lab_helpers import slow_for_large_seeds
from nengo_lr.lab import compare

def tell(done, total):
    print(done, flush=True)

if __name__ == "__main__":
    what = dict(methods=["scheduled"], seeds=[0, 1, 7, 8], simulators=["nengo"])
    where = dict(executor={executor!r}, store={store!r}, progress=tell)
    compare(slow_for_large_seeds, learning=0.1, test=0.1, **what, **where)
"""


def start(tmp_path, executor, script=SCRIPT):
    """Start trials of which the last never end; returns when others have."""
    code = script.format(
        tests=str(Path(__file__).parent),
        executor=executor,
        store=str(tmp_path / "trials.sqlite"),
    )
    script, store = tmp_path / "script.py", tmp_path / "trials.sqlite"
    script.write_text(code)
    process = subprocess.Popen(
        [sys.executable, script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, SLOW: "yes"},
    )
    while process.stdout.readline().strip() != b"2":
        assert process.poll() is None, process.stderr.read().decode()
    time.sleep(0.5)  # the next trials have begun
    return process, store


def wait_for_the_end_of_all(process):
    """Wait until no process of a session is left."""
    for _ in range(200):
        process.poll()
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    raise AssertionError("a process is left")


def n_finished(store):
    return sqlite3.connect(store).execute("SELECT count(*) FROM trials").fetchone()[0]


@pytest.mark.parametrize("executor", ["serial", 2])
@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, 128 + signal.SIGTERM),
        (signal.SIGINT, -signal.SIGINT),
        (signal.SIGKILL, -signal.SIGKILL),
    ],
)
def test_signals_end_all_processes_and_lose_nothing(tmp_path, number, code, executor):
    process, store = start(tmp_path, executor)
    process.send_signal(number)
    assert process.wait(timeout=60) == code
    wait_for_the_end_of_all(process)
    assert n_finished(store) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_signals_end_a_comparison(tmp_path, number):
    process, store = start(tmp_path, 2, COMPARISON)
    process.send_signal(number)
    process.wait(timeout=60)
    wait_for_the_end_of_all(process)
    assert n_finished(store) == 2


def test_a_signal_to_all_processes_at_once(tmp_path):
    """As a terminal and batch systems send it."""
    process, store = start(tmp_path, 2)
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(timeout=60) != 0
    wait_for_the_end_of_all(process)
    assert n_finished(store) == 2


def test_handlers_of_others_stay():
    def handler(*args):
        pass

    before = signal.signal(signal.SIGTERM, handler)
    try:
        sweep(seeded, [1e-4], 0.01, executor="serial")
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, before)
    sweep(seeded, [1e-4], 0.01, executor="serial")
    assert signal.getsignal(signal.SIGTERM) is before


class SmallDisk(sqlite3.Connection):
    """A connection to a file that may have no more than 32 kB."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.execute("PRAGMA max_page_count = 8")


def test_a_full_disk(tmp_path, monkeypatch):
    """What is finished stays, and what could not be kept is run again."""
    rates = [1e-5, 2e-5, 3e-5, 4e-5, 5e-5]
    trials = [Trial(exact, rate, 0.05, record=("weights",)) for rate in rates]
    options = {"executor": "serial", "store": tmp_path / "trials.sqlite"}
    done = []
    with monkeypatch.context() as patch:
        patch.setattr("sqlite3.connect", partial(sqlite3.connect, factory=SmallDisk))
        with pytest.raises(ValidationError, match="full"):
            run_trials(trials, progress=lambda n, _: done.append(n), **options)
    assert done == list(range(len(done)))
    assert 1 < len(done) <= len(rates)
    resumed = []
    scores = run_trials(trials, progress=lambda n, _: resumed.append(n), **options)
    assert resumed == list(range(done[-1], len(rates) + 1))
    assert [s.error for s in scores] == [trial.run().error for trial in trials]


COMMANDS = {
    "sweep": ["--rates", "1e-4,2e-4,3e-4,4e-4"],
    "compare": ["--methods", "scheduled,node", "--simulators", "nengo"],
}


def command(tmp_path, name):
    """A store in a folder of its own, and a function that runs a command with it."""
    store = tmp_path / "kept" / "trials.sqlite"
    store.parent.mkdir()
    times = "--learning", "0.1", "--test", "0.1", "--seeds", "0-3", "--jobs", "2"
    arguments = name, *times, *COMMANDS[name], "--store", store, "--output", "found"
    return store, partial(run_command, tmp_path, *arguments)


def rows(store):
    return sqlite3.connect(store).execute("SELECT * FROM trials").fetchall()


def test_a_full_disk_ends_a_command_with_one_line(tmp_path):
    store, run = command(tmp_path, "compare")
    assert is_refused(run(limit=4096))  # not even the table fits
    assert is_refused(run(limit=20_480))
    before = rows(store)
    assert before
    assert run().returncode == 0
    assert rows(store)[: len(before)] == before


@pytest.mark.skipif(sys.platform != "linux", reason="root may write everywhere")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_read_only_folder_ends_a_command_with_one_line(tmp_path, name):
    store, run = command(tmp_path, name)
    store.parent.chmod(0o500)
    assert is_refused(run(preexec_fn=obey_permissions))
    assert not list(store.parent.iterdir())


@pytest.mark.parametrize("error", [OSError, MemoryError])
def test_what_is_wrong_with_the_machine_is_no_score(tmp_path, error):
    """It would stay in the store, and the trial would never be run again."""
    flag, store = tmp_path / "broken", tmp_path / "trials.sqlite"

    def model(learning_rate):
        if learning_rate > 2e-4 and flag.exists():
            raise error("no space left")
        return exact(learning_rate)

    flag.touch()
    trials = [Trial(model, rate, 0.05) for rate in (1e-4, 2e-4, 3e-4)]
    with pytest.raises(error, match="no space left"):
        run_trials(trials, "serial", store)
    assert n_finished(store) == 2
    flag.unlink()
    done = []
    scores = run_trials(trials, "serial", store, lambda n, _: done.append(n))
    assert done == [2, 3]
    assert not any(score.failure for score in scores)


@pytest.mark.parametrize("name", ["/proc/trials.sqlite", "/no/where/trials.sqlite"])
def test_a_folder_that_cannot_be_written_to(name):
    """It is refused before anything runs."""
    calls = []

    def model(learning_rate):
        calls.append(learning_rate)
        return exact(learning_rate)

    with pytest.raises(ValidationError, match="cannot use"):
        sweep(model, [1e-4], 0.1, executor="serial", store=name)
    assert not calls


def test_a_finished_store_can_be_read_where_it_cannot_be_written(tmp_path):
    store = tmp_path / "trials.sqlite"
    found = sweep(seeded, [1e-4], 0.05, executor="serial", store=store)
    store.chmod(0o444)
    again = sweep(seeded, [1e-4], 0.05, executor="serial", store=store)
    assert again.table.equals(found.table)
    if os.geteuid():  # root may write all the same
        with pytest.raises(ValidationError, match="readonly"):
            sweep(seeded, [1e-3], 0.05, executor="serial", store=store)


def test_iterables_are_read_once():
    rates, seeds = (1e-4 * i for i in (1, 2)), (i for i in range(2))
    found = sweep(seeded, rates, 0.02, seeds=seeds, executor="serial")
    assert found.errors.shape == (2, 2)
    found = sweep(seeded, [1e-4], 0.02, seeds=np.arange(2), executor="serial")
    assert found.seeds == (0, 1)
    scores = run_trials(Trial(seeded, r, 0.02, seed=0) for r in (1e-4, 1e-3))
    assert len(scores) == 2


def test_times_of_a_task_are_those_of_the_trial():
    trial = Trial(TaskModel("comm"), 1e-3, learning=0.3, test=0.2, seed=1)
    network = trial.make()
    assert len(network.stimulus.output.inputs) == 500
    assert network.connection.learning_rule_type.learning_rate == (
        nlr.Constant(1e-3).between(0, 0.3)
    )


def two_dimensional(learning_rate):
    """Two constant errors, of 3 and 4, that do not depend on what is learned."""
    network = exact(learning_rate)
    with network:
        network.error = nengo.Probe(nengo.Node([3.0, 4.0]))
        network.test_error = None
        network.target = None
    return network


def test_the_error_is_a_mean_over_time_and_dimensions():
    score = Trial(two_dimensional, 1e-4, 0.05).run()
    assert score.error == score.learning_error == np.sqrt((9 + 16) / 2)
    both = partial(with_probes, two_dimensional)
    assert Trial(both, 1e-4, 0.05).run().error == np.sqrt((9 + 16 + 9 + 16) / 4)


def with_probes(model, learning_rate):
    network = model(learning_rate)
    network.error = [network.error, network.error]
    return network


def test_a_trial_records_what_it_is_asked_to(tmp_path):
    trial = Trial(exact, 1e-4, 0.05, record=("weights", "error"))
    (first,) = run_trials([trial], store=tmp_path / "trials.sqlite")
    assert first.data["weights"].shape == (50, 20)
    (again,) = run_trials([trial], store=tmp_path / "trials.sqlite")
    assert np.array_equal(again.data["error"], first.data["error"])


def sampled_seldom(learning_rate):
    network = exact(learning_rate)
    network.error.sample_every = 1.0
    return network


@pytest.mark.parametrize(
    ("trial", "words"),
    [
        (Trial(exact, 1e-4, 0.05, record=("bogus",)), "no Probe 'bogus' to record"),
        (Trial(sampled_seldom, 1e-4, 0.05), "no sample in the whole trial"),
    ],
)
def test_probes_that_cannot_be_read(trial, words):
    assert words in trial.run().failure


def test_a_law_learns_and_stops_in_the_test():
    law = nlr.ErrorDriven(1e-4, 1e-3, scale=1.0)
    trial = Trial(exact, law, 0.1, 0.05, record=("weights",))
    score = trial.run()
    assert not score.failure
    weights = score.data["weights"]
    assert np.any(np.diff(weights[:100], axis=0))
    assert not np.any(np.diff(weights[101:], axis=0))
