# %% [markdown]
# # A rate of 1/n is a mean
#
# Models of social learning average what they are told: the n-th sample counts 1/n. PES
# does the same if its rate falls as 1/n. The output of neurons with a constant input
# moves by a fraction g = rate dt |a|^2 / n_neurons of its error in each step, so that
# the rate which makes g = 1/n gives the mean of all samples so far. With rate neurons
# that is exact; with spiking ones it holds on average. A constant rate forgets old
# samples instead, and never settles.

# %%
import argparse

import matplotlib.pyplot as plt
import nengo
import numpy as np

import nengo_lr as nlr
from nengo_lr.lab.plot import INK, style, tidy

parser = argparse.ArgumentParser(description="Average noisy samples with PES.")
parser.add_argument("--output", help="write the figure to this file")
args, _ = parser.parse_known_args()

DT = 0.001  # one sample in each step, in seconds
TRUTH, SPREAD, N_SAMPLES = 0.4, 0.5, 2000
samples = np.random.RandomState(0).normal(TRUTH, SPREAD, size=N_SAMPLES + 1)
NEURONS = {"rate neurons": nengo.LIFRate(), "spiking neurons": nengo.LIF()}


# %%
def average(neuron_type, schedule):
    """A model whose output learns from the samples at a rate of g = ``schedule``."""
    smooth = 0.1 if neuron_type.spiking else None  # of spikes, in seconds
    with nengo.Network(seed=0) as model:
        opinion = nengo.Ensemble(100, dimensions=1, neuron_type=neuron_type, seed=1)
        error = nengo.Node(size_in=1)
        sample = nengo.Node(nengo.processes.PresentInput(samples, DT))
        model.learned = nengo.Connection(
            opinion,
            error,
            function=lambda x: 0,
            synapse=smooth,
            learning_rule_type=nlr.ScheduledPES(schedule, pre_synapse=smooth),
        )
        nengo.Connection(sample, error, transform=-1, synapse=None)
        nengo.Connection(error, model.learned.learning_rule, synapse=None)
        model.output = nengo.Probe(error)
    return model


# %% [markdown]
# How large |a|^2 is, the neurons' tuning curves tell.


# %%
def rate_per_g(neuron_type):
    """The learning rate with which a step takes all of the error."""
    model = average(neuron_type, 0.0)
    with nengo.Simulator(model, dt=DT, progress_bar=False) as sim:
        _, rates = nengo.utils.ensemble.tuning_curves(
            model.ensembles[0], sim, inputs=np.zeros((1, 1))
        )
    return rates.size / (DT * np.sum(rates**2))


means = np.cumsum(samples[:-1]) / np.arange(1, N_SAMPLES + 1)
found = {}
for name, neuron_type in NEURONS.items():
    full = rate_per_g(neuron_type)
    schedules = {
        "1/n": nlr.InverseTimeDecay(full, tau=DT).delayed(DT),
        "constant 1/50": full / 50,
    }
    for kind, schedule in schedules.items():
        model = average(neuron_type, schedule)
        with nengo.Simulator(model, dt=DT, progress_bar=False, optimize=False) as sim:
            sim.run_steps(N_SAMPLES + 1)
        # the change that a sample makes lands in the next step
        outputs = sim.data[model.output][:, 0] + samples[: N_SAMPLES + 1]
        found[name, kind] = outputs[1:]
        off = np.abs(outputs[1:] - means)[N_SAMPLES // 2 :].max()
        print(
            f"{name:15} {kind:14} ends at {outputs[-1]:.3f}, off the mean by {off:.0e}"
        )
print(f"mean of the samples: {means[-1]:.3f}; of what they are drawn from: {TRUTH}")

# %%
with style():
    figure, axes = plt.subplots(1, 2, sharey=True, figsize=(8.5, 3.6))
    numbers = np.arange(1, N_SAMPLES + 1)
    for ax, name in zip(axes, NEURONS):
        for kind in ("constant 1/50", "1/n"):
            ax.plot(numbers, found[name, kind], label=f"rate {kind}")
        ax.plot(numbers, means, ":", color=INK, label="mean of the samples")
        ax.set(title=name, ylim=(0, 0.8), xlim=(1, N_SAMPLES))
        tidy(ax, "samples")
    axes[0].set_ylabel("what the neurons say")
    axes[1].legend(loc="lower right")

plt.savefig(args.output) if args.output else plt.show()
