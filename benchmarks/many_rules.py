"""What many learned connections cost: whole steps, over those with nengo.PES.

    python benchmarks/many_rules.py                          # everything
    python benchmarks/many_rules.py --sizes 64x50 --builds 5

A model has one ensemble and one learned connection for each rule, as an EnsembleArray
has them, and Nengo's default synapses. Nengo's optimizer merges operators in another
order in each build, so that every method is built several times; a cost is the median
over the builds of its CPU time for a step, divided by that of nengo.PES. All methods
take turns in one process, on one thread.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: no threads of its own

import argparse
import time
from statistics import median

import nengo
import numpy as np

from nengo_lr import Linear, ScheduledPES

SIZES = "1x50,1x200,1x200x8,4x200,16x100,64x50,256x50"
"""Numbers of rules, of neurons, and of dimensions (1 where there is none)."""

METHODS = {
    "nengo.PES": lambda: nengo.PES(1e-4),
    "ScheduledPES": lambda: ScheduledPES(Linear(1e-4, 100.0)),
    "no learning": lambda: None,
}


def many_rules(n_rules, n_neurons, dimensions, make_rule):
    """Build a model in which many connections learn a communication channel."""
    size = n_rules * dimensions
    with nengo.Network(seed=0) as network:
        stimulus = nengo.Node(
            lambda t: np.sin(3 * t + np.arange(size)), size_out=size, size_in=0
        )
        pre = nengo.networks.EnsembleArray(n_neurons, n_rules, dimensions)
        output, error = nengo.Node(size_in=size), nengo.Node(size_in=size)
        nengo.Connection(stimulus, pre.input)
        nengo.Connection(output, error)
        nengo.Connection(stimulus, error, transform=-1)
        for i, ensemble in enumerate(pre.ea_ensembles):
            part, rule = slice(i * dimensions, (i + 1) * dimensions), make_rule()
            learned = nengo.Connection(
                ensemble,
                output[part],
                function=lambda x: np.zeros(dimensions),
                learning_rule_type=rule,
            )
            if rule is not None:
                nengo.Connection(error[part], learned.learning_rule)
    return network


def step_times(sims, n_steps, rounds):
    """Time steps of all simulators in turn; returns the medians in microseconds."""
    times = {name: [] for name in sims}
    for _ in range(rounds):
        for name, sim in sims.items():
            start = time.process_time()
            sim.run_steps(n_steps)
            times[name].append(time.process_time() - start)
    return {name: 1e6 * median(each) / n_steps for name, each in times.items()}


def measure(size, builds, rounds):
    """Print one row of the table."""
    n_rules, *shape = map(int, size.split("x"))
    n_neurons, dimensions = (*shape, 1)[:2]
    found = {name: [] for name in METHODS}
    for _ in range(builds):
        sims = {
            name: nengo.Simulator(
                many_rules(n_rules, n_neurons, dimensions, make_rule),
                progress_bar=False,
            )
            for name, make_rule in METHODS.items()
        }
        n_steps = max(20, 20_000 // (n_rules + 40))
        step_times(sims, 20, 1)  # what is only done once
        for name, microseconds in step_times(sims, n_steps, rounds).items():
            found[name].append(microseconds)
        for sim in sims.values():
            sim.close()
    base = median(found["nengo.PES"])
    cells = [
        f"{median(found[name]) / base:.2f} "
        f"({min(found[name]) / base:.2f} to {max(found[name]) / base:.2f})"
        for name in METHODS
    ]
    print(f"| {size} | {base:.0f} | {' | '.join(cells)} |", flush=True)


def print_table(sizes=SIZES, builds=5, rounds=7):
    """Print the costs of models with many rules, at all sizes."""
    print(f"| rules x neurons | µs with nengo.PES | {' | '.join(METHODS)} |")
    print("|---" * (2 + len(METHODS)) + "|")
    for size in sizes.split(","):
        measure(size, builds, rounds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default=SIZES)
    parser.add_argument("--builds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=7)
    print_table(**vars(parser.parse_args()))
