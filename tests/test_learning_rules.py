import copy
import pickle
import warnings

import nengo
import numpy as np
import pytest
from nengo.exceptions import ReadonlyError, ValidationError

import nengo_lr as nlr
from nengo_lr import (
    Constant,
    CosineDecay,
    ErrorDriven,
    ExponentialDecay,
    FunctionSchedule,
    GreedyRate,
    Linear,
    PiecewiseConstant,
    ReduceOnPlateau,
    Scheduled,
    ScheduledPES,
)


def half(t):
    return 0.5


def test_arguments_are_those_of_pes():
    default, plain = ScheduledPES(), nengo.PES()
    assert default.learning_rate == plain.learning_rate
    assert default.pre_synapse == plain.pre_synapse
    given = ScheduledPES(2e-3, 0.01)
    assert given.learning_rate == 2e-3
    assert given.pre_synapse == nengo.Lowpass(0.01)
    assert ScheduledPES(pre_synapse=None).pre_synapse is None


def test_is_no_subclass_of_pes():
    # simulators look their builders up by the base classes, and would build plain PES
    assert not issubclass(ScheduledPES, nengo.PES)


@pytest.mark.parametrize(
    "rule",
    [
        ScheduledPES(),
        ScheduledPES(2e-3, pre_synapse=None),
        ScheduledPES(ExponentialDecay(1e-3, tau=5.0), pre_synapse=0.01),
        ScheduledPES(PiecewiseConstant([1 / 3, 0.0], [0.1 + 0.2])),
    ],
)
def test_repr_evaluates_back_and_copies_are_equal(rule):
    names = {**vars(nlr), "np": np, "array": np.array}
    names.update(vars(nengo.synapses))
    assert eval(repr(rule), names) == rule
    assert hash(eval(repr(rule), names)) == hash(rule)
    assert copy.copy(rule) == rule
    assert copy.deepcopy(rule) == rule
    assert pickle.loads(pickle.dumps(rule)) == rule


def test_rules_with_other_rates_differ():
    rules = [ScheduledPES(), ScheduledPES(1e-3), ScheduledPES(Constant(1e-3))]
    rules += [ScheduledPES(ExponentialDecay(1e-3, tau)) for tau in (1.0, 2.0)]
    assert len(set(rules)) == len(rules)


def test_frozen():
    with pytest.raises(ReadonlyError):
        ScheduledPES().learning_rate = 1e-3


def test_callable_becomes_schedule():
    assert ScheduledPES(half).learning_rate == FunctionSchedule(half)
    assert pickle.loads(pickle.dumps(ScheduledPES(half))) == ScheduledPES(half)


def test_config_sets_the_default():
    with nengo.Network() as model:
        model.config.configures(ScheduledPES)
        model.config[ScheduledPES].learning_rate = 5e-4
        assert ScheduledPES().learning_rate == 5e-4


def test_probeables_are_those_of_pes_and_the_rate():
    assert ScheduledPES().probeable == (*nengo.PES.probeable, "learning_rate")


@pytest.mark.parametrize(
    "rate",
    [
        1,
        1.0,
        np.array(1),
        1e32,
        Constant(1.0),
        CosineDecay(2.0, 1.0),
        Linear(0.0, 1.0, final=1.0).delayed(3.0),
        ExponentialDecay(0.9, 1.0) + Constant(0.2),
        ErrorDriven(0.0, 1.0, scale=0.5),
        GreedyRate(0.1, minimum=0.01, maximum=2.0),
        ReduceOnPlateau(1.0),
    ],
)
def test_a_rate_that_may_reach_1_warns(rate):
    with pytest.warns(UserWarning, match="very high") as caught:
        ScheduledPES(rate)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize(
    "rate",
    [
        0.99,
        CosineDecay(0.99, 1.0),
        CosineDecay(2.0, 1.0) * 1e-3,
        ExponentialDecay(2.0, 1.0).clip(0.0, 0.5),
        GreedyRate(0.1, minimum=0.01, maximum=0.9),
        half,
    ],
)
def test_lower_rates_do_not_warn(rate):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ScheduledPES(rate)


def test_scheduled_takes_the_rules_own_rate():
    assert Scheduled(nengo.Oja()) == Scheduled(nengo.Oja(), nengo.Oja().learning_rate)
    assert Scheduled(nengo.BCM(3e-9)).learning_rate == 3e-9


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (-1e-3, "learning_rate.*not negative.*-0.001"),
        (np.nan, "finite.*nan"),
        (np.inf, "finite.*inf"),
        ("fast", "number, a Schedule.*'fast'"),
        (True, "number, a Schedule.*True"),
        (np.bool_(False), "number, a Schedule.*False"),
        (None, "number, a Schedule"),
        ([1e-3], "number, a Schedule"),
        (ExponentialDecay, "number, a Schedule"),
        (lambda: 0.5, "must accept one argument, the time in seconds"),
        (lambda t, dt: 0.5, "must accept one argument, the time in seconds"),
    ],
)
def test_bad_rate_is_refused_at_construction(rate, words):
    with pytest.raises(ValidationError, match=words):
        ScheduledPES(rate)


def test_an_ensemble_as_rate_shows_the_node_idiom():
    with nengo.Network():
        ensemble = nengo.Ensemble(10, 1)
        with pytest.raises(ValidationError, match="connect the ensemble to a Node"):
            ScheduledPES(ensemble)
