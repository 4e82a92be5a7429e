# %% [markdown]
# # A slider on the learning rate
#
# Open this file in NengoGUI, press play, and move the slider. The target changes its
# sign every two seconds: the higher the rate, the sooner the output follows. Pull the
# slider down to 0, and no weight moves. What is left then was learned last, and at a
# high rate that is not much more than the last moments.
#
#     pip install nengo-gui
#     nengo gui_slider.py
#
# Run with Python alone, it moves the slider by itself.

# %%
import argparse

import nengo
import numpy as np

import nengo_lr as nlr

with nengo.Network(seed=0) as model:
    stimulus = nengo.Node(lambda t: np.sin(4 * np.pi * t))
    target = nengo.Node(lambda t, x: x if t % 4 < 2 else -x, size_in=1)
    nengo.Connection(stimulus, target, synapse=None)

    # the slider is in thousandths, since NengoGUI shows two digits
    slider = nengo.Node([0.5], label="rate in 1e-3")
    rate = nengo.Node(size_in=1, label="rate")
    nengo.Connection(slider, rate, transform=1e-3, synapse=None)

    pre = nengo.Ensemble(100, dimensions=1, label="neurons")
    output = nengo.Node(size_in=1, label="output")
    error = nengo.Node(size_in=1, label="error")
    nengo.Connection(stimulus, pre)
    learned = nengo.Connection(
        pre,
        output,
        function=lambda x: 0,
        learning_rule_type=nlr.ScheduledPES(learning_rate=rate),
    )
    nengo.Connection(output, error)
    nengo.Connection(target, error, transform=-1)
    nengo.Connection(error, learned.learning_rule)


# %%
def main():
    """Move the slider to four positions, for four seconds each."""
    import matplotlib.pyplot as plt

    parser = argparse.ArgumentParser(description="Move a slider on the learning rate.")
    parser.add_argument("--output", help="write the figure to this file")
    args, _ = parser.parse_known_args()

    positions = [0.0, 0.2, 2.0, 0.0]
    slider.output = nengo.processes.PresentInput(positions, presentation_time=4.0)
    with model:
        rates = nengo.Probe(learned.learning_rule, "learning_rate")
        outputs = nengo.Probe(output, synapse=0.01)
        targets = nengo.Probe(target, synapse=0.01)
        weights = nengo.Probe(learned, "weights", sample_every=0.01)
    with nengo.Simulator(model, progress_bar=False) as sim:
        sim.run(4.0 * len(positions))

    errors = np.split(sim.data[outputs] - sim.data[targets], len(positions))
    every = len(sim.data[weights]) // len(positions)
    for i, (position, error) in enumerate(zip(positions, errors)):
        kept = sim.data[weights][i * every : (i + 1) * every]
        moved = np.abs(np.diff(kept, axis=0)).sum()
        rmse = np.sqrt(np.mean(error**2))
        print(f"slider at {position}: error {rmse:.2f}, weights moved {moved:.3f}")

    plt.rcParams.update(nlr.lab.plot.STYLE)
    _, (top, bottom) = plt.subplots(2, sharex=True)
    top.plot(sim.trange(), sim.data[rates] * 1e3)
    top.set_ylabel(r"learning rate ($10^{-3}$)")
    bottom.plot(sim.trange(), sim.data[targets], color="0.7", label="target")
    bottom.plot(sim.trange(), sim.data[outputs], label="output")
    bottom.set_xlabel("time (s)")
    bottom.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    plt.savefig(args.output) if args.output else plt.show()


if __name__ == "__main__":  # not in NengoGUI, which wants the model alone
    main()
