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
from nengo.dists import Choice
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
    Scheduled,
    ScheduledPES,
    frozen,
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
    with pytest.raises(ValidationError, match="no connection with a Scheduled"):
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


# --- rules with a constant rate, and others beside PES


@pytest.mark.parametrize("method", ["node", "ensemble"])
@pytest.mark.parametrize("rate", [0.0, 1e-3])
def test_a_constant_rate_is_the_plain_rule(method, rate):
    native = driven(rate)
    converted = to_error_scaling(native, method)
    (learned,) = (c for c in converted.all_connections if c.learning_rule_type)
    assert learned.learning_rule_type == nengo.PES(rate)
    assert converted.n_neurons == native.n_neurons
    # one Node that is probed as the rate
    assert len(converted.all_nodes) == len(native.all_nodes) + 1
    unprobed = learning_network(ScheduledPES(rate))
    assert len(to_error_scaling(unprobed).all_nodes) == len(unprobed.all_nodes)
    found, expected = run(converted, optimize=False), run(native, optimize=False)
    for data, other in zip(found, expected):
        assert np.array_equal(data, other)


OTHERS = {
    "Voja": (
        nengo.Voja(),
        Scheduled(nengo.Voja(1e-2, None), 2e-3),
        nengo.Voja(2e-3, None),
    ),
    "Oja": (nengo.Oja(), Scheduled(nengo.Oja(), 2e-6), nengo.Oja(2e-6)),
    "BCM": (nengo.BCM(), Scheduled(nengo.BCM(), Constant(2e-9)), nengo.BCM(2e-9)),
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("beside", [list, dict])
def test_other_rules_with_a_constant_rate(kind, beside):
    """Native ones stay as they are, ours become native."""
    native, scheduled, plain = OTHERS[kind]
    rules = [ScheduledPES(DECAY), scheduled, native]
    if beside is dict:
        rules = dict(zip("abc", rules))
    with nengo.Network(seed=1) as model:
        stimulus = nengo.Node(lambda t: np.sin(6 * t))
        pre, post = nengo.Ensemble(30, 1), nengo.Ensemble(20, 1)
        nengo.Connection(stimulus, pre)
        options = {"solver": nengo.solvers.LstsqL2(weights=True)}
        learned = nengo.Connection(
            pre, post, learning_rule_type=rules, **({} if kind == "Voja" else options)
        )
        pes, ours, _ = (
            learned.learning_rule
            if beside is list
            else map(learned.learning_rule.get, "abc")
        )
        nengo.Connection(post, pes)
        nengo.Connection(stimulus, pes, transform=-1)
        nengo.Probe(learned, "weights")
        nengo.Probe(ours, "learning_rate")
        if kind == "Voja":
            nengo.Probe(ours, "scaled_encoders")
    converted = to_error_scaling(model, method="node")
    (copy,) = (c for c in converted.all_connections if c.learning_rule_type)
    types = copy.learning_rule_type
    types = list(types.values()) if beside is dict else types
    assert types[1:] == [plain, native]
    for data, expected in zip(run(converted), run(model)):
        assert relative(data, expected) < 1e-12


def test_a_model_with_voja_is_frozen_and_converted():
    pes, voja = ScheduledPES(DECAY), Scheduled(nengo.Voja(), 1e-2)
    with nengo.Network(seed=1) as model:
        pre, error = nengo.Ensemble(30, 1), nengo.Node(size_in=1)
        learned = nengo.Connection(pre, error, learning_rule_type=pes)
        post = nengo.Ensemble(20, 1)
        other = nengo.Connection(pre, post, learning_rule_type=voja)
        nengo.Connection(nengo.Node(1.0), learned.learning_rule)
        probes = [
            nengo.Probe(learned, "weights"),
            nengo.Probe(other.learning_rule, "scaled_encoders"),
        ]
    with nengo.Simulator(model, progress_bar=False) as sim:
        sim.run_steps(5)
        with frozen(sim):
            sim.run_steps(5)
        sim.run_steps(5)
        for probe in probes:
            before, *held, after = sim.data[probe][4:11]
            assert all(np.array_equal(before, values) for values in held)
            assert not np.array_equal(before, after)
    for data, expected in zip(run(to_error_scaling(model, "node")), run(model)):
        assert relative(data, expected) < 1e-12


def test_equal_rules_on_one_connection_stay_two():
    with nengo.Network(seed=1) as model:
        pre, error = nengo.Ensemble(30, 1), nengo.Node(size_in=1)
        rules = [ScheduledPES(1e-3), nengo.PES(1e-3)]
        learned = nengo.Connection(pre, error, learning_rule_type=rules)
        for rule in learned.learning_rule:
            nengo.Connection(error, rule)
        nengo.Probe(learned, "weights")
    converted = to_error_scaling(model, method="node")
    first, second = converted.connections[0].learning_rule_type
    assert first != second
    assert first.learning_rate == pytest.approx(1e-3, rel=1e-14)
    assert relative(run(converted)[0], run(model)[0]) < 1e-12


@pytest.mark.parametrize(
    "rate", [DECAY, node_with_input, ErrorDriven(0, 1e-3, scale=1.0)]
)
def test_other_rules_with_a_rate_that_changes_cannot_be_converted(rate):
    with nengo.Network() as model:
        rate = rate() if isfunction(rate) else rate
        a, b = nengo.Ensemble(20, 1), nengo.Ensemble(20, 1)
        rules = [Scheduled(nengo.Voja(), rate), ScheduledPES(DECAY)]
        nengo.Connection(a, b, learning_rule_type=rules)
    with pytest.raises(ValidationError, match=r"Voja.*need a constant rate"):
        to_error_scaling(model)


# --- everything that a user may do with a rule


@pytest.mark.parametrize("method", ["node", "ensemble"])
@pytest.mark.parametrize("rate", [DECAY, 1e-3, RATES["node per dimension"]])
def test_one_rule_object_connected_probed_and_sliced(method, rate):
    """One LearningRule object, in as many places as possible."""
    with nengo.Network(seed=3) as native:
        rate = rate() if isfunction(rate) else rate
        stimulus = nengo.Node(lambda t: [np.sin(6 * t), np.cos(6 * t)])
        pre, error = nengo.Ensemble(30, 2, seed=1), nengo.Node(size_in=2)
        nengo.Connection(stimulus, pre)
        native.learned = nengo.Connection(
            pre, error, learning_rule_type=ScheduledPES(rate)
        )
        rule = native.rule = native.learned.learning_rule
        nengo.Connection(error, rule)
        nengo.Connection(error[1], rule[0], transform=0.1)
        nengo.Connection(error, rule[::-1], transform=0.1, synapse=None)
        nengo.Connection(stimulus, rule, transform=-1)
        for attribute in ("error", "activities", "delta", "learning_rate"):
            nengo.Probe(rule, attribute)
        nengo.Probe(rule[1], "error")
        nengo.Probe(rule[:1], "learning_rate", sample_every=0.01)
        nengo.Probe(native.learned, "weights")
    converted = to_error_scaling(native, method, rate_radius=1e-3, signed=True)
    assert [p.attr for p in native.probes[:4]] == [*ScheduledPES.probeable]
    assert converted.rule == converted.learned.learning_rule
    assert isinstance(converted.rule.learning_rule_type, nengo.PES)
    found, expected = run(converted), run(native)
    limits = [1e-12] * 7
    limits[2] = 1e-10  # the delta is small beside the weights
    if method == "ensemble" and rate != 1e-3:
        limits[3] = limits[5] = 1e-12
        found, expected = [[of[i] for i in (3, 5)] for of in (found, expected)]
    for data, other, limit in zip(found, expected, limits):
        assert data.shape == other.shape
        assert relative(data, other) < limit


def test_one_rule_type_on_many_connections():
    shared = ScheduledPES(DECAY)
    with nengo.Network(seed=3) as native:
        for seed in range(3):
            with nengo.Network():
                pre, error = nengo.Ensemble(30, 1, seed=seed), nengo.Node(size_in=1)
                learned = nengo.Connection(pre, error, learning_rule_type=shared)
                nengo.Connection(error, learned.learning_rule)
                nengo.Probe(learned, "weights")
    converted = to_error_scaling(native, method="node")
    for data, expected in zip(run(converted), run(native)):
        assert relative(data, expected) < 1e-12


# --- the defaults of the model


HOSTILE = {
    nengo.Ensemble: {
        "gain": Choice([3.0]),
        "bias": Choice([2.0]),
        "encoders": Choice([[1.0]]),
        "intercepts": Choice([0.9]),
        "max_rates": Choice([50.0]),
        "radius": 7.0,
        "noise": nengo.processes.WhiteNoise(Choice([5.0])),
        "eval_points": Choice([[0.5]]),
        "n_eval_points": 3,
        "normalize_encoders": False,
        "seed": 5,
        "neuron_type": nengo.Sigmoid(),
    },
    nengo.Connection: {
        "synapse": 0.3,
        "transform": 3,
        "solver": nengo.solvers.NoSolver(),
        "scale_eval_points": False,
        "eval_points": Choice([[0.5]]),
        "seed": 6,
        "learning_rule_type": nengo.PES(),
    },
    nengo.Node: {"size_in": 3, "size_out": 2, "seed": 4},
    nengo.Probe: {"synapse": 0.2, "sample_every": 0.05, "seed": 3},
}
"""Defaults that would break what is made without stating its own."""


@pytest.mark.parametrize("where", ["outer", "inner"])
@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("node", {}),
        ("ensemble", {}),
        ("ensemble", {"design": "classic"}),
        ("ensemble", {"gate": "neural"}),
        ("ensemble", {"gate": "node"}),
    ],
)
@pytest.mark.parametrize("rate", ["schedule", "error driven"])
def test_config_defaults_change_nothing_in_what_is_made(where, method, options, rate):
    native, hostile = driven(RATES[rate]), driven(RATES[rate])
    network = hostile if where == "outer" else hostile.networks[0]
    for cls, defaults in HOSTILE.items():
        for name, value in defaults.items():
            setattr(network.config[cls], name, value)
    options = {"rate_radius": 1e-3, **options} if method == "ensemble" else {}
    expected, found = (
        run(to_error_scaling(model, method, **options), 100, optimize=False)
        for model in (native, hostile)
    )
    assert len(found) == len(expected)
    for data, other in zip(found, expected):
        assert np.array_equal(data, other)
