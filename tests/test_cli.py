import inspect
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

import nengo_lr
from nengo_lr.cli import EXTRA, main
from nengo_lr.cli import compare as compare_command
from nengo_lr.cli.options import Seeds
from nengo_lr.schedules import expressions


def run(capsys, *arguments):
    """Run the command here; returns its exit code, output and errors."""
    with pytest.raises(SystemExit) as exit:
        main(list(arguments))
    captured = capsys.readouterr()
    return exit.value.code or 0, captured.out, captured.err


def run_apart(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True
    )


@pytest.fixture
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_help_and_version(capsys):
    for arguments in ([], ["--help"]):
        code, out, err = run(capsys, *arguments)
        assert (code, err) == (0, "")
        for command in ("compare", "plot", "schedules"):
            assert command in out
    assert run(capsys, "--version")[1] == f"nengo-lr {nengo_lr.__version__}\n"


def test_schedules_lists_the_catalogue(capsys):
    code, out, err = run(capsys, "schedules")
    assert (code, err) == (0, "")
    text = " ".join(out.split())
    for name, cls in expressions.catalogue().items():
        first_words = inspect.getdoc(cls).replace("``", "").split()[:3]
        assert f"{name} {' '.join(first_words)}" in text


def test_examples_are_listed_with_their_titles(capsys):
    code, out, err = run(capsys, "examples")
    assert (code, err) == (0, "")
    folder = Path(out.partition("They are in ")[2].partition("\n")[0])
    for file in Path(__file__).parents[1].glob("examples/*.py"):
        assert (folder / file.name).read_text() == file.read_text()
        if file.name != "letters.py":  # what another one imports
            first_words = file.read_text().splitlines()[1].split()[2:5]
            assert f"{file.name} {' '.join(first_words)}" in " ".join(out.split())
    assert "letters.py" not in out
    command = out.rpartition("Run one: python ")[2].strip()
    assert Path(command).is_file()


def test_examples_that_are_not_there_are_one_line(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(nengo_lr, "__file__", str(tmp_path / "nengo_lr" / "a.py"))
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    monkeypatch.setattr("site.getuserbase", lambda: str(tmp_path))
    code, out, err = run(capsys, "examples")
    assert (code, out) == (2, "")
    assert err.startswith("nengo-lr: the examples were not installed")
    assert err.count("\n") == 1


@pytest.mark.parametrize("file", ["schedule.png", "other.svg"])
def test_plot(capsys, in_tmp_path, file):
    expression = "Warmup(CosineDecay(1e-3, 10), 1)"
    options = [] if file == "schedule.png" else ["--output", file, "--duration", "3"]
    code, out, err = run(capsys, "plot", expression, *options)
    assert (code, out, err) == (0, f"wrote {file}\n", "")
    content = (in_tmp_path / file).read_bytes()
    assert content.startswith(b"\x89PNG" if file == "schedule.png" else b"<?xml")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bogus"], "bogus"),
        (["compare", "--bogus"], "--bogus"),
        (["compare", "--task", "foo"], "'foo' is not one of 'comm', 'square'"),
        (["compare", "--schedule", "Foo(1)"], "'Foo' at column 1 is not a known name"),
        (["compare", "--schedule", "open('x')"], "'open' at column 1 is not a known"),
        (["compare", "--schedule", "Constant(-1)"], "Constant.value"),
        (["compare", "--schedule", "Constant(0)"], "schedule: must be above 0"),
        (["compare", "--seeds", "a"], "'a' is not like 0,3 or 0-4"),
        (["compare", "--seeds", "3-1"], "'3-1' is not"),
        (["compare", "--seeds", "1,1"], "'1,1' is not"),
        (["compare", "--duration", "0.5"], "duration: must be at least 1 second"),
        (["compare", "--duration", "nan"], "duration: must be at least 1 second"),
        (["compare", "--duration", "long"], "'long' is not a valid float"),
        (["compare", "--neurons", "0"], "--neurons"),
        (["compare", "--simulators", "nengo,loihi"], "'loihi' is not one of nengo, "),
        (["compare", "--simulators", "nengo,nengo"], "simulators: must be one or more"),
        (["compare", "--scaler", "tied,foo"], "'foo' is not one of tied, tied+gate"),
        (["compare", "--optimizers", "SGD"], "'SGD' is not one of AdaGrad, RMSProp"),
        (["compare", "--rate-radius", "1"], "--rate-radius needs --model"),
        (["compare", "--model", "a:b", "--task", "comm"], "--task does not go with"),
        (["compare", "--output", "file/folder"], "cannot write to 'file/folder'"),
        (["plot"], "EXPRESSION"),
        (["plot", "CosineDecay(1e-3)"], "'CosineDecay(1e-3)' at column 1 is refused"),
        (["plot", "Constant(1)", "--duration", "-1"], "--duration"),
        (["plot", "Constant(1)", "--output", "x.foo"], "'foo' is not supported"),
        (["plot", "Constant(1)", "--output", "."], "'.' is a directory"),
        (["plot", "Constant(1)", "--output", "none/x.png"], "No such file"),
    ],
)
def test_bad_input_is_one_line(capsys, in_tmp_path, arguments, words):
    (in_tmp_path / "file").touch()
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("nengo-lr: ")
    assert err.count("\n") == 1
    assert words in err


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("0", [0]), ("0-2", [0, 1, 2]), ("5,0-1", [5, 0, 1])],
)
def test_seeds(text, seeds):
    assert Seeds().convert(text, None, None) == seeds


@pytest.mark.parametrize("name", EXTRA)
def test_missing_extra_is_one_line(name):
    code = (
        f"import sys; sys.modules[{name!r}] = None\n"
        "from nengo_lr.cli import main; main(['plot', 'Constant(1)'])"
    )
    found = run_apart(code)
    assert found.returncode == 2
    assert found.stdout == ""
    assert found.stderr == (
        f"nengo-lr: {name} is not installed; pip install 'nengo-lr[cli]'\n"
    )


def test_compare(tmp_path):
    """The real thing, with processes; the terminal shows results and nothing else."""
    folder = tmp_path / "new" / "results"
    found = run_apart(
        "from nengo_lr.cli import main; main()",
        *("compare", "--simulators", "nengo", "--seeds", "0,4", "--duration", "1"),
        *("--task", "square", "--schedule", "StepDecay(1e-3, 0.2, factor=0.5)"),
        *("--neurons", "30", "--output", str(folder)),
    )
    assert (found.returncode, found.stderr) == (0, "")
    for words in ("square: f(x) = x squared", "seeds 0, 4; 30 neurons", "drift"):
        assert words in found.stdout
    for path in ("fixed rate", "ScheduledPES", "Node scaling", "ErrorScaler tied"):
        assert path in found.stdout
    assert max(map(len, found.stdout.splitlines()[:-1])) <= 80
    assert sorted(os.listdir(folder)) == [
        "compare.png",
        "cost.csv",
        "runs.csv",
        "traces.csv",
    ]
    assert set(pd.read_csv(folder / "runs.csv")["seed"]) == {0, 4}


def test_compare_without_nengo_dl(capsys, in_tmp_path, monkeypatch):
    asked = {}

    def compare(task, schedule, seeds, duration, simulators, paths, *others):
        asked.update(simulators=simulators, paths=[path.name for path in paths])
        raise OSError("stop here")

    monkeypatch.setattr(
        compare_command.comparing, "missing_simulators", lambda: ["nengo_dl"]
    )
    monkeypatch.setattr(compare_command.comparing, "compare", compare)
    options = "--scaler", "classic,tied", "--optimizers", "Adam"
    code, out, err = run(capsys, "compare", *options)
    assert (code, err) == (2, "nengo-lr: stop here\n")
    assert asked["simulators"] == ["nengo"]
    assert asked["paths"][-4:] == [
        "ErrorScaler classic",
        "ErrorScaler tied",
        "Product network",
        "Adam",
    ]
    assert out == ""


def test_a_comparison_tells_what_it_left_out(capsys):
    compare_command.tell_missing(Console(), [])
    compare_command.tell_missing(Console(), ["nengo_dl"])
    line = " ".join(capsys.readouterr().out.split())
    assert line.startswith("NengoDL is not installed: this is the reference")
    assert "pip install 'nengo-lr[dl]' brings it" in line


def test_errors_of_runs_that_diverge_fit_into_a_table():
    assert compare_command.spread(0.5, 0.4, 0.7, 4) == "0.5000 ±0.1500"
    assert compare_command.spread(1.0, 0.5, 5e34, 4) == "1.0e+00 ±2.5e+34"


def test_failing_run_on_nengo_dl_is_one_line(tmp_path):
    """Neither TensorFlow's messages nor its tracebacks reach the terminal."""
    pytest.importorskip("nengo_dl")
    found = run_apart(
        "from nengo_lr.cli import main; main()",
        *("compare", "--simulators", "nengo_dl", "--seeds", "0", "--duration", "1"),
        *("--schedule", "Constant(5)", "--output", str(tmp_path)),
    )
    assert (found.returncode, found.stdout) == (2, "")
    warning, failure = found.stderr.splitlines()
    assert warning.startswith("nengo-lr: This learning rate is very high")
    assert failure.startswith("nengo-lr: task comm, seed 0, nengo_dl: The weights of")
