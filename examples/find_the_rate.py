# %% [markdown]
# # Which learning rate?
#
# Four ways to answer, for a model of your own: one run in which the rate grows, a sweep
# over rates, a grid over two parameters of a schedule, and theory. All that they need
# is a function that makes the model with a learning rate, and returns it with a Probe
# of its error.

# %%
import argparse

import matplotlib.pyplot as plt
import nengo
import numpy as np

import nengo_lr as nlr
from nengo_lr.builder.hosts import hosts
from nengo_lr.lab import range_test, sweep
from nengo_lr.stability import rate_for, stable_rate

parser = argparse.ArgumentParser(description="Find a learning rate in four ways.")
parser.add_argument("--output", help="write the figure to this file")
parser.add_argument("--duration", type=float, default=2.0, help="seconds of each run")
parser.add_argument("--rates", type=int, default=12, help="in the sweep")
parser.add_argument("--quick", action="store_true", help="a short run, to try it")
args, _ = parser.parse_known_args()
if args.quick:
    args.duration, args.rates = 1.5, 8
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
found = range_test(model, learning=duration)
print(f"range test: {found.generalize:.2g} for weights that are used afterwards,")
print(f"            {found.track:.2g} to follow a target that changes,")
print(f"            the error blows up at {found.diverges:.2g}")

# %% [markdown]
# ## Many rates
#
# On NengoDL all of them run at once, one in each item of a minibatch. Without it they
# run one after the other.

# %%
simulators = hosts()
simulator = max(simulators, key=lambda name: simulators[name].minibatches)
rates = np.geomspace(1e-5, 1e-2, args.rates)
swept = sweep(model, rates, duration, test, simulator=simulator, executor="serial")
print(f"sweep of {len(rates)} rates on {simulator}: best {swept.best:.2g}")

# %% [markdown]
# ## A grid over two parameters
#
# Schedules may stand in the place of rates, so that a grid over their parameters is one
# minibatch, too. From where should the rate decay, and how fast? On a target without
# noise, like this one, no decay needs to be better than the best constant rate.

# %%
initials = swept.best * np.array([0.5, 1.0, 2.0, 4.0, 8.0])
taus = duration * np.array([0.1, 0.2, 0.4, 0.8])
grid = [nlr.ExponentialDecay(initial, tau) for initial in initials for tau in taus]
decays = sweep(model, grid, duration, test, simulator=simulator, executor="serial")
best = decays.best
print(
    f"grid of {len(grid)} decays: best from {best.initial:.2g} with tau {best.tau:g} s"
)
print(f"test error: {decays.errors.min():.3f}; constant rate: {swept.errors.min():.3f}")

# %% [markdown]
# ## Theory

# %%
network = model(1e-4)
with nengo.Simulator(network, progress_bar=False) as sim:
    stable = stable_rate(sim, network.learned)
    fast = rate_for(sim, network.learned, time=0.5, fraction=0.1)
print(f"theory: stable up to {stable:.2g}; {fast:.2g} takes 90 % of an error in 0.5 s")

# %%
plt.rcParams.update(nlr.lab.plot.STYLE)
figure, axes = plt.subplot_mosaic(
    [["range test", "grid"], ["sweep", "grid"]],
    figsize=(10.5, 6),
    width_ratios=[1.4, 1],
)
found.plot(axes["range test"])
swept.plot(axes["sweep"])
axes["sweep"].sharex(axes["range test"])
axes["sweep"].axvline(stable, color="0.5", linestyle=":")
label = {"transform": axes["sweep"].get_xaxis_transform(), "va": "top"}
axes["sweep"].text(stable, 0.95, " stable", **label)

errors = decays.errors.reshape(len(initials), len(taus))
levels = np.log(errors)
axes["grid"].imshow(levels, cmap="viridis", aspect="auto", origin="lower")
for (row, column), error in np.ndenumerate(errors):
    color = (
        "white" if np.log(error) < np.mean([levels.min(), levels.max()]) else "black"
    )
    axes["grid"].text(column, row, f"{error:.3f}", color=color, ha="center")
axes["grid"].set_xticks(range(len(taus)), [f"{tau:.2g}" for tau in taus])
axes["grid"].set_yticks(range(len(initials)), [f"{rate:.1e}" for rate in initials])
axes["grid"].grid(visible=False)
axes["grid"].set(xlabel="tau (s)", ylabel="initial rate", title="test error of a decay")
plt.savefig(args.output) if args.output else plt.show()
