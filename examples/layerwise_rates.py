# %% [markdown]
# # A schedule for each layer
#
# Two connections learn, one after the other. The first learns to pass on its input,
# from a noisy teacher: its rate should fall, so that it averages the noise. The second
# learns a function of what the first passes on, and that function changes in the middle
# of the run: its rate should not fall, so that it can follow. With a schedule for each
# of them, both end with the smallest error; no single schedule can do that.

# %%
import argparse

import matplotlib.pyplot as plt
import nengo
import numpy as np

import nengo_lr as nlr

parser = argparse.ArgumentParser(description="Learn two layers with their own rates.")
parser.add_argument("--output", help="write the figure to this file")
parser.add_argument("--duration", type=float, default=12.0, help="seconds")
parser.add_argument("--seed", type=int, default=1, help="of the input and the noise")
parser.add_argument("--quick", action="store_true", help="a short run, to try it")
args, _ = parser.parse_known_args()
duration = 3.0 if args.quick else args.duration


# %%
def two_layers(first_rate, second_rate):
    """A network that learns in two layers, with probes of their noiseless errors."""
    with nengo.Network(seed=args.seed) as model:
        x = nengo.Node(nengo.processes.WhiteSignal(duration, high=3, rms=0.4))
        noise = nengo.Node(nengo.processes.WhiteSignal(duration, high=50, rms=0.5))
        target = nengo.Node(
            lambda t, x: abs(x) if t < duration / 2 else -abs(x), size_in=1
        )
        nengo.Connection(x, target, synapse=0.01)  # as late as what is learned

        first = nengo.Ensemble(100, 1)
        second = nengo.Ensemble(100, 1)
        output = nengo.Node(size_in=1)
        nengo.Connection(x, first, synapse=None)
        learned = [
            nengo.Connection(
                pre,
                post,
                function=lambda x: 0,
                learning_rule_type=nlr.ScheduledPES(rate),
            )
            for pre, post, rate in [
                (first, second, first_rate),
                (second, output, second_rate),
            ]
        ]

        errors = [nengo.Node(size_in=1) for _ in learned]
        nengo.Connection(second, errors[0])
        nengo.Connection(x, errors[0], transform=-1, synapse=0.01)
        nengo.Connection(output, errors[1])
        nengo.Connection(target, errors[1], transform=-1)
        for error, connection in zip(errors, learned):
            nengo.Connection(error, connection.learning_rule)
        nengo.Connection(noise, learned[0].learning_rule)
        model.errors = [nengo.Probe(error, synapse=0.01) for error in errors]
    return model


# %%
constant = nlr.Constant(1e-3)
falling = nlr.CosineDecay(1e-3, duration)
choices = {
    "constant, constant": (constant, constant),
    "falling, falling": (falling, falling),
    "falling, constant": (falling, constant),
    "constant, falling": (constant, falling),
}


def running_rmse(error, window=1000):
    """The root mean square error over the last second."""
    mean = np.convolve(error[:, 0] ** 2, np.ones(window) / window, mode="valid")
    return np.sqrt(mean)


plt.rcParams.update(nlr.lab.plot.STYLE)
figure, (top, bottom) = plt.subplots(2, sharex=True)
print(
    f"{'rates of the layers':24} first layer  output   (error, last fifth of the run)"
)
for name, rates in choices.items():
    model = two_layers(*rates)
    with nengo.Simulator(model, progress_bar=False) as sim:
        sim.run(duration)
    first, output = (sim.data[probe] for probe in model.errors)
    end = sim.trange() > 0.8 * duration
    final = [np.sqrt(np.mean(error[end] ** 2)) for error in (first, output)]
    print(f"{name:24} {final[0]:.3f}        {final[1]:.3f}")

    times = sim.trange()[-len(running_rmse(first)) :]
    (line,) = bottom.plot(times, running_rmse(output), label=name)
    if rates[0] is rates[1]:  # the first layer does not depend on the second
        top.plot(
            times, running_rmse(first), color=line.get_color(), label=name.split(",")[0]
        )

top.set(ylabel="error of the first layer", ylim=(0, None))
top.legend(title="first layer", ncols=2)
bottom.axvline(duration / 2, color="0.6", linestyle=":")
bottom.set(xlabel="time (s)", ylabel="error of the output", ylim=(0, None))
bottom.legend(title="first layer, second layer")
plt.savefig(args.output) if args.output else plt.show()
