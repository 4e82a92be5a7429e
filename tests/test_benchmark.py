import nengo
import numpy as np
import pytest

from nengo_lr import benchmark

SMALL = (20, 2)


@pytest.mark.parametrize("name", benchmark.PATHS)
def test_paths_learn_with_the_rule_that_they_name(name):
    network = benchmark.build(benchmark.PATHS[name], *SMALL)
    (learned,) = (c for c in network.connections if c.pre_obj is network.ensembles[0])
    with nengo.Simulator(network, progress_bar=False) as sim:
        before = sim.signals[sim.model.sig[learned]["weights"]].copy()
        sim.run_steps(100)
        after = sim.signals[sim.model.sig[learned]["weights"]]
        still = name in ("no learning", "ScheduledPES at rate 0")
        assert np.array_equal(before, after) == still


def test_interleaved_compares_each_round():
    calls = []
    runs = {name: lambda name=name: calls.append(name) for name in ("a", "b")}
    ratios, seconds = benchmark.interleaved(runs, "a", rounds=3)
    assert calls == ["a", "b"] * 3
    assert ratios["a"] == [1.0] * 3
    assert len(ratios["b"]) == 3
    assert seconds > 0


def test_measure_adds_the_baseline_and_the_limits():
    rows = benchmark.measure(["ScheduledPES"], *SMALL, rounds=3)
    assert [row["path"] for row in rows] == [
        "nengo.PES",
        "no learning",
        "ScheduledPES",
        "memory limit",
    ]
    assert rows[0]["ratio"] == 1.0
    assert all(row["low"] <= row["ratio"] <= row["high"] for row in rows)


def test_factors_need_one_matrix_less_than_pes():
    neurons, dimensions = 500, 100
    matrix = 8 * neurons * dimensions
    plain, scheduled = (
        benchmark.peak_memory(name, neurons, dimensions)
        for name in ("nengo.PES", "ScheduledPES")
    )
    assert plain - scheduled > 0.95 * matrix
