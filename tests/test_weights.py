"""Learned weights that leave the run, and models that start with them."""

import pickle

import nengo
import numpy as np
import pytest
from helpers import CONNECTIONS, learning_network
from nengo.exceptions import SimulatorClosed, ValidationError
from nengo.learning_rules import LearningRuleType

import nengo_lr as nlr
from nengo_lr import checkpoint
from nengo_lr.weights import Learned

N_STEPS = 200
RATE = 1e-3


def unoptimized(network):
    return nengo.Simulator(network, progress_bar=False, optimize=False)


def train(network, n_steps=N_STEPS):
    """What a network learns in some steps."""
    with unoptimized(network) as sim:
        if n_steps:
            sim.run_steps(n_steps)
        return nlr.learned(sim)


def outputs(network, n_steps=N_STEPS, freeze=False):
    """The data of all Probes but those on learning rules, as one array."""
    with unoptimized(network) as sim:
        if freeze:
            with nlr.frozen(sim):
                sim.run_steps(n_steps)
        else:
            sim.run_steps(n_steps)
    return np.hstack(
        [
            sim.data[probe].reshape(n_steps, -1)
            for probe in network.all_probes
            if not isinstance(probe.obj, nengo.connection.LearningRule)
        ]
    )


def decoded_model(rule, connect):
    """A network with a probed output, of one kind of connection."""
    network = learning_network(rule, connect)
    with network:
        nengo.Probe(network.connection.post_obj)
    return network


def network_with(connect, **options):
    """A network with a stimulus, two ensembles and what ``connect`` makes of them."""
    with nengo.Network(**{"seed": 1, **options}) as network:
        stimulus = nengo.Node(lambda t: [np.sin(6 * t), np.cos(4 * t)], label="input")
        pre = nengo.Ensemble(30, 2, label="pre")
        post = nengo.Ensemble(20, 2, label="post")
        nengo.Connection(stimulus, pre)
        connect(stimulus, pre, post)
        nengo.Probe(post, synapse=0.01)
        nengo.Probe(post.neurons)
    return network


def voja(stimulus, pre, post):
    nengo.Connection(
        pre, post, learning_rule_type=nlr.Scheduled(nengo.Voja(), learning_rate=1e-2)
    )
    nengo.Connection(post, nengo.Node(size_in=1), function=np.prod, label="product")


def voja_beside_neurons(stimulus, pre, post):
    voja(stimulus, pre, post)
    nengo.Connection(nengo.Node([0.1]), post.neurons, transform=np.ones((20, 1)))


def voja_and_pes(stimulus, pre, post):
    """A heteroassociative memory: encoders and decoders learn."""
    voja(stimulus, pre, post)
    out = nengo.Node(size_in=1, label="out")
    learned = nengo.Connection(
        post,
        out,
        function=lambda x: 0,
        learning_rule_type=nlr.ScheduledPES(RATE),
        label="recall",
    )
    nengo.Connection(out, learned.learning_rule)
    nengo.Connection(stimulus[0], learned.learning_rule, transform=-1)
    nengo.Probe(out)


def two_rules(kind):
    def connect(stimulus, pre, post):
        rules = [nlr.ScheduledPES(RATE), nlr.Scheduled(nengo.Voja(), 1e-2)]
        if kind is dict:
            rules = dict(zip("ab", rules))
        learned = nengo.Connection(
            pre, post, function=lambda x: [0, 0], learning_rule_type=rules
        )
        first = learned.learning_rule["a" if kind is dict else 0]
        nengo.Connection(stimulus, first, transform=-1)
        nengo.Connection(post, first)

    connect.__name__ = f"two_rules_{kind.__name__}"
    return connect


def unsupervised(rule):
    def connect(stimulus, pre, post):
        nengo.Connection(
            pre,
            post,
            solver=nengo.solvers.LstsqL2(weights=True),
            learning_rule_type=nlr.Scheduled(rule, rule.learning_rate),
        )

    connect.__name__ = type(rule).__name__
    return connect


def recurrent(stimulus, pre, post):
    learned = nengo.Connection(post, post, learning_rule_type=nlr.ScheduledPES(RATE))
    nengo.Connection(pre, post)
    nengo.Connection(stimulus, learned.learning_rule, transform=-0.1)


def in_subnetworks(stimulus, pre, post):
    for _ in range(2):
        with nengo.Network():
            learned = nengo.Connection(
                pre, post, learning_rule_type=nlr.ScheduledPES(RATE)
            )
            nengo.Connection(stimulus[[1, 0]], learned.learning_rule, transform=-0.1)


def adaptive_rule(stimulus, pre, post):
    learned = nengo.Connection(
        pre, post, learning_rule_type=nlr.ScheduledPES(1e-2, optimizer=nlr.RMSProp())
    )
    nengo.Connection(stimulus, learned.learning_rule)


def another_dimension(stimulus, pre, post):
    learned = nengo.Connection(
        pre[1],
        post,
        function=lambda x: [x[0] ** 2, 0, x[0]],
        transform=np.ones((2, 3)),
        learning_rule_type=nlr.ScheduledPES(RATE),
    )
    nengo.Connection(stimulus, learned.learning_rule)


def with_pes(pre, post, rule=RATE, **options):
    """A connection that learns from the stimulus, the first Node of the network."""
    rule = rule if isinstance(rule, LearningRuleType) else nlr.ScheduledPES(rule)
    learned = nengo.Connection(pre, post, learning_rule_type=rule, **options)
    to_error = np.full((learned.learning_rule.size_in, 2), [[-0.3, 0.2]])
    nodes = nengo.Network.context[0].all_nodes
    stimulus = [node for node in nodes if node.label == "input"][-1]
    nengo.Connection(stimulus, learned.learning_rule, transform=to_error)
    return learned


def neurons_to_node(stimulus, pre, post):
    out = nengo.Node(size_in=1)
    with_pes(pre.neurons, out, transform=np.zeros((1, 30)))
    nengo.Probe(out)


def to_neurons(stimulus, pre, post):
    with_pes(pre, post.neurons, transform=np.full((20, 2), 1e-2))


def neurons_to_themselves(stimulus, pre, post):
    nengo.Connection(pre, post)
    with_pes(post.neurons, post.neurons, transform=np.full((20, 20), 1e-5))


def index_slices(stimulus, pre, post):
    """In another order, and the same dimension twice."""
    with_pes(pre[[1, 0, 1]], post[[1, 0]], function=lambda x: [x[2], x[0] * x[1]])


def transforms(stimulus, pre, post):
    """Scalar and dense where it learns, sparse and convolution elsewhere."""
    with_pes(pre, post, transform=-0.5)
    with_pes(pre, post[0], transform=[[0.5, -1.0]])
    indices = [[i, i] for i in range(20)]
    sparse = nengo.Sparse((20, 30), indices=indices, init=1e-3)
    nengo.Connection(pre.neurons, post.neurons, transform=sparse)
    convolution = nengo.Convolution(1, (20, 1), (3,), strides=(1,))
    out = nengo.Node(size_in=18)
    nengo.Connection(post.neurons, out, transform=convolution, seed=1)
    nengo.Probe(out)


def ensemble_array(stimulus, pre, post):
    array = nengo.networks.EnsembleArray(20, 2, label="array")
    nengo.Connection(pre, array.input)
    for i, part in enumerate(array.all_ensembles):
        with_pes(part, post[i])
    nengo.Probe(array.output)


def same_labels(stimulus, pre, post):
    for _ in range(2):
        with nengo.Network(label="outer"), nengo.Network(label="inner"):
            inner = nengo.Ensemble(15, 2, label="same")
            nengo.Connection(pre, inner)
            with_pes(inner, post, label="also the same")


def neuron_types(stimulus, pre, post):
    for kind in (
        nengo.AdaptiveLIF(),
        nengo.SpikingRectifiedLinear(),
        nengo.Sigmoid(),
        nengo.Tanh(),
        nengo.RectifiedLinear(),
    ):
        ensemble = nengo.Ensemble(20, 1, neuron_type=kind)
        nengo.Connection(pre[0], ensemble)
        with_pes(ensemble, post, rule=1e-4, function=lambda x: [0, x[0]])


def odd_ensembles(stimulus, pre, post):
    """Parameters of their own, not all of them normalized."""
    options = {
        "gain": np.linspace(1, 2, 10),
        "bias": np.linspace(1.5, 3, 10),
        "encoders": np.random.RandomState(1).uniform(-2, 2, size=(10, 2)),
        "eval_points": np.random.RandomState(2).uniform(-3, 3, size=(40, 2)),
        "normalize_encoders": False,
        "radius": 3.0,
    }
    source = nengo.Ensemble(10, 2, **options)
    target = nengo.Ensemble(10, 2, **options)
    nengo.Connection(stimulus, source)
    with_pes(source, target)
    with_pes(source, target.neurons, transform=np.full((10, 2), 1e-2))
    nengo.Probe(target)


def solvers(stimulus, pre, post):
    full = nengo.solvers.LstsqL2(weights=True, reg=0.3)
    with_pes(pre, post, solver=full, function=np.square)
    with_pes(pre, post, solver=nengo.solvers.NoSolver(np.full((30, 2), 1e-4)))
    with_pes(pre, post, solver=nengo.solvers.LstsqDrop(drop=0.3), function=np.sin)


def to_direct(stimulus, pre, post):
    direct = nengo.Ensemble(1, 2, neuron_type=nengo.Direct())
    with_pes(pre, direct)
    nengo.Connection(direct, post, function=np.square)


def driven_rates(stimulus, pre, post):
    """By a Node, that an ensemble drives, and by laws."""
    rate = nengo.Node(size_in=1)
    nengo.Connection(post, rate, function=lambda x: 1e-3 * np.abs(x[0]))
    with_pes(pre, post, rule=rate)
    with_pes(pre, post, rule=nlr.ErrorDriven(1e-5, 1e-3, scale=0.3))
    with_pes(pre, post, rule=nlr.GreedyRate(1e-3, 0.05, minimum=1e-4, maximum=1e-2))


def rates_without_numbers(stimulus, pre, post):
    with_pes(pre, post, rule="auto")
    with_pes(pre, post, rule=nlr.ScheduledPES(RATE, precondition=4))


def optimizers(stimulus, pre, post):
    for optimizer in (nlr.Adam(), nlr.AdaGrad(), nlr.LocalGains()):
        with_pes(pre, post, rule=nlr.ScheduledPES(RATE, optimizer=optimizer))


def native_rules(stimulus, pre, post):
    with_pes(pre, post, rule=nengo.PES(RATE))
    nengo.Connection(pre, post, learning_rule_type=nengo.Voja(learning_rate=1e-2))


def rls(stimulus, pre, post):
    with_pes(pre, post, rule=nengo.RLS())


def rules_on_neurons(stimulus, pre, post):
    """Supervised and unsupervised rules change the same weights."""
    learned = nengo.Connection(
        pre.neurons,
        post.neurons,
        transform=np.full((20, 30), 1e-5),
        learning_rule_type={
            "pes": nlr.ScheduledPES(1e-5),
            "bcm": nlr.Scheduled(nengo.BCM(1e-10)),
            "oja": nlr.Scheduled(nengo.Oja(1e-7)),
        },
    )
    nengo.Connection(stimulus, learned.learning_rule["pes"], transform=0.1)


MODELS = [
    voja,
    voja_beside_neurons,
    voja_and_pes,
    two_rules(list),
    two_rules(dict),
    unsupervised(nengo.BCM(1e-9)),
    unsupervised(nengo.Oja(1e-6)),
    recurrent,
    in_subnetworks,
    adaptive_rule,
    another_dimension,
    neurons_to_node,
    to_neurons,
    neurons_to_themselves,
    index_slices,
    transforms,
    ensemble_array,
    same_labels,
    neuron_types,
    odd_ensembles,
    solvers,
    to_direct,
    driven_rates,
    rates_without_numbers,
    optimizers,
    rules_on_neurons,
    native_rules,
    rls,
]

LEARNS_ENCODERS = (
    "voja",
    "voja_beside_neurons",
    "voja_and_pes",
    "two_rules_list",
    "two_rules_dict",
    "native_rules",
)


@pytest.mark.parametrize("connect", CONNECTIONS.values(), ids=CONNECTIONS)
def test_without_learning_equals_the_frozen_original(connect):
    network = decoded_model(nlr.ScheduledPES(RATE), connect)
    found = train(network)
    plain = nlr.without_learning(network, found)
    assert not any(c.learning_rule for c in plain.all_connections)
    expected = outputs(nlr.with_learned(network, found), freeze=True)
    assert np.all(outputs(plain) == expected)
    # it has learned something, and the original is as it was
    assert not np.all(outputs(network, freeze=True) == expected)
    assert network.connection.learning_rule_type == nlr.ScheduledPES(RATE)


@pytest.mark.parametrize("connect", MODELS, ids=lambda connect: connect.__name__)
def test_every_kind_of_model_without_learning(connect):
    network = network_with(connect)
    found = train(network)
    plain = nlr.without_learning(network, found)
    again = nlr.with_learned(network, found)
    difference = np.abs(outputs(plain) - outputs(again, freeze=True)).max()
    if connect.__name__ not in LEARNS_ENCODERS:
        assert difference == 0
    else:  # encoders that go on learning start within a rounding error
        assert difference < 1e-11
    assert train(again, n_steps=0).keys() == found.keys()
    for name, values in train(again, n_steps=0).items():
        np.testing.assert_allclose(values, found[name], rtol=5e-16)


@pytest.mark.parametrize("connect", [voja, voja_and_pes])
def test_learned_encoders_are_the_same_bits(connect):
    network = network_with(connect)
    with unoptimized(network) as sim:
        sim.run_steps(N_STEPS)
        found = nlr.learned(sim)
        plain = nlr.without_learning(network, sim)
    (ensemble,) = (e for e in plain.all_ensembles if e.label == "post")
    with unoptimized(plain) as sim:
        built = sim.data[ensemble].scaled_encoders
    assert np.all(built == found["post scaled_encoders"])


@pytest.mark.parametrize("freeze", [False, True])
def test_from_a_simulator_even_of_a_model_without_seeds(freeze):
    network = network_with(voja_and_pes, seed=None)
    with unoptimized(network) as sim:
        plain = nlr.without_learning(network, sim)
        if freeze:
            with nlr.frozen(sim):
                sim.run_steps(N_STEPS)
            probes = [sim.data[p] for p in network.probes]
        else:
            sim.run_steps(1)
            sim.reset()
    if freeze:  # nothing was learned yet: the same neurons, in the same state
        with unoptimized(plain) as sim:
            sim.run_steps(N_STEPS)
        assert all(np.all(sim.data[p] == data) for p, data in zip(plain.probes, probes))
    else:
        assert np.all(outputs(plain) == outputs(plain))


def test_weights_keep_their_meaning_in_a_larger_model():
    """More objects give all others new seeds, and so other neurons."""
    found = train(network_with(voja_and_pes))

    def larger(stimulus, pre, post):
        nengo.Ensemble(10, 1)
        voja_and_pes(stimulus, pre, post)

    with nengo.Network(seed=5) as outer:
        outer.add(network_with(larger, seed=None))
        nengo.Ensemble(10, 1)
    copied = nlr.with_learned(outer, found)
    again = train(copied, n_steps=0)
    assert np.all(again["recall weights"] == found["recall weights"])
    np.testing.assert_allclose(again["post bias"], found["post bias"])


@pytest.mark.parametrize("rule", [nengo.PES(1e-4), nlr.ScheduledPES(1e-5), None])
def test_the_same_model_with_another_rule(rule):
    connect = CONNECTIONS["decoded"]
    found = train(decoded_model(nlr.ScheduledPES(RATE), connect))

    with nengo.Network(seed=1) as other:
        stimulus = nengo.Node(lambda t: [np.sin(6 * t), np.cos(4 * t)])
        pre, post = nengo.Ensemble(30, 2, seed=2), nengo.Ensemble(20, 2, seed=3)
        nengo.Connection(stimulus, pre, seed=4)
        nengo.Connection(pre, post, function=lambda x: [0, 0], learning_rule_type=rule)
        nengo.Probe(post)
    copied = nlr.with_learned(other, found)
    with unoptimized(copied) as sim:
        weights = sim.data[copied.connections[1]].weights
    assert np.all(weights == found["connections[1] weights"])


def test_learning_goes_on_where_it_stopped():
    network = learning_network(nlr.ScheduledPES(RATE))
    with network:
        error = nengo.Probe(network.error, synapse=0.03)
    errors = []
    for model in (network, nlr.with_learned(network, train(network, 2000))):
        probe = model.probes[network.probes.index(error)]
        with unoptimized(model) as sim:
            sim.run(0.5)
        errors.append(np.sqrt(np.mean(sim.data[probe] ** 2)))
    assert errors[1] < errors[0]


def test_file(tmp_path):
    found = train(network_with(voja_and_pes))
    path = tmp_path / "weights.npz"
    found.save(path)
    again = Learned.load(path)
    assert list(again) == list(found)
    assert all(np.all(again[name] == values) for name, values in found.items())
    assert all(again[name].dtype == values.dtype for name, values in found.items())


def test_files_of_another_kind(tmp_path):
    network = network_with(voja)
    found = train(network)
    found.save(tmp_path / "weights")
    with unoptimized(network) as sim:
        checkpoint.save(sim, tmp_path / "run")
        with pytest.raises(ValidationError, match="checkpoint"):
            checkpoint.load(sim, tmp_path / "weights")
    with pytest.raises(ValidationError, match="learned weights"):
        Learned.load(tmp_path / "run")
    with pytest.raises(FileNotFoundError):
        Learned.load(tmp_path / "nothing")
    with pytest.raises(OSError, match="nowhere"):
        found.save(tmp_path / "nowhere" / "weights")


def test_damaged_files(tmp_path):
    found = train(network_with(voja))
    path = tmp_path / "weights"
    found.save(path)
    data = path.read_bytes()
    rng = np.random.RandomState(0)
    for _ in range(200):
        damaged = bytearray(data)
        if rng.rand() < 0.3:
            damaged = damaged[: rng.randint(len(data))]
        for place in rng.randint(max(1, len(damaged)), size=rng.randint(1, 5)):
            damaged[place : place + 1] = rng.bytes(1)
        path.write_bytes(damaged)
        try:
            again = Learned.load(path)
        except ValidationError:
            continue
        # what is not noticed did no harm
        assert all(np.all(again[name] == values) for name, values in found.items())


def test_plain_nengo_can_be_pickled_without_this_package():
    def pickled(stimulus, pre, post):
        learned = nengo.Connection(
            pre, post, function=np.square, learning_rule_type=nlr.ScheduledPES(RATE)
        )
        nengo.Connection(pre, learned.learning_rule)

    with nengo.Network(seed=0) as network:
        a, b = nengo.Ensemble(20, 2), nengo.Ensemble(20, 2)
        pickled(None, a, b)
        nengo.Connection(
            a,
            b,
            solver=nengo.solvers.LstsqL2(weights=True),
            learning_rule_type=nlr.Scheduled(nengo.Oja(), 1e-6),
        )
        nengo.Probe(b)
    text = pickle.dumps(nlr.without_learning(network, train(network)))
    assert b"nengo_lr" not in text
    plain = pickle.loads(text)
    expected = nlr.with_learned(network, train(network))
    assert np.all(outputs(plain) == outputs(expected, freeze=True))


def many_models(strided):
    """All models that other simulators can run, in one network.

    nengo-torch itself is wrong where a slice is ``strided``.
    """
    with nengo.Network(seed=1) as network:
        network.config[nengo.Ensemble].neuron_type = nengo.LIFRate()
        for i, connect in enumerate(MODELS):
            if connect is not rls:
                # NengoDL takes a connection for one of a Probe that has its seed
                network_with(connect, seed=10 + i)
        for name, connect in CONNECTIONS.items():
            if strided or name != "sliced_neurons":
                decoded_model(nlr.ScheduledPES(RATE), connect)
    return network


def largest_difference(actual, expected):
    """That of any array, relative to the array's largest value."""
    assert actual.keys() == expected.keys()
    return max(
        np.max(np.abs(actual[name] - values)) / np.max(np.abs(values))
        for name, values in expected.items()
    )


@pytest.mark.filterwarnings("ignore:.* does not have a native TensorFlow")
@pytest.mark.needs("minibatches")
def test_between_simulators(Simulator):
    """To another one in float32, where learning goes on, and back."""
    network = many_models(strided="torch" not in Simulator.__name__)
    here = train(network, n_steps=100)
    copied = nlr.with_learned(network, here)
    with Simulator(copied, dtype="float32") as sim:
        assert largest_difference(nlr.learned(sim), here) < 1e-6
        sim.run_steps(100)
        there = nlr.learned(sim)
    assert largest_difference(there, train(copied, n_steps=100)) < 1e-5
    again = train(nlr.with_learned(network, there), n_steps=0)
    assert largest_difference(again, there) < 1e-6

    plain = nlr.without_learning(network, there)
    with Simulator(plain, dtype="float32") as sim:
        sim.run_steps(50)
        data = {probe: sim.data[probe] for probe in plain.all_probes}
    with unoptimized(plain) as sim:
        sim.run_steps(50)
        expected = {probe: sim.data[probe] for probe in plain.all_probes}
    assert largest_difference(data, expected) < 1e-5


def test_items_of_a_minibatch(NengoDL):
    network = decoded_model(nlr.ScheduledPES(RATE), CONNECTIONS["decoded"])
    with NengoDL(network, minibatch_size=2) as sim:
        with pytest.raises(ValidationError, match="2 items"):
            nlr.learned(sim)
        with pytest.raises(ValidationError, match="less than 2"):
            nlr.learned(sim, item=2)
        assert nlr.learned(sim, item=1)["connections[1] weights"].shape == (2, 30)


def test_what_does_not_fit_is_named():
    found = train(network_with(voja_and_pes))
    with nengo.Network() as other:
        nengo.Ensemble(20, 1, label="post")
    with pytest.raises(ValidationError, match="'recall'"):
        nlr.with_learned(other, Learned({"recall weights": found["recall weights"]}))
    neurons = {name: array for name, array in found.items() if name[:4] == "post"}
    with pytest.raises(ValidationError, match=r"\(20, 2\).*\(20, 1\)"):
        nlr.with_learned(other, Learned(neurons))


def test_another_size_of_weights():
    found = train(network_with(voja_and_pes))
    found = Learned({"recall weights": found["recall weights"][:, :7]})
    with pytest.raises(ValidationError, match=r"\(1, 7\).*\(1, 20\)"):
        nlr.with_learned(network_with(voja_and_pes), found)


@pytest.mark.parametrize(
    "arrays",
    [
        {"a": [[1.0]]},
        {"a weights": [1.0]},
        {"a weights": [[np.nan]]},
        {"a weights": [["x"]]},
        {"a gain": [[1.0]]},
    ],
)
def test_bad_arrays(arrays):
    with pytest.raises(ValidationError, match="a"):
        Learned(arrays)


def test_nothing_learned():
    with nengo.Network() as network:
        nengo.Ensemble(10, 1)
    with unoptimized(network) as sim:
        with pytest.raises(ValidationError, match="no connection with a learning rule"):
            nlr.learned(sim)
    network = network_with(voja)
    sim = unoptimized(network)
    sim.close()
    with pytest.raises(SimulatorClosed):
        nlr.learned(sim)
