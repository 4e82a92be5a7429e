import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from lab_helpers import TARGET, exact, growth, seeded
from nengo.exceptions import ValidationError

import nengo_lr as nlr
from nengo_lr.lab import TaskModel, Template, tune

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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Constant({a:1e-2..1e-3})", "must be a range of numbers above 0"),
        ("Constant({a:0..1})", "must be a range"),
        ("Constant({a:x..1})", "must be a range"),
        ("Foo({a:1..2})", "'Foo' at column 1"),
        ("Constant({a:1..})", "cannot be read"),
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
