"""The examples in all docstrings."""

import doctest
import importlib
import pkgutil

import nengo
import numpy as np
import pytest

import nengo_lr

MODULES = [
    module.name
    for module in pkgutil.walk_packages(nengo_lr.__path__, "nengo_lr.", lambda name: 0)
]

NAMES = {"nengo": nengo, "np": np, "nlr": nengo_lr, "nengo_lr": nengo_lr}


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        pytest.skip(f"needs {error.name}")
    flags = doctest.NORMALIZE_WHITESPACE
    assert not doctest.testmod(module, extraglobs=NAMES, optionflags=flags).failed


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    examples = [
        test
        for name in ("schedules.decays", "learning_rules", "networks", "feedback")
        for test in finder.find(importlib.import_module(f"nengo_lr.{name}"))
        if test.examples
    ]
    assert len(examples) >= 8
