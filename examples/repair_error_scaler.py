# %% [markdown]
# # Repairing a product of error and rate, step by step
#
# To learn with a changing rate where only plain PES exists, one multiplies the error by
# a rate in neurons. Written down quickly, that is an ensemble of ten neurons, and it
# never stops learning: its output is not 0 when the rate is. Each step below removes
# one reason.

# %%
import argparse

import matplotlib.pyplot as plt
import nengo
import numpy as np
from nengo.utils.ensemble import tuning_curves

import nengo_lr as nlr

parser = argparse.ArgumentParser(description="Repair a product, step by step.")
parser.add_argument("--output", help="write the figure to this file")
args, _ = parser.parse_known_args()

# %% [markdown]
# The error reaches 1.5 in both directions. The rate falls, and is 0 from 3 s on.

# %%
LARGEST = 1.5

model = nengo.Network(seed=1)
with model:
    error = nengo.Node(
        lambda t: LARGEST * np.sin(4 * t) * np.cos(7 * t) * np.cos(1.3 * t)
    )
    rate = nengo.Node(lambda t: np.exp(-t / 2) * (t < 3))
    product = nengo.Node(lambda t, x: x[0] * x[1], size_in=2)
    nengo.Connection(error, product[0], synapse=None)
    nengo.Connection(rate, product[1], synapse=None)


def multiply(n_neurons, scale=1.0, **options):
    """One ensemble with the error and the rate, and its decoded product."""
    with model:
        factors = nengo.Ensemble(n_neurons, dimensions=2, **options)
        output = nengo.Node(size_in=1)
        nengo.Connection(error, factors[0], transform=1 / scale, synapse=None)
        nengo.Connection(rate, factors[1], synapse=None)
        nengo.Connection(
            factors,
            output,
            function=lambda x: x[0] * x[1],
            transform=scale,
            synapse=None,
        )
    return output, scale


steps = {}  # name: output and the scale of the error

# %% [markdown]
# **1. As users write it.** Ten neurons hardly tell a product from its neighbours, and
# the ensemble represents a circle of radius 1, which neither the error's range nor the
# corner where both inputs are large belongs to.

# %%
steps["10 neurons"] = multiply(10)

# %% [markdown]
# **2. More neurons** make it smoother, but no more right outside of the circle.

# %%
steps["200 neurons"] = multiply(200)

# %% [markdown]
# **3. Scale both inputs to [-1, 1]**, scale the product back, and let the radius be
# sqrt(2): now the square of inputs lies within the circle.

# %%
steps["scaled inputs"] = multiply(200, scale=LARGEST, radius=np.sqrt(2))

# %% [markdown]
# **4. Diagonal encoders.** A product is the difference of two squares, one along each
# diagonal: ((e + s)/2)^2 - ((e - s)/2)^2. Neurons that look along the diagonals compute
# it best. What is left at rate 0 is the difference of two squares that ought to be
# equal, but are decoded from different neurons. PES adds it up for as long as it runs.

# %%
with model:
    classic = nlr.ErrorScaler(200, 1, error_radius=LARGEST, design="classic")

# %% [markdown]
# **5. The same neurons on both diagonals.** If the two diagonals share intercepts,
# maximum rates and initial voltages, and if the decoders of one are minus those of the
# other, then nothing is left at rate 0: both get the same input. After the rate has
# reached 0, spikes differ for a moment, until the error next crosses 0 and both
# diagonals fall silent.

# %%
with model:
    tied = nlr.ErrorScaler(200, 1, error_radius=LARGEST)

# %% [markdown]
# **6. A gate.** If even this moment is too long, or if the error never crosses 0,
# inhibition makes the output exactly 0.

# %%
with model:
    gated = nlr.ErrorScaler(200, 1, error_radius=LARGEST, gate="neural")

for name, scaler in (
    ("diagonal encoders", classic),
    ("tied diagonals", tied),
    ("tied, with a gate", gated),
):
    with model:
        nengo.Connection(error, scaler.error, synapse=None)
        nengo.Connection(rate, scaler.rate, synapse=None)
    steps[name] = scaler.output, LARGEST

# %% [markdown]
# The left column shows what the neurons output at rate 0 for any constant error,
# computed from their tuning curves: it should be 0, and was not. The right column shows
# how far the simulated output is from the product.

# %%
with model:
    exact = nengo.Probe(product, synapse=0.01)
    probes = {
        name: nengo.Probe(output, synapse=0.01) for name, (output, _) in steps.items()
    }

with nengo.Simulator(model, progress_bar=False) as sim:
    sim.run(6.0)

errors = np.linspace(-LARGEST, LARGEST, 201)


def at_rate_zero(output, scale):
    """The decoded output for each of the errors when the rate is 0."""
    (decoded,) = (
        connection
        for connection in model.all_connections
        if connection.post_obj is output
        and isinstance(connection.pre_obj, nengo.Ensemble)
    )
    inputs = np.stack([errors / scale, 0 * errors], axis=1)
    _, rates = tuning_curves(decoded.pre_obj, sim, inputs)
    return scale * rates @ sim.data[decoded].weights.T


t = sim.trange()
plt.rcParams.update(nlr.lab.plot.STYLE)
figure, axes = plt.subplots(len(steps), 2, sharex="col", sharey=True, figsize=(9, 10))
for (name, probe), (left, right) in zip(probes.items(), axes):
    difference = sim.data[probe] - sim.data[exact]
    leak = np.abs(sim.data[probe][t > 3.1]).mean()
    print(
        f"{name:18}: RMSE {np.sqrt(np.mean(difference[t < 3] ** 2)):.4f}, "
        f"mean |output| at rate 0 {leak:.5f}"
    )
    left.plot(errors, at_rate_zero(*steps[name]))
    left.set(title=name, ylabel="output at rate 0")
    right.plot(t, difference, linewidth=0.8)
    right.axvspan(3, 6, color="0.9")
    right.set(title=f"mean |output| at rate 0: {leak:.5f}", ylabel="output - product")
axes[0, 0].set_ylim(-0.5, 0.5)
axes[-1, 0].set_xlabel("error")
axes[-1, 1].set_xlabel("time (s), grey: the rate is 0")
plt.savefig(args.output) if args.output else plt.show()
