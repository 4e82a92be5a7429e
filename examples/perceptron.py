# %% [markdown]
# # A perceptron without a learning rate
#
# Two weights learn to repeat a number up to 250. Programmed without a learning rate,
# they overflow the first samples by a factor of a million; with a rate of 1e-5 they
# settle within some hundred. Nengo does the same to the last digits: two linear neurons
# fed with 1 and x, one sample per step, no synapses. PES with `rate * n / dt` is then
# the delta rule.
#
# This perceptron also multiplies the bias's change by x, as its weight's. In Nengo that
# is a connection of its own, whose learning rate follows the sample, sign included.

# %%
import argparse

import matplotlib.pyplot as plt
import nengo
import numpy as np

import nengo_lr as nlr

parser = argparse.ArgumentParser(description="A perceptron with and without a rate.")
parser.add_argument("--output", help="write the figure to this file")
args, _ = parser.parse_known_args()

INPUTS = np.array([60.0, 40.0, 100.0, 300.0, -50.0, 310.0])
TARGETS = np.array([60.0, 40.0, 150.0, 250.0, -50.0, 250.0])
LARGEST = 250.0
START = [0.05, 0.1]
DT = 0.001


# %%
def perceptron(rate, n_samples):
    """Bias and weight after each sample, as they are usually programmed."""
    bias, weight = START
    history = []
    for k in range(n_samples):
        x, target = INPUTS[k % 6], TARGETS[k % 6]
        output = min(bias + weight * x, LARGEST)
        change = rate * (target - output) * x
        bias, weight = bias + change, weight + change
        history.append((bias, weight))
    return np.array(history)


def sample(values):
    """A function of time: the value of the sample that a step learns."""
    return lambda t: values[(round(t / DT) - 1) % 6]


class Linear(nengo.neurons.NeuronType):
    """A neuron whose output is its input."""

    negative = True

    def step(self, dt, J, output):  # noqa: N803 (Nengo's name)
        output[...] = J


# %%
def in_nengo(rate, n_samples):
    """Bias and weight after each sample, learned by two PES rules."""
    x, target = sample(INPUTS), sample(TARGETS)
    with nengo.Network() as model:
        output = nengo.Node(lambda t, y: min(y[0], LARGEST), size_in=1)
        error = nengo.Node(size_in=1)
        nengo.Connection(output, error, synapse=None)
        nengo.Connection(nengo.Node(target), error, transform=-1, synapse=None)
        probes = []
        rates = [lambda t: rate * x(t) / DT, rate / DT]
        for value, start, learning_rate in zip([lambda t: 1.0, x], START, rates):
            neuron = nengo.Ensemble(1, 1, neuron_type=Linear(), gain=[1], bias=[0])
            nengo.Connection(nengo.Node(value), neuron.neurons, synapse=None)
            learned = nengo.Connection(
                neuron.neurons,
                output,
                transform=[[start]],
                synapse=None,
                learning_rule_type=nlr.ScheduledPES(learning_rate, pre_synapse=None),
            )
            nengo.Connection(error, learned.learning_rule, synapse=None)
            probes.append(nengo.Probe(learned, "weights"))
        nlr.configure_settings(guard=False)
    with nengo.Simulator(model, dt=DT, progress_bar=False, optimize=False) as sim:
        sim.run_steps(n_samples + 1)
    # a change lands at the start of the next step
    return np.hstack([sim.data[probe][1:].reshape(-1, 1) for probe in probes])


# %%
print("without a learning rate, bias and weight are after")
for x, (bias, weight) in zip(INPUTS, perceptron(1.0, 3)):
    print(f"    {x:4g}: {bias:.2f}, {weight:.1f}")

found, learned = perceptron(1e-5, 2002), in_nengo(1e-5, 2002)
print("with rate 1e-5, after 2002 samples: [{:.7f}, {:.7f}]".format(*found[-1]))
difference = np.max(np.abs(learned - found))
print(f"largest difference between Nengo and the program: {difference:.0e}")
assert difference < 1e-13

# %%
with nlr.lab.plot.style():
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4))
    wild = np.abs(perceptron(1.0, 24)[:, 1])
    left.semilogy(np.arange(1, 25), wild, marker="o", markersize=4)
    left.set(xlabel="sample", ylabel="size of the weight", title="no learning rate")
    right.plot(np.arange(1, 301), learned[:300], label=["bias", "weight"])
    right.set(xlabel="sample", ylabel="value", title="learning rate 1e-5")
    right.legend()

plt.savefig(args.output) if args.output else plt.show()
