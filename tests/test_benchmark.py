"""What learning costs, as benchmarks/cost.py measures it."""

import subprocess
import sys
from pathlib import Path

import pytest

pd = pytest.importorskip("pandas")
pytest.importorskip("click")
pytest.importorskip("matplotlib")

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "cost.py"


def test_costs_are_ratios_to_pes(tmp_path):
    options = ["--sizes", "20x1,30x2,3x20x1", "--methods", "ScheduledPES"]
    options += ["--rounds", "3", "--builds", "2"]
    done = subprocess.run(
        [sys.executable, SCRIPT, *options, "--output", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    table = pd.read_csv(tmp_path / "cost.csv")
    methods = ["nengo.PES", "no learning", "ScheduledPES", "memory limit"]
    assert list(table["method"]) == methods * 3
    assert (table["low"] <= table["ratio"]).all()
    assert (table["ratio"] <= table["high"]).all()
    assert (table["ratio"][table["method"] == "nengo.PES"] == 1).all()
    assert (tmp_path / "cost.png").stat().st_size > 10_000
    for words in (*methods, "20 x 1", "30 x 2", "3 rules, 20 x 1"):
        assert words in done.stdout


def test_factors_need_one_matrix_less_than_pes(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPT.parent)
    from cost import peak_memory

    neurons, dimensions = 500, 100
    matrix = 8 * neurons * dimensions
    plain, scheduled = (
        peak_memory(name, neurons, dimensions) for name in ("nengo.PES", "ScheduledPES")
    )
    assert plain - scheduled > 0.95 * matrix
