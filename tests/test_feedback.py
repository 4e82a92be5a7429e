"""Feedback laws inside simulators; test_feedback_laws.py has the laws by themselves."""

import nengo
import numpy as np
import pytest
from helpers import learning_network, relative, weight_solver
from nengo.exceptions import SimulationError

from nengo_lr import (
    ErrorDriven,
    GreedyRate,
    ReduceOnPlateau,
    ScheduledPES,
    feedback,
)

LAWS = [
    ErrorDriven(1e-5, 1e-3, scale=0.5, tau=0.02),
    ReduceOnPlateau(1e-3, factor=0.5, patience=0.02, threshold=0.1, tau=0.01),
    GreedyRate(1e-3, 0.02, minimum=1e-4, maximum=2e-3),
]


def test_every_law_is_tested():
    assert {type(law).__name__ for law in LAWS} == set(feedback.__all__) - {
        "FeedbackLaw"
    }


def law_network(law, **kwargs):
    network = learning_network(ScheduledPES(law), **kwargs)
    with network:
        rule = network.connection.learning_rule
        network.rate = nengo.Probe(rule, "learning_rate")
        network.rule_error = nengo.Probe(rule, "error")
    return network


@pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__)
@pytest.mark.needs("has_float64")
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


def test_a_target_that_changes_twice(Simulator):
    """Where the error falls, no law lowers the rate, and a greedy one raises it."""
    change = 1.0  # every second
    laws = [
        ReduceOnPlateau(6e-4, 0.15, factor=0.5, minimum=1e-4, tau=0.025),
        GreedyRate(4e-4, 0.05, minimum=1e-4, maximum=1.2e-3, threshold=0.1),
    ]
    with nengo.Network() as network:
        target = nengo.Node(lambda t: 1.0 if t // change % 2 == 0 else -1.0)
        stimulus, rates, errors = nengo.Node([0.7]), [], []
        for law in laws:
            pre, output = nengo.Ensemble(50, 1, seed=1), nengo.Node(size_in=1)
            nengo.Connection(stimulus, pre)
            learned = nengo.Connection(
                pre,
                output,
                function=lambda x: [0],
                learning_rule_type=ScheduledPES(law),
                synapse=0.01,
                seed=2,
            )
            rule = learned.learning_rule
            nengo.Connection(output, rule, synapse=None)
            nengo.Connection(target, rule, transform=-1, synapse=None)
            rates.append(nengo.Probe(rule, "learning_rate"))
            errors.append(nengo.Probe(rule, "error"))
    with Simulator(network) as sim:
        sim.run_steps(3000)
    plateau, greedy = (sim.data[rate][:, 0] for rate in rates)
    for start in (1000, 2000):
        for error in errors:
            assert np.abs(sim.data[error][start + 50]) > 1.2
            assert np.abs(sim.data[error][start + 900]) < 0.2
        assert np.ptp(plateau[start : start + 700]) == 0
        assert greedy[start + 50] < 4e-4
        assert np.max(greedy[start : start + 700]) == 1.2e-3
        # the error is noise by then
        assert np.min(greedy[start + 500 : start + 1000]) < 6e-4
    assert plateau[0] > plateau[999]


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


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__)
def test_an_error_that_is_too_large_for_a_law(law):
    network = law_network(law)
    with network:
        nengo.Connection(nengo.Node(1e200), network.error[0], synapse=None)
    with nengo.Simulator(network, progress_bar=False) as sim:
        with pytest.raises(SimulationError, match=r"rate of .* up to 1e\+200|overflow"):
            sim.run_steps(50)
