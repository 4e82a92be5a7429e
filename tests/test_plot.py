import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import nengo_lr as nlr
from nengo_lr.compare import NATIVE, NODE, Comparison, Experiment
from nengo_lr.lab import RangeTest, Score, Sweep, plot
from nengo_lr.lab.tasks import TASKS


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
        (plot.study, table),
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


def make_comparison(simulators=("nengo", "nengo_dl")):
    times = np.linspace(0.5, 4.0, 8)
    traces = [
        pd.DataFrame(
            {
                "simulator": simulator,
                "path": path,
                "seed": seed,
                "time": times,
                "rate": SCHEDULE(times),
                "error": 0.1 * (seed + 1) / times,
                "distance": distance * times,
            }
        )
        for simulator in simulators
        for seed in range(3)
        for path, distance in (
            ("fixed rate", 0.1),
            (NATIVE.name, 0.0),
            (NODE.name, 1e-16),
        )
    ]
    experiment = Experiment(TASKS["comm"], SCHEDULE, 4.0, 0)
    empty = pd.DataFrame()
    return Comparison(experiment, empty, pd.concat(traces), empty)


@pytest.mark.parametrize("n", [1, 2])
def test_comparison(n, tmp_path):
    comparison = make_comparison(("nengo", "nengo_dl")[:n])
    figure = plot.comparison(comparison)
    axes = np.array(figure.axes).reshape(3, n)
    assert [ax.get_title(loc="left") for ax in axes[0]] == ["nengo", "nengo_dl"][:n]
    for ax in axes[1]:
        labels = [line.get_label() for line in ax.lines]
        assert labels == ["fixed rate", NATIVE.name, NODE.name]
        # the median seed
        assert np.allclose(ax.lines[0].get_ydata(), 0.2 / np.linspace(0.5, 4.0, 8))
    for ax in axes[2]:
        # what is too small to be drawn is told
        assert [line.get_label() for line in ax.lines] == ["fixed rate"]
        (text,) = [text.get_text() for text in ax.texts if NODE.name in text.get_text()]
        assert text == f"{NATIVE.name}: 0\n{NODE.name}: 4e-16"
        assert ax.get_xlabel() == "time (s)"
    assert "(target's unit)" in axes[1, 0].get_ylabel()
    plot.save(figure, tmp_path / "comparison.png")
