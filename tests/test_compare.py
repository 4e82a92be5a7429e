import importlib.util

import nengo
import numpy as np
import pandas as pd
import pytest
from nengo.exceptions import BuildError, SimulationError, ValidationError

import nengo_lr as nlr
from nengo_lr.compare import (
    ADAPTIVE,
    FIXED,
    NATIVE,
    NODE,
    PRODUCT,
    SCALERS,
    Path,
    compare,
    default_paths,
    interleaved,
    jobs,
    missing_simulators,
)

PATHS = [*default_paths(list(SCALERS)), PRODUCT]
DURATION, LEARNING = 1.6, 1.2
SCHEDULE = nlr.CosineDecay(1e-3, 1.3)


@pytest.fixture(scope="module")
def found():
    calls = []
    result = compare(
        "square",
        SCHEDULE,
        seeds=[0, 3],
        duration=DURATION,
        paths=PATHS,
        progress=lambda *call: calls.append(call),
    )
    # two runs and the timing, and a first call to show that it has begun
    assert calls == [(i, 3) for i in range(4)]
    return result


def runs_of(found, path):
    return found.runs[found.runs["path"] == path.name]


def test_one_row_per_run(found):
    assert len(found.runs) == 2 * len(PATHS)
    assert set(found.runs["seed"]) == {0, 3}
    assert list(found.runs["path"].unique()) == [path.name for path in PATHS]
    assert found.runs.notna().all(axis=None)
    assert not found.runs.duplicated(["simulator", "path", "seed"]).any()


def test_exact_paths(found):
    native, node = runs_of(found, NATIVE), runs_of(found, NODE)
    assert (native["distance"] == 0).all()
    assert (native["drift"] == 0).all()
    assert (node["drift"] == 0).all()
    assert (node["distance"] < 1e-13).all()
    assert np.allclose(native["rmse"], node["rmse"], rtol=1e-12)


def test_paths_that_differ(found):
    assert (runs_of(found, FIXED)["drift"] > 0.01).all()
    for name in ("tied", "tied+gate"):
        scaler = runs_of(found, SCALERS[name])
        assert (scaler["distance"] > 1e-4).all()
        assert (scaler["distance"] < 0.05).all()
        assert (scaler["drift"] < 5e-3).all()
    for path in (SCALERS["classic"], PRODUCT):
        assert (runs_of(found, path)["distance"] > 0.02).all()
        assert (runs_of(found, path)["drift"] > 1e-3).all()


def test_measures_against_a_run_by_hand(found):
    row = runs_of(found, NATIVE).iloc[0]
    rule = nlr.ScheduledPES(SCHEDULE.between(0, LEARNING))
    task, test = nlr.lab.tasks.TASKS["square"], DURATION - LEARNING
    network = nlr.lab.tasks.build(task, rule, None, 0, LEARNING, test)
    with nengo.Simulator(network, progress_bar=False) as sim:
        sim.run(DURATION)
    by_hand = nlr.lab.tasks.final_error(sim, network, LEARNING)
    assert row["rmse"] == pytest.approx(by_hand, rel=1e-9)


def test_traces(found):
    traces = found.traces
    trace = traces[(traces["path"] == FIXED.name) & (traces["seed"] == 3)]
    assert len(trace) == 30
    times = trace["time"].to_numpy()
    assert times[-1] == DURATION
    rate = np.where(times < LEARNING - 1e-6, SCHEDULE(times), 0.0)
    assert np.allclose(trace["rate"], rate, rtol=1e-9, atol=0)
    run = runs_of(found, FIXED).iloc[1]
    assert run["distance"] == trace["distance"].iloc[-1]
    # the pieces of the test are all of 50 ms
    rms = np.sqrt(np.mean(trace["error"][times > LEARNING + 1e-6] ** 2))
    assert run["rmse"] == pytest.approx(rms, rel=1e-9)


def test_summary(found):
    summary = found.summary()
    assert list(summary["path"]) == [path.name for path in PATHS]
    runs = runs_of(found, FIXED)
    row = summary.iloc[0]
    assert row["rmse"] == np.median(runs["rmse"])
    assert (row["rmse_low"], row["rmse_high"]) == tuple(sorted(runs["rmse"]))
    assert row["cost"] == row["cost_low"] == row["cost_high"] == 1.0
    # a network of 200 more neurons costs something on any machine
    assert summary.set_index("path")["cost"][PRODUCT.name] > 1.1


def test_save(found, tmp_path):
    found.save(tmp_path / "new" / "folder")
    for name in ("runs", "traces", "cost"):
        table = pd.read_csv(tmp_path / "new" / "folder" / f"{name}.csv")
        pd.testing.assert_frame_equal(table, getattr(found, name))


def test_both_simulators(NengoDL, monkeypatch):
    pytest.importorskip("nengo_dl")
    monkeypatch.setattr(jobs, "TIMING", {"nengo": (5, 3), "nengo_dl": (5, 3)})
    paths = [FIXED, NATIVE]
    both = ("nengo", "nengo_dl")
    found = compare("comm", None, [0], 1.0, both, paths)
    assert list(found.summary()["simulator"]) == ["nengo", "nengo", *2 * ["nengo_dl"]]
    rows = runs_of(found, NATIVE).set_index("simulator")
    assert rows["from_reference"]["nengo"] == 0
    # single precision
    assert 0 < rows["from_reference"]["nengo_dl"] < 1e-4
    assert rows["drift"]["nengo_dl"] == 0
    assert rows["rmse"]["nengo_dl"] == pytest.approx(rows["rmse"]["nengo"], rel=1e-3)


def test_default_schedule_reaches_zero(monkeypatch):
    monkeypatch.setattr(jobs, "TIMING", {"nengo": (5, 3)})
    found = compare(seeds=[0], duration=1.0, paths=[FIXED, NATIVE])
    rate = found.traces["rate"].to_numpy()[:20]
    assert rate[0] > 9e-4
    assert np.all(np.diff(rate[:15]) < 0)
    assert not np.any(rate[15:])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"task": "foo"}, "task: must be one of comm, square, .*'foo'"),
        ({"schedule": 1e-3}, "schedule: must be a Schedule .*0.001"),
        ({"schedule": nlr.Constant(0)}, "schedule: must be above 0.*0.0"),
        (
            {"schedule": nlr.Constant(1e-3).between(3, 4), "duration": 4},
            "within the first 3 s",
        ),
        ({"seeds": []}, "seeds: must be one or more"),
        ({"seeds": [1, 1]}, r"seeds: .*\[1, 1\]"),
        ({"duration": 0.5}, "duration: must be at least 1 second.*0.5"),
        ({"duration": np.nan}, "duration: .*nan"),
        ({"duration": np.inf}, "duration: .*inf"),
        ({"simulators": ["loihi"]}, "simulators: must be one of nengo, .*'loihi'"),
        ({"simulators": []}, "simulators: must be one or more"),
        ({"paths": [FIXED]}, "paths: must include NATIVE"),
    ],
)
def test_bad_arguments(arguments, words):
    with pytest.raises(ValidationError, match=words):
        compare(**arguments)


def test_missing_nengo_dl(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n: None if n == "nengo_dl" else find(n)
    )
    assert missing_simulators() == ["nengo_dl"]
    with pytest.raises(ValidationError, match=r"nengo_dl is not.*nengo-lr\[dl\]"):
        compare(simulators=["nengo", "nengo_dl"])


def test_failure_names_the_run():
    def fail(experiment):
        raise BuildError("no such rule")

    paths = [NATIVE, Path("failing", fail)]
    with pytest.raises(SimulationError, match="task comm, seed 7, nengo: no such"):
        compare("comm", seeds=[7], paths=paths)


def test_failure_on_nengo_dl_tells_the_cause(NengoDL):
    schedule = nlr.Constant(1e9)
    with pytest.raises(SimulationError, match=r"nengo_dl: The weights of .*'comm'"):
        compare("comm", schedule, [0], 1.0, ["nengo_dl"], [NATIVE])


def test_optimizers_learn_at_the_rate_times_their_gain():
    paths = [FIXED, NATIVE, *ADAPTIVE.values()]
    found = compare("square", nlr.Constant(1e-3), [0], DURATION, paths=paths)
    experiment = found.experiment
    for name, path in ADAPTIVE.items():
        rule = path.rule(experiment)
        assert rule.optimizer == getattr(nlr, name)()
        assert rule.learning_rate.rate_at(0.0) in (1e-3, 1e-2)
        run = runs_of(found, path)
        assert (run["drift"] == 0).all()
        assert (run["distance"] > 1e-3).all()


def test_interleaved_compares_each_round():
    calls = []
    runs = {name: lambda name=name: calls.append(name) for name in ("a", "b")}
    ratios, seconds = interleaved(runs, "a", rounds=3)
    assert calls == ["a", "b"] * 3
    assert ratios["a"] == [1.0] * 3
    assert len(ratios["b"]) == 3
    assert seconds > 0
