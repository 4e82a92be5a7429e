"""Make the pages of the API, from what the rooms export, and of the examples."""

import os
import pkgutil
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import nengo_lr

EXAMPLES = Path(__file__).parents[1] / "examples"

HIDDEN = {"backends", "checks", "cli", "executors", "kernels", "params", "version"}
"""Rooms that are not for users."""

FIRST = ("learning_rules", "schedules", "feedback", "optimizers", "networks", "convert")
"""Rooms in the order in which users meet them; the others follow by name."""

NEEDS_NENGO_DL = {"find_the_rate.py", "letters.py", "letters_local_gains.py"}
"""They are not run for the site."""


def write_api(folder):
    """Write one page for each room, with all that it exports."""
    rooms = {room.name for room in pkgutil.iter_modules(nengo_lr.__path__)} - HIDDEN
    rooms = [*FIRST, *sorted(rooms - set(FIRST))]
    folder.mkdir(exist_ok=True)
    for room in rooms:
        name = f"nengo_lr.{room}"
        text = f"{name}\n{'=' * len(name)}\n\n.. automodule:: {name}\n   :members:\n"
        if room in ("feedback", "optimizers", "schedules", "plot", "search", "compare"):
            text += "   :show-inheritance:\n"
        if room == "keras":  # methods that TensorFlow, which is not here, wraps
            text += "   :exclude-members: build,from_config,get_config,update_step\n"
        (folder / f"{room}.rst").write_text(text)
        if room != "keras":
            check_docstrings(import_module(name))
    entries = "\n".join(rooms)
    (folder / "index.md").write_text(f"# API\n\n```{{toctree}}\n\n{entries}\n```\n")


def check_docstrings(room):
    """Refuse a public name of a room that tells nothing of itself."""
    for name in getattr(room, "__all__", ()):
        value = getattr(room, name)
        if callable(value) and not value.__doc__:
            raise ValueError(f"{room.__name__}.{name} has no docstring")


def write_examples(folder):
    """Write one page for each example: its cells, what it prints and its figure."""
    folder.mkdir(exist_ok=True)
    names = []
    for file in sorted(EXAMPLES.glob("*.py")):
        if file.name not in NEEDS_NENGO_DL:
            names.append(file.stem)
            page = folder / f"{file.stem}.md"
            if not page.exists() or page.stat().st_mtime < file.stat().st_mtime:
                page.write_text(page_of(file, folder))
    entries = "\n".join(names)
    (folder / "index.md").write_text(
        "# Examples\n\nEach runs by itself; `nengo-lr examples` tells where.\n\n"
        f"```{{toctree}}\n\n{entries}\n```\n"
    )


def page_of(file, folder):
    """The page of one example, which is run for it."""
    with tempfile.TemporaryDirectory() as elsewhere:
        result = subprocess.run(
            [sys.executable, file, "--output", folder.resolve() / f"{file.stem}.png"],
            env={**os.environ, "MPLBACKEND": "agg"},
            cwd=elsewhere,
            capture_output=True,
            text=True,
        )
    if result.returncode:
        raise RuntimeError(f"{file.name} failed:\n{result.stderr}")
    parts = [markdown_of(cell) for cell in file.read_text().split("# %%")[1:]]
    parts += [f"```text\n{result.stdout}```", f"![{file.stem}]({file.stem}.png)"]
    return "\n\n".join(parts) + "\n"


def markdown_of(cell):
    """A cell of an example as Markdown."""
    kind, _, body = cell.partition("\n")
    if "[markdown]" in kind:
        return "\n".join(line[2:] for line in body.strip().splitlines())
    return f"```python\n{body.strip()}\n```"
