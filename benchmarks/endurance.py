"""A very long run: no drift of the schedules' time, no memory, no slowing down.

python benchmarks/endurance.py --steps 1000000
python benchmarks/endurance.py --steps 100000 --simulator nengo_dl
"""

import argparse
import gc
import resource
import statistics
import sys
from pathlib import Path

import nengo
import numpy as np

from nengo_lr import Cyclic, PiecewiseConstant, ScheduledPES
from nengo_lr.builder.hosts import hosts
from nengo_lr.lab import interleaved

LOW, HIGH = 1e-6, 1e-5
CYCLE = 700
"""The period of both schedules in steps: 0.7 s, which no float holds exactly."""
BLOCKS = 20

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--steps", type=int, default=1_000_000)
parser.add_argument("--simulator", choices=hosts(), default="nengo")
args = parser.parse_args()
if args.steps < BLOCKS:
    parser.error(f"--steps must be at least {BLOCKS}")


def learn(schedule):
    """Two neurons that learn at a scheduled rate; returns a Probe on the rate."""
    ensemble = nengo.Ensemble(20, 1)
    learned = nengo.Connection(
        ensemble, nengo.Node(size_in=1), learning_rule_type=ScheduledPES(schedule)
    )
    nengo.Connection(nengo.Node([0.1]), learned.learning_rule)
    return nengo.Probe(learned.learning_rule, "learning_rate")


def memory():
    """The memory that this process holds now, in MB."""
    gc.collect()
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 1e6
    except OSError:  # no Linux: the most that it ever held
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def clear(sim):
    """Throw the data of the probes away; NengoDL has no method for it."""
    if args.simulator == "nengo":
        sim.clear_probes()
    else:
        sim.model.params.update({square: [], triangle: []})


period = CYCLE * 0.001
with nengo.Network(seed=0) as network:
    square = learn(PiecewiseConstant([HIGH, LOW], [period / 2]).repeated(period))
    triangle = learn(Cyclic(LOW, HIGH, period))

n_block = args.steps // BLOCKS
n_round = min(n_block, 500)
wrong, furthest, sizes = 0, 0.0, []
simulator = hosts()[args.simulator].make
with simulator(network) as sim, simulator(network) as fresh:
    for block in range(BLOCKS):
        sim.run_steps(n_block)
        # the integers of steps say what the rates have to be
        phase = np.arange(block * n_block + 1, (block + 1) * n_block + 1) % CYCLE
        expected = np.where(phase < CYCLE // 2, HIGH, LOW)
        rates = sim.data[square][:, 0]
        wrong += np.count_nonzero(rates != expected.astype(rates.dtype))
        share = 1 - np.abs(2 * phase / CYCLE - 1)
        difference = sim.data[triangle][:, 0] - (LOW + (HIGH - LOW) * share)
        furthest = max(furthest, np.max(np.abs(difference)) / HIGH)
        clear(sim)
        sizes.append(memory())
    for each in (sim, fresh):
        each.run_steps(n_round)  # NengoDL compiles
    ratios, _ = interleaved(
        {
            "new": lambda: fresh.run_steps(n_round),
            "old": lambda: sim.run_steps(n_round),
        },
        "new",
    )

quarter = BLOCKS // 4
growth = statistics.median(sizes[-quarter:]) - statistics.median(sizes[:quarter])
low, cost, high = np.quantile(ratios["old"], [0.25, 0.5, 0.75])
print(f"{n_block * BLOCKS:,} steps on {args.simulator}")
print(f"rates on the wrong side of a boundary: {wrong}")
print(f"largest error of the triangle's rate, relative to its peak: {furthest:.1e}")
print(f"memory, last quarter less first: {growth:+.1f} MB")
print(f"a step over one of a new simulator: {cost:.3f} ({low:.3f} to {high:.3f})")
sys.exit(bool(wrong))
