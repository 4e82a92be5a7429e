# %% [markdown]
# # Which schedule helps?
#
# A communication channel is learned from a noisy target, from one that changes sign in
# mid-run, and from a clean one, with eight kinds of schedules. Each gets the rate that
# is best for it, chosen on other seeds: else one would compare rates, not schedules.
#
# With a noisy target a rate that falls towards 0 cuts the error by a fifth to a
# quarter, since the weights then average the noise. Where the target changes, the best
# that schedules do in 15 s is to be no worse than a constant rate, and those that are
# low at the wrong time are. On a clean target there is nothing to gain.

# %%
import argparse

import matplotlib.pyplot as plt
import numpy as np

import nengo_lr as nlr
from nengo_lr.lab import side_by_side

parser = argparse.ArgumentParser(description="Compare schedules in three situations.")
parser.add_argument("--output", help="write the figure to this file")
parser.add_argument("--seeds", type=int, default=2, help="to report; 10 in the docs")
parser.add_argument("--choose", type=int, default=1, help="more seeds, for the rates")
parser.add_argument("--learning", type=float, default=6.0, help="seconds; 15 in docs")
parser.add_argument("--quick", action="store_true", help="a short run, to try it")
args, _ = parser.parse_known_args()
if args.quick:
    args.seeds, args.learning = 1, 1.5

# %% [markdown]
# A rate is where a schedule starts, or its peak. All schedules with all rates learn
# side by side, in one run for each seed.

# %%
LENGTH = args.learning
SCHEDULES = {
    "constant": nlr.Constant,
    "step decay": lambda rate: nlr.StepDecay(rate, factor=0.5, period=LENGTH / 5),
    "exponential": lambda rate: nlr.ExponentialDecay(rate, tau=LENGTH / 3),
    "cosine": lambda rate: nlr.CosineDecay(rate, LENGTH),
    "cosine, restarts": lambda rate: nlr.CosineRestarts(rate, period=LENGTH / 3),
    "cyclical": lambda rate: nlr.Cyclic(rate / 10, rate, period=LENGTH / 3),
    "one-cycle": lambda rate: nlr.OneCycle(rate, LENGTH),
    "warm-up": lambda rate: nlr.Warmup(rate, duration=LENGTH / 5),
}
RATES = [3e-5, 6e-5, 1e-4, 2e-4, 4e-4, 8e-4, 1.5e-3, 2.5e-3, 4e-3, 6e-3]
RATES = RATES[4::2] if args.quick else RATES
SITUATIONS = {"noisy": "noisy target", "switch": "task switch", "comm": "clean target"}
TEST = 0.3 * LENGTH


def test_errors(name, seed):
    """The test error (n_schedules, n_rates) with each schedule and each rate."""
    rates = [make(rate) for make in SCHEDULES.values() for rate in RATES]
    errors = side_by_side(nlr.lab.tasks.TASKS[name], rates, seed, LENGTH, TEST)
    test = errors[round(LENGTH / nlr.lab.tasks.SAMPLE) :]
    return np.sqrt(np.mean(test**2, axis=0)).reshape(len(SCHEDULES), len(RATES))


def report(name):
    """Each schedule's test errors (n_schedules, seeds), with the rate chosen for it."""
    chosen = [test_errors(name, 100 + seed) for seed in range(args.choose)]
    best = np.argmin(np.median(chosen, axis=0), axis=1)
    errors = np.array([test_errors(name, seed) for seed in range(args.seeds)])
    return errors[:, np.arange(len(SCHEDULES)), best].T, np.array(RATES)[best]


# %%
print(f"test error, median over {args.seeds} seeds (lowest to highest); over constant:")
print("median of the ratios to the best constant rate, and in how many seeds below 1")
found = {}
for name, title in SITUATIONS.items():
    errors, rates = report(name)
    found[title] = ratios = errors / errors[0]
    print(f"\n{title:17} {'rate':7} {'test error':27} over constant")
    for schedule, rate, row, ratio in zip(SCHEDULES, rates, errors, ratios):
        spread = f"{np.median(row):.4f} ({row.min():.4f} to {row.max():.4f})"
        better = f"{np.sum(ratio < 1)} of {args.seeds}"
        print(f"{schedule:17} {rate:<7g} {spread:27} {np.median(ratio):.2f}, {better}")

# %%
with nlr.lab.plot.style():
    figure, axes = plt.subplots(1, 3, sharey=True, figsize=(9, 3.6))
    places = np.arange(len(SCHEDULES))[::-1]
    for ax, (title, ratios) in zip(axes, found.items()):
        medians = np.median(ratios, axis=1)
        colors = [nlr.lab.plot.COLORS[2 if median < 0.95 else 6] for median in medians]
        ax.hlines(places, ratios.min(axis=1), ratios.max(axis=1), color=colors, lw=2)
        ax.scatter(medians, places, color=colors, s=40, zorder=3)
        ax.axvline(1, color=nlr.lab.plot.INK, linewidth=1)
        ax.set(title=title, xscale="log", yticks=places, yticklabels=SCHEDULES)
        nlr.lab.plot.tidy(ax)
        ax.set_xticks([0.5, 0.7, 1, 1.4, 2], labels=["0.5", "0.7", "1", "1.4", "2"])
        ax.minorticks_off()
    figure.supxlabel("test error over that of the best constant rate", fontsize=10)

plt.savefig(args.output) if args.output else plt.show()
