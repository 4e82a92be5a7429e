import ast
import subprocess
import sys
from pathlib import Path

import pytest

import nengo_lr

ROOT = Path(nengo_lr.__file__).parent

LAYERS = [
    ["version", "checks"],
    ["schedules", "error_loop"],
    ["feedback", "optimizers", "auto"],
    ["learning_rules"],
    ["builder", "networks"],
    ["backends", "keras"],
    ["runtime"],
    ["checkpoint", "stability"],
    ["weights"],
    ["lab"],
    ["cli"],
    ["__main__"],
]
"""The rooms of the house. Each may import from those in the lines above its own."""

LAYER = {room: i for i, rooms in enumerate(LAYERS) for room in rooms}


def room_of(file):
    return file.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_modules(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} has a relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


FILES = [file for file in ROOT.rglob("*.py") if file != ROOT / "__init__.py"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_run_one_way(file):
    room = room_of(file)
    assert room in LAYER, f"give {room} a place in LAYERS"
    for module in imported_modules(file):
        package, _, rest = module.partition(".")
        other = rest.partition(".")[0]
        if package == "nengo_lr" and other in LAYER and other != room:
            assert LAYER[other] < LAYER[room], f"{room} may not import {other}"


@pytest.mark.parametrize(
    ("package", "rooms"),
    [
        ("matplotlib", {"lab"}),
        ("click", {"cli"}),
        ("rich", {"cli"}),
        ("tensorflow", {"backends", "keras"}),
        ("torch", {"backends"}),
    ],
)
def test_only_some_rooms_import(package, rooms):
    found = {
        room_of(file)
        for file in FILES
        for module in imported_modules(file)
        if module.partition(".")[0] == package
    }
    assert found == rooms


def test_import_is_light():
    heavy = ("tensorflow", "nengo_dl", "matplotlib", "pandas", "click", "rich")
    heavy += ("optuna", "dask", "torch", "nengo_torch", "nengo_ocl")
    code = f"import sys, nengo_lr; print(sorted(set(sys.modules) & set({heavy})))"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "name",
    ["checkpoint", "lab", "stability"],
)
def test_modules_on_demand(name):
    code = f"import nengo_lr; print(nengo_lr.{name}.__name__)"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == f"nengo_lr.{name}"


@pytest.mark.parametrize(("old", "new"), nengo_lr.MOVED.items())
def test_old_names_tell_the_new_ones(old, new):
    with pytest.raises(AttributeError, match=f"it is nengo_lr.{new} now"):
        getattr(nengo_lr, old)
