"""Every example runs by itself and draws its figure."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples"

NOT_HERE = {
    "letters.py",  # what the next one imports
    "letters_local_gains.py",  # test_letters.py runs it
}

EXAMPLES = sorted(
    file.name for file in FOLDER.glob("*.py") if file.name not in NOT_HERE
)


@pytest.mark.parametrize("example", EXAMPLES)
def test_example(example, tmp_path):
    pytest.importorskip("matplotlib")
    if example == "digits.py":
        pytest.importorskip("sklearn")
    figure = tmp_path / "figure.png"
    result = subprocess.run(
        [sys.executable, FOLDER / example, "--output", figure],
        env={**os.environ, "MPLBACKEND": "agg"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()
    assert figure.stat().st_size > 10_000


def test_digits_say_what_they_need(tmp_path):
    pytest.importorskip("matplotlib")
    (tmp_path / "sklearn.py").write_text("raise ImportError")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    result = subprocess.run(
        [sys.executable, FOLDER / "digits.py"],
        env={**os.environ, "MPLBACKEND": "agg", "PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == (
        "this example needs scikit-learn: pip install scikit-learn\n"
    )


@pytest.mark.parametrize("example", ["scheduled_pes.py", "error_scaler.py"])
def test_first_examples_are_short(example):
    assert len((FOLDER / example).read_text().splitlines()) <= 60
