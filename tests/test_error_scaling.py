from inspect import isfunction

import nengo
import numpy as np
import pytest
from helpers import (
    CONNECTIONS,
    decoded,
    learning_network,
    neurons_to_neurons,
    relative,
    sliced_dimensions,
    weight_solver,
)
from nengo.builder.network import seed_network
from nengo.exceptions import ValidationError

from nengo_lr import (
    AdaGrad,
    Constant,
    CosineDecay,
    ErrorDriven,
    ExponentialDecay,
    FunctionSchedule,
    PiecewiseConstant,
    ReduceOnPlateau,
    ScheduledPES,
    to_error_scaling,
)

DECAY = ExponentialDecay(1e-3, tau=0.2)


def run(network, n_steps=300, **kwargs):
    """Run a model on the reference simulator; the data of its Probes, in order."""
    with nengo.Simulator(network, progress_bar=False, **kwargs) as sim:
        sim.run_steps(n_steps)
    return [sim.data[probe] for probe in network.all_probes]


def driven(learning_rate, connect=decoded):
    """A nested model whose rate may be a Node's; with probes on all of the rule."""
    with nengo.Network(seed=11) as outer:
        rate = learning_rate() if isfunction(learning_rate) else learning_rate
        inner = learning_network(ScheduledPES(rate), connect)
        with inner:
            for attribute in ("error", "activities", "delta", "learning_rate"):
                nengo.Probe(inner.connection.learning_rule, attribute)
            inner.ensemble = nengo.Ensemble(10, 1)
            nengo.Probe(inner.ensemble.neurons)
    return outer


def node_with_input():
    source = nengo.Node(lambda t: np.exp(-t / 0.2))
    node = nengo.Node(size_in=1)
    nengo.Connection(source, node, transform=1e-3, synapse=None)
    return node


RATES = {
    "schedule": DECAY,
    "function": FunctionSchedule(lambda t: 1e-3 if t < 0.1 else -1e-4),
    "node": node_with_input,
    "node per dimension": lambda: nengo.Node(lambda t: [1e-3 * t, -1e-3 * t]),
    "error driven": ErrorDriven(1e-5, 1e-3, scale=0.5, tau=0.02),
    "plateau": ReduceOnPlateau(1e-3, factor=0.5, patience=0.02, tau=0.01),
}


@pytest.mark.parametrize("rate", RATES.values(), ids=RATES)
def test_scaling_in_a_node_learns_the_same_weights(rate):
    native = driven(rate)
    converted = to_error_scaling(native, method="node")
    delta = 3
    for i, (data, expected) in enumerate(zip(run(converted), run(native))):
        # the delta is small beside the weights that the error comes from
        assert relative(data, expected) < (1e-11 if i == delta else 1e-13)


@pytest.mark.parametrize("connect", CONNECTIONS.values(), ids=CONNECTIONS)
def test_scaling_in_a_node_works_on_every_connection(connect):
    native = driven(DECAY, connect)
    converted = to_error_scaling(native, method="node")
    weights, expected = run(converted)[0], run(native)[0]
    assert relative(weights, expected) < 1e-13


def test_several_rules_and_shared_rule_types():
    shared = ScheduledPES(DECAY)
    with nengo.Network(seed=1) as native:
        stimulus = nengo.Node(lambda t: np.sin(6 * t))
        pre = nengo.Ensemble(30, 1)
        nengo.Connection(stimulus, pre)
        for rules in (
            [shared, nengo.PES(1e-4), ScheduledPES(Constant(2e-4))],
            {"a": shared, "b": ScheduledPES(1e-4)},
        ):
            error = nengo.Node(size_in=1)
            learned = nengo.Connection(
                pre, error, function=lambda x: 0, learning_rule_type=rules
            )
            nengo.Connection(stimulus, error, transform=-1)
            for key in rules if isinstance(rules, dict) else range(len(rules)):
                nengo.Connection(error, learned.learning_rule[key])
            nengo.Probe(learned, "weights")
    converted = to_error_scaling(native, method="node")
    for data, expected in zip(run(converted), run(native)):
        assert relative(data, expected) < 1e-13
    kinds = [type(rule) for rule in converted.connections[1].learning_rule_type]
    assert kinds == [nengo.PES] * 3
    assert list(converted.connections[4 + 2].learning_rule_type or {}) == ["a", "b"]


@pytest.mark.parametrize("method", ["node", "ensemble"])
def test_all_else_is_untouched(method):
    native = driven(DECAY)
    seeds = {}
    seed_network(native, seeds, seeded={})
    converted = to_error_scaling(native, method)
    assert not any(
        isinstance(conn.learning_rule_type, nengo.PES)
        for conn in native.all_connections
    )
    inner, copy = native.networks[0], converted.networks[0]
    for kind in ("ensembles", "nodes", "connections", "probes"):
        originals, copies = getattr(inner, kind), getattr(copy, kind)
        for original, duplicate in zip(originals, copies):
            assert duplicate is not original
            assert type(duplicate) is type(original)
            assert duplicate.label == original.label or kind == "probes"
            assert duplicate.seed == seeds[original]
            if kind == "connections":
                assert duplicate.synapse == original.synapse
                assert duplicate.transform == original.transform
    assert len(copy.probes) == len(inner.probes)
    # the unseeded ensemble spikes as before
    assert np.array_equal(run(converted)[-1], run(native)[-1])


def test_scaling_in_neurons_uses_the_largest_rate():
    native = driven(CosineDecay(2e-3, 0.2))
    converted = to_error_scaling(native, n_neurons=100)
    (learned,) = (c for c in converted.all_connections if c.learning_rule_type)
    assert learned.learning_rule_type == nengo.PES(2e-3)
    (scaler,) = (n for n in converted.all_networks if n.label == "ErrorScaler")
    ensembles = scaler.products
    assert [e.n_neurons for e in ensembles] == [100, 100]


@pytest.mark.parametrize("connect", [decoded, neurons_to_neurons, sliced_dimensions])
def test_scaling_in_neurons_learns_about_the_same(connect):
    native = driven(DECAY, connect)
    converted = to_error_scaling(native, n_neurons=400, error_radius=1.5)
    weights, expected = run(converted, 1000)[0][-1], run(native, 1000)[0][-1]
    start = run(native, 1)[0][-1]
    distance = np.linalg.norm(weights - expected) / np.linalg.norm(expected - start)
    assert distance < 0.1


def test_rates_per_dimension_get_a_scaler_each():
    native = driven(RATES["node per dimension"])
    converted = to_error_scaling(native, rate_radius=1e-3, signed=True)
    scalers = [n for n in converted.all_networks if n.label == "ErrorScaler"]
    assert [s.error.size_in for s in scalers] == [1, 1]
    run(converted, 10)


def test_converted_models_can_be_converted_twice_over_and_copied():
    native = driven(DECAY)
    first = to_error_scaling(native, method="node")
    again = to_error_scaling(native, method="node")
    assert np.array_equal(run(first, optimize=False)[0], run(again, optimize=False)[0])
    assert np.array_equal(
        run(first.copy(), optimize=False)[0], run(again, optimize=False)[0]
    )


@pytest.mark.parametrize("name", ["function", "node", "error driven", "plateau"])
def test_rates_without_a_largest_one_need_a_radius(name):
    native = driven(RATES[name])
    with pytest.raises(ValidationError, match=r"rate_radius.*largest rate to expect"):
        to_error_scaling(native)
    to_error_scaling(native, rate_radius=1e-3, signed=True)


def test_nothing_to_convert():
    with pytest.raises(ValidationError, match="no connection with a ScheduledPES"):
        to_error_scaling(learning_network(nengo.PES()))


def test_unknown_method():
    with pytest.raises(ValidationError, match=r"ensemble, node.*'magic'"):
        to_error_scaling(driven(DECAY), method="magic")


def test_optimizers_cannot_be_converted():
    native = learning_network(ScheduledPES(DECAY, optimizer=AdaGrad()), weight_solver)
    with pytest.raises(ValidationError, match=r"AdaGrad.*cannot be converted"):
        to_error_scaling(native, method="node")


def test_a_rate_that_is_always_zero():
    native = driven(PiecewiseConstant([0.0, 0.0], [1.0]))
    weights = run(to_error_scaling(native), 50)[0]
    assert weights.shape[0] == 50
