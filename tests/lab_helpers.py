"""Models that the tests of `nengo_lr.lab` learn with."""

import os
import subprocess
import sys
import time
from pathlib import Path

import nengo
import numpy as np

import nengo_lr as nlr

N_NEURONS = 20
TARGET = 0.8
SLOW = "NENGO_LR_TESTS_SLOW"


def exact(
    learning_rate, synapses=(None, None), neuron_type=None, gain=1.0, target=TARGET
):
    """A loop whose error follows a recursion: constant input, rates and target.

    All activities are 100 Hz.
    """
    with nengo.Network(seed=0) as network:
        pre = nengo.Ensemble(
            N_NEURONS,
            1,
            neuron_type=neuron_type or nengo.RectifiedLinear(),
            gain=np.zeros(N_NEURONS),
            bias=np.full(N_NEURONS, 100.0),
            encoders=np.ones((N_NEURONS, 1)),
        )
        error = nengo.Node(size_in=1)
        network.connection = nengo.Connection(
            pre,
            error,
            function=lambda x: 0,
            synapse=synapses[0],
            learning_rule_type=nlr.ScheduledPES(learning_rate, pre_synapse=None),
        )
        target = nengo.Node(target)
        nengo.Connection(target, error, transform=-1, synapse=None)
        nengo.Connection(
            error,
            network.connection.learning_rule,
            synapse=synapses[1],
            transform=gain,
        )
        network.error = nengo.Probe(error)
        network.test_error = nengo.Probe(error)
        network.target = nengo.Probe(target)
        network.weights = nengo.Probe(network.connection, "weights")
    return network


def growth(rate, dt=0.001):
    """What the error of `exact` without synapses loses per step, as a share."""
    return rate * dt * 100.0**2


def seeded(learning_rate, seed):
    """A small model with a seed of its own."""
    with nengo.Network(seed=seed) as network:
        stimulus = nengo.Node(lambda t: np.sin(20 * t))
        pre = nengo.Ensemble(30, 1, seed=seed)
        error = nengo.Node(size_in=1)
        nengo.Connection(stimulus, pre, synapse=None)
        network.connection = nengo.Connection(
            pre,
            error,
            function=lambda x: 0,
            learning_rule_type=nlr.ScheduledPES(learning_rate),
        )
        nengo.Connection(stimulus, error, transform=-1)
        nengo.Connection(error, network.connection.learning_rule)
        network.error = nengo.Probe(error)
        network.weights = nengo.Probe(network.connection, "weights")
    return network


def pair(learning_rate, other=None):
    """Two connections with the same seeds that learn, with one rate or with two."""
    with nengo.Network(seed=0) as network:
        other = learning_rate if other is None else other
        network.parts = [seeded(learning_rate, 0), seeded(other, 0)]
        network.error = [part.error for part in network.parts]
    return network


def slow_for_large_rates(learning_rate):
    """A model that is never made with a rate of 1e-3 or more, where `SLOW` is set."""
    rate = learning_rate if isinstance(learning_rate, float) else learning_rate.value
    while SLOW in os.environ and rate >= 1e-3:
        time.sleep(0.01)
    return seeded(learning_rate, 0)


def slow_for_large_seeds(learning_rate, seed):
    """A model that is never made with a seed above 5, where `SLOW` is set."""
    while SLOW in os.environ and seed > 5:
        time.sleep(0.01)
    return seeded(learning_rate, seed)


COMMAND = """
import resource, signal, sys
from nengo_lr.cli import main

limit, *arguments = sys.argv[1:]
if int(limit):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
main(arguments)
"""


def run_command(folder, *arguments, limit=0, **options):
    """Run ``nengo-lr`` where no file may have more than ``limit`` bytes, or any."""
    # Nengo's cache would be too large
    (folder / "nengorc").write_text("[decoder_cache]\nenabled = False\n")
    path = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *map(str, (limit, *arguments))],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        capture_output=True,
        text=True,
        **options,
    )


def is_refused(done):
    """Whether a command has ended with one clear line about its store."""
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("nengo-lr: store: cannot use "), done.stderr
    assert done.stderr.count("\n") == 1
    return True
