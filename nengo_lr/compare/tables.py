"""What a comparison found, as tables."""

from dataclasses import dataclass
from pathlib import Path as FilePath

import numpy as np
import pandas as pd

from nengo_lr.compare.paths import NATIVE, Experiment
from nengo_lr.lab.tasks import SAMPLE, WEIGHTS_EVERY

__all__ = ["Comparison"]

N_BINS = 30
"""Number of pieces of a run for which the traces have one row each."""


@dataclass(frozen=True)
class Comparison:
    """What `compare` found.

    Parameters
    ----------
    experiment : Experiment
        With the first of the seeds.
    runs : pandas.DataFrame
        One row per simulator, path and seed: ``rmse`` of the test phase in the
        target's unit; ``distance`` of the final weights from the native rule's on the
        same simulator, and ``from_reference`` from the native rule's on the first
        simulator, both relative to the norm of those; ``drift``, the movement of the
        weights after the rate is 0, relative to their norm.
    traces : pandas.DataFrame
        One row per simulator, path, seed and bin of ``time`` (its end, in seconds):
        RMS ``error`` in the bin, ``distance`` as above and ``rate`` at the end of it.
    cost : pandas.DataFrame
        One row per simulator, path and round: processor time per step as a ``ratio`` to
        the first path's.
    """

    experiment: Experiment
    runs: pd.DataFrame
    traces: pd.DataFrame
    cost: pd.DataFrame

    def summary(self):
        """The median and the spread of every measure.

        Returns
        -------
        summary : pandas.DataFrame
            One row per simulator and path; for each measure its median over the seeds
            and its range (``_low``, ``_high``), for ``cost`` the median and the
            quartiles over the rounds.
        """
        keys = ["simulator", "path"]
        groups = self.runs.drop(columns="seed").groupby(keys, sort=False)
        median, low, high = groups.median(), groups.min(), groups.max()
        ratios = self.cost.groupby(keys, sort=False)["ratio"]
        return (
            median.join(low, rsuffix="_low")
            .join(high, rsuffix="_high")
            .assign(
                cost=ratios.median(),
                cost_low=ratios.quantile(0.25),
                cost_high=ratios.quantile(0.75),
            )
            .reset_index()
        )

    def save(self, folder):
        """Write ``runs.csv``, ``traces.csv`` and ``cost.csv`` to a folder."""
        folder = FilePath(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("runs", "traces", "cost"):
            getattr(self, name).to_csv(folder / f"{name}.csv", index=False)


def tabulate(experiments, simulators, paths, results, ratios):
    """Make the tables of a `Comparison` from what the jobs returned."""
    runs, traces, cost = [], [], []
    native = paths.index(NATIVE)
    for simulator in simulators:
        for experiment in experiments:
            n_learning = round(experiment.learning / WEIGHTS_EVERY)
            n_samples = round(experiment.duration / WEIGHTS_EVERY)
            bins = np.array_split(np.arange(n_samples), min(N_BINS, n_samples))
            ends = np.array([bin[-1] for bin in bins])
            times = (ends + 1) * WEIGHTS_EVERY
            first = results[simulators[0], experiment.seed][native]["weights"]
            own = results[simulator, experiment.seed][native]["weights"]
            for path, result in zip(paths, results[simulator, experiment.seed]):
                square, weights = result["square"], result["weights"]
                names = (simulator, path.name, experiment.seed)
                key = dict(zip(("simulator", "path", "seed"), names))
                runs.append(
                    {
                        **key,
                        "rmse": np.sqrt(np.mean(square[n_learning:])),
                        "distance": distance(weights[-1], own[-1]),
                        "from_reference": distance(weights[-1], first[-1]),
                        "drift": distance(weights[-1], weights[n_learning - 1]),
                    }
                )
                trace = {
                    **key,
                    "time": times,
                    "rate": experiment.rates[np.round(times / SAMPLE).astype(int) - 1],
                    "error": np.sqrt([np.mean(square[bin]) for bin in bins]),
                    "distance": distance(weights[ends], own[ends]),
                }
                traces.append(pd.DataFrame(trace))
        for name, values in ratios[simulator].items():
            key = {"simulator": simulator, "path": name}
            cost += [{**key, "round": i, "ratio": v} for i, v in enumerate(values)]
    return Comparison(
        experiments[0],
        pd.DataFrame(runs),
        pd.concat(traces, ignore_index=True),
        pd.DataFrame(cost),
    )


def distance(weights, others):
    """The norm of the difference, relative to the norm of what is subtracted."""
    difference = np.linalg.norm(weights - others, axis=-1)
    return difference / np.linalg.norm(others, axis=-1)
