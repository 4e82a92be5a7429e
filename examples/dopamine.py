# %% [markdown]
# # Neurons that set the learning rate
#
# Dopamine-like neurons fire when errors are surprisingly large, and drive the learning
# rate of other neurons. The target is noisy and changes sign in mid-run. A low constant
# rate averages the noise and takes long to follow the change; a high one follows and
# stays noisy. The neurons are silent while there is nothing but noise, and fire when
# the target changes: with them the change is learned as fast as with a rate twice as
# high, and the test error is about that of the low one. They do not beat constants in
# everything: averaged over the whole run, the best constant rate is as good.

# %%
import argparse
from dataclasses import replace

import matplotlib.pyplot as plt
import nengo
import numpy as np

import nengo_lr as nlr
from nengo_lr.lab import side_by_side

parser = argparse.ArgumentParser(description="Neurons that drive the learning rate.")
parser.add_argument("--output", help="write the figure to this file")
parser.add_argument("--seeds", type=int, default=2, help="10 in the docs")
parser.add_argument("--quick", action="store_true", help="a short run, to try it")
args, _ = parser.parse_known_args()
args.seeds = 1 if args.quick else args.seeds

TASK = replace(nlr.lab.tasks.TASKS["switch"], noise=0.5)
LEARNING = 4.0 if args.quick else 12.0  # seconds; the target changes in its middle
TEST = LEARNING / 4
CONSTANTS = [1e-4, 2e-4, 4e-4, 8e-4, 1.5e-3]
LOW, HIGH = 2e-4, 1e-2  # the rates for no surprise and for one of 1
NOISE = 0.15  # the mean square error that noise alone makes
FIRST = 40  # the seeds before it are those that the constants here were tried on


# %% [markdown]
# The neurons get the squared error, averaged over .3 s, and fire above the level of the
# noise alone. What they decode goes to the Node that is the learning rate. In the test
# nothing learns.


# %%
def dopamine(seed):
    """The test errors (n_steps,) and the rates (n_steps,) with dopamine neurons."""
    with nengo.Network(seed=seed) as model:
        square = nengo.Node(lambda t, error: error**2, size_in=1)
        neurons = nengo.Ensemble(
            100,
            dimensions=1,
            encoders=np.ones((100, 1)),
            intercepts=nengo.dists.Uniform(NOISE, 0.9),
        )
        nengo.Connection(square, neurons, synapse=0.3)
        rate = nengo.Node(
            lambda t, surprise: LOW + (HIGH - LOW) * max(surprise[0], 0), size_in=1
        )
        nengo.Connection(
            neurons, rate, function=lambda x: max(x - NOISE, 0), synapse=0.05
        )

        def wire(error, learning_rule):
            for post in (learning_rule, square):
                nengo.Connection(error, post, synapse=0.005)

        rule = nlr.ScheduledPES(rate)
        learner = nlr.lab.tasks.build(TASK, rule, wire, seed, LEARNING, TEST)
        rates = nengo.Probe(learner.connection.learning_rule, "learning_rate")
    with nengo.Simulator(model, progress_bar=False) as sim:
        sim.run(LEARNING)
        with nlr.frozen(sim):
            sim.run(TEST)
    return sim.data[learner.test_error][:, 0], sim.data[rates][:, 0]


# %%
errors, rates = [], []
for seed in range(FIRST, FIRST + args.seeds):
    constant = side_by_side(TASK, CONSTANTS, seed, LEARNING, TEST)
    error, rate = dopamine(seed)
    errors.append(np.column_stack([constant, error]))
    rates.append(rate)
errors = np.array(errors)  # (seeds, steps, constants and dopamine)
names = [f"constant {rate:g}" for rate in CONSTANTS] + ["dopamine neurons"]


def rms(start, stop):
    """The RMS error (seeds, names) between two times in seconds."""
    part = errors[:, round(start / 1e-3) : round(stop / 1e-3)]
    return np.sqrt(np.mean(part**2, axis=1))


half, end = LEARNING / 2, LEARNING + TEST
measures = {
    "3 s after the change": rms(half, half + 3),
    "test": rms(LEARNING, end),
    "all of the run": rms(0, end),
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
    t = np.arange(1, len(rates[0]) + 1) * 1e-3
    top.plot(t, 1e3 * rates[0], color=nlr.lab.plot.COLORS[1], linewidth=1)
    top.set_title("rate of one run with dopamine neurons")
    nlr.lab.plot.tidy(top, None, r"learning rate ($10^{-3}$)")
    for i, color in zip(
        (1, 3, len(names) - 1), (*nlr.lab.plot.COLORS[2::-2], nlr.lab.plot.COLORS[1])
    ):
        windows = errors[:, :, i].reshape(args.seeds, -1, 500)
        curve = np.median(np.sqrt(np.mean(windows**2, axis=2)), axis=0)
        at = 0.5 * (np.arange(len(curve)) + 0.5)
        bottom.semilogy(at, curve, color=color, label=names[i])
    bottom.axvspan(LEARNING, end, color="#F2F2F2", zorder=0)
    bottom.text(LEARNING + 0.1, 0.6, "test", color=nlr.lab.plot.INK)
    bottom.set_xlim(0, end)
    nlr.lab.plot.tidy(
        bottom, f"time (s), the target changes at {half:g} s", "RMS error in .5 s"
    )
    bottom.legend(loc="upper left", bbox_to_anchor=(1, 1))

plt.savefig(args.output) if args.output else plt.show()
