"""What learning costs: whole simulation steps, as ratios to those with nengo.PES.

    python benchmarks/cost.py                                # a short version
    python benchmarks/cost.py --sizes 50x1,5000x64 --methods ScheduledPES,Adam
    python benchmarks/cost.py --sizes 64x50x1 --simulators nengo,nengo_dl
    python benchmarks/cost.py --simulators nengo_torch --device cuda --bits 32

A size is the neurons and the error dimensions of a model with one learned connection,
or, with a number in front, those of each of many such connections. All methods take
turns in one process, on one thread; the cost of a method is the median over the rounds
of its CPU time for whole steps, divided by that of nengo.PES in the same round. Nengo
and NengoDL merge operators in another order in each build, so that the methods are
built several times, and the median is over the rounds of all builds. "memory limit" is
the model without learning and one pass that reads and writes all weights. On a GPU the
program waits for each step, in nengo-torch's neurons, so that its CPU time is that of
the step. The table (CSV) and the figure (PNG) go to a folder.
"""

import os

os.environ.setdefault("MPLBACKEND", "agg")
# one thread, also in the processes that measure
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

import time
import tracemalloc
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Callable, Optional

import click
import cost_figure
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
from nengo_lr.lab.plot import save
from nengo_lr.lab.runner import workers

RATE = 1e-6
PRODUCT_NEURONS = 200

MOST_PRODUCT_DIMENSIONS = 64
"""A product network for more dimensions has more neurons than the model."""

ROUND_SECONDS = {True: 0.03, False: 0.15}
"""How long a round of the baseline takes, by whether weights are changed in place:
other simulators have a cost per run."""

COLUMNS = 3
"""How many methods fit into the width of a terminal."""


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
        Method("auto", lambda: ScheduledPES("auto")),
    ]
}


def build(method, rules, neurons, dimensions):
    """Build a model with one or more learned connections."""
    if rules == 1:
        return one_rule(method, neurons, dimensions)
    return many_rules(method, rules, neurons, dimensions)


def one_rule(method, neurons, dimensions):
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


def many_rules(method, rules, neurons, dimensions):
    """Build an EnsembleArray whose ensembles each learn, with default synapses."""
    size = rules * dimensions
    with nengo.Network(seed=0) as network:
        stimulus = nengo.Node(lambda t: np.sin(3 * t + np.arange(size)), size_out=size)
        pre = nengo.networks.EnsembleArray(neurons, rules, dimensions)
        output, error = nengo.Node(size_in=size), nengo.Node(size_in=size)
        nengo.Connection(stimulus, pre.input)
        nengo.Connection(output, error)
        nengo.Connection(stimulus, error, transform=-1)
        for i, ensemble in enumerate(pre.ea_ensembles):
            part = slice(i * dimensions, (i + 1) * dimensions)
            learned = nengo.Connection(
                ensemble,
                output[part],
                function=lambda x: np.zeros(dimensions),
                learning_rule_type=method.rule(),
            )
            if learned.learning_rule is not None:
                nengo.Connection(error[part], learned.learning_rule)
    return network


# --- the measurements


def suits(name, rules, dimensions):
    """Whether a method is measured at a size."""
    if METHODS[name].scale is not None and rules > 1:
        return False
    return dimensions <= MOST_PRODUCT_DIMENSIONS or "product" not in name


def measure(names, size, simulator="nengo", rounds=11, builds=3, bits="64", **kwargs):
    """Measure whole steps of several methods, interleaved in this process.

    Parameters
    ----------
    names : list of str
        The methods; the baseline and the floor come with them.
    size : (int, int, int)
        Rules, neurons and dimensions.
    simulator : str
    rounds, builds : int
        How often all methods take turns, and how often they are built.
    bits : str
        Of a float, on Nengo's own simulator.
    **kwargs
        What the simulator is made with.

    Returns
    -------
    rows : list of dict
        For each method the median and the quartiles of its ratio to nengo.PES, and
        the microseconds of a step of that.
    """
    rules, neurons, dimensions = size
    names = [name for name in names if suits(name, rules, dimensions)]
    names = list(dict.fromkeys([BASELINE, FLOOR, *names]))
    nengo.rc.set("precision", "bits", bits)
    ratios, microseconds = {}, []
    for _ in range(builds):
        found, step = measure_once(names, size, hosts()[simulator], rounds, kwargs)
        microseconds.append(1e6 * step)
        for name, values in found.items():
            ratios.setdefault(name, []).extend(values)
    return [
        {
            "simulator": simulator,
            "minibatch": kwargs.get("minibatch_size") or 1,
            "rules": rules,
            "neurons": neurons,
            "dimensions": dimensions,
            "method": name,
            "ratio": np.median(values),
            "low": np.quantile(values, 0.25),
            "high": np.quantile(values, 0.75),
            "microseconds_pes": np.median(microseconds),
        }
        for name, values in ratios.items()
    ]


def measure_once(names, size, host, rounds, kwargs):
    """Build all methods once; their ratios, and the baseline's seconds for a step."""
    rules, neurons, dimensions = size
    simulators = {
        name: host.make(build(METHODS[name], *size), **kwargs) for name in names
    }
    weights = np.ones((rules, dimensions, neurons))
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
    return ratios, base / n_steps


def steps_per_round(host, seconds):
    """How many steps take a simulator about so many seconds of CPU time."""
    host.run(100)
    start = time.process_time()
    host.run(100)
    return int(np.clip(100 * seconds / (time.process_time() - start), 10, 5000))


def peak_memory(name, neurons, dimensions):
    """The most bytes that a method takes on the reference simulator."""
    network = one_rule(METHODS[name], neurons, dimensions)
    tracemalloc.start()
    with nengo.Simulator(network, progress_bar=False) as sim:
        tracemalloc.reset_peak()
        sim.run_steps(10)
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


# --- the command


class Sizes(click.ParamType):
    """Sizes like ``200x8,64x50x1``: [rules x] neurons x dimensions."""

    name = "sizes"

    def convert(self, value, param, ctx):
        """Read text; a list of (rules, neurons, dimensions)."""
        if not isinstance(value, str):
            return value
        try:
            sizes = [tuple(map(int, part.split("x"))) for part in value.split(",")]
        except ValueError:
            sizes = []
        if not sizes or any(len(s) not in (2, 3) or min(s) < 1 for s in sizes):
            self.fail(f"{value!r} is not like 50x1,64x50x1.", param, ctx)
        return [size if len(size) == 3 else (1, *size) for size in sizes]


@click.command(context_settings={"show_default": True})
@click.option(
    "--sizes",
    type=Sizes(),
    default="50x1,200x8,1000x64,64x50x1",
    help="Neurons x dimensions of the error, with a number of rules in front.",
)
@click.option("--methods", type=Names(METHODS), default=",".join(METHODS))
@click.option("--simulators", type=Names(hosts()), default="nengo")
@click.option("--minibatch", type=click.IntRange(min=1), help="Items of a minibatch.")
@click.option("--device", help="Where nengo-torch computes, for example cuda.")
@click.option("--bits", type=click.Choice(["32", "64"]), default="64")
@click.option("--rounds", type=click.IntRange(min=3), default=11)
@click.option("--builds", type=click.IntRange(min=1), default=3)
@click.option("--output", type=OutputFolder(), default="nengo-lr-cost")
def main(sizes, methods, simulators, minibatch, device, output, **options):
    """Measure what learning costs, as ratios to nengo.PES."""
    given = {"minibatch_size": minibatch, "device": device}
    options.update((key, value) for key, value in given.items() if value is not None)
    table = write(rows_of(sizes, methods, simulators, **options), output)
    print_costs(Console(highlight=False), table)
    print(f"wrote cost.csv and cost.png to {output}/")


def rows_of(sizes, methods, simulators, **options):
    """Measure methods at all sizes on all simulators."""
    rows = []
    for simulator, size in product(simulators, sizes):
        # a fresh process each, so that one size leaves nothing behind for the next
        with workers(1, 1) as executor:
            measured = executor.submit(measure, methods, size, simulator, **options)
            rows += measured.result()
    return rows


def write(rows, output):
    """Write the table and the figure to a folder; returns the table."""
    table = pd.DataFrame(rows)
    table.insert(0, "size", [size_name(*size) for size in zip(*map(table.get, SIZE))])
    table.to_csv(output / "cost.csv", index=False)
    save(cost_figure.draw(table, BASELINE, FLOOR), output / "cost.png")
    return table


SIZE = "rules", "neurons", "dimensions", "minibatch"


def size_name(rules, neurons, dimensions, minibatch):
    """A size for people."""
    name = f"{neurons} x {dimensions}"
    name = f"{rules} rules, {name}" if rules > 1 else name
    return f"{name}, {minibatch} items" if minibatch > 1 else name


def print_costs(console, table):
    """Print the medians, a row for each size and a column for each method."""
    for simulator, part in table.groupby("simulator", sort=False):
        methods = [name for name in part["method"].unique() if name != BASELINE]
        for first in range(0, len(methods), COLUMNS):
            printed = Table(
                title=f"[bold]{simulator}[/]: CPU time per step over {BASELINE}",
                title_justify="left",
                box=box.MARKDOWN,
            )
            printed.add_column("size", no_wrap=True)
            printed.add_column("PES (µs)", justify="right")
            for method in methods[first : first + COLUMNS]:
                printed.add_column(method, justify="right")
            for size, rows in part.groupby("size", sort=False):
                costs = rows.set_index("method")
                cells = [
                    cell(costs.loc[method]) if method in costs.index else ""
                    for method in methods[first : first + COLUMNS]
                ]
                step = costs["microseconds_pes"].iloc[0]
                printed.add_row(size, f"{step:.0f}", *cells)
            console.print(printed)
    console.print("Medians ± half the distance between the quartiles over the rounds.")


def cell(cost):
    """One cost for people."""
    return f"{cost.ratio:.2f} ±{(cost.high - cost.low) / 2:.2f}"


if __name__ == "__main__":
    main()
