"""The rules on nengo-torch: tensors with a leading axis for items, on any device."""

import nengo
import numpy as np
import pytest
from helpers import relative
from learners import LAW, all_networks, freeze_and_change, pes
from nengo.exceptions import BuildError, SimulationError

from nengo_lr import (
    Adam,
    ExponentialDecay,
    Scheduled,
    ScheduledPES,
    checkpoint,
    configure_settings,
    set_learning_rate,
)
from nengo_lr.builder.hosts import host_of, hosts, known_hosts
from nengo_lr.lab import TaskModel, Trial, sweep
from nengo_lr.version import version

nengo_torch = pytest.importorskip("nengo_torch")
torch = pytest.importorskip("torch")

from nengo_lr.backends.nengo_torch import base, namespace  # noqa: E402

HOST = known_hosts()["nengo_torch"]


def simulator(network, dtype=torch.float64, **kwargs):
    return nengo_torch.Simulator(network, progress_bar=False, dtype=dtype, **kwargs)


@pytest.fixture(params=["CPU", "a device that runs behind"])
def device(request, monkeypatch):
    """The steps for the CPU, and those for devices that have to be waited for."""
    if request.param != "CPU":
        monkeypatch.setattr(base.TorchOperator, "runs_behind", lambda *_: True)


def rate_neurons(network):
    """Take spikes out: on other steps, they would hide all that is to be seen."""
    for ensemble in network.all_ensembles:
        ensemble.neuron_type = nengo.LIFRate()
    return network


def learned(sim, network):
    """The weights and rates that each part of a network learned, by name."""
    samples = host_of(sim).samples
    return {
        name: (samples(part.weights), samples(part.rate))
        for name, part in network.parts.items()
    }


@pytest.fixture(scope="module")
def networks():
    """Every kind of rate, rule, optimizer and law, and what they learn on Nengo."""
    network = all_networks()
    with network:
        network.parts["Adam"] = pes(1e-3, optimizer=Adam())
        network.parts["auto"] = pes("auto")
        network.parts["precondition"] = pes(1e-3, precondition=3)
    rate_neurons(network)
    with nengo.Simulator(network, progress_bar=False) as sim:
        sim.run_steps(500)
        return network, learned(sim, network)


@pytest.mark.parametrize("n_items", [1, 2])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.usefixtures("device")
def test_weights_are_those_of_the_reference(networks, n_items, dtype):
    network, expected = networks
    dtype = getattr(torch, dtype)
    with simulator(network, dtype=dtype, minibatch_size=n_items) as sim:
        assert not any(
            type(op).__name__ == "TorchOperatorFallback" for op in sim.operators
        )
        sim.run_steps(500)
        found_all = learned(sim, network)
    for name, arrays in found_all.items():
        if name == "LocalGains" and dtype == torch.float32:
            continue  # where a sum is nearly 0, rounding decides on its sign
        most = 1e-12
        if dtype == torch.float32:
            # at first, a gradient's digits are those of a difference of large numbers
            most = 3e-6 if name in ("AdaGrad", "RMSProp") else 1.4e-6
        for found, right in zip(arrays, expected[name]):
            assert len(found) == n_items
            for item in found:
                assert relative(item, right[0]) < most, name


@pytest.mark.usefixtures("device")
def test_every_item_has_its_own_rate_and_state():
    with nengo.Network(seed=0) as network:
        node = nengo.Node([0.0])
        parts = pes(node), pes(node, optimizer=Adam()), pes(LAW)
    rates = np.array([0.0, 1e-4, 1e-3])
    data = np.broadcast_to(rates[:, None, None], (3, 200, 1))
    with HOST.make(network, minibatch_size=3) as sim:
        host = host_of(sim)
        host.run(200, {node: data})
        weights = [host.samples(part.weights) for part in parts]
    for i, rate in enumerate(rates):
        node.output = [rate]
        with nengo.Simulator(network, progress_bar=False) as sim:
            sim.run_steps(200)
        for part, items in zip(parts, weights):
            right = sim.data[part.weights]
            assert np.allclose(
                items[i], right, rtol=0, atol=1e-12 * np.abs(right).max()
            )


@pytest.mark.parametrize("n_items", [1, 2])
@pytest.mark.usefixtures("device")
def test_rates_are_changed_and_frozen(n_items):
    network, other = pes(ExponentialDecay(1e-3, tau=0.1)), pes(1e-3)
    with simulator(network, minibatch_size=n_items) as sim:
        built = freeze_and_change(sim, network, rtol=1e-12)
        sim.reset()
        sim.run_steps(2)
        rates = host_of(sim).samples(network.rate)[-1, :, 0]
        assert np.allclose(rates, built[:2], rtol=1e-12)
    assert other.connection.learning_rule not in sim.model.sig


@pytest.mark.parametrize("n_items", [1, 2])
def test_a_resumed_run_is_the_same(networks, n_items, tmp_path):
    network, _ = networks
    kwargs = {"minibatch_size": n_items, "optimize": False}
    with simulator(network, **kwargs) as sim:
        sim.run_steps(20)
        checkpoint.save(sim, tmp_path / "file")
        sim.clear_probes()
        sim.run_steps(20)
        right = learned(sim, network)
    with simulator(network, **kwargs) as sim:
        sim.run_steps(3)
        checkpoint.load(sim, tmp_path / "file")
        assert sim.n_steps == 20
        sim.run_steps(20)
        for name, arrays in learned(sim, network).items():
            for found, expected in zip(arrays, right[name]):
                assert np.array_equal(found, expected), name


def diverging(rule, network=None):
    with network or nengo.Network(seed=0) as network:
        stimulus = nengo.Node(0.5)
        pre = nengo.Ensemble(20, 1, seed=1, neuron_type=nengo.LIFRate())
        error = nengo.Node(size_in=1)
        nengo.Connection(stimulus, pre, synapse=None)
        nengo.Connection(stimulus, error, transform=-1, synapse=None)
        network.connection = nengo.Connection(
            pre,
            error,
            function=lambda x: 0,
            synapse=None,
            learning_rule_type=rule,
            label="learned",
        )
        nengo.Connection(error, network.connection.learning_rule, synapse=None)
    return network


def oja(rate):
    with nengo.Network(seed=0) as network:
        pre = nengo.Ensemble(10, 1, seed=1, neuron_type=nengo.LIFRate())
        post = nengo.Ensemble(10, 1, seed=2, neuron_type=nengo.LIFRate())
        network.connection = nengo.Connection(
            pre.neurons,
            post.neurons,
            transform=np.full((10, 10), 1e-3),
            learning_rule_type=Scheduled(nengo.Oja(), rate),
            label="learned",
        )
    return network


@pytest.mark.parametrize(
    "make", [lambda: diverging(ScheduledPES(0.5)), lambda: oja(0.5)], ids=["PES", "Oja"]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.usefixtures("device")
def test_divergence_stops_before_weights_overflow(make, dtype):
    network = make()
    with simulator(network, dtype=getattr(torch, dtype), minibatch_size=2) as sim:
        with pytest.raises(SimulationError, match=r"<Connection learned> \(item \d of"):
            sim.run_steps(3000)
        weights = sim.model.sig[network.connection]["weights"]
        assert np.all(np.isfinite(host_of(sim).read(weights)))


def test_divergence_names_the_item():
    with nengo.Network(seed=0) as network:
        rate = nengo.Node([0.0])
        diverging(ScheduledPES(rate), network)
    data = np.broadcast_to(np.reshape([0.0, 0.5], (2, 1, 1)), (2, 3000, 1))
    with simulator(network, minibatch_size=2) as sim:
        words = (
            r"\(item 1 of the minibatch\) overflow at t=\S+ s: the learning rate is 0.5"
        )
        host = host_of(sim)
        host.run(10, {rate: data[:, :10]})
        weights = sim.model.sig[network.connection]["weights"]
        before = host.read(weights)
        with pytest.raises(SimulationError, match=words):
            host.run(2990, {rate: data[:, 10:]})
        assert sim.n_steps == 10
        assert np.array_equal(host.read(weights), before)


@pytest.mark.usefixtures("device")
def test_a_rate_that_is_not_finite_stops():
    with nengo.Network(seed=0) as network:
        node = nengo.Node(lambda t: np.inf if t > 0.01 else 1e-3)
        pes(node)
    with simulator(network, minibatch_size=2) as sim:
        with pytest.raises(SimulationError, match=r"is \[inf\] at t=0\.0\d+ s"):
            sim.run_steps(50)


def test_without_a_guard_nothing_stops():
    network = diverging(ScheduledPES(0.5))
    with network:
        configure_settings(guard=False)
    with simulator(network, minibatch_size=2) as sim:
        sim.run_steps(2000)


def test_gradients_are_refused_by_name():
    network = pes(1e-3)
    for mode in ("train", "fast"):
        with pytest.raises(
            BuildError, match=f"'exact', not in '{mode}'.*to_error_scal"
        ):
            simulator(network, mode=mode)
    pre = network.all_ensembles[0]
    with simulator(network, trainable={pre: ["encoders"]}) as sim:
        with pytest.raises(SimulationError, match=r"no gradients.*to_error_scaling"):
            sim.run_steps(20)


def test_other_hooks_are_refused_with_both_versions(monkeypatch):
    """Only where nengo-torch builds: other simulators never ask for them."""
    network = pes(1e-3)
    monkeypatch.delattr(nengo_torch.builder.TorchBuilder, "register")
    with pytest.raises(BuildError, match=rf"nengo_lr {version} .* nengo-torch 0\.1\.0"):
        simulator(network)
    with nengo.Simulator(network, progress_bar=False) as sim:
        sim.run_steps(2)


def test_an_unknown_function_is_named():
    with pytest.raises(AttributeError, match="numpy's interp"):
        _ = namespace.interp


def test_it_is_on_offer_with_nengos_precision():
    assert hosts()["nengo_torch"] is HOST
    with HOST.make(pes(1e-3)) as sim:
        assert sim.dtype == torch.float64
        assert host_of(sim).n_items == 1
        host_of(sim).run(np.int64(2))
        host_of(sim).run(0)
        assert sim.n_steps == 2


def test_trials_and_sweeps_have_the_errors_of_the_reference():
    model, rates = TaskModel("comm"), [1e-4, 1e-3]
    tables = [
        sweep(model, rates, 0.2, 0.1, simulator=name, executor="serial").table
        for name in ("nengo", "nengo_torch")
    ]
    assert np.allclose(tables[0]["error"], tables[1]["error"], rtol=1e-5)
    trials = [Trial(model, 1e-3, 0.2, seed=1, simulator=name) for name in hosts()]
    errors = [trial.run().error for trial in trials]
    assert np.allclose(errors, errors[0], rtol=1e-3)


@pytest.mark.parametrize("n_items", [1, 2])
@pytest.mark.parametrize(
    ("replace", "most"),
    [
        (lambda sim: sim.detach_state(), 1e-12),
        (lambda sim: sim.to(dtype=torch.float32), 1e-6),
    ],
    ids=["detached", "float32"],
)
def test_tensors_are_replaced_in_mid_run(networks, replace, most, n_items):
    network, expected = networks
    with simulator(network, minibatch_size=n_items) as sim:
        sim.run_steps(50)
        replace(sim)
        sim.run_steps(50)
        for name, (weights, _) in learned(sim, network).items():
            assert relative(weights[0], expected[name][0][0, :100]) < most, name


@pytest.mark.parametrize("n_items", [1, 2])
def test_rules_that_nengos_optimizer_has_merged(n_items):
    with nengo.Network(seed=0) as network:
        parts = [pes(ExponentialDecay(1e-3, tau=tau)) for tau in (0.1, 0.2, 0.3)]
    with nengo.Simulator(network, progress_bar=False) as sim:
        sim.run_steps(100)
        right = [sim.data[part.weights] for part in parts]
    with simulator(network, minibatch_size=n_items) as sim:
        built = [type(op) for op in sim.operators]
        assert base.TorchGroup in built
        assert "TorchOperatorFallback" not in {cls.__name__ for cls in built}
        set_learning_rate(sim, parts[2].connection.learning_rule, 0.0)
        sim.run_steps(100)
        for part, expected in zip(parts[:2], right):
            for item in host_of(sim).samples(part.weights):
                assert relative(item, expected) < 1e-12
        found = host_of(sim).samples(parts[2].weights)
        assert np.all(found == found[:, :1])
