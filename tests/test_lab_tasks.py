from dataclasses import replace

import nengo
import numpy as np
import pytest

import nengo_lr as nlr
from nengo_lr.lab.tasks import (
    SAMPLE,
    TASKS,
    band_limited,
    build,
    final_error,
    least_squares_limit,
)


def run(network, duration=1.0):
    with nengo.Simulator(network, progress_bar=False) as sim:
        sim.run(duration)
    return sim


def target_of(task, seed=0, learning=0.5, test=0.5):
    """What a task asks for, unfiltered."""
    network = build(task, nlr.ScheduledPES(0.0), None, seed, learning, test)
    network.target.synapse = None
    with network:
        stimulus = nengo.Probe(network.stimulus)
    sim = run(network, learning + test)
    return sim.data[stimulus], sim.data[network.target]


def test_band_limited_is_a_sum_of_sines():
    signal = band_limited(np.random.RandomState(0), 40.0, dimensions=3)
    assert signal.shape == (40_000, 3)
    assert np.allclose(np.sqrt(np.mean(signal**2, axis=0)), 0.5, rtol=1e-12)
    power = np.abs(np.fft.rfft(signal, axis=0)) ** 2
    # harmonics of 1/40 Hz, up to 5 Hz
    assert np.all(power[1:201] > 0)
    assert np.sum(power[1:201]) == pytest.approx(np.sum(power), rel=1e-12)
    # exponential power, hence Rayleigh amplitudes: the mean is the standard deviation
    assert np.std(power[1:201]) == pytest.approx(np.mean(power[1:201]), rel=0.15)


def test_band_limited_does_not_repeat_in_long_runs():
    short = band_limited(np.random.RandomState(0), 10.0)
    assert len(short) == 10_000
    long = band_limited(np.random.RandomState(0), 60.0)
    assert len(long) == 60_000
    assert np.sqrt(np.mean((long[:20_000] - long[40_000:]) ** 2)) > 0.3


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_target_is_the_function_of_the_input(task):
    x, y = target_of(task)
    assert x.shape == (1000, task.dimensions)
    assert np.max(np.abs(x)) <= 1
    assert np.ptp(x) > 0.1
    changes = 250 if task.later is not None else 1000
    if task.varying is None:
        assert np.array_equal(y[:changes], task.function(x[:changes]))
    if task.later is not None:
        assert np.array_equal(y[changes:], task.later(x[changes:]))
    settled = task.settled(0.5)
    assert np.array_equal(y[500:], settled.function(x[500:]))


def test_targets_that_go_on_changing():
    x, y = target_of(TASKS["flip"], learning=9.0, test=1.0)
    assert np.array_equal(y[:4000], x[:4000])
    assert np.array_equal(y[4000:8000], -x[4000:8000])
    assert np.array_equal(y[8000:], x[8000:])
    x, y = target_of(TASKS["drift"], learning=5.0, test=1.0)
    assert np.allclose(y[2500], x[2500] ** 2)
    assert np.allclose(y[5000:], -x[5000:], atol=0.01)


def test_an_error_that_is_seldom_seen():
    network = build(TASKS["seldom"], nlr.ScheduledPES(0.0), learning=2.5, test=0.5)
    network.error.synapse = None
    seen = run(network, 3.0).data[network.error]
    assert np.any(seen[:499])
    assert not np.any(seen[500:2499])
    assert np.any(seen[2500:])


def test_an_input_that_is_shown_otherwise():
    task = replace(TASKS["square"], shown=lambda x, t: np.where(t < 1.0, -0.5, x))
    x, y = target_of(task, learning=1.0, test=0.5)
    assert np.all(x[:1000] == -0.5)
    assert np.array_equal(x[1000:], target_of(TASKS["square"], 0, 1.0, 0.5)[0][1000:])
    assert np.array_equal(y, x**2)


def test_an_error_with_a_gain():
    errors = {}
    for gain in (1.0, 3.0):
        task = replace(TASKS["comm"], error_gain=lambda t, gain=gain: gain)
        network = build(task, nlr.ScheduledPES(0.0), learning=0.2, test=0.1)
        data = run(network, 0.3).data
        errors[gain] = data[network.error], data[network.test_error]
    assert np.allclose(errors[3.0][0], 3 * errors[1.0][0], rtol=1e-12)
    assert np.array_equal(errors[3.0][1], errors[1.0][1])


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_errors_of_a_model_that_does_not_learn(task):
    network = build(task, nlr.ScheduledPES(0.0), learning=0.5, test=0.5)
    sim = run(network)
    assert not np.any(sim.data[network.weights])
    target = sim.data[network.target]
    assert np.array_equal(sim.data[network.test_error], -target)


def test_noise_is_on_what_the_rule_sees_alone():
    seen = {}
    for name in ("comm", "noisy"):
        network = build(TASKS[name], nlr.ScheduledPES(0.0), learning=0.5, test=0.5)
        seen[name] = run(network).data[network.error]
    noise = np.sqrt(np.mean((seen["noisy"] - seen["comm"]) ** 2))
    # of noise up to 100 Hz, two lowpasses of 5 ms leave about half
    assert 0.3 * TASKS["noisy"].noise < noise < 0.7 * TASKS["noisy"].noise


def test_network_does_not_depend_on_what_is_added():
    def wire(error, learning_rule):
        scaler = nlr.ErrorScaler(20, error.size_out, error_radius=2)
        nengo.Connection(error, scaler.error)
        nengo.Connection(scaler.output, learning_rule)

    task = TASKS["noisy"]
    plain = build(task, nlr.ScheduledPES(0.0), seed=3, learning=0.5, test=0.5)
    wired = build(task, nengo.PES(0.0), wire, seed=3, learning=0.5, test=0.5)
    a, b = run(plain), run(wired)
    for name in ("encoders", "bias", "gain"):
        ours = getattr(a.data[plain.ensemble], name)
        assert np.array_equal(ours, getattr(b.data[wired.ensemble], name))
    for name in ("target", "test_error"):
        ours = a.data[getattr(plain, name)]
        assert np.array_equal(ours, b.data[getattr(wired, name)])
    other = build(task, nlr.ScheduledPES(0.0), seed=4, learning=0.5, test=0.5)
    assert not np.array_equal(a.data[plain.target], run(other).data[other.target])


@pytest.mark.parametrize("name", ["comm", "square"])
def test_learning_approaches_the_least_squares_limit(name):
    task, learning, test = TASKS[name], 8.0, 2.0
    schedule = nlr.Constant(1e-3).between(0, learning)
    network = build(task, nlr.ScheduledPES(schedule), None, 0, learning, test)
    sim = run(network, learning + test)
    learned = final_error(sim, network, learning)
    target = sim.data[network.target][round(learning / SAMPLE) :]
    untrained = np.sqrt(np.mean(target**2))
    limit = least_squares_limit(task, 0, learning, test)
    assert 0.005 < limit < learned < 0.3 * untrained


def test_limit_of_a_switch_is_that_of_the_later_target():
    switch = least_squares_limit(TASKS["switch"], 1, 2.0, 1.0)
    # the mirrored target has mirrored decoders
    comm = least_squares_limit(TASKS["comm"], 1, 2.0, 1.0)
    assert switch == pytest.approx(comm, rel=1e-9)


@pytest.mark.parametrize("name", ["comm", "product"])
def test_tasks_on_nengo_dl(NengoDL, name):
    network = build(TASKS[name], nlr.ScheduledPES(1e-3), learning=0.15, test=0.05)
    with NengoDL(network) as sim:
        sim.run(0.2)
    reference = run(network, 0.2)
    for probe in (network.weights, network.test_error, network.error):
        ours, theirs = sim.data[probe], reference.data[probe]
        assert ours.shape == theirs.shape
        assert np.max(np.abs(ours - theirs)) < 1e-10 * np.max(np.abs(theirs))


def test_a_network_around_a_task_does_not_set_its_defaults():
    def error(**defaults):
        with nengo.Network() as outer:
            outer.config[nengo.Connection].transform = 3 if defaults else 1
            for name, value in defaults.items():
                setattr(outer.config[nengo.Ensemble], name, value)
            rule = nlr.ScheduledPES(1e-3)
            network = build(TASKS["comm"], rule, None, 0, 0.1, 0.1)
        with nengo.Simulator(network, progress_bar=False, optimize=False) as sim:
            sim.run(0.1)
        return sim.data[network.error]

    hostile = {"gain": nengo.dists.Choice([1.0]), "bias": nengo.dists.Choice([1.0])}
    assert np.array_equal(error(**hostile), error())
