"""What tells a model from others: a digest of its code and of all that it holds."""

from __future__ import annotations

import copyreg
import functools
import hashlib
import pickle
import sys
import sysconfig
import types
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from nengo.exceptions import ValidationError
from nengo.params import FrozenObject, iter_params

__all__ = ["digest"]

PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...), range, slice)

LIBRARIES = (
    *map(str, map(Path, sysconfig.get_paths().values())),
    str(Path(__file__).parent.parent),
)
"""Folders of packages that are installed: their code is known by its name."""


def digest(value: Any) -> str:
    """A text that is the same for equal values in every process, and for no others.

    A function counts with its code, defaults, attributes, what it closes over, and what
    it names in its own module. An object counts with its class and with what ``pickle``
    would keep of it. Modules, and functions and classes of installed packages, are
    known by their names.

    Parameters
    ----------
    value : object

    Returns
    -------
    digest : str
        Hexadecimal digits.

    Raises
    ------
    ValidationError
        If the value holds something that cannot be told from others of its kind, such
        as an open file or a generator.

    Examples
    --------
    >>> def factory(gain):
    ...     return lambda x: gain * x
    >>> digest(factory(1.0)) == digest(factory(1.0))
    True
    >>> digest(factory(1.0)) == digest(factory(2.0))
    False
    """
    return Walk().digest(value)


class Walk:
    """Finds the digests of a value and of all that it holds."""

    def __init__(self):
        self.known = {}  # digests by id, with the values, which keep their ids
        self.open = []  # the ids of the values that hold the one at hand

    def digest(self, value):
        """The digest of a value."""
        key = id(value)
        if type(value) in PLAIN:
            return hashed(type(value).__name__, repr(value))
        if key in self.open:
            return hashed("holder", len(self.open) - self.open.index(key))
        if key not in self.known:
            self.open.append(key)
            try:
                self.known[key] = hashed(*self.parts(value)), value
            finally:
                self.open.pop()
        return self.known[key][0]

    def each(self, kind, values):
        """A word, and the digests of some values."""
        return [kind, *map(self.digest, values)]

    def parts(self, value):
        """What makes a value what it is, as texts."""
        if isinstance(value, types.CodeType):
            names = value.co_names, value.co_varnames, value.co_freevars
            return ["code", value.co_code, names, *map(self.digest, value.co_consts)]
        if isinstance(value, types.FunctionType):
            return self.function(value)
        if isinstance(value, type):
            return self.type(value)
        if isinstance(value, types.ModuleType):
            return ["module", value.__name__]
        if isinstance(value, types.MethodType):
            return self.each("method", [value.__func__, value.__self__])
        if isinstance(value, types.BuiltinFunctionType):
            return self.each("builtin", [value.__qualname__, value.__self__])
        if isinstance(value, functools.partial):
            return self.each("partial", [value.func, value.args, value.keywords])
        if isinstance(value, np.ndarray) and value.dtype != object:
            return ["array", str(value.dtype), value.shape, value.tobytes()]
        if type(value) in (list, tuple):
            return self.each(type(value).__name__, value)
        if type(value) in (dict, types.MappingProxyType):
            return self.each("dict", [part for pair in value.items() for part in pair])
        if type(value) in (set, frozenset):
            return ["set", *sorted(map(self.digest, value))]
        return self.object(value)

    def function(self, function):
        """The name of a function, and unless it is installed also what it does."""
        name = ["function", function.__module__, function.__qualname__]
        if is_installed(function):
            return name
        held = [function.__code__, function.__defaults__, function.__kwdefaults__]
        held.append(vars(function))
        for cell in function.__closure__ or ():
            try:
                held.append(cell.cell_contents)
            except ValueError:
                held.append("empty cell")
        texts = self.each("holds", held)
        for key in sorted(all_names(function.__code__) & set(function.__globals__)):
            try:
                texts += [key, self.digest(function.__globals__[key])]
            except ValidationError:  # such as a lock: no part of a model
                texts += [key, type(function.__globals__[key]).__qualname__]
        return name + texts

    def type(self, cls):
        """The name of a class, and unless it is installed also what it does."""
        texts = ["class", cls.__module__, cls.__qualname__]
        if is_installed(cls):
            return texts
        texts += self.each("bases", cls.__bases__)
        for key, value in sorted(vars(cls).items()):
            value = getattr(value, "__func__", value)  # of static and class methods
            if isinstance(value, property):
                texts += self.each(key, [value.fget, value.fset])
            elif isinstance(value, types.FunctionType) or (
                type(value) in PLAIN and not key.startswith("__")
            ):
                texts += [key, self.digest(value)]
        return texts

    def object(self, value):
        """The class and the state of an object, as pickle would keep them."""
        if isinstance(value, FrozenObject):
            parameters = [getattr(value, name) for name in sorted(iter_params(value))]
            return self.each("frozen", [type(value), *parameters])
        if is_dataclass(value) and value.__dataclass_params__.frozen:
            # without what it has worked out and kept
            parameters = [getattr(value, field.name) for field in fields(value)]
            return self.each("frozen", [type(value), *parameters])
        try:
            if isinstance(value, np.ufunc):
                pickle.dumps(value)  # only one that is found by its name
            reduce = copyreg.dispatch_table.get(type(value))
            reduced = reduce(value) if reduce else value.__reduce_ex__(4)
        except Exception:
            raise ValidationError(
                f"holds {value!r}, which cannot be told from others of its kind, so "
                "that a store might take two models for one; make it within the model "
                "function, or run without a store",
                "model",
            ) from None
        if isinstance(reduced, str):
            wrapped = getattr(value, "__wrapped__", None)
            texts = self.each("wrapped", [wrapped])
            return ["named", getattr(value, "__module__", ""), reduced, *texts]
        state = [list(part) if hasattr(part, "__next__") else part for part in reduced]
        return self.each("object", state)


def hashed(*texts):
    """The digest of some texts."""
    return hashlib.sha256(repr(texts).encode()).hexdigest()[:32]


def all_names(code):
    """The names that a code object, and those within it, look up."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= all_names(constant)
    return names


def is_installed(value):
    """Whether a function or class belongs to Python or to an installed package."""
    if "<" in value.__qualname__:  # a lambda, or made within a function
        return False
    if value.__module__ in sys.builtin_module_names:
        return True
    file = getattr(sys.modules.get(value.__module__), "__file__", None)
    return file is not None and str(Path(file)).startswith(LIBRARIES)
