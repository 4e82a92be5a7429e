"""The seam between nengo_lr and the simulators."""

import subprocess
import sys
import types
from importlib.metadata import EntryPoint

import nengo
import numpy as np
import pytest
from learners import DECAY, pes
from nengo.exceptions import SimulatorClosed, ValidationError

from nengo_lr import checkpoint, frozen, set_learning_rate
from nengo_lr.builder import hosts
from nengo_lr.builder.hosts import Host, host_for, host_of, missing_hosts

DL = hosts.known_hosts()["nengo_dl"]


class OwnSimulator(nengo.Simulator):
    """A subclass, as users write it."""


def test_hosts_of_simulators(Simulator):
    with Simulator(pes(1e-3)) as sim:
        host = host_of(sim)
        assert hosts.hosts()[host.name] is type(host)
        # one without a builder of its own looks like Nengo's while it builds
        assert host_for(sim.model) in (type(host), Host)
        assert host_for(sim.model).works_in_place is host.works_in_place
    with pytest.raises(SimulatorClosed):
        host_of(sim)


@pytest.mark.parametrize("wrong", [None, "nengo", nengo.Simulator, nengo.Network()])
def test_what_is_no_simulator(wrong):
    with pytest.raises(ValidationError, match=r"open simulator: Nengo's, .* \(got"):
        host_of(wrong)


def test_a_subclass_works_wherever_the_simulator_does(tmp_path):
    network = pes(DECAY)
    rule = network.connection.learning_rule
    with OwnSimulator(network, progress_bar=False) as sim:
        assert type(host_of(sim)) is Host
        set_learning_rate(sim, rule, 1e-4)
        with frozen(sim):
            sim.run_steps(2)
        sim.run_steps(2)
        checkpoint.save(sim, tmp_path / "file")
        checkpoint.load(sim, tmp_path / "file")


def test_a_simulator_that_is_not_known_is_refused(monkeypatch):
    """Even if it derives from Nengo's, whose signals it need not use."""
    monkeypatch.setattr(hosts, "announced_packages", lambda: {"other": "1.0"})
    other = type("Simulator", (nengo.Simulator,), {"__module__": "other.simulator"})
    with other(pes(1e-3), progress_bar=False) as sim:
        with pytest.raises(ValidationError, match="simulator of another package"):
            host_of(sim)


@pytest.fixture
def forget():
    """Let installed packages be looked for anew, now and later."""
    hosts.announced_packages.cache_clear()
    yield hosts.announced_packages.cache_clear
    hosts.announced_packages.cache_clear()


def announce(monkeypatch, *values):
    entries = [EntryPoint("any", value, "nengo.backends") for value in values]
    found = types.SimpleNamespace(select=lambda group: entries)
    monkeypatch.setattr(hosts, "entry_points", lambda: found)


def test_simulators_on_offer_are_those_announced_to_nengo(monkeypatch, forget):
    announce(monkeypatch, "nengo:Simulator", "unheard_of:Simulator")
    assert hosts.hosts()["nengo"] is Host
    assert "unheard_of" not in hosts.hosts()
    assert missing_hosts()["nengo_dl"].extra == "dl"
    forget()
    announce(monkeypatch, "nengo:Simulator", "nengo_dl.simulator:Simulator")
    assert hosts.hosts()["nengo_dl"] is DL
    assert "nengo_dl" not in missing_hosts()


def test_a_package_of_another_version_is_not_on_offer(monkeypatch):
    monkeypatch.setattr(
        hosts, "announced_packages", lambda: {"nengo": "4.1.0", "nengo_dl": "1.0"}
    )
    assert "nengo_dl" not in hosts.hosts()
    assert "nengo_dl" in missing_hosts()


@pytest.mark.parametrize(
    "foreign",
    [
        "",
        "__version__ = '1.0'; builder = None",
        "__version__ = '3.6.0'",
        "__version__ = '3.6.0'; builder = types.ModuleType('builder')",
    ],
)
def test_a_foreign_package_of_the_same_name_changes_nothing(foreign):
    """As a stub, or a PyTorch rewrite, has."""
    code = f"""
import sys, types
for name in "nengo_dl", "nengo_torch", "nengo_ocl", "nengo_loihi":
    stub = types.ModuleType(name)
    exec({foreign!r}, dict(types=types), stub.__dict__)
    sys.modules[name] = stub
    if hasattr(stub, "builder"):
        sys.modules[name + ".builder"] = stub.builder
sys.modules["tensorflow"] = None  # cannot be imported
sys.path.insert(0, "tests")
from learners import pes
import nengo, nengo_lr as nlr
from nengo_lr.builder.hosts import host_of, hosts
hosts()
network = pes(nlr.Linear(1e-3, 1))
with nengo.Simulator(network, progress_bar=False) as sim:
    sim.run_steps(20)
    with nlr.frozen(sim):
        sim.run_steps(1)
    print(host_of(sim).name, sim.data[network.weights].std() > 0)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() == "nengo True"


def test_reading_and_writing(Simulator):
    network = pes(1e-3)
    with Simulator(network) as sim:
        sim.run_steps(3)
        host = host_of(sim)
        weights = sim.model.sig[network.connection]["weights"]
        values = host.read(weights)
        before = np.array(values)
        values += 1.0
        assert np.array_equal(host.read(weights), before)  # it was a copy
        host.write(weights, values)
        assert np.array_equal(host.read(weights), values)
        unknown = nengo.builder.Signal(shape=(1,), name="unknown")
        assert host.read(unknown) is None


@pytest.mark.parametrize("name", ["nengo", "nengo_dl"])
def test_made_simulators_run_and_can_be_read(name):
    if name not in hosts.hosts():
        pytest.skip(f"{name} is not installed")
    network = pes(1e-3)
    with hosts.hosts()[name].make(network, dt=0.002, seed=1) as sim:
        host = host_of(sim)
        host.run(5)
        assert host.n_items == 1
        assert host.samples(network.weights).shape[:2] == (1, 5)
        assert sim.dt == 0.002


def test_items_have_their_own_data(NengoDL):
    with nengo.Network(seed=0) as network:
        node = nengo.Node([0.0])
        probe = nengo.Probe(node)
    with DL.make(network, minibatch_size=3) as sim:
        host = host_of(sim)
        host.run(4, {node: np.arange(12.0).reshape(3, 4, 1)})
        assert host.n_items == 3
        assert np.array_equal(host.samples(probe)[..., 0].ravel(), np.arange(12.0))


def test_a_simulator_of_plain_pes_names_the_conversion():
    """A stub of nengo-loihi, which needs an environment of its own."""
    code = """
import sys, types
import nengo
stub, sub = types.ModuleType("nengo_loihi"), types.ModuleType("nengo_loihi.builder")
class Builder(nengo.builder.Builder):
    builders = {nengo.Connection: lambda model, connection: "built"}
sub.Builder = stub.Builder = Builder
sys.modules.update({"nengo_loihi": stub, "nengo_loihi.builder": sub})
import nengo_lr as nlr
from nengo_lr.builder.hosts import hosts, known_hosts
assert "nengo_loihi" in known_hosts() and "nengo_loihi" not in hosts()
build = Builder.builders[nengo.Connection]
chip = types.SimpleNamespace(split=types.SimpleNamespace(on_chip=lambda obj: True))
host = types.SimpleNamespace(split=types.SimpleNamespace(on_chip=lambda obj: False))
with nengo.Network():
    a = nengo.Ensemble(10, 1)
    plain = nengo.Connection(a, a, learning_rule_type=nengo.PES())
    ours = nengo.Connection(a, a, learning_rule_type=[nlr.ScheduledPES(1e-3)])
print(build(chip, plain), build(host, ours))
try:
    build(chip, ours)
except nengo.exceptions.BuildError as error:
    print(error)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    first, second = found.stdout.splitlines()
    assert first == "built built"
    assert "ScheduledPES(learning_rate=0.001)" in second
    assert "to_error_scaling" in second
