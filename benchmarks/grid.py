"""Measure everything of the page on performance, in one table and one figure.

    python benchmarks/grid.py            # half an hour on an idle machine
    python benchmarks/grid.py --only sizes,memory

The parts are calls of ``cost.py``; the table (CSV) and the figure (PNG) of all parts go
to one folder.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: no threads of its own

import click
import cost
from rich.console import Console

from nengo_lr.cli.options import Names, OutputFolder

RULE, SCALED = "ScheduledPES", "PES + scaling Node"
FEWER = {"builds": 3}  # to compile them takes long
ONE = "50x1,200x1,1000x1,5000x1,1000x8,5000x8,200x64,5000x64,1000x256,5000x256"
PARTS = {
    "sizes": (ONE, [RULE], "nengo", {}),
    "many rules": ("4x200x1,16x100x1,64x50x1,256x50x1", [RULE], "nengo", {}),
    "features": ("200x8,1000x64", list(cost.METHODS), "nengo", {}),
    "nengo_dl": (
        "50x1,200x1,1000x1,5000x1,200x8,1000x64,64x50x1",
        [RULE, SCALED],
        "nengo_dl",
        FEWER,
    ),
    "minibatch": (
        "200x8,1000x64",
        [RULE, SCALED],
        "nengo_dl",
        {**FEWER, "minibatch_size": 16},
    ),
    "memory": None,
}


def print_memory(neurons=5000, dimensions=256):
    """Print the peak memory of every method that has no product network."""
    print(f"peak memory at {neurons} x {dimensions}")
    for name in cost.METHODS:
        if "product" not in name:
            peak = cost.peak_memory(name, neurons, dimensions)
            print(f"    {name}: {peak / 1e6:.1f} MB")


@click.command(context_settings={"show_default": True})
@click.option("--only", type=Names(PARTS), default=",".join(PARTS))
@click.option("--rounds", default=11, help="How often to time each build.")
@click.option("--builds", default=5, help="How often to build each.")
@click.option("--output", type=OutputFolder(), default="grid")
def main(only, rounds, builds, output):
    """Measure what learning costs: sizes, features, many rules and NengoDL."""
    rows = []
    for part in only:
        if part == "memory":
            print_memory()
            continue
        sizes, methods, simulator, options = PARTS[part]
        sizes = cost.Sizes()(sizes)
        options = {"rounds": rounds, "builds": builds, **options}
        rows += cost.rows_of(sizes, methods, [simulator], **options)
        table = cost.write(rows, output)
    if rows:
        cost.print_costs(Console(highlight=False), table)


if __name__ == "__main__":
    main()
