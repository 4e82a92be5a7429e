from types import SimpleNamespace

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import nengo_lr as nlr
from nengo_lr.lab import Comparison, RangeTest, Score, Sweep, plot


@pytest.fixture(autouse=True)
def no_windows(monkeypatch):
    def show(*args, **kwargs):
        pytest.fail("a library must not call show()")

    matplotlib.use("agg")
    monkeypatch.setattr(plt, "show", show)
    plt.close("all")  # what other tests have left open
    yield
    plt.close("all")


SCHEDULE = nlr.Warmup(nlr.CosineDecay(1e-3, 10.0), 1.0)


def test_schedule_is_drawn_on_given_axes():
    ax = plt.figure().add_subplot()
    assert plot.schedule(SCHEDULE, 12.0, ax, color="red") is ax
    assert len(plt.get_fignums()) == 1
    (line,) = ax.lines
    x, y = line.get_data()
    assert line.get_color() == "red"
    assert (x[0], x[-1]) == (0.0, 12.0)
    assert np.array_equal(y, SCHEDULE(x))
    assert ax.get_xlim() == (0.0, 12.0)
    assert ax.get_ylim()[0] <= 0 < 1e-3 <= ax.get_ylim()[1]
    assert ax.get_xlabel() == "time (s)"
    assert ax.get_ylabel() == "learning rate"
    assert not ax.spines["top"].get_visible()


def test_schedule_makes_its_own_figure():
    ax = plot.schedule(nlr.FunctionSchedule(lambda t: -1e-3 * t), 5.0)
    assert ax.figure.number in plt.get_fignums()
    # a signed rate is seen whole
    assert ax.get_ylim()[0] <= -5e-3


def test_style_leaves_other_figures_alone():
    before = dict(matplotlib.rcParams)
    plot.schedule(SCHEDULE, 12.0)
    assert dict(matplotlib.rcParams) == before


def test_save(tmp_path):
    ax = plot.schedule(SCHEDULE, 12.0)
    plot.save(ax.figure, tmp_path / "schedule.png")
    pixels = plt.imread(tmp_path / "schedule.png")
    assert pixels.shape[:2] == (480, 960)
    assert len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > 10


def test_searches_draw_on_given_axes():
    """Every answer of a search is drawn where it is asked to be."""
    times, errors = np.linspace(0.1, 1, 10), np.geomspace(1, 0.1, 10)
    curve = RangeTest(np.geomspace(1e-5, 1e-2, 10), np.r_[errors[::2], errors[::-2]])
    scores = {(i, 0): Score(error) for i, error in enumerate((0.2, np.nan, 0.1))}
    table = pd.DataFrame(
        {
            "number": [0, 1, 2],
            "value": [3.0, 1.0, 2.0],
            "state": 2 * ["COMPLETE"] + ["PRUNED"],
        }
    )
    left = pd.DataFrame({"rate": 1e-3, "time": times, "left": errors})
    for draw, found in [
        (plot.range_test, curve),
        (plot.sweep, Sweep((1e-4, 1e-3, 1e-2), (0,), scores)),
        (plot.tune, SimpleNamespace(table=table)),
        (plot.error_left, left),
    ]:
        ax = plt.figure().add_subplot()
        assert draw(found, ax) is ax
        assert len(plt.get_fignums()) == 1
        assert ax.get_xlabel()
        assert ax.get_ylabel()
        plt.close("all")
        assert draw(found).figure.number in plt.get_fignums()
        plt.close("all")


@pytest.mark.parametrize("simulators", [("nengo",), ("nengo", "nengo_dl")])
def test_comparison(simulators, tmp_path):
    times = np.linspace(0.5, 4.0, 8)
    trials, traces = [], []
    for method, error, moved in [
        ("best fixed rate, 0.001", 0.2, 0.0),
        ("ScheduledPES", 0.1, 0.0),
        ("PES, product", 0.4, 0.1),
    ]:
        for simulator in simulators:
            for seed in range(3):
                key = {"method": method, "simulator": simulator, "seed": seed}
                result = {"error": error * (seed + 1), "moved": moved, "failure": ""}
                trials.append({**key, **result})
                trace = {"time": times, "error": error, "moved": moved * times}
                traces.append(pd.DataFrame({**key, **trace}))
    trials = pd.DataFrame(trials)
    costs = trials.drop_duplicates(["method", "simulator"]).assign(ratio=1.0)
    costs = costs.sort_values("simulator", kind="stable")
    tables = trials, pd.concat(traces), costs[["method", "simulator", "ratio"]]
    found = Comparison(SCHEDULE.between(0, 3), 3.0, 1.0, *tables)
    assert list(found.table["method"].unique()) == list(trials["method"].unique())
    ax = plot.compare(found)
    rate, errors, moves = ax.figure.axes[:3]
    assert ax is errors
    names = ["best fixed rate, 0.001", "ScheduledPES", "PES, product"]
    assert [label.get_text() for label in errors.get_yticklabels()] == names
    title = " ".join(errors.get_title(loc="left").split())
    assert title == f"The error is 50 % less with ScheduledPES than with the {names[0]}"
    assert "1 of 3 methods" in " ".join(moves.get_title(loc="left").split())
    # the median seed
    points = [
        line.get_xdata()[0] for line in errors.lines if len(line.get_xdata()) == 1
    ]
    assert np.allclose(points, np.repeat([0.4, 0.2, 0.8], len(simulators)))
    for panel in (rate, errors, moves):
        assert panel.get_xlabel()
    plot.save(ax.figure, tmp_path / "comparison.png")
    alone = plt.figure().add_subplot()
    assert found.plot(alone) is alone
