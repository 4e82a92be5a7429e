"""A store tells models apart by what they hold, in every process alike."""

import functools
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import scipy.special
from lab_helpers import exact, seeded
from nengo.exceptions import ValidationError

import nengo_lr as nlr
from nengo_lr.lab import TASKS, TaskModel, sweep
from nengo_lr.lab.identity import digest

pytestmark = pytest.mark.filterwarnings("ignore:sweep:UserWarning")

GAIN = 1.0
SETTINGS = {"gain": 1.0}


def factory(gain):
    def model(learning_rate):
        return exact(learning_rate, gain=gain)

    return model


def twice_removed(gain):
    inner = factory(gain)

    def model(learning_rate):
        return inner(learning_rate)

    return model


def with_default(gain):
    def model(learning_rate, gain=gain):
        return exact(learning_rate, gain=gain)

    return model


def with_keyword(gain):
    def model(learning_rate, *, gain=gain):
        return exact(learning_rate, gain=gain)

    return model


def with_attribute(gain):
    def model(learning_rate):
        return exact(learning_rate, gain=model.gain)

    model.gain = gain
    return model


class Plain:
    def __init__(self, gain):
        self.gain = gain

    def __call__(self, learning_rate):
        return exact(learning_rate, gain=self.gain)

    def method(self, learning_rate):
        return exact(learning_rate, gain=self.gain)


class Slotted:
    __slots__ = ("gain",)

    def __init__(self, gain):
        self.gain = gain

    def __call__(self, learning_rate):
        return exact(learning_rate, gain=self.gain)


class Silent(Plain):
    def __repr__(self):
        return "a model"


@dataclass
class Hidden:
    gain: float = field(repr=False)

    def __call__(self, learning_rate):
        return exact(learning_rate, gain=self.gain)


def local_class(gain):
    class Model:
        def __call__(self, learning_rate):
            return exact(learning_rate, gain=gain)

    return Model()


def class_attribute(gain):
    return type("Model", (Plain,), {"gain": gain, "__init__": lambda self: None})()


def large_array(gain):
    weights = np.ones(10_000)
    weights[5_000] = gain  # which its repr leaves out

    def model(learning_rate):
        return exact(learning_rate, gain=weights[5_000])

    return model


def cached(gain):
    return functools.lru_cache(factory(gain))


def wrapped(gain):
    inner = factory(gain)

    @functools.wraps(inner)
    def model(learning_rate):
        return inner(learning_rate)

    return model


FACTORIES = [
    factory,
    twice_removed,
    with_default,
    with_keyword,
    with_attribute,
    Plain,
    Slotted,
    Silent,
    Hidden,
    local_class,
    class_attribute,
    large_array,
    cached,
    wrapped,
    lambda gain: lambda rate: exact(rate, gain=gain),
    lambda gain: Plain(gain).method,
    lambda gain: functools.partial(exact, gain=gain),
    lambda gain: functools.partial(lambda g, rate: exact(rate, gain=g), gain),
    lambda gain: functools.partial(Plain.method, Plain(gain)),
]


@pytest.mark.parametrize("make", FACTORIES, ids=lambda f: f.__qualname__)
def test_models_are_told_apart_by_what_they_hold(make):
    assert digest(make(1.0)) == digest(make(1.0))
    assert digest(make(1.0)) != digest(make(2.0))


@pytest.mark.parametrize("make", [factory, Plain, lambda g: Plain(g).method])
def test_two_models_in_one_store(tmp_path, make):
    store = tmp_path / "trials.sqlite"
    options = {"executor": "serial", "store": store}
    first, second = (
        sweep(make(gain), [1e-4, 1e-3], 0.1, **options) for gain in (1.0, 2.0)
    )
    assert np.all(first.errors != second.errors)
    calls = []
    again = sweep(
        make(1.0), [1e-4, 1e-3], 0.1, progress=lambda n, _: calls.append(n), **options
    )
    assert calls == [2]
    assert np.array_equal(again.errors, first.errors)


def uses_a_number(learning_rate):
    return exact(learning_rate, gain=GAIN)


def uses_settings(learning_rate):
    return exact(learning_rate, gain=SETTINGS["gain"])


def uses_another_function(learning_rate):
    return uses_a_number(learning_rate)


@pytest.mark.parametrize("model", [uses_a_number, uses_another_function])
def test_numbers_of_the_module_count(monkeypatch, model):
    before = digest(model)
    monkeypatch.setattr(sys.modules[__name__], "GAIN", 2.0)
    assert digest(model) != before


def test_settings_of_the_module_count(monkeypatch):
    before = digest(uses_settings)
    monkeypatch.setitem(SETTINGS, "gain", 2.0)
    assert digest(uses_settings) != before


def test_rates_are_told_apart():
    """By more than their repr, which leaves out most of a long array."""
    first = np.linspace(1e-3, 1e-4, 5000)
    second = first.copy()
    second[2500] = 0.0
    rates = [nlr.Sampled(values, 0.1) for values in (first, second)]
    assert digest(rates[0]) != digest(rates[1])
    functions = [nlr.FunctionSchedule(lambda t, k=k: 1e-3 / (k + t)) for k in (1, 2)]
    assert digest(functions[0]) != digest(functions[1])


def test_use_does_not_change_what_a_value_is():
    schedule, task = nlr.CosineDecay(1e-3, 2.0), TaskModel("comm")
    before = digest(schedule), digest(task)
    hash(schedule), schedule(1.0), task(1e-3, learning=0.1, test=0.0)
    assert (digest(schedule), digest(task)) == before
    assert digest(TaskModel(TASKS["comm"])) != digest(TaskModel(TASKS["square"]))


def test_functions_of_numpy_and_scipy_are_known_by_their_names():
    values = [np.sin, np.cos, scipy.special.expit, scipy.special.log_expit]
    assert len({digest(holds(value)) for value in values}) == len(values)


def holds(value):
    def model(learning_rate):
        return exact(learning_rate, gain=value)

    return model


@pytest.mark.parametrize(
    "value",
    [
        threading.Lock(),
        open(__file__),
        (i for i in range(3)),
        np.frompyfunc(lambda x: x, 1, 1),
    ],
)
def test_what_cannot_be_told_apart_is_refused(tmp_path, value):
    with pytest.raises(ValidationError, match=r"holds <.*cannot be told.*without a st"):
        sweep(holds(value), [1e-4], 0.1, store=tmp_path / "trials.sqlite")


MODELS = """
import sys
sys.path.insert(0, {tests!r})
from test_lab_identity import FACTORIES, TaskModel, digest, exact, nlr, seeded
models = [make(1.0) for make in FACTORIES]
models += [exact, seeded, TaskModel("comm"), nlr.OneCycle(1e-3, 3.0), {{"b", "a", 3}}]
print(*map(digest, models))
"""


def test_digests_are_the_same_in_every_process():
    code = MODELS.format(tests=str(Path(__file__).parent))
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(found) == 1
    assert len(set(found.pop().split())) == len(FACTORIES) + 5
    assert seeded  # used in the other processes


def test_a_model_that_holds_itself():
    def model(learning_rate):
        return model.other(learning_rate)

    model.other = Plain(1.0)
    model.other.back = model
    assert digest(model) == digest(model)
