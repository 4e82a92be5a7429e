"""What each per-weight optimizer costs: a whole step over one with nengo.PES.

    OMP_NUM_THREADS=1 python benchmarks/optimizers.py

All optimizers run interleaved in one process, on the reference simulator. A cell shows
the median of the rounds' ratios, the quartiles, and the limit that is promised. Exits
with status 1 where a median is above its limit.
"""

import argparse
import sys

from cost import measure
from rich.console import Console
from rich.table import Table

SIZES = [(200, 8), (1000, 64), (5000, 64)]
"""Neurons and error dimensions."""

LIMITS = {
    "AdaGrad": [1.3, 1.9, 2.2],
    "RMSProp": [1.3, 1.9, 2.2],
    "Adam": [1.35, 2.1, 2.4],
    "LocalGains": [1.5, 1.5, 1.5],
}
"""The ratios that must not be exceeded, by size."""

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--rounds", type=int, default=21)
args = parser.parse_args()

table = Table(title="whole step over one with nengo.PES")
table.add_column("optimizer")
rows = {name: [] for name in LIMITS}
too_slow = False
for column, (neurons, dimensions) in enumerate(SIZES):
    table.add_column(f"{neurons} x {dimensions}", justify="right")
    for row in measure(list(LIMITS), neurons, dimensions, rounds=args.rounds):
        if row["method"] in LIMITS:
            limit = LIMITS[row["method"]][column]
            too_slow |= row["ratio"] > limit
            rows[row["method"]].append(
                f"{row['ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f}), "
                f"at most {limit}"
            )
for name, cells in rows.items():
    table.add_row(name, *cells)
Console(highlight=False).print(table)
sys.exit(int(too_slow))
