"""Make the pages of the API, from what the rooms export, and of the examples.

`python docs/pages.py` runs the examples that need NengoDL, and keeps what they print
and draw in docs/outputs, since the site is built without NengoDL.
"""

import os
import pkgutil
import shutil
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import nengo_lr

EXAMPLES = Path(__file__).parents[1] / "examples"

HIDDEN = {"backends", "checks", "cli", "error_loop"}
HIDDEN |= {"params", "version", "__main__"}
"""Rooms that are not for users."""

FIRST = ("learning_rules", "schedules", "feedback", "optimizers", "networks")
"""Rooms in the order in which users meet them; the others follow by name."""

OUTPUTS = Path(__file__).parent / "outputs"

NEEDS_NENGO_DL = {
    "find_the_rate": ["--duration", "5", "--rates", "24"],
    "native_and_error_scaling": ["--duration", "6", "--seeds", "5"],
}
"""Examples that are not run for the site, and their options where they are."""

ELSEWHERE = {"letters", "letters_local_gains"}
"""They have a page of their own, with figures that take minutes."""


def write_api(folder):
    """Write one page for each room, with all that it exports."""
    rooms = {room.name for room in pkgutil.iter_modules(nengo_lr.__path__)} - HIDDEN
    rooms = [*FIRST, *sorted(rooms - set(FIRST) | {"lab.plot"})]
    folder.mkdir(exist_ok=True)
    for room in rooms:
        name = f"nengo_lr.{room}"
        text = f"{name}\n{'=' * len(name)}\n\n.. automodule:: {name}\n   :members:\n"
        if room in ("feedback", "optimizers", "schedules", "lab"):
            text += "   :show-inheritance:\n"
        if room == "lab.plot":  # whose settings are long
            text += "   :no-value:\n"
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
        if file.stem in ELSEWHERE:
            continue
        names.append(file.stem)
        page = folder / f"{file.stem}.md"
        if page.exists() and page.stat().st_mtime > file.stat().st_mtime:
            continue
        if file.stem in NEEDS_NENGO_DL:
            for kept in OUTPUTS.glob(f"{file.stem}.*"):
                shutil.copy(kept, folder)
        else:
            run(file, folder)
        page.write_text(page_of(file, folder))
    entries = "\n".join(names)
    (folder / "index.md").write_text(
        "# Examples\n\nEach runs by itself; `nengo-lr examples` tells where.\n\n"
        f"```{{toctree}}\n\n{entries}\n```\n"
    )


def run(file, folder, options=()):
    """Run an example; what it prints and its figure go to a folder."""
    figure = folder.resolve() / f"{file.stem}.png"
    with tempfile.TemporaryDirectory() as elsewhere:
        result = subprocess.run(
            [sys.executable, file, *options, "--output", figure],
            env={**os.environ, "MPLBACKEND": "agg"},
            cwd=elsewhere,
            capture_output=True,
            text=True,
        )
    if result.returncode:
        raise RuntimeError(f"{file.name} failed:\n{result.stderr}")
    command = " ".join(["$ python", f"examples/{file.name}", *options])
    (folder / f"{file.stem}.txt").write_text(f"{command}\n{result.stdout}")


def page_of(file, folder):
    """The page of one example, whose text and figure lie in the folder."""
    parts = [markdown_of(cell) for cell in file.read_text().split("# %%")[1:]]
    printed = (folder / f"{file.stem}.txt").read_text()
    parts += [f"```text\n{printed}```", f"![{file.stem}]({file.stem}.png)"]
    return "\n\n".join(parts) + "\n"


def markdown_of(cell):
    """A cell of an example as Markdown."""
    kind, _, body = cell.partition("\n")
    if "[markdown]" in kind:
        return "\n".join(line[2:] for line in body.strip().splitlines())
    return f"```python\n{body.strip()}\n```"


if __name__ == "__main__":
    OUTPUTS.mkdir(exist_ok=True)
    for name, options in NEEDS_NENGO_DL.items():
        run(EXAMPLES / f"{name}.py", OUTPUTS, options)
