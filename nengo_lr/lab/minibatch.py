"""Many trials in one simulator: items of a minibatch, each with its own rate."""

from __future__ import annotations

import re
from dataclasses import replace

import nengo
import numpy as np
from nengo.exceptions import SimulationError

from nengo_lr.builder.hosts import host_of, hosts
from nengo_lr.lab.trials import MACHINE, Score
from nengo_lr.networks.defaults import NENGO_DEFAULTS
from nengo_lr.schedules import Schedule

__all__ = ["Minibatch", "groups_of", "run_together", "takes_items"]

CHUNK = 1000
"""How many steps run at once, between two reports of progress."""


def takes_items(trial):
    """Whether a trial can be an item of a minibatch."""
    has_minibatches = hosts()[trial.simulator].minibatches
    return has_minibatches and not trial.adapts


def groups_of(trials):
    """Sort trials into those that can run together, as lists of their places."""
    groups = []
    for i, trial in enumerate(trials):
        like = replace(trial, rate=0.0) if takes_items(trial) else None
        for other, places in groups:
            if like is not None and other == like:
                places.append(i)
                break
        else:
            groups.append((like, [i]))
    return [places for _, places in groups]


def run_together(trials, progress=None):
    """Run trials that differ only in their rates; returns their Scores.

    Parameters
    ----------
    trials : list of Trial
        On a simulator with minibatches.
    progress : callable, optional
        Called with the fraction of the steps that are done.
    """
    try:
        with Minibatch(trials) as batch:
            batch.learn(progress)
            return batch.scores()
    except MACHINE:
        raise
    except Exception as error:
        return [Score(failure=trial.failure(error)) for trial in trials]


class Minibatch:
    """One simulator in which every item learns with a rate of its own.

    All items see the same input; a Node hands each its rate. An item whose weights
    overflow learns no more, and the others go on.
    """

    def __init__(self, trials):
        self.trials = trials
        trial = trials[0]
        self.n_items, self.seed = len(trials), trial.seed
        with nengo.Network(seed=self.seed) as outer:
            with NENGO_DEFAULTS:
                self.rate = nengo.Node([0.0], label="learning rate")
            self.network = trial.make(self.rate)
        self.sim = hosts()[trial.simulator].make(
            outer, minibatch_size=self.n_items, dt=trial.dt, seed=self.seed
        )
        self.host = host_of(self.sim)
        self.failures = {}
        self.restarted = set()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.sim.close()

    def learn(self, progress=None):
        """Run all steps; items whose weights overflow are set aside."""
        trial = self.trials[0]
        n_steps = trial.n_steps
        times = np.arange(1, n_steps + 1) * trial.dt
        rates = np.array([at(item.schedule, times) for item in self.trials])[..., None]
        inputs = self.inputs(n_steps)
        start = 0
        while start < n_steps:
            stop = min(start + CHUNK, n_steps)
            data = {self.rate: rates[:, start:stop]}
            for node, values in inputs.items():
                shape = (self.n_items, stop - start, node.size_out)
                data[node] = np.broadcast_to(values[start:stop], shape)
            try:
                self.host.run(stop - start, data)
            except SimulationError as error:
                start = self.set_aside(error, rates, start)
                continue
            start = stop
            if progress is not None:
                progress(start / n_steps)

    def set_aside(self, error, rates, start):
        """Set the rates of the item that overflowed to 0; returns where to go on."""
        reason = self.host.reason(error)
        found = re.search(r"\(item (\d+) of the minibatch\)", str(reason))
        item = found and int(found[1])
        if found is None or item in self.restarted:
            raise error
        if item in self.failures:
            # it overflows at rate 0 too, with the weights that it has learned
            self.restarted.add(item)
            self.sim.reset()
            start = 0
        self.failures[item] = f"SimulationError: {reason}"
        rates[item] = 0.0
        return start

    def inputs(self, n_steps):
        """What Nodes with processes put out: the same for every item.

        A simulator would draw other noise for each.
        """
        return {
            node: node.output.run_steps(
                n_steps,
                d=node.size_out,
                dt=self.trials[0].dt,
                rng=np.random.RandomState(self.seed),
            )
            for node in self.sim.model.toplevel.all_nodes
            if node.size_in == 0 and isinstance(node.output, nengo.Process)
        }

    def scores(self):
        """The Score of every item."""
        scores = []
        for item, trial in enumerate(self.trials):
            if item in self.failures:
                scores.append(Score(failure=self.failures[item]))
            else:
                data = {}
                for probe in self.network.all_probes:
                    data[probe] = self.host.samples(probe)[item]
                scores.append(trial.score(self.network, data.__getitem__))
        return scores


def at(rate, times):
    """A rate or schedule at some times, an array."""
    if isinstance(rate, Schedule):
        return rate(times)
    return np.full(len(times), float(rate))
