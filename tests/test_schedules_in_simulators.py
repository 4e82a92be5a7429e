"""Every schedule of the catalogue as the learning rate of a running model."""

import nengo
import numpy as np
import pytest
from helpers import relative
from schedule_helpers import EXAMPLES, every_example, scaled

from nengo_lr import FunctionSchedule, ScheduledPES

DURATION = 0.3
SCHEDULES = [
    scaled(example, seconds=0.1, rates=1e-3 / example.upper_bound)
    for example in EXAMPLES
    if example.upper_bound
]


def network():
    """One ensemble of rate neurons, and a connection from it for every schedule."""
    with nengo.Network(seed=0) as network:
        stimulus = nengo.Node(lambda t: np.sin(2 * np.pi * t / DURATION))
        pre = nengo.Ensemble(20, 1, neuron_type=nengo.LIFRate())
        nengo.Connection(stimulus, pre)
        network.rates, network.weights = [], []
        for schedule in SCHEDULES:
            error = nengo.Node(size_in=1)
            learned = nengo.Connection(
                pre,
                error,
                function=lambda x: 0,
                learning_rule_type=ScheduledPES(schedule),
            )
            nengo.Connection(stimulus, error, transform=-1)
            nengo.Connection(error, learned.learning_rule)
            network.weights.append(nengo.Probe(learned, "weights"))
            network.rates.append(nengo.Probe(learned.learning_rule, "learning_rate"))
    return network


@pytest.fixture(scope="module")
def final_weights():
    """The weights that every schedule has led to, for dt, dt / 2 and dt / 4."""
    model, weights = network(), []
    for dt in (1e-3, 5e-4, 2.5e-4):
        with nengo.Simulator(model, dt=dt, progress_bar=False) as sim:
            sim.run(DURATION)
        weights.append([sim.data[probe][-1] for probe in model.weights])
    return weights


def test_half_the_step_gives_about_the_same_weights(final_weights):
    whole, half, quarter = final_weights
    first = np.array([relative(a, b) for a, b in zip(whole, half)])
    second = np.array([relative(a, b) for a, b in zip(half, quarter)])
    assert np.all(first < 0.05), dict(zip(SCHEDULES, first))
    # first order: half the step, half the difference (a switch between two steps may
    # fall on either of them, so that single schedules differ)
    assert np.all(second < 0.03), dict(zip(SCHEDULES, second))
    assert 0.4 < np.median(second / first) < 0.6


@pytest.mark.needs("has_float64")
def test_simulators_use_the_same_rates(Simulator):
    model = network()
    with Simulator(model) as sim:
        sim.run_steps(200)
    times = 1e-3 * np.arange(1, 201)
    for schedule, probe in zip(SCHEDULES, model.rates):
        rates = sim.data[probe][:, 0]
        assert np.max(np.abs(rates - schedule(times))) < 1e-14 * schedule.upper_bound


@every_example
def test_largest_rate_is_never_exceeded(example):
    if isinstance(example, FunctionSchedule):
        assert example.upper_bound is None
        return
    rates = example(np.linspace(0, 50, 5001))
    assert np.max(rates) <= example.upper_bound
    # what calculates with its parts may stay below
    if not example.parts:
        assert np.max(rates) > 0.7 * example.upper_bound


def test_largest_rate_of_what_contains_a_function_is_unknown():
    function = FunctionSchedule(np.sin)
    assert (function * 0.5).upper_bound is None
    assert function.clip(0.0, 1e-3).upper_bound == 1e-3
