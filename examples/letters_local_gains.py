# %% [markdown]
# # Local gains and rates per layer on letters
#
# Each weight's learning rate is multiplied by a gain of its own, which grows while the
# weight's gradient keeps its sign. This helps where the common rate is low for most
# weights, fails where it is too high already, and means little with small batches. The
# network is trained offline, with NengoDL.
#
#     python letters_local_gains.py                        # all, five seeds: minutes
#     python letters_local_gains.py --experiment easy --seeds 2
#     python letters_local_gains.py --quick                # a few steps of everything

# %%
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

import click
import matplotlib.pyplot as plt
import numpy as np
from letters import Gains, Setting, train
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.table import Table

from nengo_lr.lab.plot import save, style, tidy

GAINS = {
    "mild": Gains(0.005, 0.995, (0.01, 100.0)),
    "moderate": Gains(0.05, 0.95, (0.1, 10.0)),
    "strong": Gains(0.1, 0.9, (0.01, 100.0)),
}

EXPERIMENTS = {
    "easy": {
        "rate 0.01": Setting("easy", 0.01),
        "rate 0.02": Setting("easy", 0.02),
        "rate 0.01, moderate gains": Setting("easy", 0.01, GAINS["moderate"]),
        "rate 0.01, strong gains": Setting("easy", 0.01, GAINS["strong"]),
    },
    "hard": {
        "rate 0.01": Setting("hard", 0.01),
        "rate 0.01, moderate gains": Setting("hard", 0.01, GAINS["moderate"]),
        "rate 0.001": Setting("hard", 0.001),
        "rate 0.001, mild gains": Setting("hard", 0.001, GAINS["mild"]),
        "rate 0.001, moderate gains": Setting("hard", 0.001, GAINS["moderate"]),
    },
    "layers": {
        "both x 1": Setting("hard", 0.001),
        "layer 1 x 3": Setting("hard", 0.001, factors=(3.0, 1.0)),
        "layer 2 x 3": Setting("hard", 0.001, factors=(1.0, 3.0)),
        "both x 3": Setting("hard", 0.001, factors=(3.0, 3.0)),
    },
    "batches": {
        "494 images": Setting("easy", 0.01),
        "494 images, moderate gains": Setting("easy", 0.01, GAINS["moderate"]),
        "247 images": Setting("easy", 0.01, minibatch=247),
        "247 images, moderate gains": Setting(
            "easy", 0.01, GAINS["moderate"], minibatch=247
        ),
        "26 images": Setting("easy", 0.01, minibatch=26),
        "26 images, moderate gains": Setting(
            "easy", 0.01, GAINS["moderate"], minibatch=26
        ),
        "26 images, twice the rate": Setting("easy", 0.02, minibatch=26),
    },
}

TITLES = {
    "easy": "Easy letters",
    "hard": "Hard letters",
    "layers": "Hard letters, rate 0.001, a factor per layer",
    "batches": "Easy letters, rate 0.01, small batches",
}


@click.command(help="Train with local gains, with rates per layer, and without.")
@click.option("--seeds", default=5, show_default=True, help="Networks per setting.")
@click.option(
    "--experiment",
    "names",
    type=click.Choice(list(EXPERIMENTS)),
    multiple=True,
    help="What to run, may be given more than once; default: all.",
)
@click.option("--quick", is_flag=True, help="One seed and 10 gradient steps.")
@click.option("--output", type=click.Path(), help="Write the loss curves to this file.")
def main(seeds, names, quick, output):
    names = names or tuple(EXPERIMENTS)
    seeds, steps = (1, 10) if quick else (seeds, 300)
    settings = {s for name in names for s in EXPERIMENTS[name].values()}
    console = Console(width=None if sys.stdout.isatty() else 134)
    with Progress(
        *Progress.get_default_columns(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    ) as progress:
        runs = [(setting, seed) for setting in settings for seed in range(seeds)]
        outcomes = {setting: [] for setting in settings}
        for setting, seed in progress.track(runs, description="Training"):
            outcomes[setting].append(train(setting, seed, steps))
    for name in names:
        console.print(table(name, outcomes, steps))
    for name, gains in GAINS.items():
        console.print(f"{name} gains: {gains}")
    console.print(f"Medians over seeds 0 to {seeds - 1}, with their range.")
    figure = draw(names, outcomes)
    save(figure, output) if output else plt.show()


def table(name, outcomes, steps):
    """The figures of one experiment, as medians over the seeds with their range."""
    result = Table(title=TITLES[name], title_justify="left", title_style="bold")
    result.add_column(no_wrap=True)
    for heading in (f"loss after {steps} steps", "mean of last 50"):
        result.add_column(heading, justify="right", overflow="fold")
    for heading in ("train %", "test %", "same sign %", "gain"):
        result.add_column(heading, justify="right", no_wrap=True)
    for label, setting in EXPERIMENTS[name].items():
        seeds = outcomes[setting]
        last = -(-50 * len(seeds[0].losses) // 300)  # the same share of the epochs
        result.add_row(
            label,
            spread([o.loss for o in seeds]),
            spread([np.mean(o.losses[-last:]) for o in seeds]),
            f"{np.median([o.train_correct for o in seeds]):.1f}",
            f"{np.median([o.test_correct for o in seeds]):.1f}",
            f"{np.median([o.agreement for o in seeds]):.1f}",
            f"{np.median([o.gain for o in seeds]):.2f}",
        )
    return result


def spread(values):
    """A median with the smallest and the largest value, to three digits."""
    median, low, high = np.median(values), np.min(values), np.max(values)
    return f"{median:.3g} ({low:.3g}..{high:.3g})" if low < high else f"{median:.3g}"


def draw(names, outcomes):
    """Loss curves, one panel for each experiment: medians, and the range of seeds."""
    rows, columns = -(-len(names) // 2), min(len(names), 2)
    with style():
        size = 5.6 * columns, 3.6 * rows
        figure, panels = plt.subplots(rows, columns, figsize=size, squeeze=False)
        for ax in panels.flat[len(names) :]:
            ax.remove()
        for name, ax in zip(names, panels.flat):
            ax.set_title(TITLES[name])
            draw_panel(ax, EXPERIMENTS[name], outcomes)
    return figure


def draw_panel(ax, settings, outcomes):
    """The loss curves of one experiment, each with its name at its end."""
    for label, setting in settings.items():
        losses = np.array([o.losses for o in outcomes[setting]])
        per_epoch = 494 // setting.minibatch
        steps = per_epoch * np.arange(1, losses.shape[1] + 1)
        (line,) = ax.plot(steps, np.median(losses, axis=0), lw=1.2, label=label)
        ax.fill_between(
            steps, losses.min(0), losses.max(0), color=line.get_color(), alpha=0.2, lw=0
        )
    ax.set_yscale("log")
    ax.margins(x=0.01)
    tidy(ax, "gradient steps", "loss per image (nats)")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))


if __name__ == "__main__":
    main()
