from functools import partial

import nengo
import numpy as np
import pytest
from lab_helpers import exact, seeded
from nengo.exceptions import ValidationError

import nengo_lr as nlr
from nengo_lr.lab import TaskModel, Trial, make
from nengo_lr.lab.models import describe
from nengo_lr.lab.tasks import TASKS


@pytest.mark.parametrize("rate", [1e-3, nlr.CosineDecay(1e-3, 2.0)])
def test_the_rate_is_handed_on(rate):
    network = make(exact, rate)
    assert network.connection.learning_rule_type.learning_rate == rate


def test_a_node_is_handed_on():
    with nengo.Network():
        node = nengo.Node([1e-3])
        network = make(exact, node)
    assert network.connection.learning_rule_type.learning_rate is node


def test_seeds():
    """A function gets the seed if it asks for it; otherwise the network gets it."""
    assert make(exact, 1e-3).seed == 0
    assert make(exact, 1e-3, seed=5).seed == 5
    network = make(seeded, 1e-3, seed=5)
    assert network.ensembles[0].seed == 5


def test_task_model():
    network = make(TaskModel("product"), 1e-3, seed=3, learning=2.0, test=1.0)
    assert len(network.stimulus.output.inputs) == 3000
    assert network.ensemble.seed == 3
    assert network.ensemble.n_neurons == TASKS["product"].n_neurons
    optimizer = nlr.RMSProp()
    model = TaskModel(TASKS["comm"])
    network = make(model, 1e-3, optimizer=optimizer)
    assert network.connection.learning_rule_type.optimizer == optimizer
    with pytest.raises(ValidationError, match="one of comm, square"):
        TaskModel("bogus")


def timed(learning_rate, learning, seed):
    network = seeded(learning_rate, seed)
    network.learning = learning
    return network


def test_times_and_seeds_are_said_once():
    """A function gets the times if it asks for them, and they cannot differ."""
    assert make(timed, 1e-3, seed=1, learning=3.0, test=1.0).learning == 3.0
    for said in ({"learning": 2.0}, {"seed": 0}):
        with pytest.raises(ValidationError, match="from the trial"):
            make(partial(timed, **said), 1e-3, seed=1, learning=3.0)
    with pytest.raises(ValidationError, match="gets its seed from the trial"):
        Trial(timed, 1e-3, 1.0, options={"seed": 3})


def without(attribute):
    def model(learning_rate):
        network = exact(learning_rate)
        delattr(network, attribute)
        return network

    return model


def with_attribute(attribute, value):
    def model(learning_rate):
        network = exact(learning_rate)
        setattr(network, attribute, value)
        return network

    return model


def nothing_learns(learning_rate):
    with nengo.Network() as network:
        network.error = nengo.Probe(nengo.Node([0.0]))
    return network


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (3, r"must be a function model\(learning_rate\) \(got 3\)"),
        (lambda: exact(1e-3), r"cannot be called as model\(learning_rate\)"),
        (lambda rate, other: exact(rate), "missing a required argument: 'other'"),
        (lambda rate: 3, r"must return a nengo.Network \(got 3\)"),
        (without("error"), "must have an attribute 'error'"),
        (with_attribute("error", [1]), "attribute 'error', a Probe or a list of"),
        (with_attribute("target", np.zeros(3)), "must have an attribute 'target'"),
        (nothing_learns, "has no connection with a scheduled rule"),
        (lambda rate: exact(2e-3), "has no rule with the learning rate that the"),
    ],
)
def test_models_that_break_the_contract(model, words):
    with pytest.raises(ValidationError, match=words):
        make(model, 1e-3)


def test_a_schedule_for_plain_pes():
    def plain(learning_rate):
        with nengo.Network() as network:
            nengo.PES(learning_rate)
        return network

    words = r"to a rule that cannot have it \(PES.*use nengo_lr.ScheduledPES"
    with pytest.raises(ValidationError, match=words):
        make(plain, nlr.CosineDecay(1e-3, 1.0))


def test_options_that_the_model_does_not_take():
    with pytest.raises(ValidationError, match=r"model\(learning_rate, bogus=...\)"):
        make(exact, 1e-3, bogus=1)


def test_names_are_the_same_in_every_process():
    assert describe(exact) == "lab_helpers:exact"
    assert describe(partial(exact, gain=2.0)) == "lab_helpers:exact(gain=2.0)"
    assert describe(TaskModel("comm")) == "TaskModel(task='comm')"
