import gc
import pickle
import warnings
import weakref
from contextlib import nullcontext

import nengo
import numpy as np
import pytest
from helpers import decoded
from learners import DECAY, LAW, NETWORKS, all_networks, pes, state
from nengo.exceptions import SimulationError, SimulatorClosed, ValidationError

from nengo_lr import (
    AdaGrad,
    Constant,
    PiecewiseConstant,
    ScheduledPES,
    frozen,
    set_learning_rate,
)

# --- frozen


@pytest.mark.needs("runs_all_rules")
def test_nothing_moves_while_frozen(Simulator):
    network = all_networks()
    with Simulator(network) as sim:
        sim.run_steps(10)
        before = state(sim)
        with frozen(sim):
            sim.run_steps(10)
            for signal, values in state(sim).items():
                assert np.array_equal(values, before[signal]), signal
        sim.run_steps(10)
    for name, part in network.parts.items():
        weights = sim.data[part.weights]
        assert np.array_equal(weights[9], weights[19]), name
        # the change of step 10 waited, and has landed in step 21
        assert not np.array_equal(weights[19], weights[20]), name


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_frozen_for_no_step_changes_nothing(make):
    network = make()
    data = []
    for with_freeze in (False, True):
        with nengo.Simulator(network, progress_bar=False, optimize=False) as sim:
            sim.run_steps(10)
            if with_freeze:
                with frozen(sim):
                    pass
            sim.run_steps(10)
        data.append(sim.data[network.weights])
    assert np.array_equal(*data)


def test_the_change_that_waited_is_the_one_before():
    """Without input to the error, freezing is as if the frozen time had not been."""
    with nengo.Network(seed=0) as network:
        pre = nengo.Ensemble(20, 1, seed=1, neuron_type=nengo.RectifiedLinear())
        post = nengo.Node(size_in=1)
        network.connection = decoded(
            pre[[0, 0]], nengo.Node(size_in=2), learning_rule_type=ScheduledPES(1e-3)
        )
        nengo.Connection(pre, post)
        nengo.Connection(nengo.Node([1, 2]), network.connection.learning_rule)
        weights = nengo.Probe(network.connection, "weights")
    with nengo.Simulator(network, progress_bar=False, optimize=False) as sim:
        sim.run_steps(200)  # the filters have settled
        with frozen(sim):
            sim.run_steps(20)
        sim.run_steps(20)
    data = sim.data[weights]
    steps = np.diff(data, axis=0)
    assert np.all(steps[199:219] == 0)
    assert np.allclose(steps[219:], steps[198], rtol=1e-9)


@pytest.mark.needs("has_float64")
def test_errors_of_any_size_are_fine_while_frozen(Simulator):
    """They cannot harm weights that do not move."""
    with nengo.Network(seed=0) as network:
        connection = nengo.Connection(
            nengo.Ensemble(20, 1),
            nengo.Node(size_in=1),
            learning_rule_type=ScheduledPES(),
        )
        nengo.Connection(
            nengo.Node(lambda t: 1e200 if t > 0.005 else 1.0), connection.learning_rule
        )
        weights = nengo.Probe(connection, "weights")
    with Simulator(network) as sim:
        sim.run_steps(5)
        with frozen(sim):
            sim.run_steps(5)
        assert np.array_equal(sim.data[weights][4], sim.data[weights][9])
        with pytest.raises(SimulationError):
            sim.run_steps(5)


def test_frozen_ends_with_an_error_in_the_block():
    network = pes(1e-3)
    with nengo.Simulator(network, progress_bar=False) as sim:
        with pytest.raises(ZeroDivisionError), frozen(sim):
            raise ZeroDivisionError
        sim.run_steps(10)
    assert not np.array_equal(
        sim.data[network.weights][0], sim.data[network.weights][9]
    )


def test_frozen_within_frozen():
    network = pes(1e-3)
    with nengo.Simulator(network, progress_bar=False) as sim:
        with frozen(sim):
            with frozen(sim):
                pass
            sim.run_steps(10)
    assert np.all(sim.data[network.weights] == sim.data[network.weights][0])


def test_reset_while_frozen_is_an_error():
    with nengo.Simulator(pes(1e-3), progress_bar=False) as sim:
        with pytest.raises(SimulationError, match="reset while it was frozen"):
            with frozen(sim):
                sim.reset()


def test_closing_while_frozen_is_fine():
    with nengo.Simulator(pes(1e-3), progress_bar=False) as sim, frozen(sim):
        sim.close()


def native_rules():
    """Each of Nengo's own rules on a connection, with a probe on what it modifies."""
    with nengo.Network(seed=0) as network:
        stimulus = nengo.Node(lambda t: [np.sin(9 * t), np.cos(9 * t)])
        network.parts = {}
        for name, rule in {
            "PES": nengo.PES(1e-3),
            "RLS": nengo.RLS(1e-3),
            "BCM": nengo.BCM(1e-9),
            "Oja": nengo.Oja(1e-6),
            "Voja": nengo.Voja(),
            "ScheduledPES": ScheduledPES(1e-3),
        }.items():
            pre, post = nengo.Ensemble(20, 2), nengo.Ensemble(15, 2)
            nengo.Connection(stimulus, pre)
            options = {"transform": np.zeros((2, 2))} if rule.size_in else {}
            if name in ("BCM", "Oja"):
                options = {"solver": nengo.solvers.LstsqL2(weights=True)}
            connection = nengo.Connection(
                pre, post, learning_rule_type=rule, label=name, **options
            )
            if name in ("PES", "RLS", "ScheduledPES"):
                nengo.Connection(stimulus, connection.learning_rule)
            attribute = "scaled_encoders" if name == "Voja" else "weights"
            connection.learned = nengo.Probe(
                connection.learning_rule if name == "Voja" else connection, attribute
            )
            network.parts[name] = connection
    return network


@pytest.mark.parametrize("optimize", [False, True])
def test_every_rule_of_nengo_can_be_frozen(optimize):
    network = native_rules()
    kwargs = {"optimize": optimize, "progress_bar": False}
    with nengo.Simulator(network, **kwargs) as sim:
        sim.run_steps(10)
        gain = next(
            op for op in sim.model.operators if type(op).__name__ == "SimRLS"
        ).inv_gamma
        assert gain.shape == (20, 20)
        before = np.array(sim.signals[gain])
        with frozen(sim):
            sim.run_steps(5)
            with frozen(sim):
                sim.run_steps(5)
            assert np.array_equal(sim.signals[gain], before)
        sim.run_steps(10)
        assert not np.array_equal(sim.signals[gain], before)
    for name, connection in network.parts.items():
        learned = sim.data[connection.learned].view(np.uint64)  # bits
        assert np.all(learned[9:20] == learned[9]), name
        # the change of step 10 waited, and has landed in step 21
        assert np.any(learned[20] != learned[9]), name
        assert np.any(learned[29] != learned[20]), name


def test_some_rules_are_frozen_and_others_learn():
    network = native_rules()
    parts = network.parts
    chosen = [parts["RLS"].learning_rule, parts["Voja"], parts["ScheduledPES"]]
    with nengo.Simulator(network, progress_bar=False) as sim:
        sim.run_steps(5)
        with frozen(sim, chosen):
            sim.run_steps(5)
        with frozen(sim, parts["PES"]):
            sim.run_steps(5)
    for name, connection in parts.items():
        learned = sim.data[connection.learned]
        is_frozen = name in ("RLS", "Voja", "ScheduledPES")
        assert np.array_equal(learned[4], learned[9]) == is_frozen, name
        assert np.array_equal(learned[9], learned[14]) == (name == "PES"), name


def test_freezing_for_no_step_changes_nothing_in_nengos_rules():
    network = native_rules()
    data = []
    for with_freeze in (False, True):
        with nengo.Simulator(network, progress_bar=False, optimize=False) as sim:
            sim.run_steps(10)
            if with_freeze:
                with frozen(sim):
                    pass
            sim.run_steps(10)
            data.append([sim.data[c.learned] for c in network.parts.values()])
    for before, after in zip(*data):
        assert np.array_equal(before, after)


def test_reset_while_a_native_rule_is_frozen_is_an_error():
    with nengo.Simulator(native_rules(), progress_bar=False) as sim:
        with pytest.raises(SimulationError, match="reset while it was frozen"):
            with frozen(sim):
                sim.reset()
        sim.run_steps(3)


def test_rules_that_are_not_in_the_model_are_refused():
    network, other = pes(1e-3), pes(1e-3)
    plain = nengo.Connection(
        network.ensembles[0], network.ensembles[0], add_to_container=False
    )
    with nengo.Simulator(network, progress_bar=False) as sim:
        for wrong, words in [
            (other.connection.learning_rule, "not in the simulator's model"),
            (plain, "has no learning rule in the simulator's model"),
            ([other.connection], "has no learning rule in the simulator's model"),
            ("all", "must be connection.learning_rule or a connection"),
            (3, "must be learning rules or connections"),
        ]:
            with pytest.raises(ValidationError, match=words), frozen(sim, wrong):
                pass


def test_a_rule_that_cannot_be_frozen_is_named(NengoDL):
    network = pes(1e-3)
    with network:
        pre = nengo.Ensemble(10, 1)
        nengo.Connection(pre, pre, label="mine", learning_rule_type=nengo.PES())
    with NengoDL(network) as sim:
        with pytest.raises(ValidationError, match=r"PES.* on <Connection mine>"):
            with frozen(sim):
                pass
        before = state(sim)
        with frozen(sim, network.connection):
            sim.run_steps(5)
        for signal, values in state(sim).items():
            assert np.array_equal(values, before[signal]), signal


def test_predict_on_a_frozen_model_leaves_the_weights(NengoDL):
    """On a fresh simulator NengoDL resets its saved state after each batch."""
    network = pes(DECAY, optimizer=AdaGrad())
    with NengoDL(network, minibatch_size=2) as sim:
        for _ in range(2):
            before = state(sim)
            with frozen(sim):
                first, second = (sim.predict(n_steps=10) for _ in range(2))
            for signal, values in state(sim).items():
                assert np.array_equal(values, before[signal]), signal
            assert np.array_equal(first[network.weights], second[network.weights])
            sim.run_steps(10)


@pytest.mark.parametrize("rate", [DECAY, 1e-3], ids=str)
def test_a_schedule_that_starts_again_warns(NengoDL, rate):
    with NengoDL(pes(rate)) as sim:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            sim.run_steps(10)
            sim.run_steps(10)
            with frozen(sim):
                sim.predict(n_steps=10)
                sim.run_steps(10)
            sim.predict(n_steps=10)
            with frozen(sim):
                sim.predict(n_steps=10)
        with pytest.warns() if rate is DECAY else nullcontext() as record:
            sim.predict(n_steps=10)
        if rate is DECAY:
            assert len(record) == 1
            assert "goes back to t=0.031 s" in str(record[0].message)
            assert "learned up to t=0.04 s" in str(record[0].message)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            sim.reset()
            sim.run_steps(5)


# --- set_learning_rate


@pytest.mark.needs("runs_all_rules")
def test_a_number_takes_the_place_of_any_rate(Simulator):
    network = all_networks()
    parts = network.parts.values()
    with Simulator(network) as sim:
        for learning_rate in (None, 3e-4, 0.0):
            for part in parts if learning_rate is not None else ():
                set_learning_rate(sim, part.connection.learning_rule, learning_rate)
            sim.run_steps(5)
        rates = [sim.data[part.rate].copy() for part in parts]
        weights = [sim.data[part.weights].copy() for part in parts]
        sim.reset()
        sim.run_steps(5)
    for part, old_rates, old_weights in zip(parts, rates, weights):
        assert not np.any(np.isclose(old_rates[:5], 3e-4, rtol=1e-3, atol=0))
        assert np.all(old_rates[5:10] == 3e-4)
        assert not np.array_equal(old_weights[5], old_weights[10])
        assert np.array_equal(old_weights[10], old_weights[14])
        assert np.allclose(sim.data[part.rate], old_rates[:5], rtol=1e-12, atol=0)
        assert np.allclose(sim.data[part.weights], old_weights[:5], rtol=1e-9)


def test_the_new_rate_learns_as_if_it_had_been_scheduled(Simulator):
    step = pes(PiecewiseConstant([1e-3, 2e-4], boundaries=[0.021]))
    network = pes(1e-3)
    with Simulator(step) as expected:
        expected.run_steps(40)
    with Simulator(network) as sim:
        sim.run_steps(20)
        set_learning_rate(sim, network.connection.learning_rule, 2e-4)
        sim.run_steps(20)
    assert np.array_equal(sim.data[network.rate], expected.data[step.rate])
    assert np.allclose(
        sim.data[network.weights], expected.data[step.weights], rtol=1e-12, atol=0
    )


@pytest.mark.parametrize(
    "rate",
    [DECAY, lambda t: 1e-6 * t, DECAY * 0.5],
    ids=["schedule", "callable", "product"],
)
@pytest.mark.parametrize("kind", ["constant", "node", "law", "Oja"])
def test_a_schedule_takes_the_place_of_any_rate(kind, rate):
    network = NETWORKS[kind]()
    with nengo.Simulator(network, progress_bar=False) as sim:
        sim.run_steps(300)  # past the end of a chunk
        set_learning_rate(sim, network.connection.learning_rule, 1e-4)
        sim.run_steps(3)
        set_learning_rate(sim, network.connection.learning_rule, rate)
        sim.run_steps(300)
        rates = sim.data[network.rate]
        assert np.all(rates[300:303] == 1e-4)
        times = 1e-3 * np.arange(304, 604)
        assert np.all(rates[303:].T == [rate(t) for t in times])
        sim.reset()
        sim.run_steps(2)
        assert np.array_equal(sim.data[network.rate], rates[:2])


@pytest.mark.parametrize("rate", [2e-4, DECAY], ids=str)
def test_a_pickled_simulator_keeps_the_new_rate(rate):
    with nengo.Network(seed=0) as network:
        pre = nengo.Ensemble(10, 1)
        connection = nengo.Connection(pre, pre, learning_rule_type=ScheduledPES(1e-3))
        nengo.Connection(nengo.Node(1), connection.learning_rule)
        rates = nengo.Probe(connection.learning_rule, "learning_rate")
        weights = nengo.Probe(connection, "weights")
    with nengo.Simulator(network, progress_bar=False, optimize=False) as sim:
        set_learning_rate(sim, connection.learning_rule, rate)
        sim.run_steps(10)
        with pickle.loads(pickle.dumps(sim)) as copy:
            for s in (sim, copy):
                s.run_steps(10)
            copied = [copy.data[probe] for probe in copy.model.probes]
        assert np.array_equal(copied[0], sim.data[rates])
        assert np.array_equal(copied[1], sim.data[weights])
        assert not np.any(copied[0] == 1e-3)


def test_two_rules_change_apart(Simulator):
    with nengo.Network() as network:
        parts = [pes(DECAY) for _ in range(3)]
    with Simulator(network) as sim:
        set_learning_rate(sim, parts[1].connection.learning_rule, 3e-4)
        sim.run_steps(3)
    assert np.all(sim.data[parts[1].rate] == 3e-4)
    for part in (parts[0], parts[2]):
        expected = DECAY(1e-3 * np.arange(1, 4))
        assert np.allclose(sim.data[part.rate][:, 0], expected, rtol=1e-12)


def test_a_rate_set_while_frozen_holds_afterwards():
    network = pes(1e-3)
    with nengo.Simulator(network, progress_bar=False) as sim:
        sim.run_steps(5)
        with frozen(sim):
            set_learning_rate(sim, network.connection.learning_rule, 0.0)
            sim.run_steps(5)
        sim.run_steps(5)
    weights = sim.data[network.weights]
    assert np.array_equal(weights[4], weights[9])
    assert not np.array_equal(weights[9], weights[10])  # the change that waited
    assert np.array_equal(weights[10], weights[14])


def test_a_schedule_on_nengo_dl_asks_for_a_new_simulator(NengoDL):
    network = pes(1e-3)
    with NengoDL(network) as sim:
        set_learning_rate(sim, network.connection.learning_rule, Constant(2e-4))
        with pytest.raises(ValidationError, match="make a new Simulator"):
            set_learning_rate(sim, network.connection.learning_rule, DECAY)


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (-1.0, "must be finite and not negative"),
        (np.nan, "must be finite"),
        ("fast", "must be a number, a Schedule"),
        (True, "must be a number"),
        (np.array([1e-3]), "must be a number"),
        (LAW, "must be part of the model"),
    ],
)
def test_bad_rates(rate, words):
    network = pes(1e-3)
    with nengo.Simulator(network, progress_bar=False) as sim:
        with pytest.raises(ValidationError, match=words):
            set_learning_rate(sim, network.connection.learning_rule, rate)


@pytest.mark.parametrize("kind", ["constant", "node", "law", "Oja"])
def test_none_is_the_rate_that_was_built(kind):
    network = NETWORKS[kind]()
    rule = network.connection.learning_rule
    with nengo.Simulator(network, progress_bar=False) as sim:
        sim.run_steps(3)
        for other in (5e-4, DECAY):
            set_learning_rate(sim, rule, other)
            sim.run_steps(3)
            set_learning_rate(sim, rule, None)
            sim.run_steps(3)
        rates = sim.data[network.rate].copy()
        sim.reset()
        sim.run_steps(15)
    built = sim.data[network.rate]
    assert np.all(rates[3:6] == 5e-4)
    if kind != "law":  # which does not advance meanwhile
        assert np.array_equal(rates[6:9], built[6:9])
        assert np.array_equal(rates[12:15], built[12:15])
    assert not np.any(np.all(rates[6:9] == 5e-4, axis=1))


def test_none_restores_a_rate_on_nengo_dl(NengoDL):
    network = pes(1e-3)
    with NengoDL(network) as sim:
        set_learning_rate(sim, network.connection.learning_rule, 2e-4)
        sim.run_steps(2)
        set_learning_rate(sim, network.connection.learning_rule, None)
        sim.run_steps(2)
    assert np.allclose(sim.data[network.rate][:, 0], [2e-4, 2e-4, 1e-3, 1e-3])


def test_new_schedules_in_every_step_leave_nothing_behind():
    network = pes(1e-3)
    rule = network.connection.learning_rule
    with nengo.Simulator(network, progress_bar=False) as sim:
        alive = []
        for i in range(50):
            schedule = PiecewiseConstant([1e-3, 1e-4 * i], boundaries=[1e-3])
            alive.append(weakref.ref(schedule))
            set_learning_rate(sim, rule, schedule)
            del schedule
            sim.run_steps(1)
        gc.collect()
        assert [ref() is not None for ref in alive] == [False] * 49 + [True]
    assert np.array_equal(sim.data[network.rate][1:, 0], 1e-4 * np.arange(1, 50))


def test_a_number_may_be_numpys():
    network = pes(1e-3)
    with nengo.Simulator(network, progress_bar=False) as sim:
        for number in (np.array(2e-4), np.float32(2e-4)):
            set_learning_rate(sim, network.connection.learning_rule, number)
            sim.run_steps(1)
    assert np.allclose(sim.data[network.rate], 2e-4)


def test_a_high_rate_warns_as_when_it_is_built():
    network = pes(1e-3)
    with nengo.Simulator(network, progress_bar=False) as sim:
        with pytest.warns(UserWarning, match="very high"):
            set_learning_rate(sim, network.connection.learning_rule, 2.0)


def test_bad_rules_and_simulators():
    network, other = pes(1e-3), pes(1e-3)
    with nengo.Simulator(network, progress_bar=False) as sim:
        with pytest.raises(ValidationError, match="not in the simulator's model"):
            set_learning_rate(sim, other.connection.learning_rule, 1.0)
        with pytest.raises(ValidationError, match="must be a connection's learning_r"):
            set_learning_rate(sim, network, 1.0)
        set_learning_rate(sim, network.connection, 0.5)
        control = sim.model.sig[network.connection.learning_rule]["control"]
        assert 0.5 in sim.signals[control]
    with pytest.raises(SimulatorClosed, match="closed"):
        set_learning_rate(sim, network.connection.learning_rule, 1.0)
    with pytest.raises(ValidationError, match="must be an open simulator"):
        set_learning_rate(network, network.connection.learning_rule, 1.0)
