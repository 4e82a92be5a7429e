"""The runs of a sweep: one rate after the other, or many in one minibatch."""

import re
from dataclasses import dataclass
from typing import Callable

import nengo
import numpy as np
from nengo.exceptions import SimulationError

from nengo_lr.schedules import Constant, Schedule
from nengo_lr.search.contract import make, probes_of
from nengo_lr.simulators import SIMULATORS, reason

__all__ = ["Plan", "Score"]

CHUNK = 1000
"""How many steps of a minibatch run at once, between two reports of progress."""

LAST = 0.2
"""The share of a run without a test in which the error is read."""


@dataclass(frozen=True)
class Score:
    """What one run scored.

    Parameters
    ----------
    error : float
        Root mean square of the error in the end; NaN if the run failed.
    failure : str
        Why it failed; empty if it did not.
    """

    error: float
    failure: str = ""


@dataclass(frozen=True)
class Plan:
    """What all runs of a sweep have in common.

    Parameters
    ----------
    model : callable
        The model function; see `.contract.make`.
    duration : float
        Length of the learning phase in seconds.
    test : float
        Length of the phase after it in seconds, in which the rate is 0 and the error
        is read. If 0, the error is read in the last fifth of learning.
    dt : float
        Length of a step in seconds.
    """

    model: Callable
    duration: float
    test: float = 0.0
    dt: float = 0.001

    @property
    def n_steps(self):
        """The number of steps of a run."""
        return round((self.duration + self.test) / self.dt)

    def schedule(self, rate):
        """A rate or schedule, and 0 in the test."""
        if not self.test:
            return rate
        rate = rate if isinstance(rate, Schedule) else Constant(rate)
        return rate.between(0.0, self.duration)

    def score(self, network, data):
        """The score of a run, from its Probes' data (n_samples, size)."""
        length = self.test or LAST * self.duration
        probes = self.test and probes_of(network, "test_error")
        square = 0.0
        for probe in probes or probes_of(network, "error"):
            n_last = max(1, round(length / (probe.sample_every or self.dt)))
            square += np.mean(np.sum(np.square(data(probe)[-n_last:]), axis=1))
        return Score(float(np.sqrt(square)))

    def run(self, rate, seed):
        """Run one rate on the reference simulator; returns its Score.

        Whatever goes wrong in the run is a part of the score.
        """
        try:
            network = make(self.model, self.schedule(rate), seed)
            with nengo.Simulator(network, dt=self.dt, progress_bar=False) as sim:
                sim.run_steps(self.n_steps)
                return self.score(network, sim.data.__getitem__)
        except Exception as error:
            return Score(np.nan, f"{type(error).__name__}: {error}")

    def run_together(self, rates, seed, progress=None):
        """Run many rates in one simulator of NengoDL; returns their Scores.

        Each is an item of the minibatch, with the same input; a Node hands it its rate.
        An item that fails learns no more, and the others go on.
        """
        try:
            with Minibatch(self, len(rates), seed) as batch:
                batch.learn([self.schedule(rate) for rate in rates], progress)
                return batch.scores()
        except Exception as error:
            text = f"{type(error).__name__}: {reason(error)}"
            return [Score(np.nan, text) for _ in rates]


class Minibatch:
    """One simulator of NengoDL in which every item learns with a rate of its own."""

    def __init__(self, plan, n_items, seed):
        self.plan, self.n_items, self.seed = plan, n_items, seed
        with nengo.Network(seed=seed) as outer:
            self.rate = nengo.Node([0.0], label="learning rate")
            self.network = make(plan.model, self.rate, seed)
        self.sim = SIMULATORS["nengo_dl"](
            outer, minibatch_size=n_items, dt=plan.dt, seed=seed
        )
        self.failures = {}
        self.restarted = set()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.sim.close()

    def learn(self, schedules, progress=None):
        """Run all steps; items whose weights overflow are set aside."""
        n_steps, dt = self.plan.n_steps, self.plan.dt
        times = np.arange(1, n_steps + 1) * dt
        rates = np.array([at(schedule, times) for schedule in schedules])[..., None]
        inputs = self.inputs(n_steps)
        start = 0
        while start < n_steps:
            stop = min(start + CHUNK, n_steps)
            data = {self.rate: rates[:, start:stop]}
            for node, values in inputs.items():
                shape = (self.n_items, stop - start, node.size_out)
                data[node] = np.broadcast_to(values[start:stop], shape)
            try:
                self.sim.run_steps(stop - start, data=data, progress_bar=False)
            except SimulationError as error:
                start = self.set_aside(error, rates, start)
                continue
            start = stop
            if progress is not None:
                progress(start / n_steps)

    def set_aside(self, error, rates, start):
        """Set the rates of the item that overflowed to 0; returns where to go on."""
        text = str(reason(error))
        found = re.search(r"\(item (\d+) of the minibatch\)", text)
        item = found and int(found[1])
        if found is None or item in self.restarted:
            raise error
        if item in self.failures:
            # it had learned too much even for rate 0: all begin again
            self.restarted.add(item)
            self.sim.reset()
            start = 0
        self.failures[item] = f"SimulationError: {text}"
        rates[item] = 0.0
        return start

    def inputs(self, n_steps):
        """What Nodes with processes put out, the same for every item.

        NengoDL would draw other noise for each.
        """
        return {
            node: node.output.run_steps(
                n_steps,
                d=node.size_out,
                dt=self.plan.dt,
                rng=np.random.RandomState(self.seed),
            )
            for node in self.sim.model.toplevel.all_nodes
            if node.size_in == 0 and isinstance(node.output, nengo.Process)
        }

    def scores(self):
        """The Score of every item."""
        return [
            Score(np.nan, self.failures[item])
            if item in self.failures
            else self.plan.score(
                self.network, lambda probe, item=item: self.sim.data[probe][item]
            )
            for item in range(self.n_items)
        ]


def at(rate, times):
    """A rate or schedule at some times, an array."""
    if isinstance(rate, Schedule):
        return rate(times)
    return np.full(len(times), float(rate))
