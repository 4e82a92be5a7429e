"""A short version of benchmarks/endurance.py."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "endurance.py"
LARGEST_ERROR = {"nengo": 1e-9, "nengo_dl": 1e-6}
"""NengoDL stores the rate in float32."""


@pytest.mark.parametrize("simulator", LARGEST_ERROR)
def test_no_drift_and_no_growth(simulator):
    pytest.importorskip(simulator)
    steps = {"nengo": "20000", "nengo_dl": "2000"}[simulator]
    done = subprocess.run(
        [sys.executable, SCRIPT, "--steps", steps, "--simulator", simulator],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "boundary: 0\n" in done.stdout
    error = float(re.search(r"relative to its peak: (\S+)", done.stdout)[1])
    assert error < LARGEST_ERROR[simulator]
    assert float(re.search(r"less first: (\S+) MB", done.stdout)[1]) < 20
