import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path

import matplotlib
import nengo
import numpy as np
import pytest
from lab_helpers import TARGET, exact, growth, seeded
from nengo.exceptions import SimulationError, ValidationError

import nengo_lr as nlr
from nengo_lr.builder import hosts
from nengo_lr.lab import TaskModel, Trial, sweep
from nengo_lr.lab.minibatch import Minibatch

pd = pytest.importorskip("pandas")
matplotlib.use("agg")

pytestmark = pytest.mark.filterwarnings("ignore:(divide by|invalid value)")

RATES = [1e-5, 1e-4, 1e-3]


def quick(model=seeded, rates=RATES, learning=0.1, **options):
    return sweep(model, rates, learning, **{"executor": "serial", **options})


def test_errors_are_those_of_the_recursion():
    """A constant error is multiplied by 1 - g in every step, and read in the end."""
    found = quick(exact, learning=1.0)
    g = growth(np.array(RATES))
    steps = np.arange(800, 1000)
    expected = TARGET * np.sqrt(np.mean((1 - g[:, None]) ** (2 * steps), axis=1))
    assert np.allclose(found.errors[:, 0], expected, rtol=1e-9)


def test_nothing_is_learned_in_the_test():
    found = quick(exact, learning=0.3, test=0.2)
    expected = TARGET * (1 - growth(np.array(RATES))) ** 299
    assert np.allclose(found.errors[:, 0], expected, rtol=1e-9)


def test_table_and_best():
    found = quick(seeds=[0, 5])
    table = found.table
    columns = ["rate", "seed", "error", "learning_error", "failure"]
    assert list(table.columns) == columns
    assert list(table["rate"]) == [1e-5, 1e-5, 1e-4, 1e-4, 1e-3, 1e-3]
    assert list(table["seed"]) == [0, 5] * 3
    assert set(table["failure"]) == {""}
    alone = quick(rates=[1e-4], seeds=[5])
    assert table["error"][3] == alone.table["error"][0]
    medians = table.groupby("rate")["error"].median()
    assert found.best == medians.idxmin() == 1e-3


def test_schedules():
    schedules = [nlr.ExponentialDecay(1e-3, tau) for tau in (0.01, 10.0)]
    found = quick(rates=[*schedules, 1e-7])
    assert found.best is schedules[1]
    assert list(found.table["rate"][:2]) == list(map(repr, schedules))


def fails_with_large_rates(learning_rate):
    if not isinstance(learning_rate, float) or learning_rate > 5e-4:
        raise ArithmeticError("too large for me")
    return seeded(learning_rate, 0)


def test_a_failing_run_does_not_stop_the_others():
    found = quick(fails_with_large_rates)
    assert list(np.isnan(found.errors[:, 0])) == [False, False, True]
    assert found.table["failure"][2] == "ArithmeticError: too large for me"
    assert found.best == 1e-4
    found = quick(rates=[1e-4, 10.0], learning=0.5)
    assert "overflow" in found.table["failure"][1]
    with pytest.raises(SimulationError, match="at no rate do half"):
        _ = quick(fails_with_large_rates, rates=[1e-3]).best


def test_executors_agree():
    serial = quick().table
    with ThreadPoolExecutor(2) as threads:
        for executor in (threads, None):
            assert quick(executor=executor).table.equals(serial)


def without_the_package():
    """Let every import of the package fail in a worker."""
    sys.modules["nengo_lr"] = sys.modules["nengo_lr.lab"] = None


@pytest.mark.parametrize(
    ("initializer", "model", "words"),
    [
        (without_the_package, seeded, "workers cannot import nengo_lr.lab"),
        (None, lambda rate: seeded(rate, 0), 'or run with executor="serial"'),
    ],
)
def test_executors_that_cannot_run_the_model(initializer, model, words):
    context = get_context("fork")
    with ProcessPoolExecutor(1, context, initializer) as executor:
        with pytest.raises(ValidationError, match=words):
            quick(model, executor=executor)


def die(learning_rate):
    if parent_process() is not None:
        os.kill(os.getpid(), signal.SIGKILL)
    return seeded(learning_rate, 0)


def test_executor_whose_workers_die():
    with ProcessPoolExecutor(1, get_context("fork")) as executor:
        with pytest.raises(SimulationError, match="executor failed with BrokenProcess"):
            quick(die, executor=executor)


def test_progress():
    calls = []
    quick(seeds=[0, 1], progress=lambda *call: calls.append(call))
    assert calls == [(done, 6) for done in range(7)]


class Interrupt(BaseException):
    pass


def test_resume(tmp_path):
    """Interrupted and begun again, a sweep repeats nothing and gives the same table."""
    store = tmp_path / "runs.sqlite"

    def interrupt(done, total):
        if done == 2:
            raise Interrupt

    with pytest.raises(Interrupt):
        quick(seeds=[0, 1], store=store, progress=interrupt)
    calls = []
    resumed = quick(
        seeds=[0, 1], store=store, progress=lambda done, total: calls.append(done)
    )
    assert calls == [2, 3, 4, 5, 6]
    assert resumed.table.equals(quick(seeds=[0, 1]).table)
    # other settings are other runs
    quick(seeds=[0], store=store, learning=0.2, progress=lambda *call: calls.append(0))
    assert calls[5:] == [0] * 4


def test_failures_are_kept(tmp_path):
    store = tmp_path / "runs.sqlite"
    first = quick(fails_with_large_rates, store=store)
    again = quick(fails_with_large_rates, store=store)
    assert again.table.equals(first.table)
    assert "too large for me" in again.table["failure"][2]


KILLED = """
import sys; sys.path.insert(0, {tests!r})
from lab_helpers import seeded
from nengo_lr.lab import sweep

def tell(done, total):
    print(done, flush=True)

options = dict(executor="serial", store={store!r}, progress=tell)
sweep(seeded, {rates}, 0.5, seeds=[0, 1], **options)
"""


def test_a_killed_sweep_goes_on(tmp_path):
    """Killed, and begun again, it gives the table of an undisturbed one."""
    store, script = tmp_path / "runs.sqlite", tmp_path / "script.py"
    tests = str(Path(__file__).parent)
    script.write_text(KILLED.format(tests=tests, rates=RATES, store=str(store)))
    process = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE)
    while int(process.stdout.readline()) < 2:
        pass
    process.kill()
    process.wait()
    done = []
    resumed = quick(
        learning=0.5, seeds=[0, 1], store=store, progress=lambda n, _: done.append(n)
    )
    assert 2 <= done[0] < 6
    assert resumed.table.equals(quick(learning=0.5, seeds=[0, 1]).table)


@pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="needs dask.distributed"
)
def test_dask_cluster_that_loses_a_worker(tmp_path):
    """A scheduler and two workers; one is killed in mid-sweep, and nothing is lost."""
    from distributed import Client

    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
        "OMP_NUM_THREADS": "1",
    }
    file = tmp_path / "scheduler.json"

    def start(*command):
        return subprocess.Popen(
            [sys.executable, "-m", *command, "--scheduler-file", str(file)],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    started = [
        start(
            *("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"),
            "--no-dashboard",
        )
    ]
    try:
        while not file.exists():
            assert started[0].poll() is None
            time.sleep(0.1)
        options = ("--nthreads", "1", "--no-dashboard", "--no-nanny")
        for _ in range(2):
            started.append(start("distributed.cli.dask_worker", *options))
        with Client(scheduler_file=str(file), timeout=60) as client:
            client.wait_for_workers(2, timeout=60)
            lost = []

            def kill_one(done, total):
                if done == 2 and not lost:
                    started[1].kill()
                    lost.append(total - done)

            rates = np.geomspace(1e-5, 1e-3, 6)
            found = quick(
                rates=rates,
                learning=1.0,
                executor=client.get_executor(),
                progress=kill_one,
            )
            assert lost == [4]
            assert len(client.scheduler_info()["workers"]) == 1
    finally:
        for process in started:
            process.kill()
            process.wait()
    assert found.table.equals(quick(rates=rates, learning=1.0).table)


@pytest.fixture
def in_float64(NengoDL):
    import nengo_dl

    def in_float64(make):
        def model(learning_rate):
            network = make(learning_rate)
            with network:
                nengo_dl.configure_settings(dtype="float64")
            return network

        return model

    return in_float64


def noisy(learning_rate):
    return TaskModel("noisy")(learning_rate, seed=2, learning=0.3, test=0.1)


@pytest.mark.parametrize("test", [0.0, 0.1])
def test_one_minibatch_equals_separate_runs(NengoDL, in_float64, test):
    """In float64, with numbers and schedules; the items see the same input."""
    rates = [1e-5, 1e-3, nlr.ExponentialDecay(1e-3, 0.05), nlr.OneCycle(1e-3, 0.3)]
    model = in_float64(noisy)
    trials = [
        Trial(model, rate, 0.3, test, seed=2, simulator="nengo_dl") for rate in rates
    ]
    with Minibatch(trials) as batch:
        batch.learn()
        weights = batch.sim.data[batch.network.weights]
        scores = batch.scores()
    import nengo

    for item, trial in enumerate(trials):
        network = noisy(trial.schedule)
        with nengo.Simulator(network, progress_bar=False) as sim:
            sim.run_steps(trial.n_steps)
        expected = sim.data[network.weights]
        assert np.abs(expected).max() > 0
        difference = np.abs(weights[item] - expected).max() / np.abs(expected).max()
        assert difference < 1e-8
        alone = trial.score(network, sim.data.__getitem__).error
        assert scores[item].error == pytest.approx(alone, rel=1e-8)


def test_failing_items_do_not_stop_the_others(NengoDL):
    rates = [1e-5, 30.0, 1e-3, 10.0]
    options = {"learning": 0.2, "test": 0.1, "simulator": "nengo_dl"}
    found = quick(rates=rates, **options)
    assert list(np.isnan(found.errors[:, 0])) == [False, True, False, True]
    assert "overflow" in found.table["failure"][1]
    reference = quick(rates=[1e-5, 1e-3], **{**options, "simulator": "nengo"})
    assert np.allclose(found.errors[[0, 2]], reference.errors, rtol=1e-3)
    assert found.best == 1e-3


def overflows_anyway(learning_rate):
    """Beside the rate that is tested, another one is far too large."""
    network = seeded(learning_rate, 0)
    with network:
        seeded(30.0, 1)
    return network


def test_what_no_rate_can_save(NengoDL):
    found = quick(overflows_anyway, simulator="nengo_dl", learning=0.3)
    assert len(found.table) == 3
    assert all("overflow" in failure for failure in found.table["failure"])


def test_resume_and_progress_on_nengo_dl(NengoDL, tmp_path):
    store, calls = tmp_path / "runs.sqlite", []
    options = {"learning": 0.1, "simulator": "nengo_dl", "store": store}
    quick(rates=RATES[:2], **options)
    found = quick(progress=lambda *call: calls.append(call), **options)
    assert calls[0] == (2, 3)
    assert calls[-1] == (3, 3)
    assert np.isfinite(found.errors).all()


def test_all_items_fail_alike_where_the_model_does(NengoDL):
    found = quick(fails_with_large_rates, simulator="nengo_dl")
    assert set(found.table["failure"]) == {"ArithmeticError: too large for me"}


@pytest.mark.parametrize(
    ("last_python", "what_to_do"),
    [
        ((9, 9), r"pip install 'nengo-lr\[dl\]'"),
        ((3, 8), "needs Python 3.8"),
    ],
)
def test_nengo_dl_is_missing(monkeypatch, last_python, what_to_do):
    missing = {"nengo_dl": hosts.known_hosts()["nengo_dl"]}
    monkeypatch.setattr(missing["nengo_dl"], "last_python", last_python)
    monkeypatch.setattr("nengo_lr.lab.trials.missing_hosts", lambda: missing)
    with pytest.raises(ValidationError, match=f"is not installed.*{what_to_do}"):
        quick(simulator="nengo_dl")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rates": []}, "one or more different rates"),
        ({"rates": [1e-3, 1e-3]}, "one or more different rates"),
        ({"rates": [-1.0]}, r"not negative, a Schedule.* \(got -1.0\)"),
        ({"rates": ["a"]}, r"a Schedule.* \(got 'a'\)"),
        ({"seeds": []}, "one or more different whole numbers"),
        ({"seeds": [0.5]}, "one or more different whole numbers"),
        ({"learning": 0.0005}, "at least a step"),
        ({"model": lambda: 3}, r"cannot be called as model\(learning_rate\)"),
        ({"store": "no/such/folder/runs.sqlite"}, "cannot use 'no/such/folder"),
    ],
)
def test_bad_input(options, words):
    with pytest.raises(ValidationError, match=words):
        quick(**options)


def test_pandas_is_missing(monkeypatch):
    found = quick(learning=0.01)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ModuleNotFoundError, match="pip install 'nengo-lr"):
        _ = found.table


def test_plot():
    found = quick(partial(exact, target=0.5), learning=0.2, seeds=[0, 1])
    ax = found.plot()
    (line,) = ax.lines
    assert np.array_equal(line.get_xdata(), RATES)
    assert np.allclose(line.get_ydata(), np.median(found.errors, axis=1))
    assert ax.get_xlabel() == "learning rate"
    schedules = quick(exact, rates=[nlr.Constant(rate) for rate in RATES])
    assert schedules.plot().get_xlabel() == "schedule"


# --- no best rate, or one to doubt


def independent(learning_rate):
    """The error is not that of what learns."""
    network = seeded(learning_rate, 0)
    with network:
        network.error = nengo.Probe(nengo.Node(lambda t: np.sin(20 * t)))
    return network


def explodes(learning_rate):
    """The error is finite but huge in the end, whatever is learned."""
    network = exact(learning_rate)
    with network:
        network.error = nengo.Probe(nengo.Node(lambda t: 10.0 ** (400 * t - 2)))
    del network.target
    return network


def test_no_best_where_the_error_is_always_the_same():
    with pytest.warns(UserWarning, match="the error is the same at every rate"):
        found = quick(independent)
    with pytest.raises(SimulationError, match="does not depend on what the connection"):
        _ = found.best
    with pytest.warns(UserWarning, match="the rates are far too low"):
        quick(rates=[1e-14, 1e-13])


def test_an_error_that_has_grown_without_end_is_a_failure():
    with pytest.warns(UserWarning, match="at no rate do half of the seeds succeed"):
        found = quick(explodes, learning=0.3)
    assert np.all(np.isnan(found.errors))
    assert found.table["error"].min() > 1e100
    assert "the error grew from" in found.reason
    with pytest.raises(SimulationError, match="grew"):
        _ = found.best


LOW = nlr.CosineDecay(1e-4, 1.0)


@pytest.mark.parametrize(
    ("task", "rates", "words"),
    [
        ("comm", [1e-5, 1e-4, 1e-3], "0.001, is at an end .* try higher ones"),
        ("noisy", [1e-2, 1e-3, 5e-3], "0.001, is at an end .* try lower ones"),
        ("comm", [1e-4, 2e-3, 1.5e-2], None),
        ("comm", [1e-3], None),
        ("comm", [LOW, nlr.CosineDecay(1e-3, 1.0)], "0.001, is at an end .* higher"),
        ("comm", [LOW, nlr.Linear(1e-3, 1.0)], None),
    ],
)
def test_a_best_rate_at_an_end_of_those_that_were_tried(task, rates, words):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = quick(TaskModel(task), rates, learning=1.0, test=0.5)
    told = [str(w.message) for w in caught if str(w.message).startswith("sweep")]
    assert bool(told) == bool(found.reason) == bool(words)
    assert re.search(words or "", found.reason)


def test_rate_0_as_the_best_is_no_end():
    found = quick(partial(exact, gain=-1.0), [0.0, 1e-4, 1e-3])
    assert found.best == 0.0
    assert found.reason == "rate 0 is the best: learning does not lower the error"


def test_an_error_that_learning_makes_worse():
    with pytest.warns(UserWarning, match="is the error .* below the target's root"):
        found = quick(partial(exact, gain=-1.0), [1e-5, 1e-4])
    assert found.best == 1e-5
