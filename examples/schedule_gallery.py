# %% [markdown]
# # Every schedule in one picture
#
# The catalogue, drawn without running a model. All times are in seconds, and `initial`,
# `final` and `peak` are learning rates, not fractions of one.

# %%
import argparse
import textwrap

import matplotlib.pyplot as plt

import nengo_lr as nlr
from nengo_lr.schedules.expressions import catalogue, examples

parser = argparse.ArgumentParser(description="Draw every schedule of the catalogue.")
parser.add_argument("--output", help="write the figure to this file")
args, _ = parser.parse_known_args()

# %%
DURATIONS = {"Constant": 5.0, "Sampled": 2.0, "StepDecay": 10.0}
COLUMNS = 4

schedules = [examples(cls)[0] for cls in catalogue().values()]
schedules = [schedule for schedule in schedules if schedule.upper_bound is not None]
rows = -(-len(schedules) // COLUMNS)

with nlr.lab.plot.style():
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(12, 1.9 * rows))
    for ax, schedule in zip(axes.flat, schedules):
        name = type(schedule).__name__
        nlr.lab.plot.schedule(schedule, DURATIONS.get(name, 12.0), ax)
        ax.set_title(textwrap.shorten(name, 30), fontsize=10)
        ax.set(xlabel="", ylabel="")
    for ax in axes.flat[len(schedules) :]:
        ax.set_visible(False)
    figure.supxlabel("time (s)", fontsize=10)
    figure.supylabel("learning rate", fontsize=10)

print(f"drew {len(schedules)} schedules")
plt.savefig(args.output) if args.output else plt.show()
