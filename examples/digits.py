# %% [markdown]
# # Handwritten digits, learned online
#
# 1,797 small images of digits, which come with scikit-learn, are shown to spiking
# neurons one after the other, each for 30 ms and only once. A PES readout learns to
# name them while they pass. Then learning is frozen, and it names images that it has
# not seen.
#
# With the whole set a rate that falls along a cosine reads some percent more of them
# than a constant one, and above all it forgives a rate that is too high. RMSProp
# forgives it too, and reads about as much. `ScheduledPES("auto")` needs no rate.

# %%
import argparse

import matplotlib.pyplot as plt
import nengo
import numpy as np

import nengo_lr as nlr

try:
    from sklearn.datasets import load_digits
except ImportError:
    needed = "this example needs scikit-learn: pip install scikit-learn"
    raise SystemExit(needed) from None

parser = argparse.ArgumentParser(description="Learn to read digits online.")
parser.add_argument("--output", help="write the figure to this file")
parser.add_argument("--seeds", type=int, default=1, help="to report; 5 in the docs")
parser.add_argument("--choose", type=int, default=1, help="more seeds, for the rates")
parser.add_argument("--images", type=int, default=700, help="to learn; 1297 in docs")
parser.add_argument("--neurons", type=int, default=200, help="500 in the docs")
parser.add_argument("--quick", action="store_true", help="a short run, to try it")
args, _ = parser.parse_known_args()
if args.quick:
    args.images, args.neurons = 150, 100

SHOWN = 0.03  # seconds per image
N_TEST = min(args.images, 200) if args.images < 1000 else 500
LENGTH = args.images * SHOWN

digits = load_digits()
images = digits.data - digits.data.mean(axis=0)
images /= np.linalg.norm(images, axis=1, keepdims=True)
names = np.eye(10)[digits.target]

# %% [markdown]
# Plain PES and RMSProp, each with a constant rate and with one that falls along a
# cosine, and each with several rates: what is best for one is not for another. All
# learn side by side from the same spikes, and so does the rule without a rate; a
# connection has ten outputs for each rate.

# %%
RATES = {
    "PES": (None, [5e-4, 1e-3, 2e-3, 4e-3, 8e-3]),
    "RMSProp": (nlr.RMSProp(), [5e-3, 1e-2, 2e-2, 4e-2, 8e-2]),
}
SCHEDULES = {
    "constant": nlr.Constant,
    "cosine": lambda rate: nlr.CosineDecay(rate, LENGTH),
}


def shown(samples, duration=SHOWN):
    """A Node that shows samples one after the other."""
    return nengo.Node(nengo.processes.PresentInput(samples, duration))


def readout(features, name, learning_rule, n):
    """Let neurons learn n times to name images; a Probe of what they answer."""
    output, error = nengo.Node(size_in=10 * n), nengo.Node(size_in=10 * n)
    learned = nengo.Connection(
        features.neurons,
        output,
        transform=np.zeros((10 * n, args.neurons)),
        learning_rule_type=learning_rule,
    )
    nengo.Connection(output, error, synapse=None)
    copies = np.tile(-np.eye(10), (n, 1))
    nengo.Connection(name, error, transform=copies, synapse=None)
    nengo.Connection(error, learned.learning_rule, synapse=None)
    # what it answers at the end of each image
    return nengo.Probe(output, synapse=0.01, sample_every=SHOWN)


def learn(seed):
    """Which images (schedules, rates, images) each rule names right in one run."""
    order = np.random.RandomState(seed).permutation(len(images))[: args.images + N_TEST]
    times = np.arange(1, round(len(order) * SHOWN / 1e-3) + 1) * 1e-3
    probes = {}
    with nengo.Network(seed=seed) as model:
        features = nengo.Ensemble(
            args.neurons, dimensions=64, intercepts=nengo.dists.CosineSimilarity(66)
        )
        nengo.Connection(shown(images[order]), features, synapse=None)
        name = shown(names[order])
        for rule, (optimizer, rates) in RATES.items():
            schedules = [make(rate) for make in SCHEDULES.values() for rate in rates]
            values = np.stack([schedule(times) for schedule in schedules], axis=1)
            rate = shown(np.repeat(values, 10, axis=1), duration=1e-3)
            learning_rule = nlr.ScheduledPES(rate, optimizer=optimizer)
            probes[rule] = readout(features, name, learning_rule, len(schedules))
        probes["auto"] = readout(features, name, nlr.ScheduledPES("auto"), 1)
    with nengo.Simulator(model, progress_bar=False) as sim:
        sim.run(LENGTH)
        with nlr.frozen(sim):
            sim.run(N_TEST * SHOWN)
    answers = {}
    for rule, probe in probes.items():
        shape = len(order), 1 if rule == "auto" else len(SCHEDULES), -1, 10
        answers[rule] = sim.data[probe].reshape(shape).argmax(axis=3)
    truth = digits.target[order, None, None]
    return {rule: answer == truth for rule, answer in answers.items()}


# %% [markdown]
# The rates are chosen on other seeds: those with most right answers in their test.


# %%
def percentages(right):
    """Right answers (n_schedules, n_rates) to unseen images in %."""
    return 100 * right[args.images :].mean(axis=0)


def report(label, values):
    """Print the median and the range of the percentages of all seeds."""
    low, middle, high = np.percentile(values, [0, 50, 100])
    print(f"{label:29} {middle:.1f} % ({low:.1f} to {high:.1f})")


chosen = [learn(100 + seed) for seed in range(args.choose)]
runs = [learn(seed) for seed in range(args.seeds)]
print(f"{args.images} images once, {args.neurons} neurons; right answers to {N_TEST}")
print(f"unseen images, median over {args.seeds} seeds (lowest to highest)")
tests = {rule: np.array([percentages(r[rule]) for r in runs]) for rule in runs[0]}
for rule, (_, rates) in RATES.items():
    best = np.median([percentages(r[rule]) for r in chosen], axis=0).argmax(axis=1)
    for i, schedule in enumerate(SCHEDULES):
        label = f"{rule:8} {schedule:9} rate {rates[best[i]]:g}"
        report(label, tests[rule][:, i, best[i]])
report("auto", tests["auto"])

# %% [markdown]
# The figure has the answers to unseen images with every rate. A constant rate that is
# too high loses what it learned first; along a cosine, high rates do no harm.

# %%
with nlr.lab.plot.style():
    figure, axes = plt.subplots(1, len(RATES), sharey=True, figsize=(8, 3.8))
    for ax, (rule, (_, rates)) in zip(axes, RATES.items()):
        for i, schedule in enumerate(SCHEDULES):
            low, middle, high = np.percentile(tests[rule][:, i], [0, 50, 100], axis=0)
            (line,) = ax.semilogx(rates, middle, "o-", label=schedule)
            ax.fill_between(rates, low, high, color=line.get_color(), alpha=0.15, lw=0)
        ax.axhline(np.median(tests["auto"]), color="k", lw=1, ls="--", label="auto")
        ax.set_title(rule)
        nlr.lab.plot.tidy(ax, "learning rate (at the start)")
    axes[0].set_ylabel("right answers to unseen images (%)")
    axes[0].legend(loc="lower left")

plt.savefig(args.output) if args.output else plt.show()
