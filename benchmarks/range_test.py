"""How good the rate of one range test is, against the best of a grid of 9 rates.

    OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 \
        python benchmarks/range_test.py --tasks comm --seeds 0-4

Each task is learned for 15 s and tested for 5 s. The grid goes from 1e-5 to 1e-1 in
half decades; its best rate is chosen by the test error of the very seed. All rates of a
seed run in one minibatch, on NengoDL where it is installed.
"""

import argparse

import numpy as np

from nengo_lr.builder.hosts import hosts
from nengo_lr.cli.options import Seeds
from nengo_lr.lab import TaskModel, range_test, sweep
from nengo_lr.lab.tasks import LEARNING, TEST

GRID = np.geomspace(1e-5, 1e-1, 9).tolist()
DURATION = 10.0

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument(
    "--tasks", nargs="+", default=["comm", "square", "product", "noisy"]
)
parser.add_argument("--seeds", default="0-4")
args = parser.parse_args()

simulator = max(hosts(), key=lambda name: hosts()[name].minibatches)
seeds = Seeds().convert(args.seeds, None, None)
print(f"simulated: {DURATION:g} s for the range test, {len(GRID) * LEARNING:g} s for")
print(f"the grid's learning ({len(GRID) * LEARNING / DURATION:.1f} times more)")
for task in args.tasks:
    ratios = []
    for seed in seeds:
        model = TaskModel(task)
        found = range_test(model, learning=DURATION, seed=seed)
        rates = [*GRID, found.generalize, found.lowest]
        options = {"seeds": [seed], "simulator": simulator}
        errors = sweep(model, rates, LEARNING, TEST, **options).errors[:, 0]
        grid, tested, lowest = np.split(errors, [len(GRID), len(GRID) + 1])
        best = np.nanmin(grid)
        ratios.append(tested.item() / best)
        print(
            f"{task} {seed}: best of the grid {GRID[np.nanargmin(grid)]:.2g} "
            f"({best:.4f}), lowest {found.lowest:.2g} ({lowest.item() / best:.2f} "
            f"times), generalize {found.generalize:.2g} ({ratios[-1]:.2f} times)",
            flush=True,
        )
    print(
        f"{task}: test error at generalize over the best of the grid: "
        f"median {np.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}"
    )
