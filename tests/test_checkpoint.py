import os
import signal
import subprocess
import sys
from pathlib import Path

import nengo
import numpy as np
import pytest
from helpers import learning_network, relative
from learners import DECAY, all_networks, pes
from nengo.exceptions import SimulatorClosed, ValidationError

from nengo_lr import FunctionSchedule, ScheduledPES, frozen, set_learning_rate
from nengo_lr.checkpoint import load, save
from nengo_lr.checkpoint.outside import is_stateless_function

TESTS = Path(__file__).parent
RNG = np.random.RandomState(0)


def unoptimized(network, **kwargs):
    return nengo.Simulator(network, progress_bar=False, optimize=False, **kwargs)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.checkpoint"


def python(code, *arguments, **environment):
    """Run a script that finds the tests' modules."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, **environment},
        cwd=TESTS,
        capture_output=True,
        text=True,
        check=False,
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


RESUME = """
import sys
import nengo, numpy as np
from learners import all_networks
from nengo_lr.checkpoint import load, save

network = all_networks()
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
    """Nengo's optimizer orders signals by hashes, which differ between processes."""
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


def test_a_function_that_was_set_cannot_be_saved(path):
    network = pes(1e-3)
    with unoptimized(network) as sim:
        rule = network.connection.learning_rule
        set_learning_rate(sim, rule, FunctionSchedule(lambda t: t) * 0.5)
        with pytest.raises(ValidationError, match="set to a function"):
            save(sim, path)
    assert not path.exists()


# --- state outside of signals


class Counter:
    def __init__(self):
        self.calls = 0

    def __call__(self, t):
        self.calls += 1
        return self.calls % 7 / 7


def stochastic():
    return nengo.Ensemble(10, 1, neuron_type=nengo.PoissonSpiking(nengo.LIFRate()))


def remembers():
    seen = []

    def function(t):
        seen.append(t)
        return len(seen) % 5 / 5

    return nengo.Node(function)


OUTSIDE = {
    "white noise": (lambda: nengo.Node(nengo.processes.WhiteNoise()), "WhiteNoise"),
    "white signal": (
        lambda: nengo.Node(nengo.processes.WhiteSignal(1.0, 10)),
        "WhiteSignal",
    ),
    "neurons": (stochastic, "PoissonSpiking"),
    "counter": (lambda: nengo.Node(Counter(), label="mine"), "Node 'mine'"),
    "closure": (remembers, "function of <Node"),
    "random": (lambda: nengo.Node(lambda t: RNG.uniform()), "function of <Node"),
}


def with_state_outside(make):
    with nengo.Network(seed=1) as network:
        part = learning_network(ScheduledPES(DECAY))
        network.connection, network.weights = part.connection, part.weights
        source = make()
        target = network.connection.pre
        nengo.Connection(source, target[0], transform=0.5)
    return network


@pytest.mark.parametrize(("make", "name"), OUTSIDE.values(), ids=OUTSIDE)
def test_state_outside_of_signals_is_named(path, make, name):
    with unoptimized(with_state_outside(make)) as sim:
        with pytest.raises(ValidationError, match=f"state outside .*{name}"):
            save(sim, path)
        assert not path.exists()


@pytest.mark.parametrize("kind", ["white noise", "white signal", "counter", "neurons"])
def test_replay_puts_state_outside_where_it_was(path, kind):
    make, _ = OUTSIDE[kind]
    network = with_state_outside(make)
    with unoptimized(network, seed=3) as sim:
        sim.run_steps(30)
        save(sim, path, outside="replay")
        sim.run_steps(20)
    network = with_state_outside(make)
    with unoptimized(network, seed=3) as resumed:
        load(resumed, path)
        resumed.run_steps(20)
        weights = resumed.data[network.weights]
        assert np.array_equal(weights, sim.data[sim.model.probes[0]][30:])
        with pytest.raises(ValidationError, match="give a new one"):
            load(resumed, path)
    with unoptimized(network, seed=4) as other:
        with pytest.raises(ValidationError, match="has seed 4"):
            load(other, path)


def test_skip_saves_the_rest(path):
    network = with_state_outside(OUTSIDE["white noise"][0])
    with unoptimized(network, seed=3) as sim:
        sim.run_steps(30)
        save(sim, path, outside="skip")
        weights = sim.signals[sim.model.sig[network.connection]["weights"]].copy()
    with unoptimized(network, seed=3) as resumed:
        load(resumed, path)
        loaded = resumed.signals[resumed.model.sig[network.connection]["weights"]]
        assert np.array_equal(loaded, weights)


TABLE = np.arange(3.0)
FIXED = np.arange(3.0)
FIXED.setflags(write=False)


@pytest.mark.parametrize(
    ("function", "stateless"),
    [
        (lambda t: np.sin(6 * t), True),
        (lambda t, x: x * np.exp(-t), True),
        (lambda t: FIXED[int(t) % 3], True),
        (np.sin, True),
        (np.mean, True),
        (DECAY.rate_at, True),
        (lambda t: TABLE[int(t) % 3], False),
        (lambda t: np.random.default_rng(1).random(), False),
        (lambda t: RNG.uniform(), False),
        (RNG.uniform, False),
        (Counter(), False),
        (Counter().__call__, False),
        (iter([1.0]).__next__, False),
    ],
)
def test_which_functions_remember(function, stateless):
    assert is_stateless_function(function) == stateless


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
from nengo_lr.checkpoint import files
from test_checkpoint import save, small, unoptimized

def kill(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

def write_half(file, **arrays):
    file.write(b"PK" * 500)
    file.flush()
    kill()

with unoptimized(small()) as sim:
    sim.run_steps(7)
    when = sys.argv[2]
    if when == "full disk":
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
    elif when == "while it writes":
        np.savez = write_half
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

    def weights():
        with unoptimized(network) as sim:
            load(sim, saved)
            return sim.signals[sim.model.sig[network.connection]["weights"]].copy()

    expected, refused = weights(), 0
    positions = np.random.RandomState(0).randint(len(data), size=60)
    for position in positions:
        changed = bytearray(data)
        changed[position] ^= 0xFF
        saved.write_bytes(changed)
        try:
            assert np.array_equal(weights(), expected)
        except ValidationError:
            refused += 1
    assert refused > 30


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


def test_a_later_version_is_refused(saved, monkeypatch):
    monkeypatch.setattr("nengo_lr.checkpoint.files.VERSION", 0)
    with pytest.raises(ValidationError, match=r"has version 1 .* reads version 0"):
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
            save(sim, path, outside="maybe")
    with pytest.raises(SimulatorClosed):
        save(sim, path)
    with pytest.raises(SimulatorClosed):
        load(sim, path)
