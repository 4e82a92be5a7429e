# %% [markdown]
# # A learning rate is a signal
#
# A hundred neurons learn to pass on their input, from a noisy teacher. The rate rises,
# falls, and is 0 in a test; then the target becomes the opposite, and the rate does the
# same again. Below it one sees every single decoder: how they fan out while the rate is
# large, settle as it falls, and do not move by a bit while it is 0.
#
# A fixed rate is one or the other: at the peak of the schedule it learns as fast, and
# goes on following the noise; at a tenth of it, it ends as well, and takes seconds.

# %%
import argparse

import matplotlib.pyplot as plt
import nengo
import numpy as np

import nengo_lr as nlr
from nengo_lr.lab.plot import COLORS, INK, save, style, tidy
from nengo_lr.lab.tasks import band_limited

parser = argparse.ArgumentParser(description="See what a rate that changes does.")
parser.add_argument("--output", help="write the figure to this file")
parser.add_argument("--seeds", type=int, default=1, help="how many; 5 for the figures")
args, _ = parser.parse_known_args()

# %%
LEARN, PERIOD, PEAK = 8.0, 10.0, 1e-3
warm_up = nlr.Warmup(nlr.CosineDecay(PEAK, LEARN - 0.5), 0.5)
schedule = warm_up.between(0.0, LEARN).repeated(PERIOD)

RATES = {
    "schedule": schedule,
    f"fixed at {PEAK:g}": PEAK,
    f"fixed at {PEAK / 10:g}": PEAK / 10,
}
DURATION = 2 * PERIOD


def played(signal):
    """A Node that plays a signal, one sample per millisecond."""
    return nengo.Node(nengo.processes.PresentInput(signal, 0.001))


def build(seed):
    """One ensemble, and for each rate an output that learns from it."""
    rng = np.random.RandomState(seed)
    x = np.clip(band_limited(rng, DURATION), -1, 1)
    target = np.where(np.arange(len(x))[:, None] < 1000 * PERIOD, x, -x)
    noise = band_limited(rng, DURATION, high=100.0, rms=0.5)

    probes = {}
    with nengo.Network(seed=seed) as model:
        stimulus, teacher, hum = played(x), played(target), played(noise)
        pre = nengo.Ensemble(100, dimensions=1, label="neurons")
        nengo.Connection(stimulus, pre, synapse=None)
        for name, rate in RATES.items():
            output, error = nengo.Node(size_in=1), nengo.Node(size_in=1)
            learned = nengo.Connection(
                pre,
                output,
                function=lambda x: 0,
                learning_rule_type=nlr.ScheduledPES(learning_rate=rate),
            )
            nengo.Connection(output, error, synapse=None)
            nengo.Connection(teacher, error, transform=-1)
            clean = nengo.Probe(error)
            noisy = nengo.Node(size_in=1)
            nengo.Connection(error, noisy, synapse=None)
            nengo.Connection(hum, noisy, transform=-1)
            nengo.Connection(noisy, learned.learning_rule)
            probes[name] = clean, nengo.Probe(learned, "weights", sample_every=0.02)
    return model, pre, probes


# %% [markdown]
# The error is measured against the clean target, which the rule never sees. A rate that
# is fixed has no test: it goes on learning.


# %%
def rms(error, seconds):
    """The root mean square in each piece of so many seconds."""
    pieces = np.reshape(error, (round(DURATION / seconds), -1))
    return np.sqrt(np.mean(pieces**2, axis=1))


errors = {name: [] for name in RATES}
for seed in reversed(range(args.seeds)):
    model, pre, probes = build(seed)
    with nengo.Simulator(model, progress_bar=False) as sim:
        sim.run(DURATION)
    for name, (clean, _) in probes.items():
        errors[name].append(rms(sim.data[clean], 0.5))
errors = {name: np.median(pieces, axis=0) for name, pieces in errors.items()}

times = 0.5 * np.arange(1, 2 * DURATION + 1)
phases = {
    "1 s into learning": (times % PERIOD > 0.5) & (times % PERIOD <= 1.5),
    "in the test": (times % PERIOD > LEARN) | (times % PERIOD == 0),
}
for name, pieces in errors.items():
    told = [f"{np.mean(pieces[phase]):.3f} {text}" for text, phase in phases.items()]
    print(f"{name:16}: error {', '.join(told)}")

# %%
# of seed 0: orange are the neurons that fire for large x, blue those for small ones
decoders = sim.data[probes["schedule"][1]][:, 0] * 1e3
fires_for_large = sim.data[pre].encoders[:, 0] > 0
with style():
    figure, (top, middle, bottom) = plt.subplots(
        3, sharex=True, figsize=(9, 7), height_ratios=[1, 1.6, 2.4]
    )
    t = sim.trange()
    top.plot(t, schedule(t) * 1e3, color=COLORS[2])
    tidy(top, ylabel="learning rate\n(thousandths)")
    for (name, pieces), color in zip(errors.items(), [COLORS[2], "0.5", "0.7"]):
        middle.plot(times, pieces, color=color, label=name)
    middle.set_yscale("log")
    tidy(middle, ylabel="RMS error")
    samples = 0.02 * np.arange(1, len(decoders) + 1)
    for chosen, color in ((fires_for_large, COLORS[1]), (~fires_for_large, COLORS[0])):
        bottom.plot(samples, decoders[:, chosen], color=color, lw=0.6, alpha=0.6)
    tidy(bottom, "time (s)", "decoders of the\n100 neurons (thousandths)")
    for ax in (top, middle, bottom):
        ax.set_xlim(0, DURATION)
        for start in (LEARN, PERIOD + LEARN):
            ax.axvspan(start, start + PERIOD - LEARN, color="#EEEEEE", zorder=0, lw=0)
    for start, text in ((0.0, "learn x"), (PERIOD, "learn -x")):
        for begin, end, said in ((0.0, LEARN, text), (LEARN, PERIOD, "test")):
            middle_of_it = start + (begin + end) / 2
            top.text(middle_of_it, 1.12, said, ha="center", va="bottom", color=INK)
    middle.legend(loc="upper left", bbox_to_anchor=(1, 1))
save(figure, args.output) if args.output else plt.show()
