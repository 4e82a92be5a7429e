# %% [markdown]
# # An arm that adapts to its load
#
# An arm with two joints follows a path. Its controller knows neither the gravity nor
# the load in its hand, which changes while it moves. A feedback controller alone sags.
# Neurons that see the joints' angles and velocities learn with PES what is missing: the
# feedback's own command is their error.
#
# While the arm learns, a larger rate is always better: the neurons follow the present
# moment, and the arm deviates by .4 degrees instead of 17. But they know little: once
# learning stops, and the arm draws another path with the same load, it deviates by 14
# degrees again. A rate that falls along a cosine adapts as fast in the beginning, and
# knows as much in the end (5.6 degrees) as the low rate that took long to adapt. With
# "auto" nobody chose a rate, and the arm knows most (4 degrees).

# %%
import argparse

import matplotlib.pyplot as plt
import nengo
import numpy as np

import nengo_lr as nlr
from nengo_lr.lab.plot import INK, style, tidy

parser = argparse.ArgumentParser(description="Adapt an arm to a load that drifts.")
parser.add_argument("--output", help="write the figure to this file")
parser.add_argument(
    "--seeds", type=int, default=2, help="of the neurons; 5 for figures"
)
parser.add_argument("--quick", action="store_true", help="a short run, to try it")
args, _ = parser.parse_known_args()
if args.quick:
    args.seeds = 1

LEARNING = 8.0 if args.quick else 16.0  # seconds
DRIFTS = LEARNING / 2  # until when the load drifts
TEST = 4.0  # seconds without learning, on another path
PERIOD = 4.0  # of the path, in seconds
FIRST = 10  # the seeds before it are those that the rates were tried on
RATES = {
    "no learning": 0.0,
    "constant 1e-4": 1e-4,
    "constant 5e-4": 5e-4,
    "constant 3e-3": 3e-3,
    "cosine from 3e-3": nlr.CosineDecay(3e-3, LEARNING),
    "auto": "auto",
}


# %% [markdown]
# ## The arm
#
# Two rods of 30 cm that swing in a vertical plane, with the load at the end.


# %%
def load(t):
    """The mass in the hand in kg: from 0 to 2 and back to 1."""
    return np.interp(t, [0.0, 0.6 * DRIFTS, DRIFTS], [0.0, 2.0, 1.0])


def path(t):
    """The angles that the joints should have, and their velocities."""
    phase, second = 2 * np.pi * t / PERIOD, 2 if t < LEARNING else 3
    angles = [0.5 + 0.5 * np.sin(phase), 1.2 + 0.6 * np.cos(second * phase)]
    speeds = [0.5 * np.cos(phase), -0.6 * second * np.sin(second * phase)]
    return np.array(angles), np.array(speeds) * 2 * np.pi / PERIOD


class Arm:
    """Moves with the torques that it is given: the function of a Node."""

    LENGTH, MASS, GRAVITY, FRICTION = 0.3, 1.0, 9.81, 0.5

    def __init__(self, dt=0.001):
        self.dt = dt
        self.angles, self.speeds = path(0.0)

    def __call__(self, t, torques):
        (a, b), (va, vb), hand = self.angles, self.speeds, load(t)
        first = (self.MASS + hand) * self.LENGTH**2
        second, coupling = first + self.MASS * self.LENGTH**2, first * np.cos(b)
        inertia = [[second + first + 2 * coupling, first + coupling]]
        inertia += [[first + coupling, first]]
        swing = first * np.sin(b) * np.array([-vb * (2 * va + vb), va**2])
        reach = self.GRAVITY * self.LENGTH * np.cos([a, a + b])
        weight = [
            (2 * self.MASS + hand) * reach[0] + (self.MASS + hand) * reach[1],
            (self.MASS + hand) * reach[1],
        ]
        force = torques - swing - weight - self.FRICTION * self.speeds
        self.speeds = self.speeds + self.dt * np.linalg.solve(inertia, force)
        self.angles = self.angles + self.dt * self.speeds
        return [*self.angles, *self.speeds]


# %% [markdown]
# ## The controller
#
# A proportional and a derivative part, and what the neurons add to them. The rule gets
# minus the feedback's command: as long as the feedback has to push, the neurons do not
# push enough.


# %%
STIFFNESS, DAMPING = 30.0, 6.0  # Nm per radian, Nm s per radian


def controlled_arm(rate, seed):
    """A model of the arm and its controller, with a Probe of its deviation."""
    with nengo.Network(seed=seed) as model:
        arm = nengo.Node(Arm(), size_in=2)
        wanted = nengo.Node(lambda t: np.hstack(path(t)))
        deviation = nengo.Node(size_in=4)
        nengo.Connection(wanted, deviation, synapse=None)
        nengo.Connection(arm, deviation, transform=-1, synapse=None)

        feedback = nengo.Node(size_in=2)
        nengo.Connection(deviation[:2], feedback, transform=STIFFNESS, synapse=None)
        nengo.Connection(deviation[2:], feedback, transform=DAMPING, synapse=None)
        nengo.Connection(feedback, arm, synapse=0)

        neurons = nengo.Ensemble(400, dimensions=4, radius=1.5)
        state = [1.0, 1.0, 0.4, 0.4], [-0.5, -1.2, 0.0, 0.0]  # about -1 to 1
        nengo.Connection(arm, neurons, transform=np.diag(state[0]), synapse=None)
        nengo.Connection(nengo.Node(state[1]), neurons, synapse=None)
        learned = nengo.Connection(
            neurons,
            arm,
            function=lambda x: [0, 0],
            learning_rule_type=nlr.ScheduledPES(rate),
        )
        nengo.Connection(feedback, learned.learning_rule, transform=-1)
        model.deviation = nengo.Probe(deviation[:2])
    return model


# %%
def rms(errors, start, stop):
    """The root mean square between two times in seconds, in degrees."""
    part = errors[round(start / 1e-3) : round(stop / 1e-3)]
    return np.degrees(np.sqrt(np.mean(part**2)))


found = {}
for name, rate in RATES.items():
    found[name] = []
    for seed in range(FIRST, FIRST + args.seeds):
        model = controlled_arm(rate, seed)
        with nengo.Simulator(model, progress_bar=False) as sim:
            sim.run(LEARNING)
            with nlr.frozen(sim):
                sim.run(TEST)
        found[name].append(sim.data[model.deviation])

PHASES = {
    "while the load drifts": (PERIOD / 2, DRIFTS),
    "while it stays": (DRIFTS + PERIOD / 2, LEARNING),
    "learning stopped": (LEARNING, LEARNING + TEST),
}
print(f"deviation in degrees, median over {args.seeds} seeds (lowest to highest)")
print(f"{'':17}" + "".join(f"{name:25}" for name in PHASES))
for name, runs in found.items():
    cells = ""
    for phase in PHASES.values():
        low, middle, high = np.percentile([rms(e, *phase) for e in runs], [0, 50, 100])
        cells += f"{f'{middle:.2f} ({low:.2f} to {high:.2f})':25}"
    print(f"{name:17}{cells}")

# %%
with style():
    figure, (top, bottom) = plt.subplots(
        2, sharex=True, figsize=(8, 5), height_ratios=[1, 2.5]
    )
    t = sim.trange()
    top.plot(t, load(t), color=INK)
    tidy(top, ylabel="load (kg)")
    window = round(PERIOD / 4 / 1e-3)
    for name, runs in found.items():
        squares = np.mean(np.square(runs), axis=2).reshape(args.seeds, -1, window)
        curve = np.degrees(np.sqrt(np.median(squares.mean(axis=2), axis=0)))
        bottom.semilogy((np.arange(len(curve)) + 0.5) * PERIOD / 4, curve, label=name)
    for ax in (top, bottom):
        ax.axvspan(LEARNING, LEARNING + TEST, color="#F2F2F2", zorder=0)
    top.text(LEARNING + 0.1, 1.7, "frozen", color=INK)
    bottom.set_xlim(0, LEARNING + TEST)
    bottom.yaxis.set_major_formatter("{x:g}")
    figure.legend(loc="outside upper center", ncols=3)
    tidy(bottom, "time (s)", "RMS deviation\nof the joints (degrees)")

plt.savefig(args.output) if args.output else plt.show()
