"""Measure what learning costs at every size, on both simulators, with minibatches.

    python benchmarks/grid.py            # everything, half an hour on an idle machine
    python benchmarks/grid.py --only nengo,memory

Each part is one call of ``cost.py``, which writes a table (CSV) and a figure
(PNG) to a folder of its own; the peak memory is printed.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: no threads of its own

from itertools import product
from pathlib import Path

import click
import cost
import many_rules

SIZES = ",".join(f"{n}x{d}" for d, n in product((1, 8, 64, 256), (50, 200, 1000, 5000)))
NENGO_DL_SIZES = ",".join(
    f"{n}x{d}" for d, n in product((1, 8, 64), (50, 200, 1000, 5000))
)
NENGO_DL_METHODS = "ScheduledPES,ScheduledPES at rate 0,PES + scaling Node"
PARTS = {
    "nengo": ["--sizes", SIZES],
    "nengo_dl": [
        *("--simulators", "nengo_dl", "--sizes", NENGO_DL_SIZES),
        *("--methods", NENGO_DL_METHODS),
    ],
    "minibatch": [
        *("--simulators", "nengo_dl", "--sizes", "50x1,200x8,1000x64"),
        *("--methods", NENGO_DL_METHODS, "--minibatch", "16"),
    ],
    "many rules": None,
    "memory": None,
}


def print_memory(neurons=5000, dimensions=256):
    """Print the peak memory of every method that has no product network."""
    print(f"peak memory at {neurons} x {dimensions}")
    for name in cost.METHODS:
        if "product" not in name:
            peak = cost.peak_memory(name, neurons, dimensions)
            print(f"    {name}: {peak / 1e6:.1f} MB")


@click.command()
@click.option("--only", default=",".join(PARTS), help="Parts, with commas.")
@click.option("--rounds", default="11", help="How often to time each.")
@click.option("--output", default="grid", type=Path, help="Folder for the folders.")
def main(only, rounds, output):
    """Measure what learning costs at every size, on both simulators."""
    for part in only.split(","):
        if part == "memory":
            print_memory()
        elif part == "many rules":
            many_rules.print_table(rounds=int(rounds))
        else:
            print(f"{part}:")
            options = [*PARTS[part], "--rounds", rounds, "--output", output / part]
            cost.main.main(list(map(str, options)), standalone_mode=False)


if __name__ == "__main__":
    main()
