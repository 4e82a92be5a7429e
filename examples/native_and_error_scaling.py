# %% [markdown]
# # The native rule and error scaling, on both simulators
#
# Where only plain PES exists, its error is multiplied by the rate before it reaches the
# rule. Do the weights then end where `ScheduledPES` takes them? With a Node they do, up
# to rounding. With an `ErrorScaler` of 200 neurons they end some tenths of a percent
# away, and stop when the rate is 0. With the usual product of 200 neurons they end
# elsewhere, and never stop. All that holds on both simulators.
#
# This runs for two seconds with one seed, which takes half a minute with NengoDL;
# `--duration 6 --seeds 5` makes the figures of the documentation.

# %%
import argparse

import matplotlib.pyplot as plt
import nengo
import numpy as np

import nengo_lr as nlr
from nengo_lr.compare import NATIVE, NODE, PRODUCT, SCALERS, Experiment
from nengo_lr.lab.plot import COLORS, style, tidy
from nengo_lr.lab.tasks import TASKS, WEIGHTS_EVERY
from nengo_lr.simulators import SIMULATORS, missing_simulators

parser = argparse.ArgumentParser(description="ScheduledPES beside error scaling.")
parser.add_argument("--output", help="write the figure to this file")
parser.add_argument("--duration", type=float, default=2.0, help="seconds")
parser.add_argument("--seeds", type=int, default=1, help="how many")
parser.add_argument("--quick", action="store_true", help="a short run, to try it")
args, _ = parser.parse_known_args()
if args.quick:
    args.duration = 1.0

# %% [markdown]
# A communication channel of 100 neurons learns for three quarters of the time, with a
# rate that decays; then the rate is 0. All ways learn it from the same neurons, and
# stand side by side in one model, so that NengoDL compiles once.

# %%
WAYS = {
    "ScheduledPES": NATIVE,
    "PES, Node": NODE,
    "PES, ErrorScaler": SCALERS["tied"],
    "PES, Product": PRODUCT,
}
schedule = nlr.ExponentialDecay(1e-3, tau=args.duration / 4)

runs = {}  # (way, seed): network
with nengo.Network() as model:
    for seed in range(args.seeds):
        experiment = Experiment(TASKS["comm"], schedule, args.duration, seed)
        for way, path in WAYS.items():
            runs[way, seed] = experiment.build(path)
learning = experiment.learning


# %%
def learn(make_simulator):
    """The weights and the test error of each run, by way and seed."""
    with make_simulator(model) as sim:
        sim.run(args.duration)
        weights = {
            run: np.array(sim.data[network.weights])[:, 0]
            for run, network in runs.items()
        }
        errors = {
            run: nlr.lab.tasks.final_error(sim, network, learning)
            for run, network in runs.items()
        }
    return weights, errors


def distance(weights, others):
    """How far weights are from others, relative to those; along the last axis."""
    difference = np.linalg.norm(weights - others, axis=-1)
    return difference / np.linalg.norm(others, axis=-1)


simulators = [name for name in SIMULATORS if name not in missing_simulators()]
if "nengo_dl" not in simulators:
    print("NengoDL is not installed: this is the reference simulator alone.\n")
learned = {simulator: learn(SIMULATORS[simulator]) for simulator in simulators}

# %% [markdown]
# `apart` is how far the weights end from those of `ScheduledPES` on the same simulator,
# `moved` how far they move after the rate is 0, both relative to their size.

# %%
first_of_test = round(learning / WEIGHTS_EVERY)
print(f"{'':24} {'':10} {'test RMSE':>9} {'apart':>8} {'moved':>8}")
for way in WAYS:
    for simulator, (weights, errors) in learned.items():
        rows = []
        for seed in range(args.seeds):
            own = weights[way, seed]
            apart = distance(own[-1], weights["ScheduledPES", seed][-1])
            moved = distance(own[first_of_test], own[-1])
            rows.append([errors[way, seed], apart, moved])
        rmse, apart, moved = np.median(rows, axis=0)
        print(f"{way:24} {simulator:10} {rmse:9.4f} {apart:8.1e} {moved:8.1e}")

for simulator in simulators[1:]:
    ends = [
        distance(
            learned[simulator][0]["ScheduledPES", seed][-1],
            learned["nengo"][0]["ScheduledPES", seed][-1],
        )
        for seed in range(args.seeds)
    ]
    print(f"\nScheduledPES on {simulator}: {np.median(ends):.1e} from nengo's weights")

# %%
with style():
    figure, axes = plt.subplots(
        1, len(simulators), sharey=True, squeeze=False, figsize=(8.4, 4.2)
    )
    for ax, (simulator, (weights, _)) in zip(axes[0], learned.items()):
        for way, color in zip(list(WAYS)[1:], COLORS):
            apart = [
                distance(weights[way, seed], weights["ScheduledPES", seed])
                for seed in range(args.seeds)
            ]
            times = WEIGHTS_EVERY * np.arange(1, len(apart[0]) + 1)
            ax.plot(times, np.median(apart, axis=0), color=color, label=way)
        ax.axvspan(learning, args.duration, color="#F2F2F2", zorder=0)
        ax.text(learning, 2.0, " rate 0", va="top")
        ax.set(yscale="log", ylim=(1e-17, 3), title=simulator)
        tidy(ax, "time (s)")
    tidy(axes[0, 0], ylabel="weights' distance from ScheduledPES, relative")
    axes[0, -1].legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.savefig(args.output) if args.output else plt.show()
