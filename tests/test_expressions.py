"""Schedules written as text: what is read, and that everything else is refused."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nengo.exceptions import ValidationError
from schedule_helpers import CLASSES, SETTINGS, every_example

from nengo_lr import (
    Constant,
    CosineDecay,
    Cyclic,
    Linear,
    PiecewiseConstant,
    Product,
    Schedule,
    Sequence,
    Warmup,
    schedules,
)
from nengo_lr.schedules.expressions import METHODS, catalogue, examples, parse

HALF = CosineDecay(1e-3, 10)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Warmup(CosineDecay(1e-3, 10), 1)", Warmup(HALF, 1)),
        (" CosineDecay(initial=.001,\n   duration=10) ", HALF),
        ("CosineDecay(1e-3, 10) * 0.5", HALF * 0.5),
        ("2 * CosineDecay(1e-3, 10)", Product([HALF, 2])),
        ("CosineDecay(1e-3, 10) / 4", Product([HALF, 0.25])),
        ("CosineDecay(1e-3, 10) * Linear(1, 3)", HALF * Linear(1, 3)),
        ("CosineDecay(1e-3, 10) + Constant(1e-4)", HALF + Constant(1e-4)),
        (
            "CosineDecay(1e-3, 10) + 2 * (Constant(1) + Constant(2))",
            HALF + (Constant(1) + Constant(2)) * 2,
        ),
        ("PiecewiseConstant((1, 2), [3])", PiecewiseConstant([1, 2], [3])),
        ("PiecewiseConstant(array([1, 2]), [3])", PiecewiseConstant([1, 2], [3])),
        ("Sequence([1, Constant(2)], [3.5])", Sequence([1, 2], [3.5])),
        ("Cyclic(0, 1, 2, mode='triangular2')", Cyclic(0, 1, 2, mode="triangular2")),
        ("CosineDecay(1e-3, 10).between(1, stop=2)", HALF.between(1, 2)),
        ("CosineDecay(1e-3, 10).delayed(2).clip(0, 1)", HALF.delayed(2).clip(0, 1)),
        ("CosineDecay(1e-3, 10).minimum(1e-4)", HALF.minimum(1e-4)),
        ("CosineDecay(1e-3, 10).maximum(Constant(1))", HALF.maximum(Constant(1))),
        ("CosineDecay(1e-3, 10).repeated(3)", HALF.repeated(3)),
        ("CosineDecay(1e-3, 10).stretched(3)", HALF.stretched(3)),
        ("Constant(- -1)", Constant(1)),
    ],
)
def test_read(text, expected):
    assert parse(text) == expected


@every_example
def test_reads_every_repr(example):
    assert parse(repr(example)) == example
    nested = (example * 0.5 + Constant(1e-4)).delayed(1.0)
    assert parse(repr(nested)) == nested


@pytest.mark.parametrize(
    ("text", "piece", "column"),
    [
        ("__import__('os').system('ls')", "__import__", 1),
        ("open('file')", "open", 1),
        ("eval('1')", "eval", 1),
        ("Constant(x)", "x", 10),
        ("CosineDecy(1, 2)", "CosineDecy", 1),
        ("Constant", "Constant", 1),
        ("Constant(1).__class__", "Constant(1).__class__", 1),
        ("Constant(1).evaluate(1, 2)", "Constant(1).evaluate", 1),
        ("Constant(1).value.real", "Constant(1).value.real", 1),
        ("Constant(1).clip", "Constant(1).clip", 1),
        ("'abc'.join('a')", "'abc'.join", 1),
        ("Constant(1)(2)", "Constant(1)", 1),
        ("FunctionSchedule(abs)", "FunctionSchedule", 1),
        ("from_steps(abs, 1)", "from_steps", 1),
        ("Schedule()", "Schedule", 1),
        ("1.0", "1.0", 1),
        ("'Constant(1)'", "'Constant(1)'", 1),
        ("[Constant(1)]", "[Constant(1)]", 1),
        ("2 * 3", "2 * 3", 1),
        ("Sampled([1] * 1000000000, 1)", "[1] * 1000000000", 9),
        ("Constant(2 ** 1000)", "2 ** 1000", 10),
        ("Constant(1) - Constant(1)", "Constant(1) - Constant(1)", 1),
        ("Constant(1) / Constant(1)", "Constant(1) / Constant(1)", 1),
        ("Constant(1) / 0", "Constant(1) / 0", 1),
        ("Constant(1) + 1", "Constant(1) + 1", 1),
        ("Constant(1) * [2]", "Constant(1) * [2]", 1),
        ("Constant(1) * -2", "Constant(1) * -2", 1),
        ("Linear(1, Constant(-1))", "Constant(-1)", 11),
        ("Linear(1, -'a')", "'a'", 12),
        ("Constant(True)", "True", 10),
        ("Constant(None)", "None", 10),
        ("Constant(1j)", "1j", 10),
        ("Constant(f'{1}')", "f'{1}'", 10),
        ("Constant(1e999)", "Constant(1e999)", 1),
        ("Constant(1, 2)", "Constant(1, 2)", 1),
        ("Constant(1, value=2)", "Constant(1, value=2)", 1),
        ("Constant(value=1, value=2)", "value=2", 19),
        ("Constant(**{'value': 1})", "**{'value': 1}", 10),
        ("Constant(*[1])", "*[1]", 10),
        ("Constant(value=y)", "y", 16),
        ("Linear('ä', ö, 1)", "ö", 13),
        ("[Constant(1) for i in [1]]", "[Constant(1) for i in [1]]", 1),
        ("lambda: Constant(1)", "lambda: Constant(1)", 1),
        ("Constant(1) if 1 else Constant(2)", "Constant(1) if 1 else", 1),
        ("(y := Constant(1))", "y := Constant(1)", 2),
        ("Constant([1, 2][0])", "[1, 2][0]", 10),
        ("  Constant(x)", "x", 12),
        ("", "", 1),
        ("Constant(1); Constant(2)", "; Constant(2)", 12),
        ("Constant(1)) * (Constant(2)", ") * (Constant(2)", 12),
        ("import os", "import os", 1),
    ],
)
def test_refused_with_piece_and_column(text, piece, column):
    with pytest.raises(ValidationError) as error:
        parse(text)
    message = str(error.value)
    assert f" at column {column} " in message
    start = message.index(" at column")
    # Python versions cut a syntax error's piece at different places
    assert piece in message[:start].replace('"', "'") or "cannot be read" in message


@pytest.mark.parametrize(
    "text",
    [
        "(" * 300 + "Constant(1)" + ")" * 300,
        "Constant(1)" + " * Constant(1)" * 5000,
        "Constant(1)" + ".delayed(1)" * 5000,
        "-" * 5000 + "1",
        "Constant(1\x00)",
        "Constant(" + "1" * 400 + ")",
    ],
)
def test_refused_where_python_itself_gives_up(text):
    with pytest.raises(ValidationError, match="at column") as error:
        parse(text)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize(
    "text",
    [
        " * ".join(["Constant(1)"] * 900),
        " + ".join(["Constant(1)"] * 900),
        "Constant(1)" + ".delayed(1)" * 150,
        "Warmup(" * 120 + "Constant(1)" + ", 1)" * 120,
        "Sampled([" + "1e-3, " * 200_000 + "], 1)",
        "Product([" + "Constant(1), " * 50_000 + "])",
        "Constant(1" + " " * 1_000_000 + ")",
    ],
)
def test_size_is_bounded(text):
    start = time.perf_counter()
    with pytest.raises(ValidationError, match="at most") as error:
        parse(text)
    assert time.perf_counter() - start < 2.0
    assert len(str(error.value)) < 1000


def test_hints():
    with pytest.raises(ValidationError, match="did you mean CosineDecay"):
        parse("CosineDecy(1, 2)")
    with pytest.raises(ValidationError, match="did you mean between"):
        parse("Constant(1).betwen(1, 2)")
    with pytest.raises(ValidationError, match=r"needs its values: Constant\(\.\.\.\)"):
        parse("Constant * 2")


@given(st.text(alphabet="Constai(1,2)*+.[]-'xe \n", max_size=30))
@SETTINGS
def test_any_text_is_read_or_refused(text):
    try:
        schedule = parse(text)
    except ValidationError:
        return
    assert isinstance(schedule, Schedule)


def test_catalogue_is_all_of_the_module():
    special = {"Schedule", "FunctionSchedule", "from_steps"}
    assert set(catalogue()) == set(schedules.__all__) - special
    assert CLASSES["CosineDecay"] is CosineDecay


def test_methods_are_methods_that_make_schedules():
    for name in METHODS:
        assert callable(getattr(Schedule, name))


def test_examples():
    (example,) = examples(Linear)
    assert example == Linear(1e-3, duration=10.0)
    assert np.all(example([0.0, 10.0]) == [1e-3, 0.0])
