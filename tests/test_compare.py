"""The comparison of methods."""

import nengo
import numpy as np
import pytest
from helpers import learning_network
from nengo.exceptions import BuildError, SimulationError, ValidationError

import nengo_lr as nlr
from nengo_lr.lab import (
    METHODS,
    TASKS,
    Method,
    TaskModel,
    Trial,
    compare,
    interleaved,
    plans,
)

pd = pytest.importorskip("pandas")

LEARNING, TEST = 1.2, 0.4
SCHEDULE = nlr.CosineDecay(1e-3, 1.3)
NATIVE = METHODS["scheduled"].title
QUICK = {"learning": 0.3, "test": 0.1, "executor": "serial", "simulators": ["nengo"]}


@pytest.fixture(scope="module")
def found():
    calls = []
    methods = [*(name for name in METHODS if name not in ("LocalGains", "auto"))]
    result = compare(
        TaskModel("square"),
        SCHEDULE,
        LEARNING,
        TEST,
        methods=methods,
        seeds=(seed for seed in (0, 3)),
        simulators=(name for name in ["nengo"]),
        executor="serial",
        progress=lambda *call: calls.append(call),
    )
    # the best of six fixed rates is chosen; at the end costs are measured
    n_trials = 2 * (len(methods) - 1 + 6)
    assert calls[0] == (0, n_trials + 1)
    assert calls[-1] == (n_trials + 1, n_trials + 1)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    return result


def trials_of(found, name):
    title = METHODS[name].title
    return (
        found.trials[found.trials["method"].str.startswith(title + ",")]
        if (name == "fixed")
        else found.trials[found.trials["method"] == title]
    )


def test_one_row_for_each_trial(found):
    assert len(found.trials) == 2 * (len(METHODS) - 2)
    assert set(found.trials["seed"]) == {0, 3}
    assert found.trials.notna().all(axis=None)
    assert not found.trials.duplicated(["simulator", "method", "seed"]).any()
    assert list(found.table["method"]) == list(found.trials["method"].unique())


def test_methods_that_are_exact(found):
    native, node = trials_of(found, "scheduled"), trials_of(found, "node")
    assert (native["distance"] == 0).all()
    assert (native["moved"] == 0).all()
    assert (node["moved"] == 0).all()
    assert (node["distance"] < 1e-13).all()
    assert np.allclose(native["error"], node["error"], rtol=1e-12)


def test_every_method_but_products_stands_still_at_rate_0(found):
    for name in METHODS:
        moved = trials_of(found, name)["moved"]
        if name in ("classic", "product-200", "product-10"):
            assert (moved > 1e-3).all(), name
        elif name.startswith("tied"):
            assert (moved < 5e-3).all(), name
        else:
            assert (moved == 0).all(), name
    moving = [METHODS[name].title for name in ("product-200", "product-10")]
    assert set(moving) < set(found.moving)


def test_methods_that_learn_something_else(found):
    for name in ("tied", "tied+gate"):
        assert (trials_of(found, name)["distance"] > 1e-4).all()
        assert (trials_of(found, name)["distance"] < 0.2).all()
    for name in ("fixed", "product-200", "product-10", "AdaGrad", "RMSProp", "Adam"):
        assert (trials_of(found, name)["distance"] > 1e-3).all()


def test_errors_and_weights_against_a_run_by_hand(found):
    row = trials_of(found, "scheduled").iloc[0]
    rule = nlr.ScheduledPES(SCHEDULE.between(0, LEARNING))
    network = nlr.lab.tasks.build(TASKS["square"], rule, None, 0, LEARNING, TEST)
    with nengo.Simulator(network, progress_bar=False) as sim:
        sim.run(LEARNING + TEST)
    by_hand = nlr.lab.tasks.final_error(sim, network, LEARNING)
    assert row["error"] == pytest.approx(by_hand, rel=1e-9)


def test_the_best_fixed_rate_is_the_best(found):
    errors = {
        rate: [
            Trial(TaskModel("square"), rate, LEARNING, TEST, seed).run().error
            for seed in (0, 3)
        ]
        for rate in METHODS["fixed"].rates
    }
    best = min(errors, key=lambda rate: np.median(errors[rate]))
    rows = trials_of(found, "fixed")
    assert rows["method"].iloc[0].endswith(f", {best:g}")
    assert np.allclose(rows["error"], errors[best], rtol=1e-9)


def test_traces(found):
    traces = found.traces
    trace = traces[(traces["method"] == NATIVE) & (traces["seed"] == 3)]
    times = trace["time"].to_numpy()
    assert times[-1] == LEARNING + TEST
    assert trace["moved"].iloc[-1] == 0
    row = trials_of(found, "scheduled").iloc[1]
    rms = np.sqrt(np.mean(trace["error"][times > LEARNING + 1e-6] ** 2))
    assert row["error"] == pytest.approx(rms, rel=1e-9)


def test_table_and_conclusion(found):
    table = found.table.set_index("method")
    errors = trials_of(found, "scheduled")["error"]
    row = table.loc[NATIVE]
    assert row["test error"] == np.median(errors)
    assert [row["lowest"], row["highest"]] == sorted(errors)
    assert row["relative cost of a step"] == 1.0
    # a network of 200 more neurons costs something on any machine
    product = METHODS["product-200"].title
    assert table.loc[product, "relative cost of a step"] > 1.1
    fixed = trials_of(found, "fixed")
    ratio = np.median(errors) / np.median(fixed["error"])
    word = "less" if ratio < 1 else "more"
    assert f"{100 * abs(1 - ratio):.0f} % {word} with {NATIVE} " in found.conclusion
    assert fixed["method"].iloc[0] in found.conclusion
    for title in (product, METHODS["product-10"].title):
        assert title in found.conclusion
    assert found.reason == ""


def test_save(found, tmp_path):
    pytest.importorskip("matplotlib").use("agg")
    files = found.save(tmp_path / "new" / "folder")
    names = ["compare.csv", "compare.png", "trials.csv", "traces.csv"]
    assert [file.name for file in files] == names
    for name, table in (("compare", found.table), ("trials", found.trials)):
        file = tmp_path / "new" / "folder" / f"{name}.csv"
        written = pd.read_csv(file, keep_default_na=False)
        pd.testing.assert_frame_equal(written, table, check_dtype=False)


def test_other_simulators(NengoDL, monkeypatch):
    pytest.importorskip("nengo_dl")
    monkeypatch.setattr(plans, "measure_costs", lambda *args: {})
    both = ["nengo", "nengo_dl"]
    found = compare(
        TaskModel("comm"),
        learning=0.8,
        test=0.2,
        methods=["scheduled"],
        seeds=[0],
        simulators=both,
        executor="serial",
    )
    assert list(found.table["simulator"]) == both
    rows = trials_of(found, "scheduled").set_index("simulator")
    assert rows["from_first"]["nengo"] == 0
    # single precision
    assert 0 < rows["from_first"]["nengo_dl"] < 1e-4
    assert rows["moved"]["nengo_dl"] == 0
    assert rows["error"]["nengo_dl"] == pytest.approx(rows["error"]["nengo"], rel=1e-3)


def own_model(learning_rate):
    """A user's own model: no test error, no target, one more Probe."""
    network = learning_network(nlr.ScheduledPES(learning_rate))
    with network:
        network.error = nengo.Probe(network.nodes[-1])
    return network


def test_own_models_are_compared_alike():
    methods = ["scheduled", "node", "tied"]
    found = compare(
        own_model, SCHEDULE, methods=methods, seeds=[0], error_radius=2.0, **QUICK
    )
    assert trials_of(found, "node")["distance"].iloc[0] < 1e-13
    assert 0 < trials_of(found, "tied")["distance"].iloc[0] < 0.3
    assert (found.trials["moved"][:2] == 0).all()
    assert found.trials["moved"][2] < 1e-3


def fail(network, **radii):
    raise BuildError("no such rule")


def test_a_method_that_fails_is_told(tmp_path):
    methods = ["scheduled", Method("failing", "what fails", convert=fail)]
    with pytest.warns(UserWarning, match="what fails with seed 7 on nengo: .*no such"):
        found = compare(TaskModel("comm"), methods=methods, seeds=[7], **QUICK)
    assert found.table["test error"].notna().tolist() == [True, False]
    assert "what fails" in found.reason


def test_all_methods_that_fail_are_an_error():
    with pytest.raises(SimulationError, match=r"every trial failed.*comm"):
        compare(
            TaskModel("comm"),
            nlr.Constant(1e9),
            methods=["scheduled"],
            seeds=[0],
            **QUICK,
        )


def test_finished_trials_are_kept(tmp_path, monkeypatch):
    question = {"methods": ["scheduled", "tied"], "seeds": [0], **QUICK}
    question["store"] = tmp_path / "trials.sqlite"
    first = compare(TaskModel("comm"), **question)
    monkeypatch.setattr(Trial, "run", lambda *args: pytest.fail("ran again"))
    again = compare(TaskModel("comm"), **question)
    pd.testing.assert_frame_equal(first.trials, again.trials)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"model": lambda: 3}, "learning_rate"),
        ({"schedule": 1e-3}, "schedule: must be a Schedule .*0.001"),
        ({"schedule": nlr.Constant(0)}, "schedule: must be above 0.*0.0"),
        ({"schedule": nlr.Constant(1e-3).between(3, 4)}, "while the model learns"),
        ({"seeds": []}, "seeds: must be one or more"),
        ({"seeds": [1, 1]}, r"seeds: .*\[1, 1\]"),
        ({"learning": 0}, "learning: .*0"),
        ({"test": 0}, "test: .*0"),
        ({"learning": np.nan}, "learning: .*nan"),
        ({"simulators": ["loihi"]}, "simulators: must be one of nengo, .*'loihi'"),
        ({"simulators": []}, "simulators: must be one or more"),
        ({"methods": ["fast"]}, "methods: must be one of fixed, .*'fast'"),
        ({"methods": ["node", "node"]}, "methods: .*node, node"),
    ],
)
def test_bad_arguments(arguments, words):
    with pytest.raises(ValidationError, match=words):
        compare(**{**QUICK, **arguments})


def test_seeds_may_be_an_array():
    found = compare(TaskModel("comm"), methods=[], seeds=np.arange(2), **QUICK)
    assert found.trials["seed"].tolist() == [0, 1]


def test_interleaved_compares_each_round():
    calls = []
    runs = {name: lambda name=name: calls.append(name) for name in ("a", "b")}
    ratios, seconds = interleaved(runs, "a", rounds=3)
    assert calls == ["a", "b"] * 3
    assert ratios["a"] == [1.0] * 3
    assert len(ratios["b"]) == 3
    assert seconds > 0


def test_config_defaults_of_the_model_do_not_reach_the_probes():
    def model(learning_rate, seed=0):
        network = TaskModel("comm")(learning_rate, seed=seed)
        network.config[nengo.Probe].synapse = 0.2
        return network

    options = {**QUICK, "methods": ["scheduled"], "seeds": [0]}
    found, plain = (
        compare(which, SCHEDULE, **options) for which in (model, TaskModel("comm"))
    )
    assert found.trials["moved"].tolist() == [0.0]
    assert np.allclose(found.traces["moved"], plain.traces["moved"])
