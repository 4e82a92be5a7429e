"""Local gains and factors per layer, as Keras and NengoDL use them."""

import json
import re

import nengo
import numpy as np
import pytest
from nengo.exceptions import ValidationError

from nengo_lr import ExponentialDecay

tf = pytest.importorskip("tensorflow")
nengo_dl = pytest.importorskip("nengo_dl")

from nengo_lr.keras import LocalGains, layer_factors, to_keras  # noqa: E402


def follow(optimizer, gradients, dtype="float64"):
    """Weights and gains of one variable, from 0, after each of some gradients."""
    variable = tf.Variable(np.zeros_like(gradients[0]), dtype=dtype)
    weights, gains = [], []
    for gradient in gradients:
        optimizer.apply_gradients([(tf.constant(gradient, dtype), variable)])
        weights.append(variable.numpy())
        gains.append(optimizer.gains[0].numpy() if "gains" in vars(optimizer) else None)
    return np.array(weights), np.array(gains)


def test_gains_by_hand():
    """Agreement, disagreement, a zero, and both limits, computed by hand."""
    optimizer = LocalGains(0.1, bonus=0.5, penalty=0.25, limits=(0.5, 1.75))
    gradients = np.array([[2, 2], [1, -1], [3, 0], [1, 1], [1, 1], [-1, 1]])
    weights, gains = follow(optimizer, gradients)
    expected = [[1, 1], [1.5, 0.5], [1.75, 0.5], [1.75, 0.5], [1.75, 1], [0.5, 1.5]]
    assert np.array_equal(gains, expected)
    np.testing.assert_allclose(weights, -0.1 * np.cumsum(gains * gradients, axis=0))
    assert np.array_equal(optimizer.signs[0], [-1, 1])


def test_signs_do_not_underflow():
    """Two gradients whose product float32 rounds to 0 agree none the less."""
    _, gains = follow(LocalGains(0.1, bonus=0.5), np.full((2, 1), 1e-30), "float32")
    assert gains[-1] == 1.5


def gradients(n_steps=20, size=6):
    return np.random.RandomState(3).standard_normal((n_steps, size))


def test_no_bonus_and_no_penalty_is_gradient_descent():
    plain = LocalGains(0.01, bonus=0.0, penalty=1.0)
    expected, _ = follow(tf.keras.optimizers.SGD(0.01), gradients(), "float32")
    assert np.array_equal(follow(plain, gradients(), "float32")[0], expected)


@pytest.mark.parametrize("options", [{"weight_decay": 0.1}, {"clipnorm": 0.5}])
def test_options_of_every_optimizer(options):
    plain = LocalGains(0.5, bonus=0.0, penalty=1.0, **options)
    expected, _ = follow(tf.keras.optimizers.SGD(0.5, **options), gradients())
    np.testing.assert_allclose(follow(plain, gradients())[0], expected, rtol=1e-14)


DECAY = ExponentialDecay(0.5, tau=2.0)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (
            tf.keras.optimizers.schedules.PolynomialDecay(0.5, 16, 0.0),
            lambda k: 0.5 - np.minimum(k, 16) / 32,
        ),
        (to_keras(DECAY, dt=0.25), lambda k: DECAY(0.25 * k)),
    ],
)
def test_schedules(schedule, expected):
    """The rate of a step is that of the schedule after the steps before it."""
    weights, gains = follow(LocalGains(schedule), gradients())
    rates = expected(np.arange(len(weights)))[:, None]
    steps = np.diff(weights, axis=0, prepend=0)
    np.testing.assert_allclose(steps, -rates * gains * gradients(), atol=1e-14)


def test_rate_can_be_set_between_steps():
    optimizer = LocalGains(0.1, bonus=0.0, penalty=1.0)
    follow(optimizer, gradients(1))
    optimizer.learning_rate = 0.3
    assert optimizer.learning_rate.numpy() == 0.3


def test_sparse_gradient():
    """Rows that a sparse gradient leaves out have a gradient of 0."""
    sparse, dense = (tf.Variable(np.zeros((3, 2))) for _ in range(2))
    optimizers = LocalGains(0.1), LocalGains(0.1)
    for rows in ([0, 1], [1, 1], [0, 2]):
        slices = tf.IndexedSlices(
            tf.ones((2, 2), tf.float64), tf.constant(rows), tf.constant([3, 2])
        )
        optimizers[0].apply_gradients([(slices, sparse)])
        optimizers[1].apply_gradients([(tf.convert_to_tensor(slices), dense)])
    assert np.array_equal(sparse, dense)
    assert np.array_equal(optimizers[0].gains[0], optimizers[1].gains[0])
    assert np.all(sparse.numpy() != 0)


def test_compiled_step():
    """XLA, which Keras uses for optimizers where there is a GPU, does the same."""
    compiled = LocalGains(0.1)
    compiled.jit_compile = True
    for actual, expected in zip(
        follow(compiled, gradients()), follow(LocalGains(0.1), gradients())
    ):
        np.testing.assert_allclose(actual, expected, rtol=1e-14)


FACTORS = [2.0, [[1.0], [0.5]]]


def test_factors():
    variables = [tf.Variable(np.zeros(3)), tf.Variable(np.zeros((2, 2)))]
    optimizer = LocalGains(0.1, factors=FACTORS)
    optimizer.apply_gradients([(tf.ones_like(v), v) for v in variables])
    np.testing.assert_allclose(variables[0], -0.2 * np.ones(3))
    np.testing.assert_allclose(variables[1], [[-0.1, -0.1], [-0.05, -0.05]])


@pytest.mark.parametrize("factors", [[1.0], [1.0] * 3, [1.0, np.ones((2, 3))]])
def test_factors_that_do_not_fit(factors):
    variables = [tf.Variable(np.zeros(3)), tf.Variable(np.zeros((2, 2)))]
    with pytest.raises(ValidationError, match=r"LocalGains\.factors: .*2"):
        LocalGains(factors=factors).build(variables)


@pytest.fixture(scope="module")
def layers():
    """Three layers of ten neurons, in a simulator."""
    with nengo.Network(seed=0) as net:
        net.input = nengo.Node(np.ones(10))
        net.layers = [nengo.Ensemble(10, 1) for _ in range(3)]
        neurons = [net.input, *(layer.neurons for layer in net.layers)]
        net.links = [
            nengo.Connection(pre, post, transform=np.ones((10, 10)))
            for pre, post in zip(neurons, neurons[1:])
        ]
        net.decoded = nengo.Connection(*net.layers[:2])
        nengo.Probe(neurons[-1])
    with nengo_dl.Simulator(net, progress_bar=False) as sim:
        yield net, sim


@pytest.mark.parametrize(
    ("choose", "expected"),
    [
        (lambda net: net.links[1], {"link 1"}),
        (lambda net: net.decoded, {"decoders"}),
        (lambda net: net.layers[2].neurons, {"bias 2"}),
        (lambda net: net.layers[1], {"encoders 1", "bias 1"}),
    ],
    ids=["weights", "decoders", "neurons", "ensemble"],
)
def test_layer_factors(layers, choose, expected):
    """A factor of 0 for all objects but one moves that one only."""
    net, sim = layers

    def parameters():
        return {
            **{f"link {i}": sim.data[link].weights for i, link in enumerate(net.links)},
            **{f"bias {i}": sim.data[ens].bias for i, ens in enumerate(net.layers)},
            "decoders": sim.data[net.decoded].weights,
            "encoders 1": sim.data[net.layers[1]].scaled_encoders,
        }

    before = parameters()
    variables = sim.keras_model.trainable_weights
    assert len(variables) < len(before)  # NengoDL keeps some of them in one variable
    factors = {obj: 0.0 for obj in [*net.links, net.decoded, *net.layers]}
    factors = layer_factors(sim, {**factors, choose(net): 2.0})
    optimizer = LocalGains(0.1, factors=factors)
    optimizer.apply_gradients([(tf.ones_like(v), v) for v in variables])
    for key, after in parameters().items():
        change = -0.2 if key in expected else 0.0
        np.testing.assert_allclose(after, before[key] + change, rtol=1e-5)


@pytest.mark.parametrize(
    ("factor", "message"), [(-1, "got -1"), ("two", "got 'two'"), (np.inf, "got inf")]
)
def test_layer_factors_refuse_factors(layers, factor, message):
    net, sim = layers
    with pytest.raises(ValidationError, match=f"factors.*Connection.*{message}"):
        layer_factors(sim, {net.links[0]: factor})


def test_layer_factors_refuse_objects(layers):
    net, sim = layers
    with pytest.raises(ValidationError, match=r"factors.*Node.*nothing to train"):
        layer_factors(sim, {net.input: 1.0})


@pytest.mark.parametrize(
    "optimizer",
    [
        LocalGains(),
        LocalGains(0.3, 0.1, 0.9, (0.01, 100), FACTORS, clipvalue=1.0, name="mine"),
        LocalGains(tf.keras.optimizers.schedules.CosineDecay(0.1, 100)),
        LocalGains(to_keras(DECAY, dt=0.25)),
    ],
)
def test_serialization(optimizer):
    """The configuration survives JSON, by itself and as Keras serializes it."""
    config = json.loads(json.dumps(optimizer.get_config()))
    assert LocalGains.from_config(config).get_config() == optimizer.get_config()
    serialized = json.loads(json.dumps(tf.keras.optimizers.serialize(optimizer)))
    restored = tf.keras.optimizers.deserialize(serialized)
    assert isinstance(restored, LocalGains)
    assert restored.get_config() == optimizer.get_config()


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("learning_rate", -0.1),
        ("learning_rate", np.inf),
        ("learning_rate", np.nan),
        ("learning_rate", "fast"),
        ("bonus", -0.05),
        ("bonus", 1.5),
        ("bonus", np.nan),
        ("penalty", 1.05),
        ("penalty", -0.1),
        ("limits", (10.0, 0.1)),
        ("limits", (1.5, 10.0)),
        ("limits", 10.0),
        ("limits", (0.1, np.inf)),
        ("factors", 3.0),
        ("factors", [1.0, -1.0]),
        ("factors", [np.nan]),
    ],
)
def test_bad_input(parameter, value):
    wrong = value if np.isscalar(value) else value[-1] if value[0] == 1.0 else value
    message = rf"LocalGains\.{parameter}: .*{re.escape(str(wrong).strip('[]'))}"
    with pytest.raises(ValidationError, match=message):
        LocalGains(**{parameter: value})


def test_schedules_of_time_need_a_step():
    with pytest.raises(ValidationError, match=r"learning_rate: .*to_keras.*tau=2\.0"):
        LocalGains(DECAY)


def test_parameters_are_fixed():
    """Changing one after Keras has traced the step would be ignored in silence."""
    optimizer = LocalGains(factors=FACTORS)
    with pytest.raises(ValidationError):
        optimizer.rule.bonus = 0.1
    with pytest.raises(ValidationError):
        optimizer.factors = [1.0, 1.0]
