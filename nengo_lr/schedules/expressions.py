"""A reader of schedules that are written as text; nothing in it is run as code."""

from __future__ import annotations

import ast
import difflib
import doctest
import operator
from typing import Any

from nengo.exceptions import ValidationError

from nengo_lr import schedules
from nengo_lr.checks import check_type
from nengo_lr.schedules.base import Schedule

__all__ = ["catalogue", "examples", "parse"]

METHODS = (
    "between",
    "clip",
    "delayed",
    "maximum",
    "minimum",
    "repeated",
    "stretched",
)
OPERATORS = {
    ast.Mult: operator.mul,
    ast.Add: operator.add,
    ast.Div: operator.truediv,
}
MAX_LENGTH = 100_000
"""How many characters a text may have."""


def catalogue() -> dict[str, type]:
    """Every schedule that text can name.

    Returns
    -------
    classes : dict
        The classes by their names: all of ``nengo_lr.schedules`` but those that need
        a Python function.
    """
    exported = {name: getattr(schedules, name) for name in vars(schedules)["__all__"]}
    return {
        name: value
        for name, value in exported.items()
        if isinstance(value, type)
        and value not in (schedules.Schedule, schedules.FunctionSchedule)
    }


def parse(text: str, names: dict | None = None) -> Any:
    """Read a schedule from text.

    The text may hold names of the `catalogue`, called with numbers, strings, lists,
    tuples and other schedules, by position or keyword; ``*`` and ``+`` between
    schedules, ``*`` and ``/`` with a number; and the methods ``between``, ``clip``,
    ``delayed``, ``maximum``, ``minimum``, ``repeated`` and ``stretched``. A schedule's
    ``repr`` is such a text. Nothing in it is run as Python code.

    Parameters
    ----------
    text : str
        For instance ``"Warmup(CosineDecay(1e-3, 10), 1)"``.
    names : dict, optional
        Other classes to name than those of the `catalogue`, by their names; then an
        object of one of them is returned.

    Returns
    -------
    schedule : Schedule

    Raises
    ------
    ValidationError
        Where the text holds anything else, or values that a schedule refuses; where it
        has more than 100,000 characters, or schedules are nested too deeply. The
        message names the piece and its column, counted from 1.

    Examples
    --------
    >>> parse("CosineDecay(1e-3, 10) * 0.5").schedules[1]
    Constant(value=0.5)
    """
    check_type(text, str, "text", "text")
    return Reader(text, names).whole()


def examples(cls: type) -> list[Schedule]:
    """The schedules of one class that the Examples in its docstring make.

    Parameters
    ----------
    cls : type
        A class of the `catalogue`.

    Returns
    -------
    schedules : list of Schedule

    Examples
    --------
    >>> examples(schedules.Constant)
    [Constant(value=0.0001)]
    """
    check_type(cls, type, "cls", "a class of the catalogue")
    sources = [
        e.source for e in doctest.DocTestParser().get_examples(cls.__doc__ or "")
    ]
    calls = [
        node
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == cls.__name__
    ]
    return [parse(ast.unparse(call)) for call in calls]


class Reader:
    """Reads one text, node by node of its syntax tree."""

    def __init__(self, text, names=None):
        if len(text) > MAX_LENGTH:
            raise ValidationError(
                f"a text may have {MAX_LENGTH} characters at most (got {len(text)}, "
                f"which begin with {text[:60]!r})",
                "schedule",
            )
        line = " ".join(text.split("\n"))
        self.text = line.lstrip()
        self.indent = len(line) - len(self.text)
        self.names = catalogue() if names is None else names
        self.kind = "a schedule" if names is None else f"one of {', '.join(names)}"

    def whole(self):
        """What the whole text describes."""
        try:
            tree = self.tree()
            value = self.read(tree)
        except RecursionError:
            raise self.error(0, self.text, "is nested too deeply") from None
        if not isinstance(value, tuple(self.names.values())):
            raise self.refusal(tree, f"is not {self.kind}")
        return value

    def tree(self):
        try:
            return ast.parse(self.text, mode="eval").body
        except SyntaxError as error:
            start = max(error.offset or 1, 1) - 1
            why = f"cannot be read: {error.msg}"
            raise self.error(start, self.text[start:], why) from None
        except (ValueError, MemoryError) as error:
            why = f"cannot be read: {str(error) or 'it is nested too deeply'}"
            raise self.error(0, self.text, why) from None

    def read(self, node):
        if isinstance(node, ast.Constant) and type(node.value) in (int, float, str):
            return node.value
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -self.read_number(node.operand)
        if isinstance(node, (ast.List, ast.Tuple)):
            return [self.read(element) for element in node.elts]
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            left, right = self.read(node.left), self.read(node.right)
            if isinstance(left, Schedule) or isinstance(right, Schedule):
                return self.call(node, OPERATORS[type(node.op)], left, right)
        if isinstance(node, ast.Call):
            return self.read_call(node)
        if isinstance(node, ast.Name):
            if node.id in self.names:
                raise self.refusal(node, f"needs its values: {node.id}(...)")
            raise self.unknown(node, node.id, self.names)
        raise self.refusal(
            node,
            "is not allowed: only schedules, numbers, strings, lists, * and + between "
            "schedules, * and / with numbers, and the methods of schedules are",
        )

    def read_number(self, node):
        number = self.read(node)
        if not isinstance(number, (int, float)):
            raise self.refusal(node, "is not a number")
        return number

    def read_call(self, node):
        function = self.read_function(node.func)
        arguments = [self.read(argument) for argument in node.args]
        keywords = {}
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg in keywords:
                raise self.refusal(keyword, "is not allowed here")
            keywords[keyword.arg] = self.read(keyword.value)
        return self.call(node, function, *arguments, **keywords)

    def read_function(self, node):
        if isinstance(node, ast.Name):
            if node.id in self.names:
                return self.names[node.id]
            if node.id == "array":  # in the repr of schedules with arrays
                return list
            raise self.unknown(node, node.id, self.names)
        if isinstance(node, ast.Attribute):
            value = self.read(node.value)
            if not isinstance(value, Schedule):
                raise self.refusal(node, "has no method: it is not a schedule")
            if node.attr in METHODS:
                return getattr(value, node.attr)
            raise self.unknown(node, node.attr, METHODS)
        raise self.refusal(node, "cannot be called")

    def call(self, node, function, *arguments, **keywords):
        try:
            return function(*arguments, **keywords)
        except (ValidationError, TypeError, ArithmeticError) as error:
            raise self.refusal(node, f"is refused: {error}") from error

    def unknown(self, node, name, known):
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else f" ({', '.join(known)})"
        return self.refusal(node, f"is not a known name{hint}")

    def refusal(self, node, why):
        source = self.text.encode()  # a node's offsets count bytes
        start = len(source[: node.col_offset].decode())
        piece = source[node.col_offset : node.end_col_offset].decode()
        return self.error(start, piece, why)

    def error(self, start, piece, why):
        if len(piece) > 60:
            piece = f"{piece[:60]}..."
        column = self.indent + start + 1
        return ValidationError(f"{piece!r} at column {column} {why}", "schedule")
