"""Nengo's other rules with a learning rate that changes."""

import copy
import pickle

import nengo
import numpy as np
import pytest
from helpers import relative
from nengo.exceptions import BuildError, ValidationError

import nengo_lr as nlr
from nengo_lr import ErrorDriven, ExponentialDecay, PiecewiseConstant, Scheduled

RULES = {
    "BCM": nengo.BCM(3e-9, theta_synapse=0.05),
    "Oja": nengo.Oja(2e-6, beta=0.7),
    "Voja": nengo.Voja(3e-2, post_synapse=0.01),
}

all_rules = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


def with_rate(rule, rate):
    """The same rule with another rate of its own."""
    changed = {
        nengo.BCM: lambda: nengo.BCM(rate, theta_synapse=rule.theta_synapse),
        nengo.Oja: lambda: nengo.Oja(rate, beta=rule.beta),
        nengo.Voja: lambda: nengo.Voja(rate, post_synapse=rule.post_synapse),
    }
    return changed[type(rule)]()


def network_for(rule):
    """A small network in which a rule modifies weights, or encoders."""
    kind = getattr(rule, "rule", rule)
    with nengo.Network(seed=1) as network:
        stimulus = nengo.Node(lambda t: [np.sin(30 * t), np.cos(20 * t)])
        pre = nengo.Ensemble(30, 2, seed=2)
        post = nengo.Ensemble(20, 2, seed=3)
        nengo.Connection(stimulus, pre, seed=4)
        if isinstance(kind, nengo.Voja):
            ends, options, attr = (pre, post), {}, "scaled_encoders"
        else:
            ends, attr = (pre.neurons, post.neurons), "weights"
            options = {"transform": np.random.RandomState(5).uniform(0, 2e-3, (20, 30))}
        network.connection = nengo.Connection(
            *ends, learning_rule_type=rule, seed=6, **options
        )
        if attr == "weights":
            network.weights = nengo.Probe(network.connection, attr)
        else:
            network.weights = nengo.Probe(network.connection.learning_rule, attr)
    return network


def reference(network, **kwargs):
    return nengo.Simulator(network, progress_bar=False, **kwargs)


def run(simulator, network, n_steps=300, **kwargs):
    with simulator(network, **kwargs) as sim:
        sim.run_steps(n_steps)
    return sim.data[network.weights]


@all_rules
def test_its_own_rate_changes_no_bit(rule):
    plain = run(reference, network_for(rule), optimize=False)
    scheduled = Scheduled(rule, rule.learning_rate)
    assert np.any(plain[-1] != plain[0])
    assert np.array_equal(run(reference, network_for(scheduled), optimize=False), plain)


@all_rules
@pytest.mark.parametrize("factor", [0.3, 7.0])
def test_another_constant_equals_the_rule_with_that_rate(rule, factor):
    rate = factor * rule.learning_rate
    plain = run(reference, network_for(with_rate(rule, rate)), 100)
    scaled = run(reference, network_for(Scheduled(rule, rate)), 100)
    moved = np.max(np.abs(plain - plain[0]))
    assert moved > 0
    assert relative(scaled, plain) < 1e-14


@all_rules
def test_rate_zero_freezes_exactly(rule):
    rate = PiecewiseConstant([rule.learning_rate, 0.0], [0.05])
    weights = run(reference, network_for(Scheduled(rule, rate)), 100)
    assert np.all(weights[50:] == weights[50])
    assert np.any(weights[49] != weights[40])


@all_rules
def test_the_rate_of_a_step_scales_the_change_of_that_step(rule):
    rate = ExponentialDecay(rule.learning_rate, tau=0.05)
    network = network_for(Scheduled(rule, rate))
    with network:
        delta = nengo.Probe(network.connection.learning_rule, "delta")
        rates = nengo.Probe(network.connection.learning_rule, "learning_rate")
    with reference(network, optimize=False) as sim:
        sim.run_steps(100)
    weights, delta = sim.data[network.weights], sim.data[delta]
    np.testing.assert_array_equal(weights[1:], weights[:-1] + delta[:-1])
    np.testing.assert_array_equal(sim.data[rates][:, 0], rate(sim.trange()))


@pytest.mark.needs("runs_all_rules")
def test_kinds_of_rates_agree(Simulator):
    rule, factor = RULES["Oja"], 1e-6
    runs = []
    for make in (
        lambda: ExponentialDecay(factor, tau=0.1),
        lambda: lambda t: factor * np.exp(-t / 0.1),
        lambda: nengo.Node(lambda t: factor * np.exp(-t / 0.1)),
    ):
        with nengo.Network(seed=0) as outer:
            inner = network_for(Scheduled(rule, make()))
        with Simulator(outer) as sim:
            sim.run_steps(60)
        runs.append(sim.data[inner.weights])
    assert relative(runs[1], runs[0]) < 1e-12
    assert relative(runs[2], runs[0]) < 1e-12


@pytest.mark.needs("runs_all_rules")
def test_a_law_watches_an_error_that_is_connected(Simulator):
    law = ErrorDriven(low=0.0, high=2e-6, scale=1.0, tau=0.02)
    network = network_for(Scheduled(RULES["BCM"], law))
    with network:
        error = nengo.Node([0.6, 0.8])
        nengo.Connection(error, network.connection.learning_rule, synapse=None)
        rate = nengo.Probe(network.connection.learning_rule, "learning_rate")
    with Simulator(network) as sim:
        sim.run_steps(80)
    state = law.initial_state
    for step, actual in enumerate(sim.data[rate], start=1):
        state, expected = law.update(state, step, 0.001, np.array([0.6, 0.8]), np)
        np.testing.assert_allclose(actual, expected, rtol=1e-12)
    assert actual > 0


def test_a_law_watches_the_learning_signal_of_voja():
    law = ErrorDriven(low=0.0, high=1e-2, scale=1.0, tau=0.02)
    network = network_for(Scheduled(RULES["Voja"], law))
    assert network.connection.learning_rule.size_in == 1
    with network:
        rate = nengo.Probe(network.connection.learning_rule, "learning_rate")
    with reference(network) as sim:
        sim.run_steps(50)
    assert sim.data[rate][-1] > 0  # its learning signal is 1 where nothing is connected


@pytest.mark.needs("runs_all_rules")
def test_two_small_rates_in_one_network(Simulator):
    rules = [nengo.BCM(1e-9), nengo.BCM(9e-9)]
    with nengo.Network(seed=0) as network:
        parts = [network_for(Scheduled(rule, rule.learning_rate)) for rule in rules]
    with Simulator(network) as sim:
        sim.run_steps(100)
    for rule, part in zip(rules, parts):
        expected = run(reference, network_for(rule), 100)
        assert relative(sim.data[part.weights], expected) < 1e-13


def test_all_rules_twice_in_nengo_dl(NengoDL):
    stops = PiecewiseConstant([1.0, 0.0], [0.15])
    with nengo.Network(seed=0) as network:
        parts = [
            network_for(Scheduled(rule, factor * rule.learning_rate * stops))
            for rule in RULES.values()
            for factor in (1.0, 0.5)
        ]
    with reference(network) as sim, NengoDL(network, minibatch_size=2) as sim_dl:
        sim.run_steps(200)
        sim_dl.run_steps(200)
    for part in parts:
        for item in sim_dl.data[part.weights]:
            assert relative(item, sim.data[part.weights]) < 1e-12
            assert np.all(item[150:] == item[150])
            assert np.any(item[149] != item[140])


@all_rules
def test_looks_like_the_rule(rule):
    scheduled = Scheduled(rule, ExponentialDecay(1e-3, tau=2.0))
    assert scheduled.modifies == rule.modifies
    assert scheduled.probeable == (*rule.probeable, "learning_rate")
    assert scheduled.size_in == rule.size_in
    assert repr(rule) in repr(scheduled)
    names = {**vars(nlr), **vars(nengo), **vars(nengo.synapses)}
    for again in (
        eval(repr(scheduled), names),
        copy.deepcopy(scheduled),
        pickle.loads(pickle.dumps(scheduled)),
    ):
        assert again == scheduled
        assert hash(again) == hash(scheduled)
    assert scheduled != Scheduled(rule, 1e-3)
    assert scheduled != Scheduled(with_rate(rule, 1e-4), scheduled.learning_rate)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((nengo.RLS(), 1e-3), "RLS.*initial matrix.*ScheduledPES"),
        ((nengo.PES(), 1e-3), "PES.*use ScheduledPES"),
        ((nlr.ScheduledPES(), 1e-3), "may change already"),
        ((Scheduled(nengo.BCM(), 1e-9), 1e-9), "may change already"),
        ((nengo.BCM(0), 1e-9), "above 0.*learning_rate=0"),
        ((nengo.BCM, 1e-9), "must be a learning rule.*nengo.BCM()"),
        ((nengo.BCM(), -1.0), "learning_rate.*not negative"),
        ((nengo.BCM(), "fast"), "learning_rate.*number, a Schedule"),
    ],
)
def test_what_it_refuses(arguments, words):
    with pytest.raises(ValidationError, match=words):
        Scheduled(*arguments)


@pytest.mark.parametrize("rule", [RULES["BCM"], RULES["Voja"]], ids=["BCM", "Voja"])
def test_a_node_must_have_one_output(rule):
    with nengo.Network() as network:
        network_for(Scheduled(rule, nengo.Node([1e-9, 1e-9])))
    with pytest.raises(BuildError, match="2 outputs; here it must have 1"):
        reference(network)


class Foreign(nengo.learning_rules.LearningRuleType):
    """A rule whose change no operator computes."""

    modifies = "weights"
    probeable = ("delta",)

    def __init__(self):
        super().__init__(1e-3)


def test_a_rule_that_is_built_otherwise_is_refused():
    @nengo.builder.Builder.register(Foreign)
    def build_foreign(model, foreign, rule):
        pass

    with pytest.raises(BuildError, match=r"does not know how Nengo .* builds Foreign"):
        reference(network_for(Scheduled(Foreign(), 1e-3)))


@pytest.mark.parametrize("rule", [nengo.BCM(), nengo.Oja()], ids=str)
@pytest.mark.parametrize(
    ("pre", "post", "named"),
    [
        (slice(2, 6), slice(None), r"\[slice\(2, 6, None\)\]"),
        (slice(None), slice(0, 9, 2), r"\[slice\(0, 9, 2\)\]"),
        (slice(None), [1, 0, 3], r"\[\[1, 0, 3\]\]"),
        # as many neurons, but in another order, would be wrong without a word
        (slice(None, None, -1), slice(None), r"\[slice\(None, None, -1\)\]"),
    ],
    ids=str,
)
def test_a_slice_of_neurons_is_refused_by_name(rule, pre, post, named):
    with nengo.Network(seed=0) as network:
        a, b = nengo.Ensemble(10, 1), nengo.Ensemble(12, 1)
        pre, post = a.neurons[pre], b.neurons[post]
        nengo.Connection(
            pre,
            post,
            transform=np.zeros((post.size_in, pre.size_out)),
            learning_rule_type=Scheduled(rule, 1e-9),
        )
    with pytest.raises(BuildError, match=f"slice of .*{named}.*all 1[02] neurons"):
        nengo.Simulator(network, progress_bar=False)
