"""The error scaler: its symmetry exactly, its accuracy within measured bounds."""

import pickle
import warnings

import nengo
import numpy as np
import pytest
from nengo.builder.ensemble import get_activities
from nengo.exceptions import NengoWarning, ValidationError

from nengo_lr.networks import ErrorScaler
from nengo_lr.networks.designs import Antisymmetric, Quadruples

NEURON_TYPES = [
    nengo.LIF(),
    nengo.LIFRate(),
    nengo.AdaptiveLIF(),
    nengo.AdaptiveLIFRate(),
    nengo.RectifiedLinear(),
    nengo.SpikingRectifiedLinear(),
    nengo.Sigmoid(),
    nengo.RegularSpiking(nengo.LIFRate()),
    nengo.RegularSpiking(nengo.Sigmoid()),
    nengo.StochasticSpiking(nengo.LIFRate()),
]
RATE_TYPES = [nengo.LIFRate(), nengo.RectifiedLinear(), nengo.Sigmoid()]
LAST = 2.0  # when the rate falls to 0 in the runs below
DURATION = 3.0


def name(neuron_type):
    base = getattr(neuron_type, "base_type", None)
    return type(neuron_type).__name__ + (f"-{name(base)}" if base else "")


def wave(t):
    """An error that crosses 0, within [-1, 1]."""
    return np.clip(0.6 * np.sin(9 * t) + 0.4 * np.cos(23 * t) - 0.1, -1, 1)


def positive_wave(t):
    """An error that keeps its sign."""
    return 0.55 + 0.4 * wave(t)


def falling(t):
    """A rate that wanders in [0, 1] and is 0 in the end."""
    return (0.5 + 0.5 * np.sin(5 * t)) * (t < LAST)


def multiply(*options, error=wave, rate=falling, synapse=0.01, size=1):
    """Run scalers side by side on the same inputs.

    Each of the options is a dict of arguments of ErrorScaler, or None for Nengo's
    Product. Returns the time, the exact product, and each scaler's output.
    """
    with nengo.Network(seed=0) as network:
        errors = nengo.Node(lambda t: [error(t + i) for i in range(size)])
        rates = nengo.Node(rate)
        exact = nengo.Node(lambda t, x: x[:-1] * x[-1], size_in=size + 1)
        nengo.Connection(errors, exact[:-1], synapse=None)
        nengo.Connection(rates, exact[-1], synapse=None)
        probes = [nengo.Probe(exact, synapse=synapse)]
        for i, arguments in enumerate(options):
            if arguments is None:
                product = nengo.networks.Product(200, size, seed=i)
                inputs = product.input_a, product.input_b
            else:
                arguments = {"n_neurons": 200, "watch": False, "seed": i, **arguments}
                product = ErrorScaler(dimensions=size, **arguments)
                inputs = product.error, product.rate
            ones = np.ones((inputs[1].size_in, 1))
            nengo.Connection(errors, inputs[0], synapse=None)
            nengo.Connection(rates, inputs[1], transform=ones, synapse=None)
            probes.append(nengo.Probe(product.output, synapse=synapse))
    with nengo.Simulator(network, progress_bar=False) as sim:
        sim.run(DURATION)
    return sim.trange(), *(sim.data[probe] for probe in probes)


def rmse(t, exact, output):
    """Over the time that the rate is not 0."""
    return np.sqrt(np.mean((output - exact)[(t > 0.1) & (t < LAST)] ** 2))


def at_rest(t, output):
    """The output some time after the rate has become 0."""
    return output[t > LAST + 0.2]


def static_output(scaler, errors, rate):
    """What a scaler of one dimension decodes for constant inputs, from tuning curves.

    The inputs are those of the product ensemble, scaled by their radii.
    """
    with nengo.Simulator(scaler, progress_bar=False) as sim:
        (ensemble,) = scaler.products
        (decoded,) = (c for c in scaler.connections if c.pre_obj is ensemble)
        points = np.stack([errors, np.full_like(errors, rate)], axis=1)
        rates = get_activities(sim.model.params[ensemble], ensemble, points)
        return rates @ sim.data[decoded].weights.T


# --- the symmetry


@pytest.mark.parametrize("neuron_type", NEURON_TYPES, ids=name)
def test_quadruples_share_everything_but_their_encoders(neuron_type):
    scaler = ErrorScaler(43, 1, neuron_type=neuron_type, seed=1)
    (ensemble,) = scaler.products
    assert ensemble.n_neurons == 40, "left-over neurons go unused"
    (decoded,) = (c for c in scaler.connections if c.pre_obj is ensemble)
    with nengo.Simulator(scaler, progress_bar=False) as sim:
        built = sim.data[ensemble]
        decoders = sim.data[decoded].weights[0]
        states = [
            signal.initial_value
            for key, signal in sim.model.sig[ensemble.neurons].items()
            if key in ("voltage", "refractory_time", "adaptation")
        ]
    np.testing.assert_allclose(
        built.encoders.reshape(4, 10, 2) * np.sqrt(2),
        np.repeat([[[1, 1]], [[-1, -1]], [[1, -1]], [[-1, 1]]], 10, axis=1),
    )
    for shared in (built.intercepts, built.max_rates, built.gain, built.bias, *states):
        quarters = shared.reshape(4, 10)
        np.testing.assert_array_equal(quarters, quarters[[0, 0, 0, 0]])
    assert len(np.unique(built.max_rates)) == 10
    np.testing.assert_array_equal(decoders[:20], -decoders[20:])
    assert np.any(decoders != 0)


@pytest.mark.parametrize("neuron_type", RATE_TYPES, ids=name)
def test_rate_zero_and_sign_are_exact_for_constant_inputs(neuron_type):
    scaler = ErrorScaler(40, 1, neuron_type=neuron_type, seed=2)
    errors = np.linspace(-3, 3, 61)  # also beyond the radius
    np.testing.assert_allclose(static_output(scaler, errors, 0.0), 0, atol=1e-13)
    np.testing.assert_allclose(
        static_output(scaler, errors, -0.7),
        -static_output(scaler, errors, 0.7),
        atol=1e-13,
    )


@pytest.mark.parametrize("neuron_type", RATE_TYPES, ids=name)
def test_product_of_constant_inputs(neuron_type):
    scaler = ErrorScaler(200, 1, neuron_type=neuron_type, seed=3)
    errors = np.linspace(-1, 1, 41)
    for rate in (0.05, 0.5, 1.0):
        missed = static_output(scaler, errors, rate)[:, 0] - errors * rate
        assert np.sqrt(np.mean(missed**2)) < 0.01


def test_unsigned_scaler_uses_evaluation_points_of_the_rectangle_only():
    for signed, lowest in ((False, 0), (True, -1)):
        scaler = ErrorScaler(40, 1, signed=signed)
        (decoded,) = (c for c in scaler.connections if c.pre_obj in scaler.products)
        np.testing.assert_array_equal(decoded.eval_points.min(axis=0), [-1, lowest])
        np.testing.assert_array_equal(decoded.eval_points.max(axis=0), [1, 1])
        assert len(decoded.eval_points) >= 2000


def test_solver_solves_least_squares_of_the_difference():
    rng = np.random.RandomState(4)
    activities, targets = rng.uniform(size=(50, 8)), rng.uniform(size=(50, 1))
    decoders, _ = Antisymmetric(reg=1e-9)(activities, targets)
    np.testing.assert_array_equal(decoders[:4], -decoders[4:])
    difference = activities[:, :4] - activities[:, 4:]
    best, *_ = np.linalg.lstsq(difference, targets, rcond=None)
    np.testing.assert_allclose(decoders[:4], best, rtol=1e-9)


def test_frozen_parts_pickle_and_compare():
    for part in (Antisymmetric(reg=0.1), Quadruples(nengo.dists.Uniform(1, 2))):
        assert pickle.loads(pickle.dumps(part)) == part
        assert eval(repr(part), {**vars(nengo.dists), **globals()}) == part


# --- accuracy, in spikes


def test_accuracy_of_the_designs():
    t, exact, tied, classic, product = multiply({}, {"design": "classic"}, None)
    assert rmse(t, exact, tied) <= 0.0065
    assert 0.015 < rmse(t, exact, classic) < 0.03
    assert rmse(t, exact, product) > 2.5 * rmse(t, exact, tied)
    assert np.abs(at_rest(t, tied)).mean() <= 0.0005
    assert np.abs(at_rest(t, classic)).mean() > 0.005


def test_leak_of_an_error_that_keeps_its_sign():
    t, exact, tied, product = multiply({}, None, error=positive_wave)
    assert rmse(t, exact, tied) <= 0.0065
    leak = at_rest(t, tied)
    assert 0 < np.abs(leak).mean() <= 0.005
    assert abs(leak.mean()) <= 2e-5  # 1e-5 over longer runs
    assert np.abs(at_rest(t, product)).mean() > 3 * np.abs(leak).mean()


@pytest.mark.parametrize("error", [wave, positive_wave])
@pytest.mark.parametrize("gate", ["neural", "node"])
def test_gate_is_exactly_zero(gate, error):
    options = [{"gate": gate}, {"gate": gate, "design": "classic"}]
    t, _, *outputs = multiply(*options, error=error, synapse=None)
    for output in outputs:
        assert np.any(output[t < LAST] != 0)
        np.testing.assert_array_equal(output[t > LAST + 0.02], 0)


def test_gate_keeps_accuracy():
    t, exact, neural, node = multiply({"gate": "neural"}, {"gate": "node"})
    assert rmse(t, exact, neural) <= 0.0075
    assert rmse(t, exact, node) <= 0.0065


@pytest.mark.parametrize("gate", ["neural", "node"])
def test_gate_is_closed_below_its_threshold_and_open_above(gate):
    options = {"gate": gate, "gate_threshold": 0.1, "rate_radius": 2.0}
    for rate, closed in ((0.19, True), (0.25, False)):
        t, _, output = multiply(
            options, error=positive_wave, rate=lambda t, rate=rate: rate, synapse=None
        )
        assert np.all(output[t > 0.1] == 0) == closed


@pytest.mark.parametrize(
    "neuron_type", [t for t in NEURON_TYPES if "Sigmoid" not in str(t)], ids=name
)
def test_neural_gate_silences_neuron_types(neuron_type):
    options = {"gate": "neural", "neuron_type": neuron_type}
    t, _, output = multiply(options, error=positive_wave, synapse=None)
    assert np.any(output[t < LAST] != 0)
    np.testing.assert_array_equal(output[t > LAST + 0.05], 0)


ACCURACY = [0.0065, 0.003, 0.009, 0.005, 0.0005, 0.0125, 0.003, 0.0065, 0.025, 0.025]


@pytest.mark.parametrize(
    ("neuron_type", "limit"),
    zip(NEURON_TYPES, ACCURACY),
    ids=map(name, NEURON_TYPES),
)
def test_accuracy_of_neuron_types(neuron_type, limit):
    t, exact, output = multiply({"neuron_type": neuron_type})
    assert rmse(t, exact, output) <= limit


def test_default_maximum_rates_of_nengo_work_less_well():
    usual = nengo.dists.Uniform(200, 400)
    t, exact, output = multiply({"max_rates": usual})
    assert 0.0065 < rmse(t, exact, output) < 0.013
    assert np.abs(at_rest(t, output)).mean() <= 0.0005


def test_many_dimensions_are_as_exact_as_one_and_differ_in_their_noise():
    t, exact, output = multiply({}, size=8)
    assert rmse(t, exact, output) <= 1.5 * 0.0065
    assert np.abs(at_rest(t, output)).mean() <= 0.0005
    noise = (output - exact)[(t > 0.1) & (t < LAST)]
    correlations = np.corrcoef(noise.T)[np.triu_indices(8, 1)]
    assert np.abs(correlations).mean() < 0.2


def test_other_ranges_scale_the_same_product():
    radii = {"error_radius": 4.0, "rate_radius": 1e-3, "seed": 0}
    t, exact, plain = multiply({"seed": 0})
    t, exact_scaled, scaled = multiply(
        radii, error=lambda t: 4 * wave(t), rate=lambda t: 1e-3 * falling(t)
    )
    np.testing.assert_allclose(exact_scaled, 4e-3 * exact, atol=1e-15)
    limits = (1e-3, 2e-3)  # of the range; rounding moves single spikes
    assert rmse(t, 4e-3 * plain, scaled) < 4e-3 * limits[1]


def test_signed_rate():
    def swinging(t):
        return np.sin(5 * t) * (t < LAST)

    options = {"signed": True}, {"signed": True, "gate": "node"}
    t, exact, plain, gated = multiply(*options, rate=swinging)
    assert rmse(t, exact, plain) <= 0.0075
    assert rmse(t, exact, gated) <= 0.0075


def test_noisy_inputs():
    with nengo.Network(seed=5) as network:
        exact = nengo.Node(lambda t, x: x[0] * x[1], size_in=2)
        scaler = ErrorScaler(200, 1, watch=False, seed=5)
        for i, (function, node) in enumerate(
            ((wave, scaler.error), (falling, scaler.rate))
        ):
            neurons = nengo.Ensemble(100, 1)
            nengo.Connection(nengo.Node(function), neurons, synapse=None)
            nengo.Connection(neurons, node)
            nengo.Connection(node, exact[i], synapse=None)
        probes = [nengo.Probe(o, synapse=0.01) for o in (exact, scaler.output)]
    with nengo.Simulator(network, progress_bar=False) as sim:
        sim.run(LAST)
    assert rmse(sim.trange(), *(sim.data[p] for p in probes)) <= 0.008


@pytest.mark.parametrize("n_neurons", [60, 400])
def test_accuracy_of_sizes(n_neurons):
    """Within 1.6 times the power laws of the docs."""
    t, exact, output = multiply({"n_neurons": n_neurons})
    expected = 0.0587 * n_neurons**-0.451
    assert 0.6 < rmse(t, exact, output) / expected < 1.6
    t, exact, output = multiply({"n_neurons": n_neurons}, error=positive_wave)
    leak = 0.00286 * n_neurons**-0.168
    assert 0.4 < np.abs(at_rest(t, output)).mean() / leak < 2.5


# --- learning


def learn(scaler_options, keeps_sign=False, duration=7.0, silent_from=5.0):
    """Weights that PES learned at and after the end, with an exact and a neural scaler.

    Also the test error of both.
    """
    probes = []
    with nengo.Network(seed=6) as network:
        stimulus = nengo.Node(wave)
        rate = nengo.Node(lambda t: np.exp(-t / 1.5) * (t < silent_from))
        offset = nengo.Node(lambda t: 0.5 * keeps_sign * (t >= silent_from - 0.1))
        target = nengo.Probe(stimulus, synapse=nengo.Alpha(0.005))
        for options in (None, scaler_options):
            if options is None:
                scaled = nengo.Node(lambda t, x: x[:1] * x[1:], size_in=2)
                inputs = scaled[0], scaled[1]
            else:
                scaler = ErrorScaler(200, 1, watch=False, seed=6, **options)
                inputs, scaled = (scaler.error, scaler.rate), scaler.output
            pre = nengo.Ensemble(200, 1, seed=6)
            output = nengo.Node(size_in=1)
            learned = nengo.Connection(
                pre,
                output,
                function=lambda x: 0,
                learning_rule_type=nengo.PES(2e-3),
                seed=6,
            )
            nengo.Connection(stimulus, pre, synapse=None)
            nengo.Connection(stimulus, inputs[0], transform=-1)
            nengo.Connection(output, inputs[0])
            nengo.Connection(offset, inputs[0], synapse=None)
            nengo.Connection(rate, inputs[1], synapse=None)
            nengo.Connection(scaled, learned.learning_rule)
            weights = nengo.Probe(learned, "weights", sample_every=0.01)
            probes.append((weights, nengo.Probe(output, synapse=0.005)))
    with nengo.Simulator(network, progress_bar=False) as sim:
        sim.run(duration)
    at_rest = sim.trange(sample_every=0.01) > silent_from + 0.3
    tested = sim.trange() > silent_from
    for weights, output in probes:
        miss = (sim.data[output] - sim.data[target])[tested]
        yield sim.data[weights][at_rest, 0], np.sqrt(np.mean(miss**2))


def moved(weights):
    return np.linalg.norm(weights[-1] - weights[0]) / np.linalg.norm(weights[0])


def test_learning_is_that_of_the_exact_product():
    (native, native_rmse), (weights, rmse) = learn({})
    distance = np.linalg.norm(weights[0] - native[0]) / np.linalg.norm(native[0])
    assert 0 < distance <= 0.01
    assert rmse <= 1.03 * native_rmse
    assert moved(weights) < 1e-5


def test_only_a_gate_stops_learning_from_an_error_that_keeps_its_sign():
    _, (weights, _) = learn({}, keeps_sign=True)
    assert 1e-6 < moved(weights) < 0.01
    for gate in ("neural", "node"):
        _, (weights, _) = learn({"gate": gate}, keeps_sign=True)
        np.testing.assert_array_equal(weights, weights[[0] * len(weights)])


# --- interface


def test_interface():
    with nengo.Network() as model:
        scaler = ErrorScaler(100, 3)
        named = ErrorScaler(100, 3, label="named", seed=3)
    assert model.networks == [scaler, named]
    assert (scaler.label, named.label, named.seed) == ("ErrorScaler", "named", 3)
    assert scaler.error.size_in == scaler.output.size_out == 3
    assert scaler.rate.size_in == 1
    assert [e.n_neurons for e in scaler.products] == [100, 100, 100]
    assert scaler.n_neurons == 300
    assert not scaler.probes


@pytest.mark.parametrize("design", ["tied", "classic"])
@pytest.mark.parametrize("gate", [None, "neural", "node"])
@pytest.mark.parametrize("dimensions", [1, 3, 32])
def test_never_more_neurons_than_asked_for(design, gate, dimensions):
    for n_neurons in (24, 31):
        scaler = ErrorScaler(n_neurons, dimensions, design=design, gate=gate)
        assert n_neurons * dimensions - scaler.n_neurons <= (3 + 1) * dimensions
        assert scaler.n_neurons <= n_neurons * dimensions


def test_classic_is_nengo_with_diagonal_encoders():
    with nengo.Network(seed=7) as model:
        scaler = ErrorScaler(50, 1, design="classic")
    (ensemble,) = scaler.products
    with nengo.Simulator(model, progress_bar=False) as sim:
        built = sim.data[ensemble]
    np.testing.assert_allclose(np.abs(built.encoders), np.sqrt(0.5))
    assert ensemble.radius == np.sqrt(2)
    assert ensemble.intercepts == nengo.Ensemble.intercepts.default
    assert ensemble.max_rates == nengo.Ensemble.max_rates.default


def test_config_sets_the_neuron_type():
    with nengo.Network() as model:
        model.config[nengo.Ensemble].neuron_type = nengo.RectifiedLinear()
        (ensemble,) = ErrorScaler(20, 1).products
    assert isinstance(ensemble.neuron_type, nengo.RectifiedLinear)


@pytest.mark.parametrize("design", ["tied", "classic"])
def test_config_sets_nothing_else(design):
    def built(**defaults):
        with nengo.Network(seed=4) as model:
            for name, value in defaults.items():
                setattr(model.config[nengo.Ensemble], name, value)
            model.config[nengo.Connection].transform = 3 if defaults else 1
            with nengo.Network():
                scaler = ErrorScaler(50, 1, design=design, gate="neural", seed=3)
        with nengo.Simulator(model, progress_bar=False) as sim:
            values = [sim.data[e] for e in scaler.all_ensembles]
            return [sim.data[c].weights for c in scaler.all_connections], values

    hostile = {
        "gain": nengo.dists.Choice([1.0]),
        "bias": nengo.dists.Choice([1.0]),
        "intercepts": nengo.dists.Choice([0.5]),
        "max_rates": nengo.dists.Choice([50.0]),
        "radius": 3.0,
    }
    (weights, ensembles), (expected, others) = built(**hostile), built()
    for value, other in zip(weights, expected):
        np.testing.assert_array_equal(value, other)
    for value, other in zip(ensembles, others):
        np.testing.assert_array_equal(value.gain, other.gain)
        np.testing.assert_array_equal(value.bias, other.bias)


@pytest.mark.parametrize("gate", [None, "neural", "node"])
def test_scalers_pickle(gate):
    scaler = ErrorScaler(50, 1, gate=gate, seed=3)
    copy = pickle.loads(pickle.dumps(scaler))
    assert copy.n_neurons == scaler.n_neurons


def test_seeds_decide_everything():
    def weights(model):
        with nengo.Simulator(model, progress_bar=False) as sim:
            decoded = (c for c in model.all_connections if c.solver == Antisymmetric())
            return np.array([sim.data[c].weights for c in decoded])

    scalers = [ErrorScaler(20, 2, seed=seed) for seed in (8, 8, 9)]
    same, again, other = map(weights, scalers)
    np.testing.assert_array_equal(same, again)
    assert np.any(same != other)
    assert np.any(same[0] != same[1])
    np.testing.assert_array_equal(weights(scalers[0].copy()), same)


def test_nengo_dl_computes_the_same(NengoDL):
    with nengo.Network(seed=10) as model:
        scaler = ErrorScaler(40, 2, neuron_type=nengo.LIFRate(), gate="node")
        nengo.Connection(nengo.Node(lambda t: [wave(t), -wave(t)]), scaler.error)
        nengo.Connection(nengo.Node(falling), scaler.rate)
        probe = nengo.Probe(scaler.output)
    with nengo.Simulator(model, progress_bar=False) as sim:
        sim.run_steps(300)
    with NengoDL(model) as sim_dl:
        sim_dl.run_steps(300)
    np.testing.assert_allclose(sim_dl.data[probe], sim.data[probe], atol=1e-10)


# --- bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"error_radius": 0}, "error_radius: must be positive and finite .got 0"),
        ({"rate_radius": -1.0}, "rate_radius: must be positive"),
        ({"error_radius": np.nan}, "error_radius: must be positive"),
        ({"rate_radius": np.inf}, "rate_radius: must be positive and finite"),
        ({"n_neurons": 3}, "n_neurons: .* at least 4 neurons .*got 3"),
        ({"n_neurons": 0}, "n_neurons: must be a positive integer .got 0"),
        (
            {"n_neurons": 23, "gate": "neural"},
            "n_neurons: .* at least 24 neurons .*got 23",
        ),
        ({"n_neurons": 8.5}, "n_neurons: must be a positive integer .got 8.5"),
        ({"dimensions": 0}, "dimensions: must be a positive integer"),
        ({"design": "best"}, "design: must be one of tied, classic .got 'best'"),
        ({"gate": True}, "gate: must be None, 'neural' or 'node'"),
        ({"gate_threshold": 0}, "gate_threshold: must be a fraction"),
        ({"gate": "neural", "signed": True}, "gate: .* negative rates.*'node'"),
        (
            {"gate": "neural", "neuron_type": nengo.Sigmoid()},
            "gate: .* silences Sigmoid",
        ),
        ({"neuron_type": nengo.Izhikevich()}, "neuron_type: Izhikevich .* decoders"),
        ({"max_rates": 400}, "max_rates: must be a nengo Distribution .got 400"),
    ],
    ids=str,
)
def test_refusals(arguments, message):
    with nengo.Network() as model:
        with pytest.raises(ValidationError, match="ErrorScaler." + message):
            ErrorScaler(**{"n_neurons": 100, "dimensions": 1, **arguments})
    assert not model.networks


def warnings_of(error, rate, runs=1, **options):
    """The messages that a run with these inputs gives."""
    with nengo.Network() as model:
        scaler = ErrorScaler(20, 2, **options)
        nengo.Connection(nengo.Node(error), scaler.error[0], synapse=None)
        nengo.Connection(nengo.Node(rate), scaler.rate, synapse=None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(runs):
            with nengo.Simulator(model, progress_bar=False) as sim:
                sim.run(0.5)
    return [str(w.message) for w in caught if w.category is NengoWarning]


def test_inputs_within_their_range_pass_in_silence():
    assert warnings_of(lambda t: np.sin(30 * t), 1.0) == []
    assert warnings_of(-2.0, -0.5, error_radius=2, rate_radius=0.5, signed=True) == []
    assert warnings_of(5.0, 5.0, watch=False) == []


def test_inputs_outside_of_their_range_warn_once_with_their_maximum():
    (message,) = warnings_of(lambda t: -1.7 * np.sin(30 * t), 0.5)
    assert "ErrorScaler: the error reached -1.7 by" in message
    assert "outside of [-1, 1]" in message
    (message,) = warnings_of(0.0, 3.0, rate_radius=2.5, label="mine")
    assert "mine: the rate reached 3 by" in message
    assert "larger rate_radius" in message
    (message,) = warnings_of(0.0, -0.25)
    assert "the rate reached -0.25 by" in message
    assert "signed=True" in message
    (message,) = warnings_of(lambda t: 4 * t, 0.0)  # grows for as long as it runs
    assert "the error reached 1.404 by t = 0.351 s" in message


def test_each_simulation_warns():
    assert len(warnings_of(2.0, 2.0, runs=2)) == 4
