"""How good the rate of one range test is, against the best of a grid of 9 rates.

    OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 \
        python benchmarks/range_test.py --tasks comm --seeds 0-4
    python benchmarks/range_test.py --periods 0.2 1 10 --seeds 0-4

Each task is learned for 15 s and tested for 5 s. The grid goes from 1e-5 to 1e-1 in
half decades; its best rate is chosen by the test error of the very seed. All rates of a
seed run in one minibatch, where a simulator has minibatches. With ``--periods`` the
task is a communication channel whose error is there for a tenth of every period.
"""

import argparse
import warnings
from dataclasses import replace
from functools import partial

import numpy as np

from nengo_lr.builder.hosts import hosts
from nengo_lr.cli.options import Seeds
from nengo_lr.lab import TASKS, TaskModel, range_test, sweep
from nengo_lr.lab.tasks import LEARNING, TEST, seldom

GRID = np.geomspace(1e-5, 1e-1, 9).tolist()

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument(
    "--tasks", nargs="+", default=["comm", "square", "product", "noisy"]
)
parser.add_argument("--periods", nargs="+", type=float, help="of events, in seconds")
parser.add_argument("--learning", type=float, default=10.0, help="of the range test")
parser.add_argument("--seeds", default="0-4")
args = parser.parse_args()

warnings.filterwarnings("ignore", "(sweep|range_test):")
simulator = max(hosts(), key=lambda name: hosts()[name].minibatches)
seeds = Seeds().convert(args.seeds, None, None)
tasks = {name: TASKS[name] for name in args.tasks}
if args.periods:
    tasks = {
        f"comm for {0.1 * period:g} s of every {period:g} s": replace(
            TASKS["comm"],
            error_gain=partial(seldom, seconds=0.1 * period, period=period),
        )
        for period in args.periods
    }
times = len(GRID) * LEARNING
print(f"simulated: {args.learning:g} s for the range test, {times:g} s for the grid's")
print(f"learning ({times / args.learning:.1f} times more)")
for name, task in tasks.items():
    ratios = []
    for seed in seeds:
        model = TaskModel(task)
        found = range_test(model, learning=args.learning, seed=seed)
        rates = [*GRID, found.lowest / 10, found.lowest]
        options = {"seeds": [seed], "simulator": simulator}
        errors = sweep(model, rates, LEARNING, TEST, **options).errors[:, 0]
        grid, tested, lowest = np.split(errors, [len(GRID), len(GRID) + 1])
        best = np.nanmin(grid)
        if found.generalize:
            ratios.append(tested.item() / best)
        print(
            f"{name} {seed}: best of the grid {GRID[np.nanargmin(grid)]:.2g} "
            f"({best:.4f}), lowest {rates[-1]:.2g} ({lowest.item() / best:.2f} times), "
            f"a tenth of it {rates[-2]:.2g} ({tested.item() / best:.2f} times); "
            f"{found.reason or 'suggested'}",
            flush=True,
        )
    print(f"{name}: suggested for {len(ratios)} of {len(seeds)} seeds")
    if ratios:
        print(
            f"{name}: test error at generalize over the best of the grid: "
            f"median {np.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}"
        )
