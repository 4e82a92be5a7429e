# %% [markdown]
# # No learning rate
#
# Which learning rate is best depends on the task: by a factor of ten even among these
# five. Each curve is the test error of one task over a grid of constant rates, divided
# by the lowest of them; each dashed line is `ScheduledPES("auto")` on the same task,
# which has no number to choose. It finds a rate while it learns: high as long as the
# activities predict some of the error, and lower the longer only noise is left.

# %%
import argparse

import matplotlib.pyplot as plt
import nengo
import numpy as np

import nengo_lr as nlr
from nengo_lr.lab import TASKS, TaskModel, Trial, side_by_side
from nengo_lr.lab.tasks import STANDARD

parser = argparse.ArgumentParser(description="Learn without a learning rate.")
parser.add_argument("--output", help="write the figure to this file")
parser.add_argument("--seeds", type=int, default=1, help="from 5 on; 5 in the docs")
parser.add_argument("--learning", type=float, default=5.0, help="seconds; 15 in docs")
parser.add_argument("--quick", action="store_true", help="a short run, to try it")
args, _ = parser.parse_known_args()
args.learning = 2.0 if args.quick else args.learning

# %%
LEARNING, TEST = args.learning, args.learning / 3
RATES = np.geomspace(3e-5, 5e-3, 5 if args.quick else 9)
SEEDS = range(5, 5 + args.seeds)


def rms(errors):
    """The root mean square error in the test."""
    return np.sqrt(np.mean(errors[round(LEARNING / 1e-3) :] ** 2, axis=0))


constant, auto = {}, {}
for name in STANDARD:
    constant[name] = np.median(
        [rms(side_by_side(TASKS[name], RATES, s, LEARNING, TEST)) for s in SEEDS],
        axis=0,
    )
    trials = [Trial(TaskModel(name), "auto", LEARNING, TEST, s) for s in SEEDS]
    auto[name] = np.median([trial.run().error for trial in trials])

# %% [markdown]
# The best rate is chosen with hindsight, on the very seeds that it is compared on.

# %%
print(f"test error after {LEARNING:g} s of learning, median over {args.seeds} seeds")
ratios = []
for name in STANDARD:
    best = np.argmin(constant[name])
    ratios.append(auto[name] / constant[name][best])
    print(
        f"{name:8} best constant {RATES[best]:<7.1e} {constant[name][best]:.4f}, "
        f"auto {auto[name]:.4f}, over it {ratios[-1]:.2f}"
    )
print(f"geometric mean over the best: {np.exp(np.mean(np.log(ratios))):.2f}")
logs = [np.log(constant[name] / constant[name].min()) for name in STANDARD]
shared = np.exp(np.mean(logs, axis=0))
print(f"one constant rate for all: {shared.min():.2f} at {RATES[shared.argmin()]:.1e}")

# %% [markdown]
# Probes show what it does: the rate in PES's units, the averaging window, and the
# fraction of the error that can still be learned. What was found can be written down,
# here as a schedule of one value per second, and used with `precondition=10`.

# %%
rates = {}
for name in STANDARD:
    network = TaskModel(name)("auto", SEEDS[0], LEARNING, TEST)
    with network:
        probe = nengo.Probe(network.connection.learning_rule, "learning_rate")
    with nengo.Simulator(network, progress_bar=False) as sim:
        sim.run(LEARNING)
    found = sim.data[probe][:, 0]
    rates[name] = np.median(found[: round(LEARNING) * 1000].reshape(-1, 1000), axis=1)

written = nlr.Sampled(rates["noisy"], dt=1.0).between(0, LEARNING)
network = TaskModel("noisy")(written, SEEDS[0], LEARNING, TEST, precondition=10)
with nengo.Simulator(network, progress_bar=False) as sim:
    sim.run(LEARNING + TEST)
again = rms(sim.data[network.test_error])[0]
own = Trial(TaskModel("noisy"), "auto", LEARNING, TEST, SEEDS[0]).run().error
print(f"noisy, written down: {again:.4f}, auto on the same seed {own:.4f}")

# %%
with nlr.lab.plot.style():
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    for name in STANDARD:
        best = constant[name].min()
        (line,) = left.loglog(RATES, constant[name] / best, "o-", ms=3, label=name)
        left.axhline(auto[name] / best, color=line.get_color(), lw=1, ls="--")
        right.semilogy(np.arange(len(rates[name])) + 0.5, rates[name], label=name)
    left.set_title("constant rates, and auto (dashed)")
    right.set_title("the rate that auto uses")
    left.set_ylim(0.45, 6)
    nlr.lab.plot.tidy(left, "constant rate", "test error over the best constant's")
    nlr.lab.plot.tidy(right, "time (s)", "learning rate")
    right.legend(loc="upper left", bbox_to_anchor=(1, 1))
    figure.tight_layout()

plt.savefig(args.output) if args.output else plt.show()
