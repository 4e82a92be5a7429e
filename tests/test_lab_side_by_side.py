import nengo
import numpy as np
import pytest
from nengo.exceptions import SimulationError

import nengo_lr as nlr
from nengo_lr.lab import side_by_side
from nengo_lr.lab.tasks import TASKS, build


def alone(task, rate, optimizer):
    rule = nlr.ScheduledPES(rate, optimizer=optimizer)
    network = build(task, rule, seed=2, learning=0.3, test=0.1)
    with nengo.Simulator(network, progress_bar=False) as sim:
        sim.run(0.4)
    return sim.data[network.test_error][:, 0]


@pytest.mark.parametrize("optimizer", [None, nlr.RMSProp()], ids=["none", "RMSProp"])
@pytest.mark.parametrize("name", ["noisy", "switch", "product"])
def test_equals_runs_of_their_own(name, optimizer):
    rates = [
        0.0,
        1e-3,
        nlr.CosineDecay(3e-3, 0.25),
        nlr.StepDecay(1e-3, 0.5, factor=0.1),
    ]
    together = side_by_side(TASKS[name], rates, 2, 0.3, 0.1, optimizer)
    assert together.shape == (400, len(rates))
    for rate, errors in zip(rates, together.T):
        schedule = nlr.Between(rate, 0.0, 0.3)
        assert np.allclose(errors, alone(TASKS[name], schedule, optimizer), atol=1e-12)


def test_a_rate_that_diverges_ends_the_run():
    with pytest.raises(SimulationError, match="overflow"):
        side_by_side(TASKS["comm"], [1e-3, 0.9], learning=1.0, test=0.0)
