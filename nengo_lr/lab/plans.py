"""The trials of a comparison of methods, and the tables of what they scored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Callable

import nengo
import numpy as np
from nengo.exceptions import SimulationError

from nengo_lr.lab.answers import need
from nengo_lr.lab.methods import METHODS, NATIVE
from nengo_lr.lab.models import probes_of
from nengo_lr.lab.runner import run_trials
from nengo_lr.lab.tasks import WEIGHTS_EVERY
from nengo_lr.lab.timing import measure_costs
from nengo_lr.lab.trials import Trial
from nengo_lr.learning_rules import ScheduledRuleType, rules_of
from nengo_lr.networks.defaults import NENGO_DEFAULTS
from nengo_lr.schedules import Schedule

__all__ = ["Plan", "title_of"]

N_BINS = 40
"""In how many pieces of time errors are averaged for figures."""


@dataclass(frozen=True)
class Plan:
    """What a comparison is made of, once its arguments are checked; see `compare`."""

    model: Callable
    schedule: Schedule
    learning: float
    test: float
    methods: tuple
    seeds: tuple
    simulators: tuple
    error_radius: float
    peak: float

    def trials(self, pairs, simulators):
        """The trials of methods and rates, by these, the simulator and the seed."""
        return {
            (method.name, rate, simulator, seed): Trial(
                self.model,
                rate,
                self.learning,
                self.test,
                seed,
                options=method.options,
                simulator=simulator,
                convert=partial(prepare, method.convert, self.error_radius, self.peak),
                record=("read", "learned"),
            )
            for method, rate in pairs
            for simulator in simulators
            for seed in self.seeds
        }

    def tables(self, executor, store, progress):
        """Run all trials, choose rates where there are several, and measure costs.

        Returns
        -------
        trials, traces, costs : pandas.DataFrame
            As in `.Comparison`.
        """
        first, *others = self.simulators
        candidates = [
            (m, rate) for m in self.methods for rate in m.choices(self.schedule)
        ]
        n_others = len(self.methods) * len(self.seeds) * len(others)
        n_first = len(candidates) * len(self.seeds)
        total = n_first + n_others + len(self.simulators)

        def run(pairs, simulators, n_before):
            trials = self.trials(pairs, simulators)
            found = run_trials(
                trials.values(),
                executor,
                store,
                lambda done, _: progress(n_before + done, total),
                together=False,  # or Nodes would have the rates, not the rules
            )
            return dict(zip(trials, found))

        scores = run(candidates, [first], 0)
        failures = [score.failure for score in scores.values()]
        if all(failures):
            raise SimulationError(f"every trial failed; {failures[0]}")
        chosen = [(m, best_rate(m, self.schedule, scores)) for m in self.methods]
        scores.update(run(chosen, others, n_first))

        results = {
            (title_of(method, rate), simulator, seed): scores[
                method.name, rate, simulator, seed
            ]
            for method, rate in chosen
            for simulator in self.simulators
            for seed in self.seeds
        }
        trials, traces = tabulate(results, self.learning, self.test)
        costs = []
        for n_done, simulator in enumerate(self.simulators, n_first + n_others + 1):
            costs += self.costs(chosen, simulator, scores, executor)
            progress(n_done, total)
        return trials, traces, need("pandas", "cli").DataFrame(costs)

    def costs(self, chosen, simulator, scores, executor):
        """What a step costs with each method, as rows of `Comparison.costs`."""
        ratios = measure_costs(
            {
                key: trial
                for key, trial in self.trials(chosen, [simulator]).items()
                if key[-1] == self.seeds[0] and not scores[key].failure
            },
            executor,
        )
        return [
            {
                "method": title_of(method, rate),
                "simulator": simulator,
                "ratio": ratios.get(method.name, np.nan),
            }
            for method, rate in chosen
        ]


def title_of(method, rate):
    """What tables call a method, with its rate where that was chosen."""
    return f"{method.title}, {rate:g}" if len(method.rates) > 1 else method.title


def prepare(convert, error_radius, rate_radius, network):
    """Add Probes of what is recorded to a network, and convert it.

    The attributes go with the network into a copy.
    """
    network.read = probes_of(network, "test_error") or probes_of(network, "error")
    with network, NENGO_DEFAULTS:
        network.learned = [
            nengo.Probe(connection, "weights", sample_every=WEIGHTS_EVERY)
            for connection in network.all_connections
            if any(
                isinstance(rule.learning_rule_type, ScheduledRuleType)
                for rule in rules_of(connection)
            )
        ]
    if convert is None:
        return network
    return convert(network, error_radius=error_radius, rate_radius=rate_radius)


def best_rate(method, schedule, scores):
    """The rate of a method with the lowest median error in the test."""

    def median_error(rate):
        return np.median(
            [
                np.inf if score.failure else score.error
                for (name, other, *_), score in scores.items()
                if name == method.name and other == rate
            ]
        )

    return min(method.choices(schedule), key=median_error)


def tabulate(results, learning, test):
    """The tables of trials and of traces, from scores by method, simulator and seed."""
    pandas = need("pandas", "cli")
    n_learning = round(learning / WEIGHTS_EVERY)
    ends = np.linspace(0, learning + test, N_BINS + 1)[1:]
    rows, traces = [], []
    first = next(iter(results))[1]
    for (method, simulator, seed), score in results.items():
        key = {"method": method, "simulator": simulator, "seed": seed}
        if score.failure:
            rows.append({**key, "error": np.nan, "failure": score.failure})
            continue
        weights = score.data["learned"]
        learned = weights[n_learning - 1]
        native = results[METHODS[NATIVE].title, simulator, seed]
        reference = results[method, first, seed]
        rows.append(
            {
                **key,
                "error": score.error,
                "moved": distance(weights[-1], learned),
                "distance": distance(weights[-1], last_weights(native)),
                "from_first": distance(weights[-1], last_weights(reference)),
                "failure": "",
            }
        )
        squares = np.mean(np.square(score.data["read"]), axis=1)
        places = np.ceil(ends / WEIGHTS_EVERY).astype(int) - 1
        trace = {
            **key,
            "time": ends,
            "error": [np.sqrt(np.mean(s)) for s in np.array_split(squares, N_BINS)],
            "moved": distance(weights[np.minimum(places, len(weights) - 1)], learned),
        }
        traces.append(pandas.DataFrame(trace))
    return pandas.DataFrame(rows), pandas.concat(traces, ignore_index=True)


def last_weights(score):
    """The weights at the end of a trial; NaN where it failed."""
    return np.nan if score.failure else score.data["learned"][-1]


def distance(weights, others):
    """The norm of the difference of weights, relative to that of the others."""
    difference = np.linalg.norm(np.atleast_1d(weights - others), axis=-1)
    return difference / np.linalg.norm(np.atleast_1d(others), axis=-1)
