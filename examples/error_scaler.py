# %% [markdown]
# # Plain PES with a decaying rate, scaled in neurons
#
# A simulator or chip that knows nothing but PES still learns with a decaying rate if
# neurons multiply the error by it. When the rate is 0, learning stops.

# %%
import argparse

import matplotlib.pyplot as plt
import nengo
import numpy as np

import nengo_lr as nlr

parser = argparse.ArgumentParser()
parser.add_argument("--output", help="write the figure to this file")
args, _ = parser.parse_known_args()

# %%
# a factor of PES's own rate: it decays, and is exactly 0 from 8 s on
decay = nlr.ExponentialDecay(1.0, tau=2.0).between(0.0, 8.0)

with nengo.Network(seed=0) as model:
    stimulus = nengo.Node(nengo.processes.WhiteSignal(10.0, high=3, rms=0.4))
    pre = nengo.Ensemble(100, dimensions=1)
    output = nengo.Node(size_in=1)
    nengo.Connection(stimulus, pre)
    learned = nengo.Connection(
        pre, output, function=lambda x: 0, learning_rule_type=nengo.PES(1e-3)
    )

    scaler = nlr.ErrorScaler(200, dimensions=1, error_radius=1.5)
    nengo.Connection(output, scaler.error)  # filters the error on its way in
    nengo.Connection(stimulus, scaler.error, transform=-1)
    nengo.Connection(nengo.Node(decay), scaler.rate, synapse=None)
    nengo.Connection(scaler.output, learned.learning_rule)  # and smooths its spikes

    errors = nengo.Probe(scaler.error, synapse=0.01)
    scaled_errors = nengo.Probe(scaler.output, synapse=0.01)
    weights = nengo.Probe(learned, "weights", sample_every=0.01)

with nengo.Simulator(model) as sim:
    sim.run(10.0)

# %%
t = sim.trange()
last_weights = sim.data[weights][t[::10] > 8.1]
print(f"scaled error at rate 0: {abs(sim.data[scaled_errors][t > 8.1]).max():.2g}")
print(f"weights moved at rate 0: {np.ptp(last_weights, axis=0).max():.2g}")

plt.rcParams.update(nlr.lab.plot.STYLE)
figure, axes = plt.subplots(3, sharex=True)
axes[0].plot(t, sim.data[errors])
axes[1].plot(t, sim.data[scaled_errors])
axes[2].plot(t[::10], sim.data[weights][:, 0, :10])
axes[0].set_ylabel("error")
axes[1].set_ylabel("scaled error")
axes[2].set(ylabel="some weights", xlabel="time (s)")
plt.savefig(args.output) if args.output else plt.show()
