# %% [markdown]
# # Rates that follow the error
#
# A feedback law computes the rate from the error, during the run. Where the target
# changes, `ErrorDriven` raises the rate again, and lowers it once that is learned.
# `ReduceOnPlateau` lowers it too, but never raises it: it is for targets that stay.
#
# No law ends with a smaller error than the best constant rate. `ErrorDriven` follows
# the change faster than that rate does, and so does a plateau that waits long enough:
# a hasty one has lowered the rate before the change comes, and does worst of all. With
# noise see `dopamine.py`, where the rate rises above the level of the noise alone.

# %%
import argparse

import matplotlib.pyplot as plt
import nengo
import numpy as np

import nengo_lr as nlr
from nengo_lr.lab import side_by_side

parser = argparse.ArgumentParser(description="Rates that follow the error.")
parser.add_argument("--output", help="write the figure to this file")
parser.add_argument("--seeds", type=int, default=1, help="5 in the docs")
parser.add_argument("--quick", action="store_true", help="a short run, to try it")
args, _ = parser.parse_known_args()

# %% [markdown]
# The settings of the laws were chosen on seeds 100 and 101. The target of the
# communication channel changes its sign in the middle of learning.

# %%
TASK = nlr.lab.tasks.TASKS["switch"]
LEARNING = 4.0 if args.quick else 12.0  # seconds
TEST = LEARNING / 4
CONSTANTS = [2e-4, 5e-4, 1.5e-3, 4e-3]
LAWS = {
    "error-driven": nlr.ErrorDriven(low=1e-3, high=5e-3, scale=0.5, tau=0.3),
    "patient plateau": nlr.ReduceOnPlateau(
        4e-3, patience=2.0, factor=0.5, minimum=5e-4
    ),
    "hasty plateau": nlr.ReduceOnPlateau(4e-3, patience=0.5, factor=0.5),
    "greedy": nlr.GreedyRate(2e-3, window=1.0, minimum=5e-4, maximum=4e-3),
}


def follow(law, seed):
    """The test errors (n_steps,) and rates (n_steps,) of a run with a feedback law."""
    network = nlr.lab.tasks.build(
        TASK, nlr.ScheduledPES(law), seed=seed, learning=LEARNING, test=TEST
    )
    with network:
        rates = nengo.Probe(network.connection.learning_rule, "learning_rate")
    with nengo.Simulator(network, progress_bar=False) as sim:
        sim.run(LEARNING)
        with nlr.frozen(sim):  # a law would go on learning in the test
            sim.run(TEST)
    return sim.data[network.test_error][:, 0], sim.data[rates][:, 0]


# %%
names = [*(f"constant {rate:g}" for rate in CONSTANTS), *LAWS]
errors, rates = [], []
for seed in range(args.seeds):
    constant = side_by_side(TASK, CONSTANTS, seed, LEARNING, TEST)
    followed, used = zip(*(follow(law, seed) for law in LAWS.values()))
    errors.append(np.column_stack([constant, *followed]))
    rates.append(used)
errors = np.array(errors)  # (seeds, steps, names)


def rms(start, stop):
    """The RMS error (seeds, names) between two times in seconds."""
    part = errors[:, round(start / 1e-3) : round(stop / 1e-3)]
    return np.sqrt(np.mean(part**2, axis=1))


HALF, END = LEARNING / 2, LEARNING + TEST
measures = {
    "while learning": rms(0, LEARNING),
    "3 s after the change": rms(HALF, HALF + 3),
    "test": rms(LEARNING, END),
}
print(f"RMS error, median over {args.seeds} seeds (lowest to highest)")
print(f"{'':18}" + "".join(f"{name:25}" for name in measures))
for i, name in enumerate(names):
    cells = [np.percentile(values[:, i], [50, 0, 100]) for values in measures.values()]
    texts = [f"{m:.3f} ({low:.3f} to {high:.3f})" for m, low, high in cells]
    print(f"{name:18}" + "".join(f"{text:25}" for text in texts))

# %%
with nlr.lab.plot.style():
    figure, (top, bottom) = plt.subplots(2, sharex=True, figsize=(8, 5.6))
    t = np.arange(1, errors.shape[1] + 1) * 1e-3
    learning = t < LEARNING
    for name, used, color in zip(LAWS, rates[0], nlr.lab.plot.COLORS[1:]):
        top.plot(t[learning], 1e3 * used[learning], color=color, label=name)
    top.legend()
    top.set_title("the rates of one run")
    nlr.lab.plot.tidy(top, None, r"learning rate ($10^{-3}$)")
    shown = [CONSTANTS.index(1.5e-3), *range(len(CONSTANTS), len(names))]
    for i, color in zip(shown, nlr.lab.plot.COLORS):
        windows = errors[:, :, i].reshape(args.seeds, -1, 500)
        curve = np.median(np.sqrt(np.mean(windows**2, axis=2)), axis=0)
        at = 0.5 * (np.arange(len(curve)) + 0.5)
        bottom.semilogy(at, curve, color=color, label=names[i])
    for ax in (top, bottom):
        ax.axvspan(LEARNING, END, color="#F2F2F2", zorder=0)
        ax.axvline(HALF, color="0.5", linestyle=":")
    top.text(LEARNING + 0.1, 0.2, "test", color=nlr.lab.plot.INK)
    bottom.set_xlim(0, END)
    nlr.lab.plot.tidy(
        bottom, f"time (s), the target changes at {HALF:g} s", "RMS error in .5 s"
    )
    bottom.legend(loc="upper left", bbox_to_anchor=(1, 1))

plt.savefig(args.output) if args.output else plt.show()
