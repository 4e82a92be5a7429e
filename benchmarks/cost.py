"""What learning costs: whole simulation steps, as ratios to those with nengo.PES.

    python benchmarks/cost.py                                # a short version
    python benchmarks/cost.py --sizes 50x1,5000x64 --methods ScheduledPES,Adam
    python benchmarks/cost.py --simulators nengo_torch --device cuda --bits 32

All methods take turns in one process, on one thread; the cost of a method is the median
over the rounds of its CPU time for whole steps, divided by that of nengo.PES in the
same round. "memory limit" is the model without learning and one pass that reads and
writes all weights. On a GPU the program waits for each step, in nengo-torch's neurons,
so that its CPU time is that of the step. The table (CSV) and the figure (PNG) go to a
folder.
"""

import os

os.environ.setdefault("MPLBACKEND", "agg")

import time
import tracemalloc
from dataclasses import dataclass
from functools import partial
from typing import Callable, Optional

import click
import matplotlib.pyplot as plt
import nengo
import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from nengo_lr import ExponentialDecay, ScheduledPES, optimizers
from nengo_lr.builder.hosts import hosts
from nengo_lr.cli.options import Names, OutputFolder
from nengo_lr.lab import interleaved
from nengo_lr.lab.plot import COLORS, INK, save, style, tidy
from nengo_lr.lab.runner import workers

RATE = 1e-6
PRODUCT_NEURONS = 200

MOST_PRODUCT_DIMENSIONS = 64
"""A product network for more dimensions has more neurons than the model."""

ROUND_SECONDS = {True: 0.03, False: 0.15}
"""How long a round of the baseline takes, by whether weights are changed in place:
other simulators have a cost per run."""

COLUMNS = 4
"""How many sizes fit into the width of a terminal."""


# --- what is measured


@dataclass(frozen=True)
class Method:
    """One way to learn, or not to.

    ``rule()`` returns the learning rule, or None. ``scale(dimensions)`` builds what
    stands between the error and the rule, and returns its input and its output.
    """

    name: str
    rule: Callable
    scale: Optional[Callable] = None


def scaling_node(dimensions):
    """Scale the error exactly, in a Node."""
    node = nengo.Node(lambda t, error: error * np.exp(-t / 5.0), size_in=dimensions)
    return node, node


def product_network(dimensions):
    """Scale the error in neurons, as users write it."""
    product = nengo.networks.Product(PRODUCT_NEURONS, dimensions)
    rate = nengo.Node(lambda t: np.exp(-t / 5.0))
    nengo.Connection(rate, product.input_b, transform=np.ones((dimensions, 1)))
    return product.input_a, product.output


def plain():
    """Nengo's own rule."""
    return nengo.PES(RATE)


def scheduled(**kwargs):
    """Our rule, with a rate that changes in each step."""
    return lambda: ScheduledPES(ExponentialDecay(RATE, tau=5.0), **kwargs)


BASELINE, FLOOR = "nengo.PES", "no learning"

METHODS = {
    method.name: method
    for method in [
        Method(BASELINE, plain),
        Method("ScheduledPES", scheduled()),
        Method("ScheduledPES at rate 0", lambda: ScheduledPES(0.0)),
        Method(FLOOR, lambda: None),
        Method("PES + scaling Node", plain, scaling_node),
        Method("PES + product network", plain, product_network),
        *(
            Method(name, scheduled(optimizer=getattr(optimizers, name)()))
            for name in ("AdaGrad", "RMSProp", "Adam", "LocalGains")
        ),
    ]
}


def build(method, neurons, dimensions):
    """Build a network of some LIF neurons in which one connection learns."""
    value = np.random.RandomState(0).standard_normal(dimensions)
    decoders = np.zeros((neurons, dimensions))
    with nengo.Network(seed=0) as network:
        stimulus = nengo.Node(value / np.linalg.norm(value))
        ensemble = nengo.Ensemble(neurons, dimensions, seed=1)
        error = nengo.Node(size_in=dimensions)
        nengo.Connection(stimulus, ensemble, synapse=None)
        nengo.Connection(stimulus, error, transform=-1, synapse=None)
        learned = nengo.Connection(
            ensemble,
            error,
            solver=nengo.solvers.NoSolver(decoders),
            learning_rule_type=method.rule(),
        )
        if learned.learning_rule is None:
            return network
        before = after = error
        if method.scale is not None:
            before, after = method.scale(dimensions)
            nengo.Connection(error, before)
        synapse = 0.005 if after is error else None
        nengo.Connection(after, learned.learning_rule, synapse=synapse)
    return network


# --- the measurements


def measure(
    names, neurons, dimensions, simulator="nengo", rounds=15, bits="64", **kwargs
):
    """Measure whole steps of several methods, interleaved in this process.

    Returns one dict for each method, the baseline and the floor among them: the median
    and the quartiles of its ratio to nengo.PES, and the microseconds of a step of that.
    """
    names = list(dict.fromkeys([BASELINE, FLOOR, *names]))
    nengo.rc.set("precision", "bits", bits)
    host = hosts()[simulator]
    simulators = {
        name: host.make(build(METHODS[name], neurons, dimensions), **kwargs)
        for name in names
    }
    weights = np.ones((dimensions, neurons))
    try:
        for sim in simulators.values():
            host(sim).run(20)
        seconds = ROUND_SECONDS[host.works_in_place]
        n_steps = steps_per_round(host(simulators[BASELINE]), seconds)

        def pass_over_weights():
            for _ in range(n_steps):
                np.add(weights, 1.0, out=weights)

        runs = {
            name: partial(host(sim).run, n_steps) for name, sim in simulators.items()
        }
        runs["pass"] = pass_over_weights
        for run in runs.values():
            run()  # some simulators compile a graph for this number of steps
        ratios, base = interleaved(runs, BASELINE, rounds)
    finally:
        for sim in simulators.values():
            sim.close()
    one_pass = ratios.pop("pass")
    if host.works_in_place:
        ratios["memory limit"] = [a + b for a, b in zip(ratios[FLOOR], one_pass)]
    return [
        {
            "simulator": simulator,
            "minibatch": kwargs.get("minibatch_size") or 1,
            "neurons": neurons,
            "dimensions": dimensions,
            "method": name,
            "ratio": np.median(values),
            "low": np.quantile(values, 0.25),
            "high": np.quantile(values, 0.75),
            "microseconds_pes": base / n_steps * 1e6,
        }
        for name, values in ratios.items()
    ]


def steps_per_round(host, seconds):
    """How many steps take a simulator about so many seconds of CPU time."""
    host.run(100)
    start = time.process_time()
    host.run(100)
    return int(np.clip(100 * seconds / (time.process_time() - start), 10, 5000))


def peak_memory(name, neurons, dimensions):
    """The most bytes that a method takes on the reference simulator."""
    network = build(METHODS[name], neurons, dimensions)
    tracemalloc.start()
    with nengo.Simulator(network, progress_bar=False) as sim:
        tracemalloc.reset_peak()
        sim.run_steps(10)
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


# --- the figure

LIMITS = {
    BASELINE: {"color": INK, "linewidth": 1.0},
    FLOOR: {"color": "#999999", "linewidth": 1.0},
    "memory limit": {"color": "#999999", "linewidth": 1.0, "linestyle": "--"},
}
"""How to draw what the other methods are compared with."""


def draw(table):
    """Draw the cost of every method against the size of the model."""
    simulators = table["simulator"].unique()
    with style():
        figure = plt.figure(figsize=(8.0, 4.2 * len(simulators)))
        axes = figure.subplots(len(simulators), squeeze=False)[:, 0]
        for ax, simulator in zip(axes, simulators):
            draw_costs(ax, table[table["simulator"] == simulator])
            ax.set_title(simulator)
    return figure


def draw_costs(ax, table):
    """Draw the cost of every method on one simulator, from few to many weights."""
    n_weights = table["neurons"] * table["dimensions"]
    table = table.assign(n_weights=n_weights).sort_values(["n_weights", "neurons"])
    sizes = list(dict.fromkeys(zip(table["neurons"], table["dimensions"])))
    looks = iter(
        {"color": color, "linestyle": line, "marker": "o", "markersize": 4}
        for line in ("-", ":")
        for color in COLORS
    )
    for method, part in table.groupby("method", sort=False):
        x = [sizes.index(size) for size in zip(part["neurons"], part["dimensions"])]
        look = LIMITS.get(method) or next(looks)
        ax.plot(x, part["ratio"], label=method, **look)
        ax.fill_between(
            x, part["low"], part["high"], color=look["color"], alpha=0.15, lw=0
        )
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(plt.FixedLocator([0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 8]))
    ax.yaxis.set_minor_locator(plt.NullLocator())
    ax.yaxis.set_major_formatter("{x:g}")
    names = [f"{neurons} x {dimensions}" for neurons, dimensions in sizes]
    ax.set_xticks(range(len(names)), names, rotation=45 if len(names) > 6 else 0)
    tidy(ax, "neurons x error dimensions", "CPU time per step\nover that of nengo.PES")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


# --- the command


class Sizes(click.ParamType):
    """Sizes like ``200x8``, separated by commas: neurons x dimensions."""

    name = "sizes"

    def convert(self, value, param, ctx):
        """Read text; a list of pairs."""
        try:
            sizes = [tuple(map(int, part.split("x"))) for part in value.split(",")]
        except ValueError:
            sizes = []
        if not sizes or any(len(size) != 2 or min(size) < 1 for size in sizes):
            self.fail(f"{value!r} is not like 50x1,200x8.", param, ctx)
        return sizes


@click.command(context_settings={"show_default": True})
@click.option(
    "--sizes",
    type=Sizes(),
    default="50x1,200x8,1000x64",
    help="Neurons x dimensions of the error.",
)
@click.option("--methods", type=Names(METHODS), default=",".join(METHODS))
@click.option("--simulators", type=Names(hosts()), default="nengo")
@click.option("--minibatch", type=click.IntRange(min=1), help="Items of a minibatch.")
@click.option("--device", help="Where nengo-torch computes, for example cuda.")
@click.option("--bits", type=click.Choice(["32", "64"]), default="64")
@click.option("--rounds", type=click.IntRange(min=3), default=11)
@click.option("--output", type=OutputFolder(), default="nengo-lr-cost")
def main(sizes, methods, simulators, minibatch, device, bits, rounds, output):
    """Measure what learning costs, as ratios to nengo.PES."""
    rows = []
    for simulator in simulators:
        options = {"minibatch_size": minibatch, "device": device}
        options = {key: value for key, value in options.items() if value is not None}
        for neurons, dimensions in sizes:
            wanted = [
                name
                for name in methods
                if dimensions <= MOST_PRODUCT_DIMENSIONS or "product" not in name
            ]
            # a fresh process each, so that one size leaves nothing behind for the next
            with workers(1, 1) as executor:
                job = (wanted, neurons, dimensions, simulator, rounds, bits)
                rows += executor.submit(measure, *job, **options).result()
    table = pd.DataFrame(rows)
    table.to_csv(output / "cost.csv", index=False)
    save(draw(table), output / "cost.png")
    print_costs(Console(highlight=False), table)
    print(f"wrote cost.csv and cost.png to {output}/")


def print_costs(console, table):
    """Print the medians, a row for each method and a column for each size."""
    sizes = [f"{n} x {d}" for n, d in zip(table["neurons"], table["dimensions"])]
    table = table.assign(size=sizes)
    for simulator, part in table.groupby("simulator", sort=False):
        sizes = part["size"].unique()
        for first in range(0, len(sizes), COLUMNS):
            printed = Table(
                title=f"[bold]{simulator}[/]: CPU time per step over that of nengo.PES",
                title_justify="left",
                box=box.SIMPLE,
            )
            add_cells(printed, part, sizes[first : first + COLUMNS])
            console.print(printed)
    console.print("Medians ± half the distance between the quartiles over the rounds.")


def add_cells(printed, table, sizes):
    """Fill a printed table with the costs for some sizes."""
    rows = {method: [method] for method in table["method"].unique()}
    last = ["step with nengo.PES (µs)"]
    printed.add_column("method", no_wrap=True)
    for size in sizes:
        printed.add_column(size, justify="right")
        costs = table[table["size"] == size].set_index("method")
        for method, row in rows.items():
            found = costs.loc[method] if method in costs.index else None
            row.append(
                ""
                if found is None
                else f"{found.ratio:.2f} ±{(found.high - found.low) / 2:.2f}"
            )
        last.append(f"{costs['microseconds_pes'].iloc[0]:.0f}")
    for row in rows.values():
        printed.add_row(*row)
    printed.add_row(*last, style="dim")


if __name__ == "__main__":
    main()
