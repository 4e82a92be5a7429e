"""Measure how exactly neurons scale an error, and what that does to learning.

The first table compares an `ErrorScaler` with an exact product inside the simulation,
behind the same 10 ms filter, relative to the error's radius: the RMSE while the rate
wanders through [0, 1], and what leaks after it has become 0. Each figure is the median
over the seeds. The inputs are sums of sines; the design was tuned on band-limited noise
and other sines. The second table puts scalers between an error and plain PES.

    python benchmarks/error_scaler.py                      # everything: 15 minutes
    python benchmarks/error_scaler.py --only designs,size  # parts of it
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: no threads of its own

import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Optional

import click
import nengo
import numpy as np
import pandas as pd
from nengo.exceptions import NengoWarning
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from nengo_lr.networks import ErrorScaler

SILENT = 3.0  # seconds with the rate at 0 that end each run of the first table
SETTLED = 0.3  # seconds after a change of the rate that do not count
ERRORS = ("crosses 0", "keeps its sign")
MAIN = {
    "classic": {"design": "classic"},
    "Product": None,
    "tied": {},
    "tied + neural gate": {"gate": "neural"},
}
ALL = {
    **MAIN,
    "tied + node gate": {"gate": "node"},
    "classic, fast": {"design": "classic", "max_rates": nengo.dists.Uniform(470, 495)},
}
NEURON_TYPES = (
    nengo.LIF(),
    nengo.LIFRate(),
    nengo.AdaptiveLIF(),
    nengo.AdaptiveLIFRate(),
    nengo.RectifiedLinear(),
    nengo.SpikingRectifiedLinear(),
    nengo.Sigmoid(),
    nengo.RegularSpiking(nengo.LIFRate()),
    nengo.RegularSpiking(nengo.Sigmoid()),
    nengo.StochasticSpiking(nengo.LIFRate()),
    nengo.PoissonSpiking(nengo.LIFRate()),
)


@dataclass(frozen=True)
class Case:
    """One row of a table."""

    scaler: str = "tied"
    options: Optional[dict] = field(default_factory=dict)  # None: Nengo's Product
    n_neurons: int = 200
    dimensions: int = 1
    error: str = ERRORS[0]
    noisy: str = "nothing"  # the inputs that neurons represent
    neurons: nengo.neurons.NeuronType = NEURON_TYPES[0]


KEYS = ("scaler", "n_neurons", "dimensions", "error", "noisy", "neurons")


def sines(rng, low, high, rms, dimensions):
    """A function of time: eight sines per dimension, between two frequencies in Hz."""
    shape = (dimensions, 8)
    frequencies = np.exp(rng.uniform(np.log(low), np.log(high), shape))
    phases = rng.uniform(0, 2 * np.pi, shape)
    amplitudes = rng.rayleigh(size=shape)
    amplitudes *= rms * np.sqrt(2 / np.sum(amplitudes**2, axis=1, keepdims=True))
    return lambda t: (amplitudes * np.sin(2 * np.pi * frequencies * t + phases)).sum(1)


def represented(signal, size, noisy):
    """A Node with the signal, represented by neurons if it shall be noisy."""
    node = nengo.Node(size_in=size)
    if noisy:
        neurons = nengo.networks.EnsembleArray(100, size)
        nengo.Connection(signal, neurons.input, synapse=None)
        nengo.Connection(neurons.output, node, synapse=0.005)
    else:
        nengo.Connection(signal, node, synapse=None)
    return node


def exact_scaler(error, rate):
    """The product of error and rate, computed in a Node."""
    node = nengo.Node(lambda t, x: x[:-1] * x[-1], size_in=error.size_out + 1)
    nengo.Connection(error, node[:-1], synapse=None)
    nengo.Connection(rate, node[-1], synapse=None)
    return node


def neural_scaler(case, error, rate, seed):
    """The product of error and rate, computed in what the case names."""
    if case.options is None:
        scaler = nengo.networks.Product(case.n_neurons, case.dimensions, seed=seed)
        inputs = scaler.input_a, scaler.input_b
    else:
        scaler = ErrorScaler(
            case.n_neurons,
            case.dimensions,
            neuron_type=case.neurons,
            seed=seed,
            **case.options,
        )
        inputs = scaler.error, scaler.rate
    ones = np.ones((inputs[1].size_in, 1))
    nengo.Connection(error, inputs[0], synapse=None)
    nengo.Connection(rate, inputs[1], transform=ones, synapse=None)
    return scaler.output


def simulate(network, duration):
    """Run a network for some seconds without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NengoWarning)  # noisy inputs leave their range
        with nengo.Simulator(network, progress_bar=False) as simulator:
            simulator.run(duration)
    return simulator


def measure(case, seed, duration):
    """The figures of one row of the first table, for one seed."""
    rng = np.random.RandomState(1000 + seed)
    wave = sines(rng, 0.1, 5, 0.5, case.dimensions)
    slow = sines(rng, 0.1, 1, 0.35, 1)
    last = duration - SILENT
    with nengo.Network(seed=seed) as network:
        error = nengo.Node(
            (lambda t: np.clip(wave(t), -1, 1))
            if case.error == ERRORS[0]
            else (lambda t: 0.55 + 0.4 * np.clip(wave(t), -1, 1))
        )
        rate = nengo.Node(lambda t: np.clip(0.5 + slow(t), 0, 1) * (t < last))
        error = represented(error, case.dimensions, case.noisy in ("error", "both"))
        rate = represented(rate, 1, case.noisy in ("rate", "both"))
        exact = nengo.Probe(exact_scaler(error, rate), synapse=0.01)
        output = neural_scaler(case, error, rate, seed)
        scaled = nengo.Probe(output, synapse=0.01)
        unfiltered = nengo.Probe(output, synapse=None)
    simulator = simulate(network, duration)
    t = simulator.trange()
    difference = (simulator.data[scaled] - simulator.data[exact])[
        (t > SETTLED) & (t < last)
    ]
    at_rest = t > last + SETTLED
    leak = simulator.data[scaled][at_rest]
    return {
        "rmse": np.sqrt(np.mean(difference**2)),
        "leak": np.abs(leak).mean(),
        "signed leak": np.abs(leak.mean(axis=0)).mean(),
        "largest leak": np.abs(leak).max(),
        "unfiltered": np.abs(simulator.data[unfiltered][at_rest]).max(),
    }


def channel(stimulus, rate, offset, scaler, seed):
    """A communication channel that learns by PES from an error scaled by the rate.

    Returns probes on its output and its weights. ``offset`` is added to the error.
    """
    pre = nengo.Ensemble(200, 1, seed=seed)
    output = nengo.Node(size_in=1)
    error = nengo.Node(size_in=1)
    learned = nengo.Connection(
        pre,
        output,
        function=lambda x: 0,
        synapse=0.005,
        learning_rule_type=nengo.PES(1e-3),
        seed=seed,
    )
    nengo.Connection(stimulus, pre, synapse=None)
    nengo.Connection(stimulus, error, transform=-1, synapse=0.005)
    nengo.Connection(output, error, synapse=0.005)
    nengo.Connection(offset, error, synapse=None)
    nengo.Connection(scaler(error, rate), learned.learning_rule, synapse=0.005)
    weights = nengo.Probe(learned, "weights", sample_every=0.1)
    return nengo.Probe(output, synapse=0.005), weights


def learn(case, seed, duration=20.0, silent_from=15.0):
    """The figures of one row of the second table, for one seed.

    A channel learns while the rate decays, and is tested when the rate is 0. The native
    rule's place is taken by an exact product, which gives the same weights, with the
    same filter behind it. An error that keeps its sign is raised just before that.
    """
    wave = sines(np.random.RandomState(2000 + seed), 0.1, 5, 0.5, 1)
    height = 0.0 if case.error == ERRORS[0] else 0.5
    with nengo.Network(seed=seed) as network:
        stimulus = nengo.Node(lambda t: np.clip(wave(t), -1, 1))
        rate = nengo.Node(lambda t: np.exp(-t / 4) * (t < silent_from))
        offset = nengo.Node(lambda t: height * (t >= silent_from - 0.1))
        target = nengo.Probe(stimulus, synapse=nengo.Alpha(0.005))
        channels = [
            channel(stimulus, rate, offset, scaler, seed)
            for scaler in (exact_scaler, partial(neural_scaler, case, seed=seed))
        ]
    simulator = simulate(network, duration)
    tested = simulator.trange() > silent_from
    at_rest = simulator.trange(sample_every=0.1) > silent_from + SETTLED
    target = simulator.data[target][tested]
    native_rmse, rmse = (
        np.sqrt(np.mean((simulator.data[output][tested] - target) ** 2))
        for output, _ in channels
    )
    native, weights = (simulator.data[probe][at_rest] for _, probe in channels)
    return {
        "rmse": rmse,
        "rmse / native": rmse / native_rmse,
        "distance": np.linalg.norm(weights[0] - native[0]) / np.linalg.norm(native[0]),
        "drift": np.linalg.norm(weights[-1] - weights[0]) / np.linalg.norm(weights[0]),
    }


def rows(scalers=MAIN, errors=ERRORS[:1], **values):
    """One case for each scaler and kind of error."""
    return [
        Case(name, options, error=error, **values)
        for error in errors
        for name, options in scalers.items()
    ]


SECTIONS = {
    "designs": rows(ALL, ERRORS),
    "size": [
        case
        for n_neurons in (50, 100, 200, 500, 1000)
        for case in rows(errors=ERRORS, n_neurons=n_neurons)
    ],
    "dimensions": [
        case
        for n_neurons, dimensions in ((200, 8), (100, 32))
        for case in rows(n_neurons=n_neurons, dimensions=dimensions)
    ],
    "inputs": [
        case for noisy in ("error", "rate", "both") for case in rows(noisy=noisy)
    ],
    "neurons": [Case(neurons=neurons) for neurons in NEURON_TYPES],
    "learning": rows(ALL, ERRORS),
}


def show(console, section, frame):
    """Print the medians over the seeds of one section."""
    keys = [key for key in KEYS if key == "scaler" or frame[key].nunique() > 1]
    figures = frame.columns.difference(["section", "seed", *KEYS], sort=False)
    medians = frame.groupby(keys, sort=False)[list(figures)].median()
    table = Table(title=section)
    for column in (*keys, *medians):
        table.add_column(column)
    for row in medians.reset_index().itertuples(index=False):
        table.add_row(*(f"{x:.2g}" if isinstance(x, float) else str(x) for x in row))
    console.print(table)


def show_fit(console, frame):
    """Print the power laws through the medians, which stand in the docs."""
    for design in ("tied", "classic"):
        for figure, error in (("rmse", "crosses 0"), ("leak", "keeps its sign")):
            chosen = frame[(frame["scaler"] == design) & (frame["error"] == error)]
            medians = chosen.groupby("n_neurons")[figure].median()
            n_neurons = medians.index.to_numpy()
            power, offset = np.polyfit(np.log(n_neurons), np.log(medians), 1)
            ratios = medians / (np.exp(offset) * n_neurons**power)
            console.print(
                f"{design}: {figure} = {np.exp(offset):.3g} * n_neurons**{power:.3f}; "
                f"measured over this: {np.round(ratios.to_numpy(), 2)}"
            )


def run(section, duration, case, seed):
    """One line of the CSV file."""
    keys = {key: getattr(case, key) for key in KEYS}
    keys["neurons"] = str(case.neurons)
    learning = section == "learning"
    figures = learn(case, seed) if learning else measure(case, seed, duration)
    return {"section": section, **keys, "seed": seed, **figures}


@click.command()
@click.option("--only", default=",".join(SECTIONS), help="Sections, with commas.")
@click.option("--seeds", default=5, show_default=True, help="Number of seeds.")
@click.option("--duration", default=15.0, show_default=True, help="Seconds per run.")
@click.option("--processes", default=1, show_default=True, help="Runs at a time.")
@click.option("--output", default="error_scaler.csv", show_default=True, type=Path)
def main(only, seeds, duration, processes, output):
    """Measure how exactly neurons scale an error, and what that does to learning."""
    console = Console()
    lines = []
    with Progress(console=console) as progress, ProcessPoolExecutor(processes) as pool:
        for section in only.split(","):
            runs = [(case, seed) for case in SECTIONS[section] for seed in range(seeds)]
            made = pool.map(partial(run, section, duration), *zip(*runs))
            part = list(progress.track(made, len(runs), description=section))
            lines += part
            pd.DataFrame(lines).to_csv(output, index=False)
            show(console, section, pd.DataFrame(part))
            if section == "size":
                show_fit(console, pd.DataFrame(part))


if __name__ == "__main__":
    main()
