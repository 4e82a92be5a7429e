import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from test_bad_input import public_callables

ROOT = Path(__file__).parents[1]
FUNCTIONS = {
    name: function
    for name, function in public_callables().items()
    if inspect.isfunction(function) or inspect.ismethod(function)
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_functions_have_type_hints(name):
    signature = inspect.signature(FUNCTIONS[name])
    if FUNCTIONS[name].__module__.startswith("matplotlib"):
        return
    assert signature.return_annotation is not signature.empty
    for parameter in signature.parameters.values():
        assert parameter.annotation is not parameter.empty, parameter


USER = """
import nengo
import nengo_lr as nlr
from nengo_lr.schedules.params import RateParam, SecondsParam

class Mine(nlr.Schedule):
    peak: float = RateParam("peak")
    period: float = SecondsParam("period")
    tau: float = SecondsParam("tau", default=1.0, kw_only=True)

decay = nlr.CosineDecay(1e-3, 10, final=1e-4)
final: float = decay.final
nlr.Linear(1e-3, duration=2.0)
nlr.Sequence([nlr.Warmup(decay, 1.0, mode="linear"), 1e-3], [2.0])
nlr.Interpolated([1e-3, 2e-3], [0.0, 1.0], mode="cosine")
nlr.OneCycle(1e-3, 5.0)
nlr.FunctionSchedule(lambda t: 1e-3)
nlr.ReduceOnPlateau(1e-3, factor=0.5)
nlr.ScheduledPES()
nlr.ScheduledPES(lambda t: 1e-3, 0.01, nlr.RMSProp(1.0))
nlr.ScheduledPES(decay * 0.5, pre_synapse=None, optimizer=nlr.LocalGains(bonus=0.1))
nlr.Scheduled(nengo.BCM())
Mine(1e-3, 1.0, tau=2.0)
"""

WRONG = {
    "nlr.CosineDecay(1e-3, 1e-4, 10.0)": "Too many positional",
    "nlr.CosineDecay(1e-3)": "duration",
    "nlr.Linear('fast', 1.0)": "incompatible type",
    "nlr.StepDecay(1e-3, 2.0)": "factor",
    "nlr.Warmup('fast', 1.0)": "incompatible type",
    "nlr.Sampled([1e-3])": "dt",
    "nlr.FunctionSchedule(1e-3)": "incompatible type",
    "nlr.ReduceOnPlateau(1e-3, 1.0, 0.5)": "Too many positional",
    "nlr.ErrorDriven(0.0, 1e-3)": "scale",
    "nlr.RMSProp(tau='fast')": "incompatible type",
    "nlr.ScheduledPES(1e-3, optimiser=None)": "optimiser",
    "nlr.ScheduledPES(1e-3, optimizer=3)": "incompatible type",
    "nlr.Scheduled()": "rule",
    "nlr.Scheduled(nengo.BCM(), 1e-9, optimizer=nlr.Adam())": "optimizer",
    "Mine(1e-3, 1.0, 2.0)": "Too many positional",
    "decay.final = 3.0": "read-only",
}
"""What a type checker has to find in a user's script, with the words that say why."""


def run_mypy(cache, *arguments, cwd=ROOT):
    """Run the type checker from the source tree; returns what it prints."""
    pytest.importorskip("mypy")
    if not (ROOT / "nengo_lr").is_dir():
        pytest.skip("runs in the source tree")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", cache, *arguments],
        cwd=cwd,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("mypy")


def test_type_checker(cache):
    out = run_mypy(cache, "nengo_lr")
    assert "Success" in out, out


def test_users_see_the_arguments_of_constructors(cache, tmp_path):
    lines = [*USER.splitlines(), *WRONG]
    (tmp_path / "user.py").write_text("\n".join(lines))
    options = ["--ignore-missing-imports", "--no-error-summary", "--no-pretty"]
    out = run_mypy(cache, *options, "user.py", cwd=tmp_path)
    found = dict(re.findall(r"user\.py:(\d+): error: (.*)", out))
    expected = {i + 1: line for i, line in enumerate(lines) if line in WRONG}
    assert {int(number) for number in found} == set(expected), out
    for number, line in expected.items():
        assert WRONG[line] in found[str(number)], line
