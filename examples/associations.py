# %% [markdown]
# # A memory for associations
#
# Neurons learn which of eight values belongs to which key, shown one after the other.
# Voja moves the encoders of a few neurons towards each key, so that they fire for it
# alone; PES learns what these neurons should decode. Both have a schedule, and both are
# frozen for the test.
#
# With "auto", which needs no number, and along a cosine the memory recalls best, with
# Voja and without: it has less than half of the error of the rate at which the cosine
# starts. Voja itself does not help here, as keys lie well apart: it makes the neurons
# more active, and so a constant rate that suited the noise too high.

# %%
import argparse

import matplotlib.pyplot as plt
import nengo
import numpy as np

import nengo_lr as nlr
from nengo_lr.lab.plot import style, tidy

parser = argparse.ArgumentParser(description="Associate keys with values.")
parser.add_argument("--output", help="write the figure to this file")
parser.add_argument("--seeds", type=int, default=2, help="to report; 5 for figures")
parser.add_argument("--quick", action="store_true", help="a short run, to try it")
args, _ = parser.parse_known_args()
if args.quick:
    args.seeds = 1

N_ITEMS, SHOWN, ROUNDS = 8, 0.2, 2 if args.quick else 6
LEARNING, TEST = N_ITEMS * SHOWN * ROUNDS, N_ITEMS * SHOWN  # seconds
KEY_SIZE, VALUE_SIZE, NOISE = 8, 8, 0.3
CLOSEST = 0.5  # the largest dot product of two keys, up to which neurons are silent
FIRST = 10  # the seeds before it are those that the rates were tried on

PES_RATES = {
    "constant 2e-3": 2e-3,
    "constant 1e-2": 1e-2,
    "cosine from 1e-2": nlr.CosineDecay(1e-2, LEARNING),
    "auto": "auto",
}
VOJA_RATES = {"no Voja": 0.0, "Voja": nlr.CosineDecay(1e-1, LEARNING)}


# %% [markdown]
# ## The model
#
# Noise is added to what the keys and the errors are, as it would be in a larger model.
# In the end each key is shown once more, and nothing learns.


# %%
def unit_vectors(rng, n, size):
    """Random vectors of length 1, (n, size)."""
    vectors = rng.normal(size=(n, size))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def associative_memory(pes_rate, voja_rate, seed):
    """A model that associates, with a Probe of its error without noise."""
    rng = np.random.RandomState(seed)
    keys = np.ones((N_ITEMS, KEY_SIZE))
    while np.max(np.triu(keys @ keys.T, 1)) > CLOSEST:
        keys = unit_vectors(rng, N_ITEMS, KEY_SIZE)
    values = unit_vectors(rng, N_ITEMS, VALUE_SIZE)

    with nengo.Network(seed=seed) as model:
        key = nengo.Node(nengo.processes.PresentInput(keys, SHOWN))
        value = nengo.Node(nengo.processes.PresentInput(values, SHOWN))
        noise = nengo.Node(
            nengo.processes.WhiteSignal(LEARNING, high=100, rms=NOISE, seed=seed),
            size_out=VALUE_SIZE,
        )
        memory = nengo.Ensemble(400, KEY_SIZE, intercepts=nengo.dists.Choice([CLOSEST]))
        nengo.Connection(
            key,
            memory,
            synapse=None,
            learning_rule_type=nlr.Scheduled(
                nengo.Voja(post_synapse=None), learning_rate=voja_rate
            ),
        )
        error = nengo.Node(size_in=VALUE_SIZE)
        recall = nengo.Connection(
            memory,
            error,
            function=lambda x: np.zeros(VALUE_SIZE),
            learning_rule_type=nlr.ScheduledPES(pes_rate),
        )
        nengo.Connection(value, error, transform=-1)
        nengo.Connection(error, recall.learning_rule)
        nengo.Connection(noise, recall.learning_rule)
        model.error = nengo.Probe(error, synapse=0.01)
    return model


# %%
def rms(error, axis=None):
    """The root mean square length of an error."""
    return np.sqrt(np.mean(np.sum(error**2, axis=-1), axis=axis))


found = {}
for voja, voja_rate in VOJA_RATES.items():
    for pes, pes_rate in PES_RATES.items():
        found[f"{voja}, {pes}"] = []
        for seed in range(FIRST, FIRST + args.seeds):
            model = associative_memory(pes_rate, voja_rate, seed)
            with nengo.Simulator(model, progress_bar=False) as sim:
                sim.run(LEARNING)
                with nlr.frozen(sim):
                    sim.run(TEST)
            found[f"{voja}, {pes}"].append(sim.data[model.error])

# in the second half of the time for which each key is shown, (seeds, rounds)
n_shown = round(SHOWN / 1e-3)
rounds = {}
for name, errors in found.items():
    shown = np.reshape(errors, (args.seeds, -1, N_ITEMS, n_shown, VALUE_SIZE))
    rounds[name] = rms(shown[..., n_shown // 2 :, :], axis=(2, 3))
print(f"error of what is recalled, median over {args.seeds} seeds (lowest to highest)")
for name, errors in rounds.items():
    low, middle, high = np.percentile(errors[:, -1], [0, 50, 100])
    print(f"{name:27} {middle:.3f} ({low:.3f} to {high:.3f})")

# %%
with style():
    figure, axes = plt.subplots(1, 2, sharey=True, figsize=(8, 3.6))
    numbers = np.arange(1, ROUNDS + 2)
    for ax, voja in zip(axes, VOJA_RATES):
        for pes in PES_RATES:
            errors = rounds[f"{voja}, {pes}"]
            (line,) = ax.plot(numbers, np.median(errors, axis=0), "o-", label=pes)
            low, high = errors.min(axis=0), errors.max(axis=0)
            ax.fill_between(
                numbers, low, high, color=line.get_color(), alpha=0.15, lw=0
            )
        ax.axvspan(ROUNDS + 0.5, ROUNDS + 1.5, color="#F2F2F2", zorder=0)
        ax.set(title=voja, xlim=(0.5, ROUNDS + 1.5), ylim=(0, 1))
        ax.set_xticks(numbers, labels=[*numbers[:-1], "frozen"])
        tidy(ax, "time that each key is shown")
    axes[0].set_ylabel("error of what is recalled")
    axes[1].legend(title="rate of PES")

plt.savefig(args.output) if args.output else plt.show()
