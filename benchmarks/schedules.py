"""What each schedule of the catalogue costs: a whole step over one with nengo.PES.

    python benchmarks/schedules.py                       # on the reference simulator
    python benchmarks/schedules.py --simulator nengo_dl

200 neurons and 8 error dimensions, all schedules interleaved in one process. Set
OMP_NUM_THREADS=1 (and TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 for NengoDL).
"""

import argparse
import statistics

from cost import BASELINE, METHODS, Method, build
from rich.console import Console
from rich.table import Table

from nengo_lr import ScheduledPES
from nengo_lr.builder.hosts import hosts
from nengo_lr.lab import interleaved
from nengo_lr.schedules.expressions import catalogue, examples

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--simulator", choices=hosts(), default="nengo")
parser.add_argument("--rounds", type=int, default=21)
parser.add_argument("--neurons", type=int, default=200)
parser.add_argument("--dimensions", type=int, default=8)
args = parser.parse_args()

schedules = [
    example * (1e-6 / example.upper_bound)
    for cls in catalogue().values()
    for example in examples(cls)[:1]
    if example.upper_bound
]
methods = [METHODS[BASELINE]] + [
    Method(type(schedule.schedules[0]).__name__, lambda s=schedule: ScheduledPES(s))
    for schedule in schedules
]
make = hosts()[args.simulator].make
simulators = {
    method.name: make(build(method, args.neurons, args.dimensions))
    for method in methods
}
for simulator in simulators.values():
    simulator.run_steps(300)
ratios, _ = interleaved(
    {name: lambda sim=sim: sim.run_steps(300) for name, sim in simulators.items()},
    BASELINE,
    args.rounds,
)

table = Table(title=f"{args.neurons} x {args.dimensions} on {args.simulator}")
table.add_column("schedule")
table.add_column("step over nengo.PES", justify="right")
for name, values in sorted(
    ratios.items(), key=lambda item: -statistics.median(item[1])
):
    low, median, high = statistics.quantiles(values, n=4)
    table.add_row(name, f"{median:.3f} ({low:.3f} to {high:.3f})")
Console(highlight=False).print(table)
