# %% [markdown]
# # The native rule and error scaling, on every simulator
#
# Where only plain PES exists, its error is multiplied by the rate before it reaches the
# rule. Do the weights then end where `ScheduledPES` takes them? With a Node they do, up
# to rounding. With an `ErrorScaler` of 200 neurons they end about a percent
# away, and stop when the rate is 0. With the usual product of 200 neurons they end
# elsewhere, and never stop. All that holds on every simulator.
#
# This runs for three seconds with one seed, which takes half a minute with NengoDL;
# `--duration 6 --seeds 5` makes the figures of the documentation.

# %%
import argparse

import matplotlib.pyplot as plt

import nengo_lr as nlr
from nengo_lr.lab import TaskModel, compare
from nengo_lr.lab.plot import save

parser = argparse.ArgumentParser(description="ScheduledPES beside error scaling.")
parser.add_argument("--output", help="write the figure to this file")
parser.add_argument("--duration", type=float, default=3.0, help="seconds")
parser.add_argument("--seeds", type=int, default=1, help="how many")
parser.add_argument("--quick", action="store_true", help="a short run, to try it")
args, _ = parser.parse_known_args()
if args.quick:
    args.duration = 2.0
simulators = ["nengo"] if args.quick else None  # None: all that are installed

# %% [markdown]
# A communication channel of 100 neurons learns for three quarters of the time, with a
# rate that decays; then the rate is 0. Every method learns it from the same neurons, on
# all simulators that are installed.

# %%
learning = 0.75 * args.duration
found = compare(
    TaskModel("comm"),
    nlr.ExponentialDecay(1e-3, tau=args.duration / 4),
    learning,
    args.duration - learning,
    methods=["scheduled", "node", "tied", "product-200"],
    seeds=range(args.seeds),
    simulators=simulators,
    executor="serial",
)

# %% [markdown]
# `distance` is how far the weights end from those of `ScheduledPES` on the same
# simulator, `from_first` how far from those of the same method on the first simulator,
# and `moved` how far they move after the rate is 0, all relative to their size.

# %%
measures = ["error", "distance", "from_first", "moved"]
trials = found.trials.groupby(["method", "simulator"], sort=False)
print(trials[measures].median().to_string(float_format="{:.1e}".format))
print(found.conclusion)

# %%
figure = found.plot().figure
save(figure, args.output) if args.output else plt.show()
