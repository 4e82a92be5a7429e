import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nengo
import numpy as np
import pytest
from helpers import obey_permissions
from lab_helpers import (
    SLOW,
    TARGET,
    exact,
    growth,
    is_refused,
    run_command,
    seeded,
    slow_for_large_rates,
)
from nengo.exceptions import SimulationError, ValidationError

import nengo_lr as nlr
from nengo_lr.lab import TaskModel, Template, tune
from nengo_lr.lab.studies import url

optuna = pytest.importorskip("optuna")

pytestmark = [
    pytest.mark.filterwarnings("ignore:(divide by|invalid value)"),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
]


def test_template():
    template = Template("ExponentialDecay({1e-5..1e-2}, tau={tau: 1 .. 20}) * 2")
    assert template.ranges == {"x1": (1e-5, 1e-2), "tau": (1.0, 20.0)}
    filled = template.fill({"x1": 1e-3, "tau": 5.0})
    assert filled == nlr.ExponentialDecay(1e-3, 5.0) * 2
    trial = optuna.trial.FixedTrial({"x1": 1e-4, "tau": 2.0})
    assert template(trial) == nlr.ExponentialDecay(1e-4, 2.0) * 2
    twice = Template("Warmup({a:1..2}, {1..3}, initial={a:1..2})")
    assert twice.fill({"a": 1.5, "x2": 2.0}) == nlr.Warmup(1.5, 2.0, initial=1.5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Constant({a:1e-2..1e-3})", "must be a range of numbers above 0"),
        ("Constant({a:0..1})", "must be a range"),
        ("Constant({a:x..1})", "must be a range"),
        ("Linear({a:1..2}, {a:1..3})", "another range than the a before it"),
        ("Foo({a:1..2})", "'Foo' at column 1"),
        ("Constant({a:1..})", "cannot be read"),
        ("auto", "no number to tune: .* sweep, or suggest it .* with a function"),
    ],
)
def test_bad_templates(text, words):
    with pytest.raises(ValidationError, match=words):
        Template(text)


def test_optimizers_have_templates():
    template = Template("RMSProp(tau={tau:0.1..10})", {"RMSProp": nlr.RMSProp})
    assert template.fill({"tau": 2.0}) == nlr.RMSProp(tau=2.0)
    with pytest.raises(ValidationError, match="'Constant' at column 1"):
        Template("Constant(1)", {"RMSProp": nlr.RMSProp})


def test_the_objective_is_the_final_error():
    rates = iter([1e-4, 1e-3])
    study = tune(exact, lambda trial: next(rates), 0.1, 0.05, n_trials=2).study
    expected = TARGET * (1 - growth(np.array([1e-4, 1e-3]))) ** 99
    values = [trial.value for trial in study.trials]
    assert np.allclose(values, expected, rtol=1e-9)
    assert study.best_trial.number == 1
    reported = study.trials[0].intermediate_values
    assert sorted(reported) == list(range(20))
    # the rate is 0 in the last third
    assert reported[19] == pytest.approx(expected[0])


def test_several_seeds_and_an_optimizer():
    def suggest(trial):
        return {"learning_rate": 1e-2, "optimizer": nlr.AdaGrad()}

    model = TaskModel("comm")
    found = tune(model, suggest, 0.2, n_trials=1, seeds=[0, 1])
    alone = [
        tune(model, suggest, 0.2, n_trials=1, seeds=[s]).best_value for s in (0, 1)
    ]
    assert found.best_value == pytest.approx(np.mean(alone))
    assert len(found.study.trials[0].intermediate_values) == 40


def test_auto_is_one_of_several_suggestions():
    def suggest(trial):
        if trial.suggest_categorical("without a rate", [True, False]):
            return "auto"
        return trial.suggest_float("rate", 1e-6, 1e-4, log=True)

    found = tune(TaskModel("comm"), suggest, 1.0, n_trials=4, sampler_seed=0)
    assert len(found.complete) == 4
    assert set(found.table["params_without a rate"]) == {True, False}
    assert found.best == "auto"
    assert "best: auto" in found.conclusion
    assert not found.reason


def test_bad_trials_are_pruned_and_failures_recorded():
    rates = iter([1e-3, 1.1e-3, 0.9e-3, 1e-3, 1e-3, 1e-7, 30.0])
    study = tune(exact, lambda trial: next(rates), 0.5, n_trials=7).study
    states = [trial.state.name for trial in study.trials]
    assert states == ["COMPLETE"] * 5 + ["PRUNED", "FAIL"]
    assert "overflow" in study.trials[6].user_attrs["failure"]
    assert len(study.trials[5].intermediate_values) < 20


def test_a_search_finds_a_better_rate():
    template = "Constant({rate:1e-7..1e-2})"
    study = tune(seeded, template, 0.5, n_trials=12, seeds=[3], sampler_seed=1).study
    assert 1e-4 < study.best_params["rate"]
    first = study.trials[0].value
    assert study.best_value < first


TEMPLATE = "Constant({rate:1e-5..1e-2})"

SHARED = """
import sys; sys.path.insert(0, {tests!r})
from lab_helpers import seeded
from nengo_lr.lab import tune

tune(seeded, "Constant({{rate:1e-5..1e-2}})", 0.05, n_trials=8, store={store!r})
"""


def test_processes_share_a_study(tmp_path):
    store = str(tmp_path / "study.db")
    code = SHARED.format(tests=str(Path(__file__).parent), store=store)
    tune(seeded, TEMPLATE, 0.05, n_trials=1, store=store)  # makes the file
    other = subprocess.Popen([sys.executable, "-c", code])
    tune(seeded, TEMPLATE, 0.05, n_trials=8, store=store)
    assert other.wait() == 0
    study = tune(seeded, TEMPLATE, 0.05, n_trials=8, store=store).study
    numbers = [trial.number for trial in study.trials]
    assert numbers == list(range(len(numbers)))
    # both may have begun the last one
    assert len(numbers) in (8, 9)
    assert {trial.state.name for trial in study.trials} <= {"COMPLETE", "PRUNED"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"suggest": 3}, "must be text, or a function"),
        ({"n_trials": 0}, "must be an integer not less than 1|one or more"),
        ({"seeds": []}, "must be an integer not less than 1|one or more"),
        ({"model": 3}, "must be a function"),
    ],
)
def test_bad_input(options, words):
    arguments = {"model": exact, "suggest": lambda trial: 1e-3, "learning": 0.1}
    with pytest.raises(ValidationError, match=words):
        tune(**{**arguments, **options})


def test_optuna_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'nengo-lr\[search\]'"):
        tune(exact, "Constant({rate:1e-5..1e-2})", 0.1)


def test_a_study_is_of_one_model(tmp_path):
    store = tmp_path / "study.db"
    tune(holding(1.0), TEMPLATE, 0.05, n_trials=2, store=store)
    assert len(tune(holding(1.0), TEMPLATE, 0.05, n_trials=3, store=store).table) == 3
    others = [
        (holding(2.0), TEMPLATE, {}),
        (holding(1.0), "Constant({rate:1e-6..1e-2})", {}),
        (holding(1.0), TEMPLATE, {"test": 0.05}),
        (holding(1.0), TEMPLATE, {"seeds": [0, 1]}),
    ]
    for model, template, options in others:
        options = {**options, "n_trials": 4, "store": store}
        with pytest.raises(ValidationError, match="'nengo-lr' is a study of another"):
            tune(model, template, 0.05, **options)
        found = tune(model, template, 0.05, name="other", **options | {"n_trials": 1})
        assert len(found.table) == 1
        optuna.delete_study(study_name="other", storage=url(store))


def holding(gain):
    def model(learning_rate):
        return exact(learning_rate, gain=gain)

    return model


def rates_of(found):
    return [trial.params["rate"] for trial in found.study.trials if trial.params]


def test_n_trials_is_the_number_in_all(tmp_path):
    """In parts, the trials and their results are those of a study in one go."""
    options = {"store": tmp_path / "study.db", "sampler_seed": 1}
    for n in (3, 3, 12):
        parts = tune(seeded, TEMPLATE, 0.05, n_trials=n, **options)
        assert len(parts.study.trials) == n
    whole = tune(seeded, TEMPLATE, 0.05, n_trials=12, sampler_seed=1)
    assert len(set(rates_of(whole))) == 12
    assert rates_of(parts) == rates_of(whole)
    values = [[t.value for t in found.study.trials] for found in (parts, whole)]
    assert values[0] == values[1]


KILLED = """
import sys; sys.path.insert(0, {tests!r})
from lab_helpers import slow_for_large_rates
from nengo_lr.lab import tune

def tell(done, total):
    print(done, flush=True)

template = "Constant({{rate:1e-5..1e-2}})"
options = dict(n_trials=8, store={store!r}, sampler_seed=3, progress=tell)
tune(slow_for_large_rates, template, 0.05, **options)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_study_goes_on(tmp_path, number):
    """Its unfinished trial does not stay, and is tried again with the same rate."""
    store = str(tmp_path / "study.db")
    code = KILLED.format(tests=str(Path(__file__).parent), store=store)
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        env={**os.environ, SLOW: "yes"},
    )
    while True:  # until the trial that never ends
        time.sleep(0.1)
        try:
            study = optuna.load_study(study_name="nengo-lr", storage=url(store))
            (running,) = [t for t in study.trials if t.state.name == "RUNNING"]
        except (KeyError, ValueError):
            continue
        if running.params.get("rate", 0) >= 1e-3:
            break
    process.send_signal(number)
    process.wait(timeout=60)
    found = tune(
        slow_for_large_rates, TEMPLATE, 0.05, n_trials=8, store=store, sampler_seed=3
    )
    states = [trial.state.name for trial in found.study.trials]
    assert states.count("FAIL") == 1
    assert len(states) == 9
    assert states.index("FAIL") == running.number
    assert "RUNNING" not in states
    rates = rates_of(found)
    assert rates[running.number] == rates[running.number + 1]
    del rates[running.number]
    assert rates == rates_of(
        tune(slow_for_large_rates, TEMPLATE, 0.05, n_trials=8, sampler_seed=3)
    )


def command(store, n_trials, limit=0, **options):
    """Run ``nengo-lr tune`` with files of at most ``limit`` bytes."""
    what = ["--schedule", TEMPLATE, "--learning", "0.05", "--test", "0", "--seeds", "0"]
    where = ["--store", store, "--output", "found"]
    how = ["--trials", n_trials, "--sampler-seed", 1]
    model = "tune", "--model", "lab_helpers:seeded"
    arguments = *model, *what, *where, *how
    return run_command(store.parent.parent, *arguments, limit=limit, **options)


@pytest.fixture
def store(tmp_path):
    folder = tmp_path / "studies"
    folder.mkdir()
    yield folder / "study.db"
    folder.chmod(0o700)


def trials_in(store):
    return optuna.load_study(study_name="nengo-lr", storage=url(store)).trials


def test_a_full_disk_loses_and_repeats_nothing(store):
    assert is_refused(command(store, 1000, limit=50_000))  # not even the tables fit
    assert is_refused(command(store, 1000, limit=131_072))
    before = [trial for trial in trials_in(store) if trial.state.name == "COMPLETE"]
    assert len(before) > 5
    n_trials = len(before) + 2
    assert command(store, n_trials).returncode == 0
    trials = [trial for trial in trials_in(store) if trial.state.name != "FAIL"]
    assert trials[: len(before)] == before
    whole = tune(seeded, TEMPLATE, 0.05, n_trials=n_trials, sampler_seed=1)
    assert [trial.params["rate"] for trial in trials] == rates_of(whole)
    assert {trial.state.name for trial in trials} == {"COMPLETE"}


@pytest.mark.skipif(sys.platform != "linux", reason="root may write everywhere")
@pytest.mark.parametrize("exists", [False, True])
def test_a_folder_that_is_read_only(store, exists):
    if exists:
        assert command(store, 2).returncode == 0
        store.chmod(0o400)
    store.parent.chmod(0o500)
    assert is_refused(command(store, 3, preexec_fn=obey_permissions))
    if exists:  # what is finished can be read
        done = command(store, 2, preexec_fn=obey_permissions)
        assert "2 trials: 2 complete" in done.stdout
    store.parent.chmod(0o700)
    assert list(store.parent.iterdir()) == [store] * exists
    if exists:
        store.chmod(0o600)
        assert len(trials_in(store)) == 2
        assert command(store, 3).returncode == 0
        assert len(trials_in(store)) == 3


@pytest.mark.parametrize("where", ["/proc/study.db", "/no/where/study.db"])
def test_a_place_where_no_file_can_be(where):
    """It is refused before anything runs."""
    calls = []
    with pytest.raises(ValidationError, match=f"cannot use '{where}'"):
        tune(lambda learning_rate: calls.append(1), TEMPLATE, 0.05, store=where)
    assert not calls


def test_what_suggest_must_return(tmp_path):
    for bad in ({"optimizer": nlr.AdaGrad()}, {}):
        store = tmp_path / f"study{len(bad)}.db"
        with pytest.raises(ValidationError, match='dict with "learning_rate"'):
            tune(exact, lambda trial, bad=bad: bad, 0.1, store=store)
        study = optuna.load_study(study_name="nengo-lr", storage=url(store))
        assert {trial.state.name for trial in study.trials} == {"FAIL"}


def test_answers(tmp_path):
    found = tune(exact, "Constant({rate:1e-6..1e-3})", 0.1, n_trials=3, sampler_seed=0)
    assert found.best == nlr.Constant(found.best_params["rate"])
    assert found.best_value == min(found.table["value"])
    assert list(found.table.columns) == ["number", "value", "params_rate", "state"]
    assert [file.name for file in found.save(tmp_path)] == ["tune.csv", "tune.png"]
    assert found.plot().get_xlabel() == "trial"


def test_a_best_at_the_end_of_its_range_is_told(monkeypatch):
    template = "Constant({rate:1e-6..1e-3})"
    found = tune(exact, template, 0.1, n_trials=3, sampler_seed=1)
    assert not found.reason
    monkeypatch.setattr("nengo_lr.lab.tuning.EDGE", 0.5)
    with pytest.warns(UserWarning, match="rate.* at an end of its range"):
        found = tune(exact, template, 0.1, n_trials=3, sampler_seed=1)
    assert found.best_params
    assert "try a wider" in found.reason


def independent(learning_rate):
    """The error is not that of what learns."""
    network = seeded(learning_rate, 0)
    with network:
        network.error = nengo.Probe(nengo.Node(lambda t: np.sin(20 * t)))
    return network


def test_no_suggestion_where_the_error_is_always_the_same():
    with pytest.warns(UserWarning, match="same in every trial"):
        found = tune(independent, TEMPLATE, 0.1, n_trials=3, sampler_seed=0)
    with pytest.raises(SimulationError, match="same in every trial"):
        _ = found.best


def test_no_suggestion_where_all_fail():
    with pytest.warns(UserWarning, match="every trial failed.*overflow"):
        found = tune(exact, "Constant({rate:30.0..90.0})", 0.5, n_trials=2)
    with pytest.raises(SimulationError, match="every trial failed"):
        _ = found.best_value
