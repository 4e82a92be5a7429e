# %% [markdown]
# # Reward that learns and unlearns
#
# A bird sees one of two cues and pecks left or right. The right choice is mostly
# rewarded; halfway through, left and right are swapped. Dopamine-like neurons tell
# how much better the reward was than usual, and their decoded output *is* the learning
# rate: positive after a surprise, and negative after a disappointment, which unlearns
# what led to it. With a rate that cannot be negative the bird sticks to whatever was
# rewarded once, learns the first task now and then, and not the second.

# %%
import argparse

import matplotlib.pyplot as plt
import nengo
import numpy as np

import nengo_lr as nlr

parser = argparse.ArgumentParser(description="Learn from reward with a signed rate.")
parser.add_argument("--output", help="write the figure to this file")
parser.add_argument("--seeds", type=int, default=2, help="10 in the docs")
parser.add_argument("--trials", type=int, default=120, help="300 in the docs")
parser.add_argument("--quick", action="store_true", help="a short run, to try it")
args, _ = parser.parse_known_args()
if args.quick:
    args.seeds, args.trials = 1, 60

# %% [markdown]
# In the middle of each trial the bird pecks and is rewarded or not. It learns from that
# a little later, when the neurons have noticed.

# %%
TRIAL, PECK, LEARN = 100, 50, 70  # steps of 1 ms
REWARDED = {True: 0.9, False: 0.1}  # how often the right and the wrong choice are
EXPLORES = 0.1  # how often the bird pecks at random


class World:
    """Shows cues, sees the choices and pays for them: the function of a Node.

    It is given the preferences for left and right. It returns the cue (-1 or 1), the
    choice (two numbers, of which one is 1 once it is made), the reward (0 or 1), and
    whether it is time to learn.
    """

    def __init__(self, seed):
        self.rng = np.random.RandomState(seed)
        self.correct = []

    def __call__(self, t, preferences):
        trial, step = divmod(round(t / 1e-3) - 1, TRIAL)
        if step <= 0:
            self.output = np.array([self.rng.choice([-1.0, 1.0]), 0, 0, 0, 0])
        elif step == PECK:
            choice = np.argmax(preferences)
            if self.rng.rand() < EXPLORES:
                choice = self.rng.randint(2)
            right_is_correct = (self.output[0] > 0) != (trial >= args.trials // 2)
            correct = bool(choice == right_is_correct)
            self.correct.append(correct)
            self.output[1 + choice] = 1.0
            self.output[3] = self.rng.rand() < REWARDED[correct]
        elif step == LEARN:
            self.output[4] = 1.0
        return self.output


# %% [markdown]
# The "error" of the rule is minus the choice: a positive rate makes the bird prefer
# what it chose, given this cue, and a negative one makes it shun it. The rule itself
# does not know whether the choice was right.

# %%
RATE = 4e-4


def bird(seed, signed):
    """A network of a bird in its world."""
    with nengo.Network(seed=seed) as model:
        model.world = World(seed)
        world = nengo.Node(model.world, size_in=2, size_out=5)
        cue, choice, reward, learns = world[0], world[1:3], world[3], world[4]

        seen = nengo.Ensemble(100, dimensions=1)
        preferences = nengo.Node(size_in=2)
        nengo.Connection(cue, seen, synapse=None)
        nengo.Connection(preferences, world, synapse=0.005)

        # the reward, and minus its mean over about ten trials
        dopamine = nengo.Ensemble(100, dimensions=1)
        nengo.Connection(reward, dopamine, synapse=None)
        nengo.Connection(reward, dopamine, transform=-TRIAL / PECK, synapse=1.0)
        # at first it expects every second choice to pay
        first_guess = nengo.Node(nlr.ExponentialDecay(0.5, tau=1.0))
        nengo.Connection(first_guess, dopamine, transform=-1, synapse=None)

        # neurons never decode exactly 0: learn only in a part of each trial
        low = -1.0 if signed else 0.0
        rate = nengo.Node(lambda t, x: RATE * x[1] * max(x[0], low), size_in=2)
        nengo.Connection(dopamine, rate[0], synapse=0.01)
        nengo.Connection(learns, rate[1], synapse=None)

        learned = nengo.Connection(
            seen,
            preferences,
            function=lambda x: [0, 0],
            learning_rule_type=nlr.ScheduledPES(rate),
        )
        nengo.Connection(choice, learned.learning_rule, transform=-1, synapse=None)
        model.rate = nengo.Probe(learned.learning_rule, "learning_rate")
        model.preferences = nengo.Probe(preferences)
    return model


# %%
KINDS = {"signed rate": True, "no negative rate": False}
HALF = args.trials // 2
correct, rates, preferences = {}, {}, {}
for name, signed in KINDS.items():
    choices = []
    for seed in range(args.seeds):
        model = bird(seed, signed)
        with nengo.Simulator(model, progress_bar=False) as sim:
            sim.run_steps(args.trials * TRIAL)
        choices.append(model.world.correct)
    correct[name] = np.array(choices)
    rates[name], preferences[name] = sim.data[model.rate], sim.data[model.preferences]


def cell(shares):
    """The median and the range, in percent."""
    low, middle, high = (
        100 * np.min(shares),
        100 * np.median(shares),
        100 * shares.max(),
    )
    return f"{middle:.0f} % ({low:.0f} to {high:.0f})"


quarter = HALF // 2
print(f"right choices, median over {args.seeds} seeds (lowest to highest)")
print(f"{'':17} {'before the swap':20} {'just after it':20} in the end")
for name, right in correct.items():
    parts = right[:, quarter:HALF], right[:, HALF:-quarter], right[:, -quarter:]
    cells = [cell(part.mean(axis=1)) for part in parts]
    print(f"{name:17} {cells[0]:20} {cells[1]:20} {cells[2]}")

# %%
with nlr.lab.plot.style():
    figure, (top, middle, bottom) = plt.subplots(
        3, sharex=True, figsize=(8, 6.8), height_ratios=[2, 1, 1]
    )
    window = 15
    for name, right in correct.items():
        smooth = np.apply_along_axis(
            np.convolve, 1, right, np.ones(window) / window, mode="valid"
        )
        trials = np.arange(window, args.trials + 1)
        (line,) = top.plot(trials, 100 * np.median(smooth, axis=0), label=name)
        low, high = 100 * smooth.min(axis=0), 100 * smooth.max(axis=0)
        top.fill_between(trials, low, high, color=line.get_color(), alpha=0.15, lw=0)
    top.set(ylim=(0, 101), xlim=(0, args.trials))
    top.legend(loc="lower left")
    nlr.lab.plot.tidy(top, None, f"right choices (%)\nin {window} trials")
    for ax, (name, rate) in zip((middle, bottom), rates.items()):
        color = nlr.lab.plot.COLORS[list(rates).index(name)]
        trials = np.arange(len(rate)) / TRIAL
        ax.plot(trials, 1e4 * rate, color=color, linewidth=0.7)
        ax.set(ylim=(-5, 5), title=f"{name}, one bird")
        nlr.lab.plot.tidy(ax, None, "learning rate\n($10^{-4}$)")
    for ax in (top, middle, bottom):
        ax.axvline(HALF, color="0.5", linestyle=":")
    top.text(HALF, 4, " left and right swapped", color=nlr.lab.plot.INK)
    bottom.set_xlabel("trial")

plt.savefig(args.output) if args.output else plt.show()
