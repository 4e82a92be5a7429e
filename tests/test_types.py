import inspect
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


def test_type_checker(tmp_path):
    pytest.importorskip("mypy")
    if not (ROOT / "nengo_lr").is_dir():
        pytest.skip("runs in the source tree")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", tmp_path, "nengo_lr"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
