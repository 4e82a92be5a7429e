"""Models on simulators that need an environment of their own.

`docs/simulators.md` has the command that makes the environment and runs these tests.
"""

import nengo
import numpy as np
import pytest
from nengo.exceptions import BuildError

from nengo_lr import ExponentialDecay, ScheduledPES, to_error_scaling
from nengo_lr.builder import register_backends

DECAY = ExponentialDecay(1e-3, tau=0.5).between(0.0, 1.0)
DURATION = 1.5

pytestmark = pytest.mark.filterwarnings("ignore")


def native():
    """A communication channel that learns for one second."""
    with nengo.Network(seed=0) as network:
        stimulus = nengo.Node(lambda t: np.sin(2 * np.pi * t))
        pre = nengo.Ensemble(100, 1)
        output, error = nengo.Node(size_in=1), nengo.Node(size_in=1)
        nengo.Connection(stimulus, pre)
        learned = nengo.Connection(
            pre,
            output,
            function=lambda x: 0,
            learning_rule_type=ScheduledPES(DECAY),
        )
        nengo.Connection(output, error)
        nengo.Connection(stimulus, error, transform=-1)
        nengo.Connection(error, learned.learning_rule)
        nengo.Probe(output, synapse=0.02)
    return network


def converted(method):
    return to_error_scaling(native(), method, error_radius=1.5)


def output(network, name="nengo", **kwargs):
    simulator = pytest.importorskip(name).Simulator
    with simulator(network, **kwargs) as sim:
        sim.run(DURATION)
    return sim.data[network.probes[0]][:, 0]


def distance(actual, expected):
    """The root mean square difference, relative to the expected output's size."""
    return np.sqrt(np.mean((actual - expected) ** 2) / np.mean(expected**2))


# float32, and spikes that fall on neighbouring steps
TOLERANCES = {"nengo_ocl": 1e-3, "nengo_torch": 1e-3}


@pytest.mark.parametrize("method", ["node", "ensemble"])
@pytest.mark.parametrize("simulator", TOLERANCES)
def test_converted_models_learn_as_on_the_reference(simulator, method, record_property):
    measured = distance(output(converted(method), simulator), output(converted(method)))
    record_property("relative distance", float(measured))
    print(f"{simulator}, {method}: relative distance {measured:.1e}")
    assert measured < TOLERANCES[simulator]


@pytest.mark.parametrize("method", ["node", "ensemble"])
def test_converted_models_learn_on_loihi(method):
    """With weights of 8 bits and discrete neurons the chip learns, roughly."""
    on_loihi = output(
        converted(method), "nengo_loihi", target="sim", remove_passthrough=False
    )
    reference = output(converted(method))
    measured = distance(on_loihi, reference)
    print(f"nengo_loihi, {method}: relative distance {measured:.1e}")
    assert distance(0 * reference, reference) == 1
    assert measured < 0.5


@pytest.mark.parametrize("simulator", TOLERANCES)
def test_native_rule_learns_as_on_the_reference(simulator):
    measured = distance(output(native(), simulator), output(native()))
    print(f"{simulator}, native: relative distance {measured:.1e}")
    assert measured < TOLERANCES[simulator]


def test_native_rule_is_refused_on_loihi():
    """Never silently built as plain PES."""
    pytest.importorskip("nengo_loihi")
    register_backends()  # as import nengo_lr does if nengo_loihi is imported before
    with pytest.raises(BuildError, match="to_error_scaling"):
        output(native(), "nengo_loihi", target="sim")
