"""How well each per-weight optimizer learns, with rates chosen on other seeds.

    OMP_NUM_THREADS=1 python benchmarks/optimizers_learning.py            # 20 minutes
    OMP_NUM_THREADS=1 python benchmarks/optimizers_learning.py --long     # 10 minutes

The first prints the test error of each optimizer with a constant rate on the standard
tasks, after 15 s of learning. The second prints that of RMSProp with a cosine schedule
on the communication channel with 200 neurons, after 60 s, over the error of the best
decoders that exist. Every rate is chosen on the first seeds and reported on the others.
"""

import argparse
from dataclasses import replace

import nengo
import numpy as np
from rich.console import Console
from rich.table import Table

import nengo_lr as nlr
from nengo_lr.lab import tasks

RATES = {
    "constant": [3e-5, 1e-4, 3e-4, 1e-3, 3e-3],
    "AdaGrad": [3e-3, 1e-2, 3e-2],
    "RMSProp": [3e-3, 1e-2, 3e-2],
    "Adam": [3e-3, 1e-2, 3e-2],
    "LocalGains": [1e-4, 3e-4, 1e-3],
}
"""The rates to choose from."""

TASKS = ["comm", "square", "noisy", "product"]

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--long", action="store_true", help="RMSProp and cosine over 60 s")
parser.add_argument("--choose", type=int, nargs="+", default=[10, 11], metavar="SEED")
parser.add_argument(
    "--report", type=int, nargs="+", default=[0, 1, 2, 3, 4], metavar="SEED"
)
parser.add_argument("--tasks", nargs="+", default=TASKS, choices=TASKS)
args = parser.parse_args()


def final_errors(task, rule, seeds, **phases):
    """The test error of a task for each seed."""
    errors = []
    for seed in seeds:
        network = tasks.build(task, rule, seed=seed, **phases)
        with nengo.Simulator(network, progress_bar=False) as simulator:
            simulator.run(sum(phases.values()) or tasks.LEARNING + tasks.TEST)
        learning = phases.get("learning", tasks.LEARNING)
        errors.append(tasks.final_error(simulator, network, learning))
    return np.array(errors)


def choose(candidates, measure):
    """The candidate with the lowest median on the first seeds, and its other seeds."""
    best = min(candidates, key=lambda rate: np.median(measure(rate, args.choose)))
    return best, measure(best, args.report)


def constant_rates():
    """Print the test error by task and optimizer."""
    table = Table(title="test error (median over seeds, lowest to highest; rate)")
    table.add_column("task")
    for name in RATES:
        table.add_column(name, justify="right")
    for task in args.tasks:
        cells = []
        for name, rates in RATES.items():
            optimizer = None if name == "constant" else getattr(nlr, name)()

            def measure(rate, seeds, task=tasks.TASKS[task], optimizer=optimizer):
                schedule = nlr.PiecewiseConstant([rate, 0.0], [tasks.LEARNING])
                rule = nlr.ScheduledPES(schedule, optimizer=optimizer)
                return final_errors(task, rule, seeds)

            best, errors = choose(rates, measure)
            cells.append(
                f"{np.median(errors):.4f}\n{errors.min():.4f} to {errors.max():.4f}\n"
                f"{best:g}"
            )
        table.add_row(task, *cells)
    Console(highlight=False).print(table)


def long_run(learning=60.0, test=10.0):
    """Print RMSProp's error with a cosine schedule over that of the best decoders."""
    task = replace(tasks.TASKS["comm"], n_neurons=200)
    phases = {"learning": learning, "test": test}

    def measure(rate, seeds):
        schedule = nlr.CosineDecay(rate, learning)
        rule = nlr.ScheduledPES(schedule, optimizer=nlr.RMSProp())
        limits = [tasks.least_squares_limit(task, seed, **phases) for seed in seeds]
        return final_errors(task, rule, seeds, **phases) / limits

    best, ratios = choose([3e-3, 1e-2, 3e-2], measure)
    print(f"RMSProp, cosine from {best:g}, {learning:g} s, 200 neurons:")
    print(f"error over the least-squares limit {np.median(ratios):.3f} (median)")
    for seed, ratio in zip(args.report, ratios):
        print(f"    seed {seed}: {ratio:.3f}")


if args.long:
    long_run()
else:
    constant_rates()
