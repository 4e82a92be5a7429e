# %% [markdown]
# # What a learning rate does
#
# Too low, and the error takes long to fall. Too high, and the weights follow the last
# moments so well that the error stays small *while learning*, but they forget the rest,
# and fail on input not seen before. Higher still, and they grow without bounds. The
# error during learning does not tell the second case from the right rate: test with
# the rate at 0.

# %%
import argparse

import matplotlib.pyplot as plt
import nengo
import numpy as np
from nengo.exceptions import SimulationError

import nengo_lr as nlr
from nengo_lr.lab import side_by_side
from nengo_lr.stability import stable_rate

parser = argparse.ArgumentParser(description="A rate too high, right, and too low.")
parser.add_argument("--output", help="write the figure to this file")
parser.add_argument("--seeds", type=int, default=2, help="of PES; 10 in the docs")
parser.add_argument("--quick", action="store_true", help="a short run, to try it")
args, _ = parser.parse_known_args()
args.seeds = 1 if args.quick else args.seeds


def rms(errors, axis=0):
    """The root mean square."""
    return np.sqrt(np.mean(np.square(errors), axis=axis))


def settled(curve, limit):
    """From which point on (counted from 1) a curve is below a limit, or infinity."""
    above = np.flatnonzero(~(curve < limit))
    n = above[-1] + 2 if len(above) else 1
    return n if n <= len(curve) else np.inf


# %% [markdown]
# ## PES learns the square of its input
#
# 15 s of learning, then 5 s of test with the rate at 0, on input not seen before. The
# rates learn side by side, on the same neurons.

# %%
TASK = nlr.lab.tasks.TASKS["square"]
LEARNING = 5_000 if args.quick else 15_000  # steps of 1 ms
WINDOW = 1000
rates = {"too low": 1e-5, "low": 1e-4, "right": 1e-3, "high": 3e-3, "too high": 5e-3}
UNSTABLE = 5e-2


def pes(seed):
    """The error curves (n_rates, n_windows), last errors and test errors of a seed."""
    errors = side_by_side(TASK, rates.values(), seed, LEARNING * 1e-3)
    curves = rms(errors[:LEARNING].reshape(-1, WINDOW, len(rates)), axis=1).T
    return curves, rms(errors[LEARNING - 3000 : LEARNING]), rms(errors[LEARNING:])


curves, learned, unseen = map(np.array, zip(*map(pes, range(args.seeds))))
times = np.array([[settled(c, 0.1) for c in each] for each in curves]) * WINDOW * 1e-3


def cell(values, unit=""):
    """The median and the range, or the one value that there is."""
    low, middle, high = np.min(values), np.median(values), np.max(values)
    if np.isinf(middle):
        return "never"
    spread = "" if low == high else f" ({low:.2g} to {high:.2g})"
    return f"{middle:.2g}{unit}{spread}".replace("inf", "never")


def row(name, rate, settles, stable, error, new):
    """A line of the table."""
    print(f"{name:10} {rate:<8} {settles:20} {stable:16} {error:23} {new}")


row("", "rate", "settles after", "stable", "error while learning", "on unseen input")
print(f"PES, median over {args.seeds} seeds (lowest to highest)")
for i, (name, rate) in enumerate(rates.items()):
    last, test = cell(learned[:, i]), cell(unseen[:, i])
    row(name, f"{rate:g}", cell(times[:, i], " s"), "yes", last, test)

# %% [markdown]
# The last rate is ten times what theory calls stable. The run ends before a number
# overflows.

# %%
network = nlr.lab.tasks.build(TASK, nlr.ScheduledPES(UNSTABLE))
with nengo.Simulator(network, progress_bar=False) as sim:
    stable = stable_rate(sim, network.connection, margin=1)
    try:
        sim.run(LEARNING * 1e-3)
    except SimulationError:
        row("unstable", f"{UNSTABLE:g}", "never", f"ends at {sim.time:.1f} s", "-", "-")
    else:
        raise SystemExit(f"{UNSTABLE} should diverge: stable up to {stable:.2g}")

# %% [markdown]
# ## A perceptron
#
# Two weights, bias and slope, learn to repeat a number up to 250 from six samples, one
# of which is wrong (100 is to give 150); `perceptron.py` has the same in Nengo. It is
# tested on other numbers. A high rate again follows the last samples. A low one is
# better on new numbers than on its samples: what it has not learned yet is the wrong
# one. That is luck, and no way to choose a rate.

# %%
INPUTS = np.array([60.0, 40.0, 100.0, 300.0, -50.0, 310.0])
TARGETS = np.array([60.0, 40.0, 150.0, 250.0, -50.0, 250.0])
UNSEEN = np.array([-80.0, -20.0, 20.0, 80.0, 130.0, 170.0, 280.0, 400.0])
LARGEST = 250.0
ROUNDS = 200


def perceptron(rate):
    """The weights (rounds, 2) after each round through the six samples."""
    weights, history = np.array([0.05, 0.1]), []
    while len(history) < ROUNDS and np.all(np.abs(weights) < 1e100):
        for x, target in zip(INPUTS, TARGETS):
            output = min(weights @ [1.0, x], LARGEST)
            weights = weights + rate * (target - output) * x
        history.append(weights)
    return np.array(history)


def misses(weights, x, target):
    """The RMS error (rounds,) of the weights after each round."""
    outputs = np.minimum(weights[:, :1] + weights[:, 1:] * x, LARGEST)
    return rms(outputs - target, axis=1)


print(f"\nperceptron, {ROUNDS} rounds through its samples")
perceptrons = {"too low": 1e-7, "low": 1e-6, "right": 1e-5, "too high": 2e-4, "none": 1}
histories = {name: perceptron(rate) for name, rate in perceptrons.items()}
for name, weights in histories.items():
    curve, rate = misses(weights, INPUTS, TARGETS), f"{perceptrons[name]:g}"
    if len(curve) < ROUNDS:
        row(name, rate, "never", f"no, {len(curve)} rounds", "-", "-")
    else:
        last = misses(weights, UNSEEN, np.minimum(UNSEEN, LARGEST))[-1]
        n = cell(settled(curve, 20.0), " rounds")
        row(name, rate, n, "yes", f"{curve[-1]:.1f}", f"{last:.1f}")

# %%
with nlr.lab.plot.style():
    figure, axes = plt.subplots(2, 2, figsize=(9, 6.4), width_ratios=[1.2, 1])
    (left, right), (bottom_left, bottom_right) = axes

    t = (np.arange(LEARNING // WINDOW) + 1) * WINDOW * 1e-3
    for name, curve in zip(rates, np.median(curves, axis=0)):
        left.semilogy(t, curve, label=name)
    left.set(ylim=(0.02, 1), xlim=(0, 15), title="PES")
    nlr.lab.plot.tidy(left, "time (s)", "RMS error while learning")

    for values, label in [(learned, "while learning"), (unseen, "on unseen input")]:
        x = list(rates.values())
        (line,) = right.loglog(x, np.median(values, axis=0), "o-", label=label)
        low, high = values.min(axis=0), values.max(axis=0)
        right.fill_between(x, low, high, color=line.get_color(), alpha=0.15, lw=0)
    right.axvline(stable, color="0.5", linestyle=":")
    right.text(
        stable, 0.92, "stable ", ha="right", transform=right.get_xaxis_transform()
    )
    right.set_ylim(0.02, 1)
    right.legend(loc="upper left", bbox_to_anchor=(0.2, 1))
    nlr.lab.plot.tidy(right, "learning rate", "RMS error")

    for name in list(histories)[:-1]:
        curve = misses(histories[name], INPUTS, TARGETS)
        bottom_left.loglog(np.arange(1, len(curve) + 1), curve, label=name)
    bottom_left.set(ylim=(10, 300), title="perceptron")
    nlr.lab.plot.tidy(bottom_left, "round", "RMS error on the samples")

    x = np.geomspace(1e-7, 3e-4, 40)
    for numbers, label in [(INPUTS, "on its samples"), (UNSEEN, "on unseen numbers")]:
        target = TARGETS if numbers is INPUTS else np.minimum(numbers, LARGEST)
        last = [misses(perceptron(rate)[-1:], numbers, target)[0] for rate in x]
        bottom_right.loglog(x, last, label=label)
    bottom_right.legend()
    nlr.lab.plot.tidy(bottom_right, "learning rate", f"RMS error after {ROUNDS} rounds")

    left.legend(loc="upper left", bbox_to_anchor=(1, 1))
    bottom_left.legend(loc="upper left", bbox_to_anchor=(1, 1))

plt.savefig(args.output) if args.output else plt.show()
