import functools
import io
import json
import os
import signal
import stat
import subprocess
import sys
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import nengo
import numpy as np
import pytest
from helpers import learning_network, obey_permissions, relative
from learners import DECAY, LAW, all_networks, pes
from nengo.exceptions import SimulatorClosed, ValidationError
from remembering import (
    NOISE,
    PROCESSES,
    PURE,
    STATEFUL,
    Counting,
    DelaySynapse,
    StatefulLaw,
    StatefulRate,
)

from nengo_lr import (
    AdaGrad,
    ErrorDriven,
    FunctionSchedule,
    RMSProp,
    ScheduledPES,
    frozen,
    set_learning_rate,
)
from nengo_lr.builder.hosts import host_of
from nengo_lr.checkpoint import load, save

TESTS = Path(__file__).parent


def unoptimized(network, **kwargs):
    return nengo.Simulator(network, progress_bar=False, optimize=False, **kwargs)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.checkpoint"


def python(code, *arguments, preexec_fn=None, **environment):
    """Run a script that finds the tests' modules."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, **environment},
        cwd=TESTS,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=preexec_fn,
    )


# --- a run that is resumed


def resume(simulator, path, tolerance):
    network = all_networks()
    with simulator(network) as sim:
        sim.run_steps(20)
        save(sim, path)
        sim.run_steps(20)
    with simulator(network) as resumed:
        resumed.run_steps(20)
        assert len(resumed.data[network.parts["law"].rate]) == 20  # and it is cached
        load(resumed, path)
        assert resumed.n_steps == 20
        assert resumed.time == pytest.approx(0.02)
        resumed.run_steps(20)
        assert all(
            len(resumed.data[part.rate]) == 20 for part in network.parts.values()
        )
    for name, part in network.parts.items():
        for probe in (part.weights, part.rate):
            now, expected = resumed.data[probe], sim.data[probe][20:]
            assert relative(now, expected) <= tolerance, name
        assert np.any(sim.data[part.weights][20] != sim.data[part.weights][-1])


def test_a_resumed_run_has_the_bits_of_an_uninterrupted_one(path):
    resume(unoptimized, path, tolerance=0)


def test_a_resumed_run_is_the_same_on_nengo_dl(NengoDL, path):
    resume(NengoDL, path, tolerance=1e-12)


@pytest.mark.needs("minibatches")
def test_a_node_that_was_given_data(Simulator, path):
    """What it was given last is no constant of the model; what it was built with is."""

    def learns(constant):
        with nengo.Network(seed=0) as network:
            node = nengo.Node([constant])
            pre, post = nengo.Ensemble(20, 1), nengo.Node(size_in=1)
            nengo.Connection(node, pre)
            connection = nengo.Connection(
                pre, post, learning_rule_type=ScheduledPES(1e-3)
            )
            nengo.Connection(post, connection.learning_rule)
            nengo.Connection(node, connection.learning_rule, transform=-1)
            network.weights = nengo.Probe(connection, "weights")
        return network, node

    data = np.random.RandomState(0).uniform(-1, 1, size=(2, 40, 1))
    network, node = learns(0.5)
    with Simulator(network, minibatch_size=2) as sim:
        host_of(sim).run(20, {node: data[:, :20]})
        save(sim, path)
        host_of(sim).run(20, {node: data[:, 20:]})
        expected = sim.data[network.weights][:, 20:]
    with Simulator(network, minibatch_size=2) as sim:
        load(sim, path)
        host_of(sim).run(20, {node: data[:, 20:]})
        assert relative(sim.data[network.weights], expected) < 1e-12
    with Simulator(learns(0.4)[0], minibatch_size=2) as sim:
        with pytest.raises(ValidationError, match="constants 'Node 0: out' differ"):
            load(sim, path)


RESUME = """
import sys
import nengo, numpy as np
from learners import all_networks
from nengo_lr.checkpoint import load, save

network = all_networks()
with network:  # with many equal constants
    nengo.networks.CircularConvolution(10, 4, seed=1)
    nengo.networks.BasalGanglia(3, seed=1)
    nengo.networks.Thalamus(3, seed=1)
with nengo.Simulator(network, progress_bar=False) as sim:
    if sys.argv[2] == "save":
        sim.run_steps(20)
        save(sim, sys.argv[1])
    else:
        load(sim, sys.argv[1])
    sim.run_steps(20)
weights = [sim.data[part.weights][-1].ravel() for part in network.parts.values()]
np.save(sys.argv[1] + sys.argv[2], np.concatenate(weights))
"""


def test_optimized_signals_find_their_places_in_another_process(path):
    """Nengo's optimizer orders and merges signals by hashes, which differ there."""
    for hash_seed, what in enumerate(["save", "load"]):
        done = python(RESUME, path, what, PYTHONHASHSEED=str(hash_seed + 1))
        assert done.returncode == 0, done.stderr
    saved, loaded = (np.load(f"{path}{what}.npy") for what in ("save", "load"))
    assert relative(loaded, saved) < 1e-12


@pytest.mark.parametrize("rate", [3e-4, DECAY * 0.5], ids=str)
def test_a_rate_that_was_set_stays(path, rate):
    network = pes(1e-3)
    with unoptimized(network) as sim:
        set_learning_rate(sim, network.connection.learning_rule, rate)
        with frozen(sim):
            save(sim, path)
        sim.run_steps(10)
    with unoptimized(network) as resumed:
        load(resumed, path)
        resumed.run_steps(10)
        assert np.array_equal(resumed.data[network.rate], sim.data[network.rate])
        assert np.array_equal(resumed.data[network.weights], sim.data[network.weights])
        assert np.any(sim.data[network.weights][0] != sim.data[network.weights][-1])
        resumed.reset()
        resumed.run_steps(1)
        assert resumed.data[network.rate] == 1e-3


# --- state outside of signals


def with_sources(makers):
    """A model that learns, driven by functions and processes of several kinds."""
    with nengo.Network(seed=1) as network:
        part = learning_network(ScheduledPES(DECAY))
        network.connection, network.weights = part.connection, part.weights
        for i, (kind, make) in enumerate(makers.items()):
            source = nengo.Node(make(), label=kind)
            nengo.Connection(source, part.connection.pre[0], transform=0.1, seed=i)
    return network


def weights_after(network, n_steps, path, **kwargs):
    """The weights at the end of a run that goes on from a checkpoint."""
    with unoptimized(network, **kwargs) as sim:
        load(sim, path)
        sim.run_steps(n_steps)
        return sim.data[network.weights][-1]


def interrupted(network, path, **kwargs):
    """Save in the middle of a run; returns the weights at its end."""
    with unoptimized(network, **kwargs) as sim:
        sim.run_steps(30)
        save(sim, path)
        sim.run_steps(20)
        return sim.data[network.weights][-1]


def test_functions_with_a_memory_are_refused_by_name(path):
    network = with_sources(STATEFUL)
    interrupted(network, path)
    # what the same functions remember in this process, and new ones
    for resumed in network, with_sources(STATEFUL):
        with unoptimized(resumed) as sim, pytest.raises(ValidationError) as refused:
            load(sim, path)
        message = str(refused.value)
        assert "outside='replay'" in message
        assert sim.n_steps == 0
        # what has come to rest is as it was
        settled = {"cached", "full_delay_line", "latch"}
        kinds = set(STATEFUL) - (settled if resumed is network else set())
        assert not [kind for kind in kinds if f"{kind!r}: " not in message]


CROSS = """
import sys
import numpy as np
from remembering import PROCESSES, PURE, STATEFUL
from test_checkpoint import interrupted, weights_after, with_sources

kinds, path, what = sys.argv[1:]
network = with_sources({"pure": {**PURE, **PROCESSES}, "stateful": STATEFUL}[kinds])
if what == "save":
    np.save(path + ".npy", interrupted(network, path))
else:
    assert np.array_equal(np.load(path + ".npy"), weights_after(network, 20, path))
"""


def in_two_processes(kinds, path):
    assert python(CROSS, kinds, path, "save", PYTHONHASHSEED="1").returncode == 0
    return python(CROSS, kinds, path, "load", PYTHONHASHSEED="2")


def test_functions_without_a_memory_go_on_in_another_process(path):
    """Bit by bit."""
    done = in_two_processes("pure", path)
    assert done.returncode == 0, done.stderr


def test_functions_with_a_memory_are_refused_in_another_process(path):
    stderr = in_two_processes("stateful", path).stderr
    assert not [kind for kind in STATEFUL if f"{kind!r}: " not in stderr]


def stochastic():
    with nengo.Network(seed=1) as network:
        part = learning_network(ScheduledPES(DECAY))
        network.connection, network.weights = part.connection, part.weights
        neurons = nengo.PoissonSpiking(nengo.LIFRate())
        ensemble = nengo.Ensemble(10, 1, neuron_type=neurons, seed=1)
        nengo.Connection(ensemble, part.connection.pre[0], seed=1)
    return network


def delayed():
    with nengo.Network(seed=1) as network:
        part = learning_network(ScheduledPES(DECAY))
        network.connection, network.weights = part.connection, part.weights
        pre = part.connection.pre
        nengo.Connection(pre[0], pre[1], synapse=DelaySynapse(), seed=1)
    return network


def function_of_a_connection():
    make = STATEFUL["comprehension"]
    with nengo.Network(seed=1) as network:
        part = learning_network(ScheduledPES(DECAY))
        network.connection, network.weights = part.connection, part.weights
        source, pre = nengo.Node([0.5]), part.connection.pre
        function = make()
        nengo.Connection(source, pre[0], function=lambda x: x * function(0), seed=1)
    return network


OUTSIDE = {
    **{
        name: (lambda make=make: with_sources({"noise": make}))
        for name, make in NOISE.items()
    },
    "PoissonSpiking": stochastic,
    "DelaySynapse": delayed,
    "from Node 0 to Ensemble 0": function_of_a_connection,
    "delay_line": lambda: with_sources({"delay_line": STATEFUL["delay_line"]}),
    "rare_draws": lambda: with_sources({"rare_draws": STATEFUL["rare_draws"]}),
    "send": lambda: with_sources({"send": STATEFUL["send"]}),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_state_outside_is_refused_by_name_and_replayed(path, name):
    expected = interrupted(OUTSIDE[name](), path, seed=3)
    with unoptimized(OUTSIDE[name](), seed=3) as sim:
        with pytest.raises(ValidationError, match=name):
            load(sim, path)
    network = OUTSIDE[name]()
    with unoptimized(network, seed=3) as sim, warnings.catch_warnings():
        warnings.simplefilter(
            "error" if name not in ("PoissonSpiking", "send") else "ignore"
        )
        load(sim, path, outside="replay")
        sim.run_steps(20)
        assert np.array_equal(sim.data[network.weights][-1], expected)
        with pytest.raises(ValidationError, match="give a new one"):
            load(sim, path, outside="replay")
    with unoptimized(network, seed=4) as sim:
        with pytest.raises(ValidationError, match="has seed 4"):
            load(sim, path, outside="replay")


def test_a_replay_says_what_it_does_not_bring_back(path):
    make = {"unseeded": lambda: np.random.RandomState().uniform}
    interrupted(with_sources(make), path)
    with unoptimized(with_sources(make)) as sim:
        with pytest.warns(UserWarning, match=r"did not bring back .*'unseeded'"):
            load(sim, path, outside="replay")


def test_skip_loads_the_rest(path):
    network = OUTSIDE["WhiteNoise"]()
    with unoptimized(network, seed=3) as sim:
        sim.run_steps(30)
        save(sim, path)
        weights = sim.signals[sim.model.sig[network.connection]["weights"]].copy()
    with unoptimized(network, seed=3) as resumed:
        load(resumed, path, outside="skip")
        loaded = resumed.signals[resumed.model.sig[network.connection]["weights"]]
        assert np.array_equal(loaded, weights)


def test_another_table_of_an_unseeded_signal_is_refused(path):
    make = {"signal": PROCESSES["unseeded WhiteSignal"]}
    expected = interrupted(with_sources(make), path, seed=3)
    with unoptimized(with_sources(make), seed=4) as sim:
        with pytest.raises(ValidationError, match=r"Node 0 'signal'.*seed=3"):
            load(sim, path)
    assert np.array_equal(weights_after(with_sources(make), 20, path, seed=3), expected)


def test_another_function_is_refused(path):
    interrupted(with_sources({"stimulus": lambda: lambda t: np.sin(t)}), path)
    with unoptimized(with_sources({"stimulus": lambda: lambda t: np.cos(t)})) as sim:
        with pytest.raises(ValidationError, match="'stimulus': its output"):
            load(sim, path)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ScheduledPES(StatefulRate()), r"learning rate StatefulRate of .*seen"),
        (lambda: ScheduledPES(StatefulLaw()), r"StatefulLaw\(\) of .*seen"),
        (lambda: Counting(in_closure=True), "SimCount 0: its 'count'"),
    ],
)
def test_parts_of_rules_that_remember_are_refused(path, make, words):
    with unoptimized(learning_network(make())) as sim:
        sim.run_steps(10)
        save(sim, path)
    with unoptimized(learning_network(make())) as resumed:
        with pytest.raises(ValidationError, match=words):
            load(resumed, path)


def test_an_operator_with_all_its_state_in_signals_goes_on(path):
    network = learning_network(Counting(in_closure=False))
    with unoptimized(network) as sim:
        sim.run_steps(10)
        save(sim, path)
        sim.run_steps(10)
    with unoptimized(network) as resumed:
        load(resumed, path)
        resumed.run_steps(10)
    assert np.array_equal(resumed.data[network.weights], sim.data[network.weights][10:])


def test_nodes_that_only_record_are_left_alone(path):
    def recording(seen):
        network = with_sources({})
        with network:
            recorder = nengo.Node(lambda t, x: seen.append(x[0]), size_in=1)
            nengo.Connection(network.connection.pre[0], recorder, seed=9)
        return network

    first, second = [], []
    expected = interrupted(recording(first), path)
    assert np.array_equal(weights_after(recording(second), 20, path), expected)
    assert first[-20:] == second[-20:]


def test_saving_does_not_change_what_comes(path):
    network = with_sources({**NOISE, **{k: STATEFUL[k] for k in ("send", "iterator")}})
    with unoptimized(network) as sim:
        sim.run_steps(50)
        expected = sim.data[network.weights][-1]
    network = with_sources({**NOISE, **{k: STATEFUL[k] for k in ("send", "iterator")}})
    assert np.array_equal(interrupted(network, path), expected)


def test_state_outside_on_nengo_dl(NengoDL, path):
    # NengoDL itself runs Nodes without input, and keeps the state of their processes
    own = "with a state of its own"
    kinds = {kind: STATEFUL[kind] for kind in ("method", "delay_line", "send")}
    network = with_sources({**NOISE, **kinds, own: PROCESSES[own]})
    with network:
        nengo.Ensemble(9, 1, neuron_type=nengo.PoissonSpiking(nengo.LIFRate()))
    with NengoDL(network) as sim:
        sim.run_steps(5)
        save(sim, path)
    with NengoDL(network) as sim, pytest.raises(ValidationError) as refused:
        load(sim, path)
    for name in [*map(repr, (*NOISE, *kinds, own)), "PoissonSpiking("]:
        assert name in str(refused.value)

    stateless = {kind: make for kind, make in PROCESSES.items() if kind != own}
    network = with_sources({"object": PURE["object"], **stateless})
    with NengoDL(network) as sim:
        sim.run_steps(20)
        save(sim, path)
        sim.run_steps(20)
        expected = sim.data[network.weights][-1]
    with NengoDL(network) as sim:
        load(sim, path)
        sim.run_steps(20)
        assert relative(sim.data[network.weights][-1], expected) <= 1e-12


# --- a model with another rate


RATES = {
    "constant": lambda: 1e-3,
    "smaller": lambda: 1e-5,
    "zero": lambda: 0.0,
    "schedule": lambda: DECAY,
    "function": lambda: lambda t: 1e-3 * np.exp(-t),
    "other function": lambda: lambda t: 2e-3 * np.exp(-t),
    "function of a number": lambda a=3e-4: lambda t: a * np.exp(-t),
    "function of another": lambda a=5e-4: lambda t: a * np.exp(-t),
    "Node": lambda: nengo.Node(3e-4),
    "Node of two": lambda: nengo.Node([3e-4, 1e-4]),
    "Node function": lambda: nengo.Node(lambda t: 1e-3 * t),
    "Node process": lambda: nengo.Node(
        nengo.processes.Piecewise({0: 1e-3, 0.025: 1e-5})
    ),
    "law": lambda: LAW,
    "auto": lambda: "auto",
}


def rated(kind):
    """A network with a rate of a kind, whose objects have the seeds of the others."""
    with nengo.Network(seed=1) as network:
        part = learning_network(ScheduledPES(RATES[kind]()))
        network.connection, network.weights = part.connection, part.weights
        network.rate = nengo.Probe(part.connection.learning_rule, "learning_rate")
    return network


@functools.cache
def rates_of(kind):
    """The rates of a kind in 30 steps that are not interrupted."""
    network = rated(kind)
    with unoptimized(network) as sim:
        sim.run_steps(30)
        return sim.data[network.rate]


@pytest.mark.parametrize("before", RATES)
def test_the_rate_that_was_built_holds(path, before):
    network = rated(before)
    with unoptimized(network) as sim:
        sim.run_steps(20)
        save(sim, path)
        weights = sim.data[network.weights][-1]
    firsts = []
    for after in RATES:
        if {before, after} == {"law", "auto"}:
            continue  # the state of one means nothing to the other
        network = rated(after)
        with unoptimized(network) as sim:
            sim.run_steps(3)
            load(sim, path)
            sim.run_steps(10)
            rate = sim.data[network.rate]
            firsts.append(sim.data[network.weights][0])
        if after in ("law", "auto") and after != before:  # it starts anew
            assert np.all(rate > 0)
            assert np.all((rate <= LAW.high) | (after != "law"))
        else:
            assert np.array_equal(rate, rates_of(after)[20:]), after
    # the last change before the file was saved has not landed yet
    assert all(np.array_equal(first, firsts[0]) for first in firsts)
    assert np.any(firsts[0] != weights) == (before != "zero")


@pytest.mark.parametrize("after", ["smaller", "schedule", "law"])
def test_the_rate_that_was_built_holds_on_nengo_dl(NengoDL, path, after):
    network = rated("constant")
    with NengoDL(network) as sim:
        sim.run_steps(20)
        save(sim, path)
    network = rated(after)
    with NengoDL(network) as sim:
        load(sim, path)
        sim.run_steps(10)
        rate = sim.data[network.rate]
    if after == "law":
        assert np.all(np.diff(rate[:, 0]) > 0)
    else:
        assert relative(rate, rates_of(after)[20:]) < 1e-12


def test_the_rate_of_plain_pes_holds_too(path):
    def plain(rate):
        return learning_network(nengo.PES(rate))

    network = plain(1e-3)
    with unoptimized(network) as sim:
        sim.run_steps(20)
        save(sim, path)
        before = sim.data[network.weights][-1]
    network = plain(0.0)
    with unoptimized(network) as sim:
        load(sim, path)
        sim.run_steps(10)
        weights = sim.data[network.weights]
    assert np.any(weights[0] != before)
    assert np.array_equal(weights[0], weights[-1])


def test_the_rate_of_rls_is_in_its_state(path):
    """Another one would change nothing, and is refused."""
    with unoptimized(learning_network(nengo.RLS(1e-3))) as sim:
        sim.run_steps(10)
        save(sim, path)
    with unoptimized(learning_network(nengo.RLS(1e-2))) as sim:
        with pytest.raises(ValidationError, match=r"learning_rate=0.001.*=0.01"):
            load(sim, path)


@pytest.mark.parametrize("rate", [3e-4, DECAY * 0.5], ids=str)
def test_a_rate_that_was_set_is_restored_whatever_was_built_or_set(path, rate):
    network = pes(1e-3)
    with unoptimized(network) as sim:
        set_learning_rate(sim, network.connection.learning_rule, rate)
        sim.run_steps(10)
        save(sim, path)
        sim.run_steps(10)
        expected = sim.data[network.rate][10:]
    other = pes(DECAY * 0.1)
    for given in None, 7e-4, DECAY * 0.2:
        with unoptimized(other) as resumed:
            if given is not None:
                set_learning_rate(resumed, other.connection.learning_rule, given)
            resumed.run_steps(5)
            load(resumed, path)
            resumed.run_steps(10)
            assert np.array_equal(resumed.data[other.rate], expected)
            resumed.reset()
            resumed.run_steps(1)
            assert resumed.data[other.rate] == (DECAY * 0.1).rate_at(0.001)


def test_the_file_without_a_rate_that_was_set_wins_too(path):
    network = pes(1e-3)
    with unoptimized(network) as sim:
        sim.run_steps(10)
        save(sim, path)
    with unoptimized(network) as resumed:
        for given in 7e-4, DECAY:
            set_learning_rate(resumed, network.connection.learning_rule, given)
            resumed.run_steps(5)
            load(resumed, path)
            resumed.run_steps(5)
            assert np.all(resumed.data[network.rate] == 1e-3)


def test_a_function_that_was_set_must_be_set_again(path):
    network = pes(1e-3)
    rule = network.connection.learning_rule
    schedule = FunctionSchedule(lambda t: t / 10) * 0.5
    with unoptimized(network) as sim:
        set_learning_rate(sim, rule, schedule)
        sim.run_steps(10)
        save(sim, path)
        sim.run_steps(10)
    with unoptimized(network) as resumed:
        with pytest.raises(ValidationError, match=r"Connection 1 .* set it in this"):
            load(resumed, path)
        set_learning_rate(resumed, rule, schedule)
        load(resumed, path)
        resumed.run_steps(10)
    assert np.array_equal(resumed.data[network.rate], sim.data[network.rate][10:])


def test_a_rate_with_a_memory_is_refused(path):
    network = pes(lambda t, seen=[0]: seen.append(t) or len(seen) * 1e-5)
    with unoptimized(network) as sim:
        sim.run_steps(10)
        save(sim, path)
    with unoptimized(network) as resumed:
        with pytest.raises(
            ValidationError, match=r"learning rate <lambda> of .*'seen'"
        ):
            load(resumed, path)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({"optimizer": RMSProp()}, {"optimizer": AdaGrad()}, r"RMSProp\(.*AdaGrad\("),
        ({"optimizer": RMSProp(tau=2.0)}, {"optimizer": RMSProp(tau=3.0)}, "2.0.*3.0"),
        ({"optimizer": RMSProp()}, {}, r"RMSProp\(.*no optimizer"),
        ({}, {"optimizer": AdaGrad()}, r"no optimizer.*AdaGrad\("),
        ({"pre_synapse": None}, {}, r"pre_synapse=None.*pre_synapse=Lowpass"),
        (
            {"learning_rate": LAW},
            {"learning_rate": ErrorDriven(0, 1e-3, scale=0.5, tau=0.2)},
            "ErrorDriven.*0.2",
        ),
    ],
)
def test_another_optimizer_or_law_is_refused_in_words(path, before, after, words):
    with unoptimized(pes(**{"learning_rate": 1e-3, **before})) as sim:
        sim.run_steps(5)
        save(sim, path)
    with unoptimized(pes(**{"learning_rate": 1e-3, **after})) as sim:
        with pytest.raises(ValidationError, match=f"Connection 1 from.*{words}"):
            load(sim, path)


def test_a_law_of_the_same_kind_keeps_its_state(path):
    """That a law goes on is tested above; a law after another rate starts anew."""
    network = pes(LAW)
    with unoptimized(network) as sim:
        sim.run_steps(20)
        save(sim, path)
        sim.run_steps(5)
    with unoptimized(network) as resumed:
        load(resumed, path)
        resumed.run_steps(5)
    assert np.array_equal(resumed.data[network.rate], sim.data[network.rate][20:])


def test_times_of_a_resumed_run(saved):
    """``sim.trange()`` starts at 0, as after Nengo's own ``clear_probes``."""
    network = small()
    with network:
        every, third = nengo.Probe(network.connection), None
        third = nengo.Probe(network.connection, sample_every=0.003)
    with unoptimized(network) as sim:
        sim.run_steps(5)
        save(sim, saved)
    with unoptimized(network) as sim:
        load(sim, saved)
        sim.run_steps(10)
        for probe, every_dt in (every, 0.001), (third, 0.003):
            data, t = sim.data[probe], sim.trange(sample_every=every_dt)
            t = t[len(t) - len(data) :]
            assert t[0] == pytest.approx(0.006)
            assert t[-1] == pytest.approx(0.015)


# --- whatever happens to the file


def small(n_neurons=10, seed=1):
    with nengo.Network(seed=0) as network:
        pre = nengo.Ensemble(n_neurons, 1, seed=seed)
        network.connection = nengo.Connection(
            pre, nengo.Node(size_in=1), seed=2, learning_rule_type=ScheduledPES(1e-3)
        )
        nengo.Connection(nengo.Node(1), network.connection.learning_rule, seed=3)
    return network


@pytest.fixture
def saved(path):
    """The path of a checkpoint at step 5."""
    with unoptimized(small()) as sim:
        sim.run_steps(5)
        save(sim, path)
    return path


def loaded_step(path):
    with unoptimized(small()) as sim:
        load(sim, path)
        return sim.n_steps


INTERRUPTED = """
import os, resource, signal, sys
import numpy as np
from test_checkpoint import save, small, unoptimized

def kill(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

def write_half(member, array, **kwargs):
    member.write(b"PK" * 500)
    kill()

with unoptimized(small()) as sim:
    sim.run_steps(7)
    when = sys.argv[2]
    if when == "full disk":
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
    elif when == "while it writes":
        np.lib.format.write_array = write_half
    elif when == "before it is on the disk":
        os.fsync = kill
    elif when == "before it is renamed":
        os.replace = kill
    save(sim, sys.argv[1])
"""

KILLED = ["while it writes", "before it is on the disk", "before it is renamed"]


@pytest.mark.parametrize("when", KILLED)
def test_kill_loses_nothing(saved, when):
    done = python(INTERRUPTED, saved, when)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert loaded_step(saved) == 5


def test_a_full_disk_loses_nothing(saved):
    done = python(INTERRUPTED, saved, "full disk")
    assert "OSError: [Errno 27] File too large" in done.stderr
    assert loaded_step(saved) == 5
    assert list(saved.parent.iterdir()) == [saved]


def test_saving_again_replaces_the_file(saved):
    done = python(INTERRUPTED, saved, "never")
    assert done.returncode == 0, done.stderr
    assert loaded_step(saved) == 7


def test_truncated_files_are_refused(saved):
    data = saved.read_bytes()
    for length in [0, 1, 100, *range(500, len(data), 500), len(data) - 1]:
        saved.write_bytes(data[:length])
        with pytest.raises(ValidationError, match="damaged, or not a checkpoint"):
            loaded_step(saved)


def test_changed_bytes_are_refused_or_without_effect(saved):
    """A zip file also has bytes that say nothing about its content."""
    data = saved.read_bytes()
    network = small()
    with unoptimized(network) as sim:
        weights = sim.signals[sim.model.sig[network.connection]["weights"]]
        load(sim, saved)
        expected, refused = weights.copy(), 0
        rng = np.random.RandomState(0)
        for position in rng.randint(len(data), size=60):
            changed = bytearray(data)
            changed[position] ^= 0xFF
            saved.write_bytes(changed)
            weights[...] = 0
            try:
                load(sim, saved)
                assert np.array_equal(weights, expected)
            except ValidationError:
                refused += 1
                assert not np.any(weights)
    assert refused > 30


def rewritten(members, compression=zipfile.ZIP_STORED):
    """A zip file of other members."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def as_npy(array):
    data = io.BytesIO()
    np.save(data, array)
    return data.getvalue()


NASTY = [None, True, 1, -1, 1e308, float("nan"), "", "x", [], {}, [[]], 10**30]


def mutated(value, rng):
    """A value as JSON has it, with one change at a random place."""
    if isinstance(value, (list, dict)) and value and rng.uniform() < 0.9:
        value = value.copy()
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = keys[rng.randint(len(keys))]
        if rng.uniform() < 0.1:
            del value[key]
        else:
            value[key] = mutated(value[key], rng)
        return value
    return NASTY[rng.randint(len(NASTY))]


def mutations(data, rng):
    """Files that are nearly a checkpoint, without end."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    description = json.loads(np.load(io.BytesIO(data))["description"].item())
    arrays = [name for name in members if name != "description.npy"]

    def described(text):
        return rewritten({**members, "description.npy": as_npy(np.array(text))})

    while True:
        position, bit = rng.randint(len(data)), 1 << rng.randint(8)
        yield data[:position] + bytes([data[position] ^ bit]) + data[position + 1 :]
        yield data[: rng.randint(len(data))]
        yield data[position:]
        one, other = rng.choice(arrays, size=2)
        yield rewritten({**members, one: members[other], other: members[one]})
        yield rewritten({n: m for n, m in members.items() if n != one})
        yield rewritten(members, zipfile.ZIP_DEFLATED)
        yield rewritten({**members, one: rng.bytes(rng.randint(300))})
        array = np.load(io.BytesIO(members[one]))
        yield rewritten({**members, one: as_npy(array.astype(np.float32))})
        yield rewritten({**members, one: as_npy(np.stack([array, array]))})
        yield rewritten({**members, one: as_npy(np.full_like(array, np.nan, float))})
        yield rewritten({**members, one: as_npy(np.array(["text", None], object))})
        header = members[one].replace(b"(", b"(9999999,", 1)
        yield rewritten({**members, one: header})
        yield described(json.dumps(mutated(description, rng)))
        yield described(json.dumps(mutated(description, rng)))
        yield described(json.dumps(mutated(description, rng)))
        yield described("[" * rng.randint(1, 60_000))
        yield rewritten({**members, "description.npy": rng.bytes(100)})
        yield described(json.dumps({**description, "steps": "9" * 1000}))


def test_forged_files_are_refused_with_one_error(saved):
    """1,000 of them; one that changes nothing of what is loaded may be accepted."""
    data, network, accepted = saved.read_bytes(), small(), 0
    forged = mutations(data, np.random.RandomState(0))
    with unoptimized(network) as sim:
        load(sim, saved)
        state = {key: values.copy() for key, values in sim.signals.items()}
        for _ in range(1000):
            saved.write_bytes(next(forged))
            try:
                load(sim, saved)
                accepted += 1
            except ValidationError:
                pass
            assert all(np.array_equal(sim.signals[key], state[key]) for key in state)
        saved.write_bytes(data)
        load(sim, saved)
    assert accepted < 100
    print(f"{accepted} of 1000 forged files changed nothing and were loaded")


def test_forged_files_take_no_memory(path):
    """Never more than twice what the model itself takes."""
    network = small(2000)
    with unoptimized(network) as sim:
        own = sum(values.nbytes for values in sim.signals.values())
        save(sim, path)
        data = path.read_bytes()
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        zeros = bytes(100_000_000)
        forged = [
            data,
            rewritten({**members, "description.npy": zeros}, zipfile.ZIP_DEFLATED),
            rewritten({**members, "1.npy": zeros}, zipfile.ZIP_DEFLATED),
            rewritten({**members, "1.npy": zeros}),
            rewritten({**members, "description.npy": as_npy(np.array("[" * 10**7))}),
            rewritten({**members, "1.npy": as_npy(np.zeros(5_000_000))}),
        ]
        del zeros
        for number, content in enumerate(forged):
            path.write_bytes(content)
            tracemalloc.start()
            try:
                load(sim, path)
                assert number == 0
            except ValidationError:
                assert number > 0
            finally:
                peak = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
            assert peak < 2 * own, number


class Exploit:
    def __reduce__(self):
        return os._exit, (1,)


@pytest.mark.parametrize(
    "arrays", [{}, {"a": np.ones(3)}, {"description": np.array([Exploit()])}]
)
def test_foreign_archives_are_refused(path, arrays):
    with open(path, "wb") as file:
        np.savez(file, **arrays)
    with pytest.raises(ValidationError, match="not a checkpoint of nengo_lr"):
        loaded_step(path)


@pytest.mark.parametrize("content", [b"", b"text", b"\x80\x04K\x01.", b"PK\x03\x04"])
def test_foreign_files_are_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(ValidationError, match="not a checkpoint of nengo_lr"):
        loaded_step(path)


def test_a_file_that_is_not_there(path):
    with pytest.raises(FileNotFoundError):
        loaded_step(path)


def test_links_and_permissions_stay(saved):
    link = saved.with_name("link")
    link.symlink_to(saved.name)
    saved.chmod(0o640)
    done = python(INTERRUPTED, link, "never")
    assert done.returncode == 0, done.stderr
    assert link.is_symlink()
    assert stat.S_IMODE(saved.stat().st_mode) == 0o640
    assert loaded_step(saved) == loaded_step(link) == 7
    assert sorted(saved.parent.iterdir()) == sorted([saved, link])


def test_a_new_file_has_the_permissions_of_any_other(path, saved):
    other = path.with_name("other")
    other.touch()
    assert saved.stat().st_mode == other.stat().st_mode


def test_only_files_are_replaced(tmp_path):
    with unoptimized(small()) as sim:
        for path in tmp_path, Path(os.devnull):
            with pytest.raises(ValidationError, match="not a file"):
                save(sim, path)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="root may write everywhere")
def test_a_folder_that_is_read_only_loses_nothing(saved):
    saved.parent.chmod(0o500)
    try:
        done = python(INTERRUPTED, saved, "never", preexec_fn=obey_permissions)
    finally:
        saved.parent.chmod(0o700)
    assert "PermissionError: [Errno 13] Permission denied" in done.stderr
    assert loaded_step(saved) == 5
    assert list(saved.parent.iterdir()) == [saved]


def test_a_later_version_is_refused(saved, monkeypatch):
    monkeypatch.setattr("nengo_lr.checkpoint.files.VERSION", 0)
    with pytest.raises(ValidationError, match=r"has version 2 .* reads version 0"):
        loaded_step(saved)


def one_more():
    network = small()
    with network:
        nengo.Node(1)
    return network


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: small(seed=99), "constants .* differ"),
        (lambda: small(11), r"has shape \(.* here"),
        (one_more, "is only in"),
    ],
)
def test_another_model_is_refused_and_nothing_loaded(saved, make, words):
    with unoptimized(make()) as sim:
        before = {key: values.copy() for key, values in sim.signals.items()}
        with pytest.raises(ValidationError, match=f"from another model: .*{words}"):
            load(sim, saved)
        assert all(np.array_equal(sim.signals[key], before[key]) for key in before)


def test_another_dt_is_refused(saved):
    with unoptimized(small(), dt=0.002) as sim:
        with pytest.raises(ValidationError, match=r"its dt is 0\.001 s, here it is"):
            load(sim, saved)


def test_another_simulator_is_refused(saved, NengoDL):
    with NengoDL(small()) as sim:
        with pytest.raises(ValidationError, match="one of nengo, not of nengo_dl"):
            load(sim, saved)


def test_bad_arguments(path):
    with unoptimized(small()) as sim:
        with pytest.raises(ValidationError, match="refuse, skip, replay"):
            load(sim, path, outside="maybe")
    with pytest.raises(SimulatorClosed):
        save(sim, path)
    with pytest.raises(SimulatorClosed):
        load(sim, path)
