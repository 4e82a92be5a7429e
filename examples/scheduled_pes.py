# %% [markdown]
# # A learned communication channel with a frozen test phase
#
# A large rate at the start makes the output follow soon; the decay lets the decoders
# settle; from 8 s on the rate is exactly 0, and not a bit of the weights moves.

# %%
import argparse

import matplotlib.pyplot as plt
import nengo
import numpy as np

import nengo_lr as nlr

parser = argparse.ArgumentParser(description="Learn with a decaying rate, then test.")
parser.add_argument("--output", help="write the figure to this file")
parser.add_argument("--duration", type=float, default=10.0, help="seconds")
args, _ = parser.parse_known_args()
freeze = 0.8 * args.duration

# %%
schedule = nlr.ExponentialDecay(1e-3, tau=freeze / 4).between(0.0, freeze)

with nengo.Network(seed=0) as model:
    stimulus = nengo.Node(nengo.processes.WhiteSignal(args.duration, high=3, rms=0.5))
    pre = nengo.Ensemble(100, dimensions=1)
    output = nengo.Node(size_in=1)
    error = nengo.Node(size_in=1)
    nengo.Connection(stimulus, pre)
    learned = nengo.Connection(
        pre,
        output,
        function=lambda x: 0,
        learning_rule_type=nlr.ScheduledPES(schedule),
    )
    nengo.Connection(output, error)
    nengo.Connection(stimulus, error, transform=-1)
    nengo.Connection(error, learned.learning_rule)
    errors = nengo.Probe(error, synapse=0.01)
    rates = nengo.Probe(learned.learning_rule, "learning_rate")
    weights = nengo.Probe(learned, "weights", sample_every=0.01)

with nengo.Simulator(model) as sim:
    sim.run(args.duration)

# %%
test = sim.trange() > freeze + 0.01
test_weights = sim.data[weights][sim.trange(sample_every=0.01) > freeze + 0.01]
print(f"error in the test phase: {np.sqrt(np.mean(sim.data[errors][test] ** 2)):.3f}")
print(f"weights moved in the test phase: {np.ptp(test_weights, axis=0).max()}")

plt.rcParams.update(nlr.lab.plot.STYLE)
figure, (top, bottom) = plt.subplots(2, sharex=True)
top.plot(sim.trange(), sim.data[rates] * 1e3)
top.set_ylabel(r"learning rate ($10^{-3}$)")
bottom.plot(sim.trange(), sim.data[errors])
bottom.set(xlabel="time (s)", ylabel="error")
plt.savefig(args.output) if args.output else plt.show()
