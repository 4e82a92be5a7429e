# %% [markdown]
# # Nengo's learning examples, with a schedule and without a rate
#
# Nengo's documentation learns a communication channel, the square of its input and the
# product of two inputs, each with a constant rate of 1e-4. What do a larger rate, one
# that falls along a cosine, and "auto" change? Each learns for fifteen seconds and is
# tested for five, in which nothing learns, on input that it has not seen.

# %%
import argparse

import matplotlib.pyplot as plt
import numpy as np

import nengo_lr as nlr
from nengo_lr.lab import TaskModel, sweep
from nengo_lr.lab.plot import style, tidy

parser = argparse.ArgumentParser(description="Nengo's examples with other rates.")
parser.add_argument("--output", help="write the figure to this file")
parser.add_argument("--seeds", type=int, default=3, help="to report; 10 in the docs")
parser.add_argument("--quick", action="store_true", help="a short run, to try it")
args, _ = parser.parse_known_args()
if args.quick:
    args.seeds = 1

LEARNING, TEST = (4.0, 2.0) if args.quick else (15.0, 5.0)  # seconds
FIRST = 20  # the seeds before it are those on which the cosine's start was chosen
TITLES = {"comm": "channel", "square": "square", "product": "product"}
RATES = {
    "1e-4, Nengo's": 1e-4,
    "1e-3": 1e-3,
    "cosine from 2e-3": nlr.CosineDecay(2e-3, LEARNING),
    "auto": nlr.Auto(),
}

# %%
seeds = range(FIRST, FIRST + args.seeds)
found = {}
print(f"test error, median over {args.seeds} seeds (lowest to highest)")
print(f"{'':18}" + "".join(f"{title:26}" for title in TITLES.values()))
for task, title in TITLES.items():
    swept = sweep(
        TaskModel(task),
        RATES.values(),
        LEARNING,
        test=TEST,
        seeds=seeds,
        executor="serial",
    )
    found[title] = swept.errors  # (rates, seeds)
for i, name in enumerate(RATES):
    cells = ""
    for errors in found.values():
        low, middle, high = np.percentile(errors[i], [0, 50, 100])
        cells += f"{f'{middle:.4f} ({low:.4f} to {high:.4f})':26}"
    print(f"{name:18}{cells}")

# %%
with style():
    figure, axes = plt.subplots(
        1, len(found), sharex=True, sharey=True, figsize=(9, 2.8)
    )
    places = np.arange(len(RATES))[::-1]
    for ax, (title, errors) in zip(axes, found.items()):
        ax.hlines(places, errors.min(axis=1), errors.max(axis=1), lw=2)
        ax.scatter(np.median(errors, axis=1), places, s=40, zorder=3)
        ax.set(title=title, xscale="log", yticks=places, yticklabels=RATES)
        ax.set_ylim(-0.5, len(RATES) - 0.5)
        tidy(ax, "RMS test error")

plt.savefig(args.output) if args.output else plt.show()
