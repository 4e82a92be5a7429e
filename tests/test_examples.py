"""Every example runs by itself and draws its figure."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples"

NOT_HERE = {
    "letters.py",  # what the next one imports
    "letters_local_gains.py",  # test_letters.py runs it
}

EXAMPLES = sorted(
    file.name for file in FOLDER.glob("*.py") if file.name not in NOT_HERE
)


NUMBER = r"(-?[0-9.]+(?:e[-+]?[0-9]+)?)"


def smaller(stdout, less, more, column):
    """Assert that one line of a table has a smaller number than another."""
    numbers = []
    for name in (less, more):
        line = next(li for li in stdout.splitlines() if li.startswith(name))
        numbers.append(float(re.findall(NUMBER, line.removeprefix(name))[column]))
    assert numbers[0] < numbers[1]


def number(stdout, before):
    """The first number after some text."""
    return float(re.search(re.escape(before) + r"\D*?" + NUMBER, stdout)[1])


def check_adaptive_arm(stdout):
    smaller(stdout, "constant 3e-3", "constant 1e-4", 0)  # while it learns
    smaller(stdout, "cosine from 3e-3", "no learning", -3)  # when learning stopped


def check_associations(stdout):
    smaller(stdout, "Voja, cosine from 1e-2", "Voja, constant 1e-2", 0)


def check_digits(stdout):
    smaller(stdout, "PES      constant", "PES      cosine", 1)


def check_dopamine(stdout):
    # three columns of a median and its range: the third number is of the test
    smaller(stdout, "dopamine neurons", "constant 0.0002", 3)
    smaller(stdout, "dopamine neurons", "constant 0.0002", 0)


def check_error_scaler(stdout):
    assert number(stdout, "scaled error at rate 0:") < 1e-6
    assert number(stdout, "weights moved at rate 0:") < 1e-15


def check_find_the_rate(stdout):
    assert 1e-4 < number(stdout, "range test:") < number(stdout, "stable up to")
    assert 1e-4 < number(stdout, ": best") < 5e-3


def check_gui_slider(stdout):
    assert stdout.count("slider at 0.0") == 2
    assert stdout.count("weights moved 0.000") == 2


def check_layerwise_rates(stdout):
    smaller(stdout, "falling, constant", "constant, constant", 0)
    smaller(stdout, "falling, constant", "falling, falling", 1)


def check_native_and_error_scaling(stdout):
    rows = {
        name: [float(n) for n in line.split()[-4:]]
        for line in stdout.splitlines()
        for name in ("PES, error scaled", "PES, ErrorScaler", "PES, 200-neuron product")
        if line.startswith(name) and " nengo " in line
    }
    (_, apart, _, moved), scaler, product = rows.values()
    assert apart < 1e-14
    assert moved == 0
    assert scaler[1] < 0.3 * product[1]
    assert scaler[3] < 0.01 * product[3]


def check_no_learning_rate(stdout):
    written = number(stdout, "noisy, written down:")
    assert 0.7 < written / number(stdout, "auto on the same seed") < 1.4


def check_nengo_examples(stdout):
    smaller(stdout, "1e-3", "1e-4, Nengo's", 0)
    smaller(stdout, "auto", "1e-4, Nengo's", -3)


def check_optimizers_online(stdout):
    smaller(stdout, "AdaGrad", "none", 1)


def check_perceptron(stdout):
    assert "[1.2376634, 1.2876634]" in stdout  # figures.md, section 6
    assert number(stdout, "between Nengo and the program:") < 1e-13


def check_plateau_and_error_driven(stdout):
    smaller(stdout, "error-driven", "constant 0.0005", 0)


def check_rate_as_signal(stdout):
    # the second number is that of "1 s into learning"
    smaller(stdout, "schedule        : error", "fixed at 0.001  : error", 2)


def check_repair_error_scaler(stdout):
    smaller(stdout, "tied diagonals", "diagonal encoders", 0)
    smaller(stdout, "tied diagonals", "diagonal encoders", -1)


def check_schedule_gallery(stdout):
    assert number(stdout, "drew") >= 28


def check_running_mean(stdout):
    rate_neurons, *_ = stdout.splitlines()
    assert number(rate_neurons, "off the mean by") < 1e-13


def check_scheduled_pes(stdout):
    assert number(stdout, "weights moved in the test phase:") == 0


def check_unlearning(stdout):
    smaller(stdout, "no negative rate", "signed rate", -3)


def check_unsupervised(stdout):
    smaller(stdout, "BCM    cosine", "BCM    constant", 0)
    smaller(stdout, "Oja    cosine", "Oja    constant", 0)


def check_what_a_rate_does(stdout):
    pes, _, _ = stdout.partition("perceptron")
    smaller(pes, "high", "right", -2)  # while learning
    smaller(pes, "right", "high", -1)  # on unseen input
    assert "ends at" in stdout


def check_which_schedule_helps(stdout):
    noisy = stdout[stdout.index("noisy target") : stdout.index("task switch")]
    smaller(noisy, "exponential", "constant", 1)


CHECKS = {
    name.removeprefix("check_") + ".py": check
    for name, check in dict(globals()).items()
    if name.startswith("check_")
}
"""What must be true of the figures that each example prints."""


def test_every_example_is_checked():
    assert set(EXAMPLES) == set(CHECKS)


@pytest.mark.parametrize("example", EXAMPLES)
def test_example(example, tmp_path):
    pytest.importorskip("matplotlib")
    if example == "digits.py":
        pytest.importorskip("sklearn")
    figure = tmp_path / "figure.png"
    result = subprocess.run(
        [sys.executable, FOLDER / example, "--quick", "--output", figure],
        env={**os.environ, "MPLBACKEND": "agg"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    CHECKS[example](result.stdout)
    assert figure.stat().st_size > 10_000


def test_digits_say_what_they_need(tmp_path):
    pytest.importorskip("matplotlib")
    (tmp_path / "sklearn.py").write_text("raise ImportError")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    result = subprocess.run(
        [sys.executable, FOLDER / "digits.py"],
        env={**os.environ, "MPLBACKEND": "agg", "PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == (
        "this example needs scikit-learn: pip install scikit-learn\n"
    )


@pytest.mark.parametrize("example", ["scheduled_pes.py", "error_scaler.py"])
def test_first_examples_are_short(example):
    assert len((FOLDER / example).read_text().splitlines()) <= 60
