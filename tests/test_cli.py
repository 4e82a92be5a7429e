import inspect
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nengo_lr
from nengo_lr.builder.hosts import Host
from nengo_lr.cli import EXTRA, learning, main
from nengo_lr.cli.commands import commands
from nengo_lr.cli.options import Seeds
from nengo_lr.cli.output import print_table
from nengo_lr.lab import METHODS
from nengo_lr.lab.answers import Answer
from nengo_lr.schedules import expressions


def run(capsys, *arguments):
    """Run the command here; returns its exit code, output and errors."""
    with pytest.raises(SystemExit) as exit:
        main(list(arguments))
    captured = capsys.readouterr()
    return exit.value.code or 0, captured.out, captured.err


def run_apart(code, *arguments):
    # NengoDL, where another test has imported it, makes TensorFlow talk
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        capture_output=True,
        text=True,
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
    for command in commands.commands:
        code, out, err = run(capsys, command, "--help")
        assert (code, err) == (0, "")
        assert "\\" not in out
    assert run(capsys, "--version")[1] == f"nengo-lr {nengo_lr.__version__}\n"


def test_schedules_lists_the_catalogue(capsys):
    code, out, err = run(capsys, "schedules")
    assert (code, err) == (0, "")
    text = " ".join(out.split())
    for name, cls in expressions.catalogue().items():
        first_words = inspect.getdoc(cls).replace("``", "").split()[:3]
        assert f"{name}{inspect.signature(cls)} {' '.join(first_words)}" in text


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
        (["compare", "--learning", "0"], "learning"),
        (["compare", "--learning", "nan"], "learning"),
        (["compare", "--learning", "long"], "'long' is not a valid float"),
        (["compare", "--duration", "1"], "--duration"),
        (["compare", "--simulators", "nengo,loihi"], "'loihi' is not one of nengo, "),
        (["compare", "--simulators", "nengo,nengo"], "simulators: must be one or more"),
        (["compare", "--methods", "tied,foo"], "'foo' is not one of fixed, scheduled"),
        (["compare", "--methods", "tied,tied"], "tied, tied"),
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
        *("compare", "--simulators", "nengo", "--seeds", "0,4", "--learning", "1"),
        *("--task", "square", "--schedule", "StepDecay(1e-3, 0.5, factor=0.2)"),
        *("--test", "0.5", "--methods", "fixed,node,tied", "--output", str(folder)),
    )
    assert (found.returncode, found.stderr) == (0, "")
    text = " ".join(found.stdout.split())
    for name in ("fixed", "scheduled", "node", "tied"):
        assert METHODS[name].title in text
    for words in ("than with the best fixed rate", "wrote compare.csv, compare.png"):
        assert words in text
    assert max(map(len, found.stdout.splitlines()[:-3])) <= 80
    assert sorted(os.listdir(folder)) == [
        "compare.csv",
        "compare.png",
        "traces.csv",
        "trials.csv",
    ]
    assert set(pd.read_csv(folder / "trials.csv")["seed"]) == {0, 4}


def test_compare_tells_what_is_not_installed(capsys, in_tmp_path, monkeypatch):
    class Missing(Host):
        title, extra = "SomeSimulator", "some"

    monkeypatch.setattr(learning, "missing_hosts", lambda: {"some": Missing})
    options = ["--learning", "0.2", "--test", "0.1", "--seeds", "0", "--jobs", "1"]
    monkeypatch.setattr(learning.lab, "compare", lambda model, **asked: Answer())
    monkeypatch.setattr(learning, "present", lambda found, model, output: None)
    code, out, err = run(capsys, "compare", *options)
    assert (code, err) == (0, "")
    assert out.startswith("SomeSimulator is not installed")
    assert "nengo-lr[some]" in out
    assert run(capsys, "compare", "--simulators", "nengo", *options)[1] == ""
    Missing.last_python = (3, 8)
    assert run(capsys, "compare", *options)[1] == ""


def test_errors_of_runs_that_diverge_fit_into_a_table(capsys):
    table = pd.DataFrame({"rate": [1e-5, np.nan], "error": [0.5, 5e34]})
    print_table(table)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["1e-05", "0.5"] in rows
    assert ["5e+34"] in rows


def test_failing_run_on_nengo_dl_is_one_line(tmp_path):
    """Neither TensorFlow's messages nor its tracebacks reach the terminal."""
    pytest.importorskip("nengo_dl")
    found = run_apart(
        "from nengo_lr.cli import main; main()",
        *("compare", "--simulators", "nengo_dl", "--seeds", "0", "--learning", "1"),
        *("--methods", "scheduled", "--schedule", "Constant(5)"),
        *("--task", "comm", "--output", str(tmp_path)),
    )
    assert (found.returncode, found.stdout) == (2, "")
    *warnings, failure = found.stderr.splitlines()
    assert all("This learning rate is" in line for line in warnings), warnings
    assert failure.startswith("nengo-lr: every trial failed; ")
    assert "The weights of" in failure
