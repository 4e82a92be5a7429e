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


@pytest.mark.parametrize("example", ["scheduled_pes.py", "error_scaler.py"])
def test_first_examples_are_short(example):
    assert len((FOLDER / example).read_text().splitlines()) <= 60
