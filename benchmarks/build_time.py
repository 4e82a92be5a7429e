"""How long models with many learning rules take to build, over nengo.PES.

python benchmarks/build_time.py --rules 1000
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: no threads of its own

import argparse

import nengo

from nengo_lr import ExponentialDecay, ScheduledPES
from nengo_lr.lab import interleaved

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--rules", type=int, default=1000)
parser.add_argument("--rounds", type=int, default=5)
args = parser.parse_args()

# what the cache costs differs from run to run by more than what is measured
nengo.rc.set("decoder_cache", "enabled", "False")


def network(make_rule):
    """Many connections that learn, each from an ensemble and to a Node of its own."""
    with nengo.Network(seed=0) as network:
        for _ in range(args.rules):
            learned = nengo.Connection(
                nengo.Ensemble(10, 1, n_eval_points=20),
                nengo.Node(size_in=1),
                learning_rule_type=make_rule(),
            )
            nengo.Connection(nengo.Node([0.1]), learned.learning_rule)
    return network


def build(network):
    """Build a simulator, and throw it away."""
    nengo.Simulator(network, optimize=False, progress_bar=False).close()


networks = {
    "nengo.PES": network(nengo.PES),
    "ScheduledPES": network(lambda: ScheduledPES(ExponentialDecay(1e-4, tau=5.0))),
}
ratios, seconds = interleaved(
    {
        name: lambda network=network: build(network)
        for name, network in networks.items()
    },
    "nengo.PES",
    args.rounds,
)
low, median, high = (
    sorted(ratios["ScheduledPES"])[i] for i in (0, args.rounds // 2, -1)
)
print(f"{args.rules} rules: nengo.PES {seconds:.1f} s of CPU time to build")
print(f"ScheduledPES over nengo.PES: {median:.2f} ({low:.2f} to {high:.2f})")
