# %% [markdown]
# # A rate for every weight, online
#
# PES learns the product of two inputs, with one rate for all weights and with AdaGrad,
# RMSProp, Adam and local gains, which adapt the change of every weight by themselves.
# Each gets the rate that is best for it, chosen on other seeds. On this target dividing
# by the size of the gradient pays; on an easy one (`--task comm`) it hardly does.

# %%
import argparse

import matplotlib.pyplot as plt
import numpy as np

import nengo_lr as nlr
from nengo_lr.lab import side_by_side

parser = argparse.ArgumentParser(description="Adapt the change of every weight.")
parser.add_argument("--output", help="write the figure to this file")
parser.add_argument("--task", choices=nlr.lab.tasks.TASKS, default="product")
parser.add_argument("--seeds", type=int, default=1, help="to report; 5 in the docs")
parser.add_argument("--choose", type=int, default=1, help="more seeds, for the rates")
parser.add_argument("--learning", type=float, default=5.0, help="seconds; 15 in docs")
parser.add_argument("--quick", action="store_true", help="a short run, to try it")
args, _ = parser.parse_known_args()
args.learning = 1.5 if args.quick else args.learning

# %% [markdown]
# What divides by the size of the gradient needs rates about ten times larger.

# %%
LEARNING, TEST = args.learning, args.learning / 3
TASK = nlr.lab.tasks.TASKS[args.task]
LOW, HIGH = [1e-4, 3e-4, 1e-3, 2e-3], [3e-3, 1e-2, 3e-2, 6e-2]
KINDS = {
    "none": (None, LOW),
    "LocalGains": (nlr.LocalGains(), LOW),
    "Adam": (nlr.Adam(), HIGH),
    "RMSProp": (nlr.RMSProp(), HIGH),
    "AdaGrad": (nlr.AdaGrad(), HIGH),
}


def rms(errors):
    """The root mean square over the steps."""
    return np.sqrt(np.mean(errors**2, axis=0))


def learn(seed):
    """The errors (n_steps, n_rates) of each kind in one run."""
    return {
        kind: side_by_side(TASK, rates, seed, LEARNING, TEST, optimizer)
        for kind, (optimizer, rates) in KINDS.items()
    }


def tested(errors):
    """The test error of each rate."""
    return rms(errors[round(LEARNING / nlr.lab.tasks.SAMPLE) :])


# %%
chosen = [learn(100 + seed) for seed in range(args.choose)]
runs = [learn(seed) for seed in range(args.seeds)]
print(f"{args.task}: test error after {LEARNING:g} s of learning")
print(
    f"median over {args.seeds} seeds (lowest to highest); over none: median of ratios"
)
found, plain = {}, None
for kind, (_, rates) in KINDS.items():
    best = np.argmin(np.median([tested(run[kind]) for run in chosen], axis=0))
    found[kind] = errors = np.array([run[kind][:, best] for run in runs])
    test = np.array([tested(run[kind])[best] for run in runs])
    plain = test if plain is None else plain
    low, middle, high = np.percentile(test, [0, 50, 100])
    print(
        f"{kind:10} rate {rates[best]:<6g} {middle:.4f} ({low:.4f} to {high:.4f}), "
        f"{np.median(test / plain):.2f} of none's"
    )

# %%
with nlr.lab.plot.style():
    figure, ax = plt.subplots(figsize=(8, 4))
    for kind, errors in found.items():
        n = errors.shape[1] // 500
        windows = errors[:, : 500 * n].reshape(len(errors), n, 500)
        curve = np.median(np.sqrt(np.mean(windows**2, axis=2)), axis=0)
        ax.semilogy(0.5 * (np.arange(n) + 0.5), curve, label=kind)
    ax.axvspan(LEARNING, LEARNING + TEST, color="#F2F2F2", zorder=0)
    ax.text(LEARNING, 0.95, " test", transform=ax.get_xaxis_transform(), va="top")
    ax.set_xlim(0, LEARNING + TEST)
    ax.set_title(TASK.description)
    nlr.lab.plot.tidy(ax, "time (s)", "RMS error in .5 s")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))

plt.savefig(args.output) if args.output else plt.show()
