"""How close the stable rate comes to the true one, on models drawn at random.

    OMP_NUM_THREADS=1 python benchmarks/stability.py              # 100 models, minutes
    OMP_NUM_THREADS=1 python benchmarks/stability.py --first 20 --models 10

Each model learns a constant from a constant input on the ensemble's radius, and from
one that moves over the whole range. The true critical rate, above which one of the two
diverges, is found by bisection over runs of 1 s; at the rate that `stable_rate` returns
the model learns for 3 s. Exits with status 1 where that diverges, or where the rate is
2.5 times too cautious.
"""

import argparse
import sys
import warnings

import nengo
import numpy as np
from nengo.exceptions import SimulationError

import nengo_lr as nlr
from nengo_lr.stability import stable_rate

LIMIT = 2.5
"""How many times the returned rate the critical rate may be."""

NEURON_TYPES = [
    nengo.LIF(),
    nengo.LIFRate(),
    nengo.RectifiedLinear(),
    nengo.SpikingRectifiedLinear(),
    nengo.AdaptiveLIF(),
    nengo.Sigmoid(),
]


class Model:
    """A model drawn at random, with an input and a rate that can be set."""

    def __init__(self, seed, automatic=False):
        rng = np.random.RandomState(seed)
        self.rate, self.moving = 0.0, False
        self.dimensions = rng.randint(1, 5)
        n_neurons = round(np.exp(rng.uniform(np.log(50), np.log(1000))))
        neuron_type = NEURON_TYPES[rng.randint(len(NEURON_TYPES))]
        synapses = [
            None if rng.rand() < 1 / 3 else round(rng.uniform(0.002, 0.02), 4)
            for _ in range(3)
        ]
        self.dt = [0.0005, 0.001][rng.randint(2)]
        self.name = (
            f"{n_neurons} {type(neuron_type).__name__}, {self.dimensions} dimensions, "
            f"synapses {synapses}, dt {self.dt}"
        )
        first, second = rng.normal(size=(2, self.dimensions))
        self.axes = np.array([v / np.linalg.norm(v) for v in (first, second)])
        target = np.ones(self.dimensions) / np.sqrt(self.dimensions)
        with nengo.Network(seed=seed) as network:
            stimulus = nengo.Node(self.input)
            rate = nengo.Node(lambda t: self.rate)
            ensemble = nengo.Ensemble(
                n_neurons, self.dimensions, neuron_type=neuron_type
            )
            nengo.Connection(stimulus, ensemble, synapse=None)
            error = nengo.Node(size_in=self.dimensions)
            self.connection = nengo.Connection(
                ensemble,
                error,
                function=lambda x: np.zeros(self.dimensions),
                synapse=synapses[0],
                learning_rule_type=nlr.ScheduledPES(
                    "auto" if automatic else rate, pre_synapse=synapses[1]
                ),
            )
            nengo.Connection(nengo.Node(-target), error, synapse=None)
            nengo.Connection(error, self.connection.learning_rule, synapse=synapses[2])
            self.error = nengo.Probe(error, synapse=0.02)
        self.sim = nengo.Simulator(network, dt=self.dt, progress_bar=False)

    def input(self, t):
        """A point on the radius, or a path from one such point to others and inside."""
        if not self.moving:
            return self.axes[0]
        angles = np.array([np.sin(7 * t), np.cos(11 * t)])
        x = angles @ self.axes
        return x / max(1.0, np.linalg.norm(x))

    def diverges(self, rate, duration=1.0):
        """Whether the error of a target of length 1 ends above 3, on either input."""
        return any(self.run(rate, duration, moving) for moving in (False, True))

    def run(self, rate, duration, moving):
        """Whether the error ends above 3 on one of the inputs."""
        self.rate, self.moving = rate, moving
        self.sim.reset()
        try:
            self.sim.run(duration, progress_bar=False)
        except SimulationError:
            return True
        error = np.linalg.norm(self.sim.data[self.error], axis=1)
        return not np.mean(error[-len(error) // 10 :]) < 3

    def critical_rate(self, start):
        """The lowest rate that diverges, to 10 %."""
        low, high = start / 4, start
        while not self.diverges(high):
            low, high = high, 2 * high
        while self.diverges(low):
            low, high = low / 4, low
        while high / low > 1.1:
            middle = np.sqrt(low * high)
            low, high = (low, middle) if self.diverges(middle) else (middle, high)
        return high


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="seed of the first model")
    args = parser.parse_args()

    warnings.simplefilter("ignore")
    ratios, failures = [], 0
    for seed in range(args.first, args.first + args.models):
        model = Model(seed)
        rate = stable_rate(model.sim, model.connection)
        diverged = model.diverges(rate, 3.0)
        ratios.append(model.critical_rate(rate) / rate)
        failures += diverged
        print(f"{seed:3} {ratios[-1]:.2f} {'DIVERGED' * diverged} {model.name}")
    print(
        f"critical over returned rate: median {np.median(ratios):.2f}, "
        f"{min(ratios):.2f} to {max(ratios):.2f}; {failures} of {args.models} diverged"
    )
    sys.exit(int(failures > 0 or max(ratios) > LIMIT))
