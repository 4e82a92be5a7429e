# %% [markdown]
# # Which learning rate?
#
# Three ways to answer, for a model of your own: one run in which the rate grows, a
# search over a few rates, and theory. All that they need is a function that makes the
# model with a learning rate, and returns it with a Probe of its error.

# %%
import argparse

import matplotlib.pyplot as plt
import nengo
import numpy as np

import nengo_lr as nlr
from nengo_lr.search import range_test, rate_for, stable_rate, sweep
from nengo_lr.simulators import missing_simulators

parser = argparse.ArgumentParser(description="Find a learning rate in three ways.")
parser.add_argument("--output", help="write the figure to this file")
parser.add_argument("--duration", type=float, default=2.0, help="seconds of each run")
parser.add_argument("--rates", type=int, default=12, help="in the sweep")
args, _ = parser.parse_known_args()
duration, test = args.duration, args.duration / 2


# %%
def model(learning_rate):
    """Learn the square of the input."""
    with nengo.Network(seed=0) as network:
        signal = nengo.processes.WhiteSignal(duration + test, high=5, rms=0.5, seed=1)
        x = nengo.Node(signal)
        target = nengo.Node(lambda t, x: x**2, size_in=1)
        nengo.Connection(x, target, synapse=0.005)
        pre = nengo.Ensemble(100, dimensions=1)
        nengo.Connection(x, pre, synapse=None)
        error = nengo.Node(size_in=1)
        network.learned = nengo.Connection(
            pre,
            error,
            function=lambda x: 0,
            synapse=0.005,
            learning_rule_type=nlr.ScheduledPES(learning_rate=learning_rate),
        )
        nengo.Connection(target, error, transform=-1, synapse=None)
        nengo.Connection(error, network.learned.learning_rule, synapse=0.005)
        network.error = nengo.Probe(error)
        network.target = nengo.Probe(target)
    return network


# %% [markdown]
# ## One run

# %%
found = range_test(model, duration=duration)
print(f"range test: {found.generalize:.2g} for weights that are used afterwards,")
print(f"            {found.track:.2g} to follow a target that changes,")
print(f"            the error blows up at {found.diverges:.2g}")

# %% [markdown]
# ## A grid of rates
#
# On NengoDL all of them run at once, one in each item of a minibatch. Without it they
# run one after the other.

# %%
simulator = "nengo" if missing_simulators() else "nengo_dl"
rates = np.geomspace(1e-5, 1e-2, args.rates)
swept = sweep(model, rates, duration, test=test, simulator=simulator, executor="serial")
print(f"sweep of {len(rates)} rates on {simulator}: best {swept.best:.2g}")

# the same for a schedule's parameter: how long should a cosine take?
lengths = duration * np.array([0.25, 0.5, 1.0])
cosines = [nlr.CosineDecay(2 * swept.best, length) for length in lengths]
best = sweep(model, cosines, duration, test=test, executor="serial").best
print(f"best of {len(cosines)} schedules: {best}")

# %% [markdown]
# ## Theory

# %%
network = model(1e-4)
with nengo.Simulator(network, progress_bar=False) as sim:
    stable = stable_rate(sim, network.learned)
    fast = rate_for(sim, network.learned, time=0.5, shrink=0.1)
print(f"theory: stable up to {stable:.2g}; {fast:.2g} takes 90 % of an error in 0.5 s")

# %%
figure, (top, bottom) = plt.subplots(
    2, sharex=True, figsize=(6.4, 6.4), layout="constrained"
)
found.plot(top)
swept.plot(bottom)
bottom.axvline(stable, color="0.5", linestyle=":")
bottom.text(stable, 0.95, " stable", transform=bottom.get_xaxis_transform(), va="top")
plt.savefig(args.output) if args.output else plt.show()
