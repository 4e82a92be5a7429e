import re
import warnings

import nengo
import numpy as np
import pytest
from helpers import CONNECTIONS, learning_network
from lab_helpers import N_NEURONS, TARGET, exact, growth, seeded
from nengo.exceptions import ValidationError

import nengo_lr as nlr
from nengo_lr.error_loop import ErrorLoop, loop_timing
from nengo_lr.lab import TaskModel
from nengo_lr.stability import error_left, rate_for, stable_rate, warn_if_unstable

pytestmark = pytest.mark.filterwarnings("ignore:(divide by|invalid value)")

DT = 0.001


def build(network, dt=DT):
    return nengo.Simulator(network, dt=dt, progress_bar=False)


def loop(synapses, dt=DT, **kwargs):
    network = exact(1e-4, synapses, **kwargs)
    return ErrorLoop(network, network.connection.learning_rule, dt)


@pytest.mark.parametrize("dt", [0.0005, 0.001])
def test_without_a_filter_g_is_2(dt):
    assert loop((None, None), dt).largest_stable_gain() == pytest.approx(2, rel=1e-6)


@pytest.mark.parametrize("tau", [0.002, 0.005, 0.1])
@pytest.mark.parametrize("where", [0, 1])
def test_with_one_lowpass_g_is_1(tau, where):
    synapses = [None, None]
    synapses[where] = tau
    assert loop(synapses).largest_stable_gain() == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("taus", [(0.005, 0.005), (0.01, 0.003), (0.05, 0.002)])
@pytest.mark.parametrize("dt", [0.0005, 0.001])
def test_two_lowpasses(taus, dt):
    """All roots of the characteristic polynomial lie in the unit circle."""
    found = loop(taus, dt).largest_stable_gain()
    a, b = np.exp(-dt / np.array(taus))
    for fraction, stable in [(0.999, True), (1.001, False)]:
        polynomial = np.poly([1, a, b])
        polynomial[-1] += fraction * found * (1 - a) * (1 - b)
        assert (np.abs(np.roots(polynomial)).max() < 1) == stable


def test_the_figure_for_5_and_5_milliseconds():
    found = loop((0.005, 0.005)).largest_stable_gain()
    assert found == pytest.approx(0.2526, abs=1e-4)


def test_a_step_of_delay_is_a_filter():
    assert loop((0, None)).largest_stable_gain() == pytest.approx(1, rel=1e-6)


def test_a_factor_on_the_way_divides_the_gain():
    plain, doubled = (loop((0.005, 0.01), gain=gain) for gain in (1.0, 2.0))
    ratio = plain.largest_stable_gain() / doubled.largest_stable_gain()
    assert ratio == pytest.approx(2, rel=1e-6)


def test_two_ways_add_up():
    network = exact(1e-4)
    with network:
        error, rule = network.error.target, network.connection.learning_rule
        nengo.Connection(error, rule, synapse=None, transform=2)
    both = ErrorLoop(network, network.connection.learning_rule, DT)
    assert both.largest_stable_gain() == pytest.approx(2 / 3, rel=1e-6)


@pytest.mark.parametrize("synapse", [nengo.Alpha(0.005), nengo.LinearFilter([1], [1])])
def test_other_filters_are_those_of_a_run(synapse):
    """The system gives the error that a run gives."""
    rate, n_steps = 0.004, 60
    network = exact(rate, (0.003, synapse), target=0.0)
    network.connection.solver = nengo.solvers.NoSolver(np.full((N_NEURONS, 1), 0.001))
    with build(network) as sim:
        sim.run_steps(n_steps)
    (system,) = ErrorLoop(network, network.connection.learning_rule, DT).parts
    state = np.zeros(len(system.A) + 1)
    state[-1] = N_NEURONS * 100.0 * 0.001
    step, states = system.step_matrix(growth(rate)), []
    for _ in range(n_steps):
        states.append(state)
        state = step @ state
    p = sim.data[network.weights][:, 0].sum(axis=1) * 100.0
    assert np.allclose(p, np.array(states)[:, -1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("synapses", "dt"), [((None, None), 0.001), ((0.005, 0.01), 0.0005)]
)
def test_the_bound_is_the_true_one(synapses, dt):
    """With a margin of 1 the error falls just below it, and grows just above it."""
    with build(exact(0.0, synapses), dt) as sim:
        connection = sim.model.toplevel.connection
        bound = stable_rate(sim, connection, margin=1.0)
        assert stable_rate(sim, connection) == pytest.approx(0.8 * bound)
    ends = []
    for fraction in (0.97, 1.03):
        network = exact(fraction * bound, synapses)
        with build(network, dt) as sim:
            sim.run(2.0)
        ends.append(np.abs(sim.data[network.error][-100:]).max())
    assert ends[0] < 0.5 * TARGET < 2 * TARGET < ends[1]


@pytest.mark.parametrize("name", ["comm", "product"])
def test_spiking_tasks_do_not_diverge(name):
    def model(rate):
        return TaskModel(name)(rate, learning=3.0, test=0.0)

    with build(model(0.0)) as sim:
        rate = stable_rate(sim, sim.model.toplevel.connection)
    network = model(rate)
    with build(network) as sim:
        sim.run(3.0)
    error, target = sim.data[network.error], sim.data[network.target]
    assert np.mean(error[1000:] ** 2) < np.mean(target[1000:] ** 2)


def test_unfiltered_spikes_count_more():
    """Each is 1 / dt high: the square of a raw spike train is rate / dt."""
    bounds = {}
    for neuron_type in (nengo.RectifiedLinear(), nengo.SpikingRectifiedLinear()):
        with build(exact(0.0, neuron_type=neuron_type)) as sim:
            bounds[neuron_type] = stable_rate(sim, sim.model.toplevel.connection)
    rate, spiking = bounds.values()
    assert rate / spiking == pytest.approx((100.0 / DT) / 100.0**2, rel=0.01)


@pytest.mark.parametrize("kind", CONNECTIONS)
def test_every_kind_of_connection(kind):
    def learn(rate):
        network = learning_network(nlr.ScheduledPES(rate), CONNECTIONS[kind])
        with network:
            error = nengo.Probe(network.error, synapse=0.02)
        with build(network) as sim:
            sim.run(0.4)
            bound = stable_rate(sim, network.connection)
        return np.abs(sim.data[error][200:]).max(), bound

    error, bound = learn(0.0)
    assert learn(bound)[0] < error + 1
    assert bound > 1e-4


def test_functions_that_are_linear():
    network = exact(1e-4)
    with network:
        neurons = nengo.Ensemble(20, 1)
        rule = network.connection.learning_rule
        nengo.Connection(network.error.target, neurons, synapse=None)
        nengo.Connection(neurons, rule, function=lambda x: 2 * x + 1, synapse=None)
    with build(network):
        both = ErrorLoop(network, rule, DT)
    assert both.largest_stable_gain() == pytest.approx(2 / 3, rel=1e-6)


@pytest.mark.parametrize(
    ("synapses", "time", "fraction"),
    [
        ((None, None), 0.1, 0.1),
        ((0.005, 0.01), 0.1, 0.5),
        ((0.005, 0.01), 1.0, 0.01),
    ],
)
def test_rate_for_is_exact(synapses, time, fraction):
    """A run whose filters have settled has this fraction of the error left."""
    with build(exact(0.0, synapses)) as sim:
        connection = sim.model.toplevel.connection
        rate = rate_for(sim, connection, time, fraction)
        left = error_left(sim, connection, rate, [0.0, time / 2, time])
    assert left[0] == pytest.approx(1.0)
    assert left[2] == pytest.approx(fraction, rel=1e-6)
    assert fraction < left[1] < 1

    network = exact(nlr.PiecewiseConstant([0.0, rate], [0.3]), synapses)
    with network:
        seen = nengo.Probe(network.connection.learning_rule, "error")
    with build(network) as sim:
        sim.run(0.3 + time + DT)
    error = np.abs(sim.data[seen][:, 0]) / TARGET
    # the first step that learns is that of t = .3 s
    assert error[round(0.3 / DT) - 1 + round(time / DT)] == pytest.approx(
        fraction, rel=1e-4
    )


def test_without_filters_rate_for_is_the_formula():
    with build(exact(0.0)) as sim:
        found = rate_for(sim, sim.model.toplevel.connection, 0.2, 0.05)
    assert growth(found) == pytest.approx(1 - 0.05 ** (DT / 0.2), rel=1e-6)


def test_rate_for_depends_on_the_input():
    with build(seeded(0.0, 0)) as sim:
        connection = sim.model.toplevel.connection
        middle, edge, mean = (
            rate_for(sim, connection, 1.0, 0.1, x=x) for x in ([0.0], [1.0], None)
        )
    assert edge < mean < middle


def test_too_fast():
    with build(exact(0.0, (0.1, 0.1))) as sim:
        with pytest.raises(ValidationError, match="no rate is fast enough"):
            rate_for(sim, sim.model.toplevel.connection, 0.01, 0.1)


@pytest.mark.parametrize(
    ("time", "fraction", "words"),
    [(1.0, 0.0, "greater than 0"), (1.0, 1.0, "between"), (1e-4, 0.5, "one step")],
)
def test_rate_for_refuses(time, fraction, words):
    with build(exact(0.0)) as sim:
        with pytest.raises(ValidationError, match=words):
            rate_for(sim, sim.model.toplevel.connection, time, fraction)


def test_plain_pes_and_nengo_dl(NengoDL):
    network = learning_network(nengo.PES(1e-4))
    bounds = []
    for simulator in (build, NengoDL):
        with simulator(network) as sim:
            bounds.append(stable_rate(sim, network.connection))
    assert bounds[0] == pytest.approx(bounds[1], rel=1e-5)


def odd_function():
    network = exact(1e-4)
    with network:
        square = nengo.Node(lambda t, x: x**2, size_in=1)
        nengo.Connection(network.error.target, square)
        nengo.Connection(square, network.connection.learning_rule)
    return network


def not_linear():
    network = exact(1e-4)
    with network:
        neurons = nengo.Ensemble(20, 1)
        nengo.Connection(network.error.target, neurons)
        rule = network.connection.learning_rule
        nengo.Connection(neurons, rule, function=np.square)
    return network


def no_way():
    with nengo.Network() as network:
        network.connection = nengo.Connection(
            nengo.Ensemble(10, 1),
            nengo.Node(size_in=1),
            learning_rule_type=nlr.ScheduledPES(),
        )
        nengo.Connection(nengo.Node([1.0]), network.connection.learning_rule)
    return network


def taken_from_neurons():
    network = exact(1e-4)
    with network:
        neurons = nengo.Ensemble(20, 1)
        nengo.Connection(network.error.target, neurons)
        rule = network.connection.learning_rule
        nengo.Connection(neurons.neurons, rule, transform=np.ones((1, 20)))
    return network


def error_from_the_neurons_that_learn():
    network = learning_network(nlr.ScheduledPES(1e-4))
    with network:
        post = network.connection.post
        nengo.Connection(post.neurons, network.error, transform=np.ones((2, 20)))
    return network


def output_comes_back():
    network = exact(1e-4)
    with network:
        nengo.Connection(network.error.target, network.connection.pre)
    return network


def learned_recurrently():
    with nengo.Network() as network:
        both = nengo.Ensemble(20, 1)
        network.connection = nengo.Connection(
            both, both, learning_rule_type=nlr.ScheduledPES()
        )
        nengo.Connection(both, network.connection.learning_rule)
    return network


def integrated():
    network = exact(1e-4)
    with network:
        node = network.error.target
        nengo.Connection(node, node, synapse=0.1)
    return network


def transform_of_zero():
    return exact(1e-4, gain=0.0)


def two_rules():
    with nengo.Network() as network:
        pre, error = nengo.Ensemble(20, 1), nengo.Node(size_in=1)
        rules = [nlr.ScheduledPES(1e-4), nengo.PES(1e-4)]
        network.connection = nengo.Connection(pre, error, learning_rule_type=rules)
        for rule in network.connection.learning_rule:
            nengo.Connection(error, rule)
    return network


def silent():
    network = learning_network(nlr.ScheduledPES(), CONNECTIONS["neurons_to_ensemble"])
    pre = network.ensembles[0]
    pre.gain, pre.bias = np.zeros(30), np.full(30, -1.0)
    network.connections[0].function = None
    return network


def nothing_connected():
    with nengo.Network() as network:
        network.connection = nengo.Connection(
            nengo.Ensemble(10, 1),
            nengo.Node(size_in=1),
            learning_rule_type=nlr.ScheduledPES(),
        )
    return network


def triangle():
    return exact(1e-4, (nengo.synapses.Triangle(0.01), None))


def optimized():
    return learning_network(nlr.ScheduledPES(optimizer=nlr.AdaGrad()))


def preconditioned():
    return learning_network(nlr.ScheduledPES(precondition=5))


def automatic():
    return learning_network(nlr.ScheduledPES("auto"))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (odd_function, "what that makes of it cannot be known"),
        (not_linear, "whose function is not linear"),
        (no_way, "does not depend on its output"),
        (taken_from_neurons, "through <Neurons.*connect the ensemble itself"),
        (error_from_the_neurons_that_learn, "through <Neurons.*connect the ensemble"),
        (output_comes_back, "comes back to <Ensemble"),
        (learned_recurrently, "comes back to <Ensemble"),
        (integrated, "feed back on themselves"),
        (transform_of_zero, "does not depend on its output"),
        (two_rules, "with one PES"),
        (silent, "silent at every evaluation point"),
        (nothing_connected, "nothing is connected to the learning rule"),
        (triangle, "only LinearFilters"),
        (lambda: exact(1e-4, gain=-1.0), "grows with any rate: it must be"),
        (optimized, "without an optimizer.*AdaGrad"),
        (preconditioned, "a precondition.*precondition=5"),
        (automatic, "the rate .auto.*Auto"),
        (lambda: learning_network(nengo.RLS()), "must learn with one PES.*RLS"),
    ],
)
@pytest.mark.filterwarnings("ignore:The learning rate of")
def test_what_cannot_be_judged(make, words):
    network = make()
    with build(network) as sim:
        with pytest.raises(ValidationError, match=words):
            stable_rate(sim, network.connection)
        found = warn_if_unstable(sim)
    assert re.search(words, found.unjudged[network.connection])
    assert not found.stable
    assert not found.unstable


def test_a_connection_of_another_model():
    with build(exact(0.0)) as sim:
        with pytest.raises(ValidationError, match="not in the simulator's model"):
            stable_rate(sim, exact(0.0).connection)


def test_a_subclass_of_the_simulator():
    class Own(nengo.Simulator):
        pass

    network = exact(0.0)
    with build(network) as sim, Own(network, progress_bar=False) as own:
        assert stable_rate(own, network.connection) == stable_rate(
            sim, network.connection
        )
        assert list(warn_if_unstable(own).stable) == [network.connection]


def test_warning():
    with build(exact(0.0)) as sim:
        bound = stable_rate(sim, sim.model.toplevel.connection, margin=1.0)
    for rate, warned in [(0.99 * bound, 0), (nlr.CosineDecay(1.01 * bound, 1.0), 1)]:
        with build(exact(rate)) as sim, warnings.catch_warnings(record=True) as record:
            warnings.simplefilter("always")
            found = warn_if_unstable(sim)
        assert len(found.unstable) == len(record) == warned
        assert len(found.stable) == 1 - warned
        assert not found.unjudged
    assert "stable only up to" in str(record[0].message)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (nlr.ScheduledPES(lambda t: 1e-4), "no largest rate"),
        (nlr.ScheduledPES(nlr.ErrorDriven(0, 1e-3, scale=1.0)), "no largest rate"),
        (nengo.RLS(), "one PES"),
        ([nengo.PES(), nengo.Voja()], "other rules change it"),
    ],
)
def test_every_connection_that_learns_is_told_of(rule, reason):
    with learning_network(nengo.PES(1e-6)) as network:
        other = nengo.Connection(
            network.ensembles[0],
            network.ensembles[1],
            function=lambda x: [0, 0],
            learning_rule_type=rule,
        )
        learning_rules = other.learning_rule
        if not isinstance(learning_rules, list):
            learning_rules = [learning_rules]
        nengo.Connection(network.error, learning_rules[0])
    with build(network) as sim, warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        found = warn_if_unstable(sim)
    assert list(found.stable) == [network.connection]
    assert reason in found.unjudged[other]
    (warning,) = record
    assert reason in str(warning.message)
    assert str(other) in str(warning.message)


# --- what a rule can read of its loop while it is built


def timing(synapses, dt=DT, **kwargs):
    network = exact(1e-4, synapses, **kwargs)
    return loop_timing(network, network.connection.learning_rule, dt)


@pytest.mark.parametrize("taus", [(0.001, 0.001), (0.005, 0.02), (0.05, 0.5)])
@pytest.mark.parametrize("gain", [0.1, 1.0, 30.0])
def test_timing_of_two_lowpasses(taus, gain):
    delay, found, shortest = timing(taus, gain=gain)
    assert delay == pytest.approx(DT * np.sum(1 / (1 - np.exp(-DT / np.array(taus)))))
    assert delay == pytest.approx(sum(taus) + DT, rel=0.15)
    assert found == pytest.approx(gain)
    a, b = np.exp(-DT / np.array(taus))
    for fraction, stable in [(0.999, True), (1.001, False)]:
        g = fraction * DT / shortest * gain
        polynomial = np.poly([1, a, b])
        polynomial[-1] += g * (1 - a) * (1 - b)
        assert (np.abs(np.roots(polynomial)).max() < 1) == stable


def test_timing_without_filters():
    assert timing((None, None)) == pytest.approx((0.0, 1.0, DT / 2))
    assert timing((None, None), dt=0.0005).shortest == pytest.approx(0.0005 / 2)


@pytest.mark.parametrize("synapse", [nengo.Alpha(0.1), nengo.LinearFilter([3], [1])])
def test_timing_of_other_filters(synapse):
    """The delay and the gain are those of the filter's impulse response."""
    impulse = np.zeros((5000, 1))
    impulse[0] = 1.0
    response = synapse.filt(impulse, dt=DT, y0=0)[:, 0]
    delay, gain, shortest = timing((synapse, None))
    assert gain == pytest.approx(response.sum(), rel=1e-6)
    mean = response @ np.arange(1, 5001) / response.sum()
    assert delay == pytest.approx(DT * mean, rel=1e-6)
    assert shortest > 0


def test_timing_is_that_of_the_slowest_dimension():
    with nengo.Network() as network:
        pre, error = nengo.Ensemble(20, 3), nengo.Node(size_in=3)
        connection = nengo.Connection(
            pre, error, synapse=None, learning_rule_type=nlr.ScheduledPES()
        )
        for i, tau in enumerate([0.001, 0.01, 0.1]):
            rule = connection.learning_rule[i]
            nengo.Connection(error[i], rule, synapse=tau, transform=i + 1)
    loop = ErrorLoop(network, connection.learning_rule, DT)
    assert len(loop.parts) == 3
    delay, gain, _ = loop_timing(network, connection.learning_rule, DT)
    assert delay == pytest.approx(DT / (1 - np.exp(-DT / 0.1)))
    assert gain == pytest.approx(3)


def test_many_equal_dimensions_are_one_system():
    with nengo.Network() as network:
        pre, post = nengo.Ensemble(20, 300), nengo.networks.EnsembleArray(5, 300)
        connection = nengo.Connection(
            pre, post.input, learning_rule_type=nlr.ScheduledPES()
        )
        nengo.Connection(post.output, connection.learning_rule)
    loop = ErrorLoop(network, connection.learning_rule, DT)
    assert loop.counts == [300]
    assert loop.largest_stable_gain() == pytest.approx(0.2526, abs=1e-4)


@pytest.mark.parametrize(
    "make", [odd_function, no_way, triangle, transform_of_zero, taken_from_neurons]
)
def test_no_timing_where_the_loop_cannot_be_read(make):
    network = make()
    assert loop_timing(network, network.connection.learning_rule, DT) is None


@pytest.mark.parametrize(
    "transform",
    [nengo.Sparse((1, 1), indices=[[0, 0]], init=[2.0]), 2.0, [2.0], [[2.0]]],
)
def test_every_transform_that_is_known(transform):
    assert timing((None, None), gain=transform).gain == 2.0
