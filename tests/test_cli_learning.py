"""The commands that find a learning rate."""

import sys

import pytest

pd = pytest.importorskip("pandas")
pytest.importorskip("click")

from nengo_lr.cli import main  # noqa: E402


def run(capsys, *arguments):
    """Run the command here; returns its exit code, output and errors."""
    with pytest.raises(SystemExit) as exit_:
        main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return exit_.value.code or 0, captured.out, captured.err


def test_range_test(capsys, tmp_path):
    code, out, err = run(
        capsys, "range-test", "--task", "square", "--learning", 1, "--output", tmp_path
    )
    assert (code, err) == (0, "")
    for name in ("square", "generalize", "track", "diverges"):
        assert name in out
    table = pd.read_csv(tmp_path / "range_test.csv")
    assert list(table.columns) == ["rate", "error"]
    assert table["rate"].is_monotonic_increasing
    assert (tmp_path / "range_test.png").read_bytes().startswith(b"\x89PNG")


def test_own_model(capsys, tmp_path):
    code, out, err = run(
        capsys,
        "range-test",
        *("--model", "lab_helpers:seeded", "--learning", 0.5, "--seed", 3),
        *("--output", tmp_path),
    )
    assert (code, err) == (0, "")
    assert "lab_helpers:seeded" in out


def test_stable_rate(capsys, tmp_path):
    code, out, err = run(
        capsys, "stable-rate", "--task", "square", "--output", tmp_path
    )
    assert (code, err) == (0, "")
    for words in ("square: f(x)", "stable", "0.1 of"):
        assert words in out
    table = pd.read_csv(tmp_path / "stable-rate.csv")
    assert list(table.columns) == ["connection", "rate", "time", "left"]
    assert table["rate"].nunique() == 3
    assert (tmp_path / "stable-rate.png").read_bytes().startswith(b"\x89PNG")


def test_sweep(capsys, tmp_path):
    options = ["--learning", 0.2, "--test", 0.1, "--seeds", "0,1", "--jobs", 1]
    options += ["--output", tmp_path, "--store", tmp_path / "runs.sqlite"]
    code, out, err = run(capsys, "sweep", "--rates", "1e-4,1e-3", *options)
    assert (code, err) == (0, "")
    assert "0.001" in out
    table = pd.read_csv(tmp_path / "sweep.csv")
    assert list(table["rate"]) == [1e-4, 1e-4, 1e-3, 1e-3]
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")


def test_sweep_of_schedules(capsys, tmp_path):
    code, out, err = run(
        capsys,
        *("sweep", "--model", "lab_helpers:seeded", "--rates", "1e-4:1e-3:2"),
        *("--schedule", "CosineDecay({}, 0.1)", "--learning", 0.1, "--seeds", "3"),
        *("--jobs", 1, "--output", tmp_path),
    )
    assert (code, err) == (0, "")
    assert "CosineDecay" in out
    table = pd.read_csv(tmp_path / "sweep.csv")
    assert table["rate"][0] == "CosineDecay(initial=0.0001, duration=0.1)"


def test_search(capsys, tmp_path):
    pytest.importorskip("optuna")
    code, out, err = run(
        capsys,
        *("tune", "--schedule", "CosineDecay({rate:1e-4..1e-2}, {length:0.1..1})"),
        *("--optimizer", "RMSProp(tau={tau:0.1..10})", "--trials", 3),
        *("--learning", 0.2, "--test", 0.1, "--sampler-seed", 0),
        *("--store", tmp_path / "study.db", "--output", tmp_path),
    )
    assert (code, err) == (0, "")
    for words in ("learning_rate: CosineDecay(", "optimizer: RMSProp(", "3 trials"):
        assert words in out
    table = pd.read_csv(tmp_path / "tune.csv")
    assert {"params_rate", "params_length", "params_tau"} <= set(table.columns)
    assert (tmp_path / "tune.png").read_bytes().startswith(b"\x89PNG")


def test_search_without_optuna(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    code, out, err = run(capsys, "tune", "--output", tmp_path)
    assert (code, out) == (2, "")
    assert err == (
        "nengo-lr: optuna is not installed; pip install 'nengo-lr[search]'\n"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["range-test", "--low", "1e-1", "--high", "1e-3"], "0 < low < high"),
        (["range-test", "--learning", "0.01"], "at least 100 steps"),
        (["sweep", "--rates", "1e-3,x"], "'1e-3,x' is not like 1e-4,1e-3"),
        (["sweep", "--rates", "1e-3,1e-3"], "one or more different rates"),
        (["sweep", "--schedule", "Constant(1)"], "has no {} for the rate"),
        (["sweep", "--schedule", "Foo({})"], "'Foo' at column 1"),
        (["sweep", "--learning", "0"], "greater than 0"),
        (["tune", "--schedule", "Constant(1e-3)"], "there is no range"),
        (["tune", "--schedule", "Constant({a:2..1})"], "range of numbers"),
        (["tune", "--optimizer", "Foo(1)"], "'Foo' at column 1"),
        (["stable-rate", "--fraction", "1"], "--fraction"),
        (["stable-rate", "--model", "lab_helpers:growth"], "must return a nengo"),
        (["range-test", "--task", "foo"], "'foo' is not one of 'comm'"),
        (["range-test", "--model", "foo:bar"], "no module:function"),
        (["range-test", "--model", "lab_helpers:growth"], "must return a nengo.Net"),
    ],
)
def test_bad_input_is_one_line(capsys, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("nengo-lr: ")
    assert err.count("\n") == 1
    assert words in err
