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
from fuzzing import N_STEPS, build, networks, plain, rates, scaled
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st

from nengo_lr import ScheduledPES, frozen, set_learning_rate, to_error_scaling
from nengo_lr.builder import SimPESFactors, SimScheduledRate, pes
from nengo_lr.checkpoint import load, save

N_NENGO, N_NENGO_DL, SEED, *_ = map(
    int, (os.environ.get("NENGO_LR_FUZZ", "100,5") + ",7").split(",")
)
PART = N_NENGO // 6
"""Six tests divide the networks on the reference simulator among them."""

COUNTS = Counter()
"""How many networks had each feature."""


def fuzz(n, *more, **kwargs):
    """Try a property on ``n`` random networks, the same ones each time."""
    options = settings(
        max_examples=max(n, 1),
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )

    def decorate(test):
        return seed(SEED)(options(given(networks(**kwargs), *more)(test)))

    return decorate


def count(description):
    COUNTS.update(["networks", *description.features])


@pytest.fixture(scope="module", autouse=True)
def report():
    yield
    total = COUNTS.pop("networks", 0)
    parts = [f"{name} {n / total:.0%}" for name, n in sorted(COUNTS.items())]
    print(f"\n{total} networks: {', '.join(parts)}")


def run(network, optimize=False):
    """The weights of all connections that learn, over time."""
    with simulate(network, optimize) as sim:
        sim.run_steps(N_STEPS)
    return [sim.data[probe] for probe in network.weights]


def simulate(network, optimize=False):
    return nengo.Simulator(
        network, dt=network.dt, progress_bar=False, optimize=optimize
    )


def close(actual, expected, tolerance):
    """Whether all weights are the same, up to a fraction of the largest or of 1e-4."""
    return all(
        np.max(np.abs(a - b)) <= tolerance * max(np.max(np.abs(b)), 1e-4)
        for a, b in zip(actual, expected)
    )


def same(actual, expected):
    return all(np.array_equal(a, b) for a, b in zip(actual, expected))


FIXED = {"kinds": ("constant",), "others": False}
DRIVEN = {"kinds": ("constant", "schedule", "node"), "others": False}


@fuzz(PART, **FIXED)
def test_constant_rates_have_the_bits_of_pes(description):
    count(description)
    assert same(run(build(description)), run(build(description, plain)))


def equals_node_scaling(description):
    learned = run(build(description))
    return close(learned, run(build(description, scaled, scale=True)), 1e-9)


@fuzz(PART, **DRIVEN)
def test_every_rate_equals_scaling_in_a_node(description):
    count(description)
    assert equals_node_scaling(description)


@fuzz(PART)
def test_how_a_model_is_run_does_not_matter(tmp_path_factory, description):
    """In one run, in two, after a reset, from a checkpoint, frozen in between."""
    count(description)
    path = tmp_path_factory.getbasetemp() / "fuzz.checkpoint"
    network, half = build(description), N_STEPS // 2
    expected = run(network)
    with simulate(network) as sim:
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
    with simulate(network) as sim:
        load(sim, path)
        sim.run_steps(N_STEPS - half)
        resumed = [sim.data[probe] for probe in network.weights]
    assert same(resumed, [data[half:] for data in expected])


@fuzz(PART)
def test_copies_pickles_and_the_optimizer_do_not_matter(description):
    count(description)
    network = build(description)
    expected = run(network)
    assert same(run(copy.deepcopy(network)), expected)
    assert same(run(pickle.loads(pickle.dumps(network))), expected)
    assert close(run(network, optimize=True), expected, 1e-9)


NUMBERS = rates(("constant", "schedule"), 0.001)
FIRST, SECOND = (st.lists(NUMBERS, min_size=9, max_size=9) for _ in range(2))


@fuzz(PART, FIRST, SECOND)
def test_a_run_goes_on_with_the_rates_of_the_model_that_loads_it(
    tmp_path_factory, description, first, second
):
    """As a run in which the rates are changed at that step."""
    description = description.with_rates(
        "Constant(1e-4)" if rule.native else rate
        for rule, rate in zip(description.rules, first)
    )
    count(description)
    path = tmp_path_factory.getbasetemp() / "rates.checkpoint"
    network, half = build(description), N_STEPS // 2
    other = build(
        description.with_rates(
            "Constant(1e-4)" if rule.native else rate
            for rule, rate in zip(description.rules, second)
        )
    )
    with simulate(network) as sim:
        sim.run_steps(half)
        save(sim, path)
        for rule, changed in zip(network.rules, other.rules):
            set_learning_rate(sim, rule, changed.learning_rule_type.learning_rate)
        sim.run_steps(N_STEPS - half)
        expected = [sim.data[probe][half:] for probe in network.weights]
    with simulate(other) as sim:
        load(sim, path)
        sim.run_steps(N_STEPS - half)
        resumed = [sim.data[probe] for probe in other.weights]
    assert same(resumed, expected)


@fuzz(PART)
def test_a_converted_model_learns_the_same(description):
    assume(description.convertible)
    count(description)
    native = build(description)
    converted = to_error_scaling(native, method="node")
    assert close(run(converted), run(native), 1e-9)


@fuzz(N_NENGO_DL)
def test_nengo_dl_is_the_same(NengoDL, description):
    # NengoDL itself cannot run Nengo's own rules behind a filter of one pole
    assume(
        not any(
            rule.type.startswith("native") and rule.pre_synapse == "one pole"
            for learner in description.learners
            for rule in learner.rules
        )
    )
    count(description)
    network = build(description)
    expected = run(network)
    with NengoDL(network, dt=network.dt) as sim, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sim.run_steps(N_STEPS)
        learned = [sim.data[probe] for probe in network.weights]
    assert close(learned, expected, 1e-6)


def test_every_feature_is_frequent():
    counts, total = Counter(), 0

    @fuzz(1000)
    def draw(description):
        nonlocal total
        total += 1
        counts.update(description.features)

    draw()
    assert len(counts) >= 59
    print({name: round(n / total, 3) for name, n in counts.items()})
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
