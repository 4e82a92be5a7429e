"""Feedback laws inside simulators; test_feedback_laws.py has the laws by themselves."""

import nengo
import numpy as np
import pytest
from helpers import learning_network, relative, weight_solver

from nengo_lr import ErrorDriven, ReduceOnPlateau, ScheduledPES

LAWS = [
    ErrorDriven(1e-5, 1e-3, scale=0.5, tau=0.02),
    ReduceOnPlateau(1e-3, factor=0.5, patience=0.02, threshold=0.1, tau=0.01),
]


def law_network(law, **kwargs):
    network = learning_network(ScheduledPES(law), **kwargs)
    with network:
        rule = network.connection.learning_rule
        network.rate = nengo.Probe(rule, "learning_rate")
        network.rule_error = nengo.Probe(rule, "error")
    return network


@pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__)
def test_rate_is_that_of_the_law(Simulator, law):
    network = law_network(law, connect=weight_solver)
    with Simulator(network) as sim:
        sim.run_steps(200)
    state, rates = law.initial_state, []
    for step, error in enumerate(sim.data[network.rule_error], start=1):
        state, rate = law.update(state, step, sim.dt, error, np)
        rates.append(rate)
    assert relative(sim.data[network.rate], np.array(rates)) < 1e-12
    assert len(np.unique(rates)) > 2


@pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__)
def test_split_runs_and_reset_equal_one_run(Simulator, law):
    network = law_network(law)
    with Simulator(network) as sim:
        sim.run_steps(200)
        once = [np.array(sim.data[p]) for p in (network.rate, network.weights)]
        sim.reset()
        sim.run_steps(1)
        sim.run_steps(199)
        again = [sim.data[p] for p in (network.rate, network.weights)]
    for a, b in zip(again, once):
        assert relative(a, b) < 1e-13


def test_simulators_agree_on_two_laws_in_one_network(NengoDL):
    def run(simulator, **kwargs):
        with nengo.Network() as network:
            parts = [law_network(law) for law in LAWS]
        with simulator(network, **kwargs) as sim:
            sim.run_steps(200)
        return [sim.data[p.rate] for p in parts] + [sim.data[p.weights] for p in parts]

    reference = run(nengo.Simulator, progress_bar=False)
    for data, expected in zip(run(NengoDL), reference):
        assert relative(data, expected) < 1e-12
    for data, expected in zip(run(NengoDL, minibatch_size=2), reference):
        assert relative(data, np.stack([expected] * 2)) < 1e-12
    for data, expected in zip(run(NengoDL, dtype="float32"), reference):
        assert relative(data, expected) < 1e-4


def test_minibatch_items_have_rates_of_their_own(NengoDL):
    with nengo.Network() as network:
        stimulus = nengo.Node([0.0])
        pre = nengo.Ensemble(30, 1, seed=0)
        connection = nengo.Connection(
            pre, nengo.Node(size_in=1), learning_rule_type=ScheduledPES(LAWS[0])
        )
        nengo.Connection(stimulus, connection.learning_rule, synapse=None)
        rate = nengo.Probe(connection.learning_rule, "learning_rate")
    errors = np.broadcast_to(np.reshape([0.0, 0.1, 1.0], (3, 1, 1)), (3, 200, 1))
    with NengoDL(network, minibatch_size=3) as sim:
        sim.run_steps(200, data={stimulus: errors})
    final = sim.data[rate][:, -1, 0]
    low, high, scale = LAWS[0].low, LAWS[0].high, LAWS[0].scale
    # after 10 time constants the filter has settled to exp(-10)
    expected = low + (high - low) * np.minimum([0.0, 0.1 / scale, 1.0], 1)
    assert np.allclose(final, expected, rtol=np.exp(-10))
