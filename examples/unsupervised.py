# %% [markdown]
# # BCM and Oja that come to rest
#
# Nengo's unsupervised rules have no error that could become small: with a constant rate
# the weights go on moving for as long as the model runs. With a rate that falls to 0
# they come to rest. The neurons stay more selective then, if less so than without
# learning.

# %%
import argparse

import matplotlib.pyplot as plt
import nengo
import numpy as np

import nengo_lr as nlr
from nengo_lr.lab.plot import style, tidy

parser = argparse.ArgumentParser(description="Let unsupervised learning come to rest.")
parser.add_argument("--output", help="write the figure to this file")
parser.add_argument("--seeds", type=int, default=2, help="5 for figures")
parser.add_argument("--quick", action="store_true", help="a short run, to try it")
args, _ = parser.parse_known_args()
if args.quick:
    args.seeds = 1

DURATION = 5.0 if args.quick else 20.0  # seconds
FIRST = 10  # the seeds before it are those that the rates were tried on
RULES = {"BCM": nengo.BCM(5e-10), "Oja": nengo.Oja(6e-8)}
SCHEDULES = {
    "none": lambda r: 0.0,
    "constant": nlr.Constant,
    "cosine": lambda r: nlr.CosineDecay(r, DURATION),
}


# %%
def layers(rule, rate, seed):
    """Two layers of neurons, and the weights between them, which learn."""
    with nengo.Network(seed=seed) as model:
        signal = nengo.processes.WhiteSignal(DURATION, high=5, rms=0.5, seed=seed)
        stimulus = nengo.Node(signal, size_out=2)
        pre, post = (nengo.Ensemble(60, dimensions=2, seed=seed + i) for i in range(2))
        nengo.Connection(stimulus, pre)
        learned = nengo.Connection(
            pre,
            post,
            solver=nengo.solvers.LstsqL2(weights=True),
            learning_rule_type=nlr.Scheduled(rule, rate),
        )
        model.weights = nengo.Probe(learned, "weights", sample_every=0.1)
        model.rates = nengo.Probe(post.neurons, synapse=0.03, sample_every=0.01)
    return model


def gini(values):
    """How unequal values are: 0 if all are the same, 1 if only one is not 0."""
    ordered = np.sort(np.abs(values))
    ranks = 2 * np.arange(1, len(ordered) + 1) - len(ordered) - 1
    return np.sum(ranks * ordered) / (len(ordered) * np.sum(ordered))


def measures(sim, model):
    """How far the weights move in each tenth of a second, and the selectivity."""
    weights, rates = sim.data[model.weights], sim.data[model.rates]
    moved = np.linalg.norm(np.diff(weights, axis=0), axis=(1, 2))
    last = rates[-len(rates) // 5 :]
    return moved / np.linalg.norm(weights[0]), np.mean([gini(r) for r in last])


found = {}
print(f"median over {args.seeds} seeds (lowest to highest)")
print(f"{'':15} {'moved in the last second':30} selectivity in the end")
for name, rule in RULES.items():
    for kind, schedule in SCHEDULES.items():
        runs = []
        for seed in range(FIRST, FIRST + args.seeds):
            model = layers(rule, schedule(rule.learning_rate), seed)
            with nengo.Simulator(model, progress_bar=False) as sim:
                sim.run(DURATION)
            runs.append(measures(sim, model))
        moved, selective = (np.array(values) for values in zip(*runs))
        found[name, kind] = moved
        cells = ""
        for values in (moved[:, -10:].sum(axis=1), selective):
            low, middle, high = np.percentile(values, [0, 50, 100])
            cells += f"{f'{middle:.4f} ({low:.4f} to {high:.4f})':31}"
        print(f"{name:6} {kind:8} {cells}")

# %%
with style():
    figure, axes = plt.subplots(1, 2, figsize=(8.5, 3.4))
    times = 0.1 * np.arange(2, moved.shape[1] + 2)
    for ax, name in zip(axes, RULES):
        for kind in list(SCHEDULES)[1:]:
            ax.semilogy(times, np.median(found[name, kind], axis=0), label=kind)
        ax.set(title=name, xlim=(0, DURATION))
        tidy(ax, "time (s)")
    axes[0].set_ylabel("how far the weights move in .1 s,\nrelative to their size")
    axes[0].legend()

plt.savefig(args.output) if args.output else plt.show()
