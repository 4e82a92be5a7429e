"""Properties that hold for every network, tried on random ones.

``NENGO_LR_FUZZ=10000,200 pytest tests/test_fuzzing.py -s`` tries that many networks on
the reference simulator and on NengoDL; a third number is another seed. The output says
how many had which feature.
"""

import copy
import os
import pickle
import warnings
from collections import Counter

import nengo
import numpy as np
import pytest
from fuzzing import N_STEPS, build, networks, plain, scaled
from hypothesis import HealthCheck, Phase, given, seed, settings

from nengo_lr import ScheduledPES, frozen
from nengo_lr.builder import SimPESFactors, SimScheduledRate, pes
from nengo_lr.checkpoint import load, save

N_NENGO, N_NENGO_DL, SEED, *_ = map(
    int, (os.environ.get("NENGO_LR_FUZZ", "100,5") + ",7").split(",")
)
SHARE = N_NENGO // 4
"""Four tests share the networks on the reference simulator."""

COUNTS = Counter()
"""How many networks had each feature."""


def fuzz(n, **kwargs):
    """Try a property on ``n`` random networks, the same ones each time."""
    options = settings(
        max_examples=max(n, 1),
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )

    def decorate(test):
        return seed(SEED)(options(given(networks(**kwargs))(test)))

    return decorate


def count(description):
    COUNTS.update(["networks", *description.features])


@pytest.fixture(scope="module", autouse=True)
def report():
    yield
    total = COUNTS.pop("networks", 0)
    shares = [f"{name} {n / total:.0%}" for name, n in sorted(COUNTS.items())]
    print(f"\n{total} networks: {', '.join(shares)}")


def run(network, optimize=False):
    """The weights of all connections that learn, over time."""
    with nengo.Simulator(network, progress_bar=False, optimize=optimize) as sim:
        sim.run_steps(N_STEPS)
    return [sim.data[probe] for probe in network.weights]


def close(actual, expected, tolerance):
    """Whether all weights are the same, up to a share of the largest or of 1e-4."""
    return all(
        np.max(np.abs(a - b)) <= tolerance * max(np.max(np.abs(b)), 1e-4)
        for a, b in zip(actual, expected)
    )


def same(actual, expected):
    return all(np.array_equal(a, b) for a, b in zip(actual, expected))


FIXED = {"kinds": ("constant",), "others": False}
DRIVEN = {"kinds": ("constant", "schedule", "node"), "others": False}


@fuzz(SHARE, **FIXED)
def test_constant_rates_have_the_bits_of_pes(description):
    count(description)
    assert same(run(build(description)), run(build(description, plain)))


def equals_node_scaling(description):
    learned = run(build(description))
    return close(learned, run(build(description, scaled, scale=True)), 1e-9)


@fuzz(SHARE, **DRIVEN)
def test_every_rate_equals_scaling_in_a_node(description):
    count(description)
    assert equals_node_scaling(description)


@fuzz(SHARE)
def test_how_a_model_is_run_does_not_matter(tmp_path_factory, description):
    """In one run, in two, after a reset, from a checkpoint, frozen in between."""
    count(description)
    path = tmp_path_factory.getbasetemp() / "fuzz.checkpoint"
    network, half = build(description), N_STEPS // 2
    expected = run(network)
    with nengo.Simulator(network, progress_bar=False, optimize=False) as sim:
        sim.run_steps(half)
        save(sim, path)
        sim.run_steps(N_STEPS - half)
        assert same([sim.data[probe] for probe in network.weights], expected)
        sim.reset()
        sim.run_steps(N_STEPS)
        assert same([sim.data[probe] for probe in network.weights], expected)
        with frozen(sim):
            sim.run_steps(5)
        for probe in network.weights:
            assert np.array_equal(sim.data[probe][N_STEPS - 1], sim.data[probe][-1])
    with nengo.Simulator(network, progress_bar=False, optimize=False) as sim:
        load(sim, path)
        sim.run_steps(N_STEPS - half)
        resumed = [sim.data[probe] for probe in network.weights]
    assert same(resumed, [data[half:] for data in expected])


@fuzz(SHARE)
def test_copies_pickles_and_the_optimizer_do_not_matter(description):
    count(description)
    network = build(description)
    expected = run(network)
    assert same(run(copy.deepcopy(network)), expected)
    assert same(run(pickle.loads(pickle.dumps(network))), expected)
    assert close(run(network, optimize=True), expected, 1e-9)


@fuzz(N_NENGO_DL)
def test_nengo_dl_is_the_same(NengoDL, description):
    count(description)
    network = build(description)
    expected = run(network)
    with NengoDL(network) as sim, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sim.run_steps(N_STEPS)
        learned = [sim.data[probe] for probe in network.weights]
    assert close(learned, expected, 1e-6)


def test_every_feature_is_frequent():
    counts, total = Counter(), 0

    @fuzz(400)
    def draw(description):
        nonlocal total
        total += 1
        counts.update(description.features)

    draw()
    assert len(counts) >= 25
    rare = {name: n for name, n in counts.items() if n < 0.05 * total}
    assert not rare


# --- faults in the library that a property must find


def flipped_sign(monkeypatch):
    make_step = SimPESFactors.make_step

    def make_flipped(op, signals, dt, rng):
        step, left = make_step(op, signals, dt, rng), signals[op.left]

        def step_flipped():
            step()
            left[...] *= -1

        return step_flipped

    monkeypatch.setattr(SimPESFactors, "make_step", make_flipped)


def one_step_late(monkeypatch):
    make_step = SimPESFactors.make_step

    def make_late(op, signals, dt, rng):
        step, left = make_step(op, signals, dt, rng), signals[op.left]
        right = signals[op.right]
        kept = [np.zeros_like(left), np.zeros_like(right)]

        def step_late():
            step()
            new = left.copy(), right.copy()
            left[...], right[...] = kept
            kept[:] = new

        return step_late

    monkeypatch.setattr(SimPESFactors, "make_step", make_late)


def shared_rate(monkeypatch):
    build_rate = pes.build_rate

    def build_shared(model, *args, **kwargs):
        rate = build_rate(model, *args, **kwargs)
        return model.sig["fault"].setdefault("rate", rate)

    monkeypatch.setattr(pes, "build_rate", build_shared)


def float32_time(monkeypatch):
    def make_built_step(op, signals, dt):
        step, rate = signals[op.step], signals[op.rate]

        def step_float32():
            rate[0] = op.schedule.rate_at(float(np.float32(step) * np.float32(dt)))

        return step_float32

    monkeypatch.setattr(SimScheduledRate, "make_built_step", make_built_step)


def built_as_plain_pes(monkeypatch):
    """What becomes of a subclass of PES on simulators that build it as PES."""

    def build_plain(model, scheduled, rule):
        rate = 0.0 if scheduled.schedule is None else scheduled.schedule.rate_at(0.0)
        model.build(nengo.PES(rate, pre_synapse=scheduled.pre_synapse), rule)

    monkeypatch.setitem(nengo.builder.Builder.builders, ScheduledPES, build_plain)


FAULTS = [flipped_sign, one_step_late, shared_rate, float32_time, built_as_plain_pes]


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
def test_planted_faults_are_found(monkeypatch, plant):
    plant(monkeypatch)
    tried = 0

    @fuzz(200, **DRIVEN)
    def look(description):
        nonlocal tried
        tried += 1
        assert equals_node_scaling(description)

    with pytest.raises(AssertionError):
        look()
    print(f"{plant.__name__}: found in network {tried}")
