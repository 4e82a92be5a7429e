"""Every public parameter and every option refuses what is no value for it.

The lists of parameters and options come from the signatures and from the command, so
that a new one without a row fails here.
"""

import inspect
import math
import pkgutil
from importlib import import_module

import nengo
import numpy as np
import pytest
from nengo.exceptions import ValidationError

import nengo_lr as nlr
from nengo_lr.cli import main
from nengo_lr.cli.commands import commands
from nengo_lr.lab import tasks
from nengo_lr.schedules import expressions

NOT_FOR_USERS = {"backends", "builder", "checks", "cli", "error_loop"}
NOT_FOR_USERS |= {"params", "version", "__main__"}

RECORDS = {
    "lab.Comparison",
    "lab.Method",
    "lab.RangeTest",
    "lab.Score",
    "lab.Sweep",
    "lab.Task",
    "lab.Tuning",
    "lab.tasks.Task",
    "stability.Stability",
}
"""They hold what they are given; the functions that take them check them."""

DRAWN = {
    "lab.plot.compare",
    "lab.plot.error_left",
    "lab.plot.range_test",
    "lab.plot.save",
    "lab.plot.sweep",
    "lab.plot.tidy",
    "lab.plot.tune",
}
"""They draw what other functions return."""

PASSED_ON = {
    "keras.LocalGains.name",
    "keras.layer_factors.factors",
    "keras.layer_factors.sim",
    "expressions.parse.names",
    "lab.plot.schedule.ax",
    "lab.plot.schedule.kwargs",
    "lab.Template.names",
    "stability.error_left.times",
    "stability.error_left.x",
    "stability.rate_for.x",
    "lab.tasks.final_error.simulator",
    "lab.tasks.final_error.network",
}
"""They are for Keras, matplotlib, numpy, Optuna or Nengo, which check them."""

OTHER_NAMES = {
    "kwargs": ("gate",),
    "make": ("model",),
    "options": ("colour", "seed"),
    "other": ("schedules", "value"),
    "runs": ("baseline",),
    "scaler_options": ("gate",),
    "schedule": ("value",),  # of the Constant that a number stands for
    "text": ("model", "schedule"),
}
"""What messages call some parameters."""


# --- what is wrong with a value, and the words that say so

NUMBER = [("fast", "number"), ([], "number"), (2 + 1j, ""), (True, "number")]
FINITE = [(math.nan, "finite"), (math.inf, "finite"), *NUMBER]
RATE = [(-1e-3, "greater than or equal to 0"), *FINITE]
SECONDS = [(0, "greater than 0"), (-1.0, "greater than 0"), *FINITE]
TIME = [(-1.0, "greater than or equal to 0"), *FINITE]
SHARE = [(1.5, "less than"), (-0.1, "greater than"), *FINITE]
RATES = [
    ([], "must not be empty"),
    ([-1.0], "finite and not negative"),
    ([math.nan], "finite and not negative"),
    (["fast"], ""),
    ([[1.0]], ""),
]
TIMES = [([1.0, 1.0], "increase strictly"), *RATES]
SCHEDULE = [
    ("fast", "must be a Schedule or a number"),
    (abs, "wrap a function of time in FunctionSchedule"),
    (-1.0, "greater than or equal to 0"),
    (math.nan, "finite"),
]
SCHEDULES = [
    ([], "must not be empty"),
    (nlr.Constant(1.0), "must be a list of schedules"),
    (["fast"], "must be a Schedule or a number"),
]
MODE = [("fast", "'fast'"), (1, ""), (None, "")]
FUNCTION = [("fast", "callable"), (1.0, "callable")]
LEARNING_RATE = [
    (-1.0, "finite and not negative"),
    (math.inf, "finite and not negative"),
    ("fast", "must be a number, a Schedule, a function of time"),
    (True, "must be a number, a Schedule, a function of time"),
    (float, "must be a number, a Schedule, a function of time"),
]
RANK = [(wrong, "an integer from 1") for wrong in (0, 2.0, True, "fast")]
POSITIVE = [(0, ""), (-1.0, ""), (math.nan, ""), ("fast", ""), (None, "")]
INTEGER = [(0, "integer"), (1.5, "integer"), ("fast", "integer"), (None, "integer")]
SEED = [(-1, "integer not less than 0"), (0.5, "integer"), ("fast", "integer")]
CHOICE = [("fast", "must be one of"), (None, "must be one of"), ([], "must be one of")]
YES_OR_NO = [("fast", "True or False"), (None, "True or False")]
SIMULATOR = [
    ("fast", "must be an open simulator"),
    (None, "must be an open simulator"),
]
EXECUTOR = [("fast", "Executor"), (0, "Executor"), (True, "Executor")]
STORE = [(1.5, "name of a file"), ("/no/where/runs.db", "store")]
PATH = [(None, TypeError, "PathLike"), (1.5, TypeError, "float")]


def model(learning_rate=1e-3):
    with nengo.Network(seed=0) as network:
        pre = nengo.Ensemble(10, 1)
        error = nengo.Node(size_in=1)
        network.connection = nengo.Connection(
            pre, error, learning_rule_type=nlr.ScheduledPES(learning_rate)
        )
        nengo.Connection(error, network.connection.learning_rule)
        network.error = nengo.Probe(error)
    return network


@pytest.fixture(scope="module")
def sim():
    with nengo.Simulator(model(), progress_bar=False) as sim:
        yield sim


class InSimulator:
    """A good value that is found in the simulator."""

    def __init__(self, find):
        self.find = find


MODEL = [
    ("fast", "must be a function"),
    (lambda: 1, "cannot be called as model(learning_rate)"),
]
SEEDS = [([], "one or more"), ([0, 0], "different"), ([-1], "whole"), (None, "whole")]
NOT_NEGATIVE = [(-1.0, "not less than 0"), (math.nan, "finite"), ("fast", "number")]
NO_CONNECTION = [("fast", "must be a nengo.Connection"), (None, "must be a nengo.C")]

C = nlr.Constant(1e-3)
TRIAL = nlr.lab.Trial(model, 1e-3, 0.01)
CONNECTION = InSimulator(lambda sim: sim.model.toplevel.connection)
SIM = InSimulator(lambda sim: sim)
NETWORK = InSimulator(lambda sim: sim.model.toplevel)
RULE = InSimulator(lambda sim: sim.model.toplevel.connection.learning_rule)
NO_FILE = "/does/not/exist/run.checkpoint"

ROWS = {
    "schedules.Constant": {"value": (1e-3, RATE)},
    "schedules.Interpolated": {
        "times": ([0, 1], TIMES),
        "values": ([1, 0], RATES),
        "mode": ("cubic", MODE),
    },
    "schedules.PiecewiseConstant": {
        "values": ([1, 0], RATES),
        "boundaries": ([1], TIMES),
    },
    "schedules.PiecewiseLinear": {"times": ([0, 1], TIMES), "values": ([1, 0], RATES)},
    "schedules.Sampled": {"values": ([1, 0], RATES), "dt": (0.1, SECONDS)},
    "schedules.ExponentialDecay": {
        "initial": (1e-3, RATE),
        "tau": (1, SECONDS),
        "final": (0, RATE),
    },
    "schedules.InverseSquareRoot": {"peak": (1e-3, RATE), "warmup": (1, SECONDS)},
    "schedules.InverseTimeDecay": {
        "initial": (1e-3, RATE),
        "tau": (1, SECONDS),
        "power": (1, SECONDS),
    },
    "schedules.StepDecay": {
        "initial": (1e-3, RATE),
        "factor": (0.5, SHARE),
        "period": (1, SECONDS),
    },
    "schedules.CosineDecay": {
        "initial": (1e-3, RATE),
        "duration": (1, SECONDS),
        "final": (0, RATE),
    },
    "schedules.Geometric": {
        "initial": (1e-3, SECONDS),
        "final": (1e-4, SECONDS),
        "duration": (1, SECONDS),
    },
    "schedules.Linear": {
        "initial": (1e-3, RATE),
        "final": (0, RATE),
        "duration": (1, SECONDS),
    },
    "schedules.PolynomialDecay": {
        "initial": (1e-3, RATE),
        "final": (0, RATE),
        "duration": (1, SECONDS),
        "power": (1, SECONDS),
    },
    "schedules.CosineRestarts": {
        "initial": (1e-3, RATE),
        "period": (1, SECONDS),
        "growth": (1, [(0.5, "greater than or equal to 1"), *FINITE]),
        "shrink": (1, [(0, "greater than 0"), (1.5, "less than"), *FINITE]),
        "final": (0, RATE),
    },
    "schedules.Cyclic": {
        "low": (0, [(2.0, ""), *RATE]),
        "high": (1, [(-1.0, ""), *FINITE]),
        "period": (1, SECONDS),
        "mode": ("triangular", MODE),
        "tau": (None, [(1.0, ""), ("fast", "number"), (-1.0, "greater than 0")]),
    },
    "schedules.OneCycle": {
        "peak": (1e-3, RATE),
        "duration": (1, SECONDS),
        "initial": (0, RATE),
        "final": (0, RATE),
        "rise": (0.3, SHARE),
        "mode": ("cosine", MODE),
    },
    "schedules.Sequence": {
        "schedules": ([C, C], SCHEDULES),
        "boundaries": ([1], TIMES),
    },
    "schedules.Warmup": {
        "schedule": (C, SCHEDULE),
        "duration": (1, TIME),
        "initial": (0, RATE),
        "mode": ("linear", MODE),
    },
    "schedules.WarmupStableDecay": {
        "peak": (1e-3, RATE),
        "warmup": (1, TIME),
        "stable": (1, TIME),
        "decay": (1, SECONDS),
        "initial": (0, RATE),
        "final": (0, RATE),
        "mode": ("cosine", MODE),
    },
    "schedules.Between": {
        "schedule": (C, SCHEDULE),
        "start": (0, [(2.0, ""), *TIME]),
        "stop": (1, [(0.0, ""), *FINITE]),
    },
    "schedules.Delayed": {"schedule": (C, SCHEDULE), "delay": (1, TIME)},
    "schedules.Repeated": {"schedule": (C, SCHEDULE), "period": (1, SECONDS)},
    "schedules.Stretched": {"schedule": (C, SCHEDULE), "factor": (2, SECONDS)},
    "schedules.Clip": {
        "schedule": (C, SCHEDULE),
        "low": (0, [(2.0, ""), *RATE]),
        "high": (1, [(-1.0, ""), *FINITE]),
    },
    "schedules.Maximum": {"schedules": ([C], SCHEDULES)},
    "schedules.Minimum": {"schedules": ([C], SCHEDULES)},
    "schedules.Product": {"schedules": ([C], SCHEDULES)},
    "schedules.Sum": {"schedules": ([C], SCHEDULES)},
    "schedules.FunctionSchedule": {"function": (abs, FUNCTION)},
    "schedules.from_steps": {"function": (abs, FUNCTION), "dt": (1e-3, POSITIVE)},
    "feedback.ErrorDriven": {
        "low": (0, [(2.0, ""), *RATE]),
        "high": (1, [(-1.0, ""), *FINITE]),
        "scale": (1, SECONDS),
        "tau": (1, SECONDS),
    },
    "feedback.GreedyRate": {
        "initial": (1e-3, RATE),
        "window": (1, SECONDS),
        "minimum": (0, [(1.0, "not be above initial"), *RATE]),
        "maximum": (1, [(1e-4, "not be below initial"), *RATE]),
        "factor": (0.1, [(0, "greater than 0"), (1, "less than 1"), *FINITE]),
        "threshold": (0.01, [(1, "less than 1"), (-0.1, "greater than"), *FINITE]),
    },
    "feedback.ReduceOnPlateau": {
        "initial": (1e-3, RATE),
        "factor": (0.1, [(0, "greater than 0"), (1, "less than 1"), *FINITE]),
        "patience": (5, SECONDS),
        "threshold": (0.01, [(1, "less than 1"), (-0.1, "greater than"), *FINITE]),
        "cooldown": (0, TIME),
        "minimum": (0, [(1.0, "not be above initial"), *RATE]),
        "tau": (1, SECONDS),
    },
    "optimizers.AdaGrad": {"epsilon": (1e-3, SECONDS)},
    "optimizers.Adam": {
        "tau_mean": (0.1, SECONDS),
        "tau_variance": (1, SECONDS),
        "epsilon": (1e-3, SECONDS),
    },
    "optimizers.RMSProp": {"tau": (1, SECONDS), "epsilon": (1e-3, SECONDS)},
    "optimizers.LocalGains": {
        "bonus": (0.05, RATE),
        "penalty": (0.95, SHARE),
        "limits": ((0.1, 10), [((10, 0.1), ""), ((-1, 1), ""), (1.0, ""), (None, "")]),
        "window": (0.5, SECONDS),
    },
    "learning_rules.ScheduledPES": {
        "learning_rate": (1e-3, LEARNING_RATE),
        "pre_synapse": (None, [("fast", "synapse"), ([], "synapse")]),
        "optimizer": (None, [("fast", "must be an Optimizer"), (nlr.AdaGrad, "must")]),
        "precondition": (10, RANK),
    },
    "learning_rules.Scheduled": {
        "rule": (
            nengo.Oja(),
            [
                ("fast", "must be a learning rule"),
                (nengo.PES(), "use ScheduledPES"),
                (nengo.RLS(), "cannot be RLS"),
                (nlr.ScheduledPES(), "may change already"),
                (nengo.Oja(learning_rate=0), "above 0"),
            ],
        ),
        "learning_rate": (1e-3, LEARNING_RATE),
    },
    "builder.guard.configure_settings": {"guard": (True, YES_OR_NO)},
    "runtime.frozen": {
        "sim": (SIM, SIMULATOR),
        "rules": (
            RULE,
            [
                ("fast", "must be connection.learning_rule or a connection"),
                (3, "must be learning rules or connections"),
                ([3], "must be connection.learning_rule or a connection"),
            ],
        ),
    },
    "runtime.set_learning_rate": {
        "sim": (SIM, SIMULATOR),
        "rule": (RULE, [("fast", "must be a connection's learning_rule")]),
        "learning_rate": (
            1e-3,
            [
                (nlr.ErrorDriven(0, 1, scale=1), "must be part of the model"),
                *LEARNING_RATE,
            ],
        ),
    },
    "checkpoint.save": {
        "sim": (SIM, SIMULATOR),
        "path": (NO_FILE, [(NO_FILE, FileNotFoundError, "exist"), *PATH]),
    },
    "checkpoint.load": {
        "sim": (SIM, SIMULATOR),
        "path": (NO_FILE, [(NO_FILE, FileNotFoundError, "exist"), *PATH]),
        "outside": ("refuse", CHOICE),
    },
    "weights.Learned": {
        "arrays": (
            {"a weights": [[0.0]]},
            [
                ("fast", "must be a dict"),
                ({"a": [[0.0]]}, "must end in one of"),
                ({"a weights": [[math.nan]]}, "finite"),
                ({"a weights": [0.0]}, "2 axes"),
            ],
        )
    },
    "weights.learned": {
        "sim": (SIM, SIMULATOR),
        "item": (0, [(-1, "not less than 0"), (1, "less than 1"), ("fast", "integer")]),
    },
    "weights.with_learned": {
        "network": (NETWORK, [("fast", "must be a nengo.Network")]),
        "learned": (nlr.Learned({}), [("fast", "what learned(sim) returns")]),
    },
    "weights.without_learning": {
        "network": (NETWORK, [("fast", "must be a nengo.Network")]),
        "sim": (SIM, SIMULATOR),
    },
    "networks.ErrorScaler": {
        "n_neurons": (20, INTEGER),
        "dimensions": (1, INTEGER),
        "error_radius": (1.0, POSITIVE),
        "rate_radius": (1.0, POSITIVE),
        "design": ("tied", CHOICE),
        "signed": (False, YES_OR_NO),
        "gate": (None, [("fast", "None, 'neural' or 'node'"), ([], "None")]),
        "gate_threshold": (0.01, POSITIVE),
        "neuron_type": (nengo.LIF(), [("fast", "neuron type"), (nengo.LIF, "neuron")]),
        "max_rates": (
            nengo.dists.Uniform(200, 400),
            [(300, "Distribution"), (None, "Distribution")],
        ),
        "watch": (True, YES_OR_NO),
        "kwargs": ({}, [({"colour": "red"}, TypeError, "colour")]),
    },
    "networks.to_error_scaling": {
        "network": (model(), [("fast", "nengo.Network"), (None, "nengo.Network")]),
        "method": ("ensemble", CHOICE),
        "n_neurons": (20, INTEGER),
        "error_radius": (1.0, POSITIVE),
        "rate_radius": (1e-3, [(0, ""), (-1.0, ""), (math.nan, ""), ("fast", "")]),
        "scaler": (nlr.networks.ErrorScaler, [("fast", "a function"), (1.0, "")]),
        "scaler_options": ({}, [({"gate": "fast"}, "None, 'neural' or 'node'")]),
    },
    "lab.compare": {
        "model": (model, MODEL),
        "schedule": (C, [("fast", "must be a Schedule"), (1.0, "must be a Schedule")]),
        "learning": (0.1, POSITIVE),
        "test": (0.1, POSITIVE),
        "methods": ([], [(["fast"], "must be one of"), ("fast", "must be one of")]),
        "seeds": ([0], SEEDS),
        "simulators": (["nengo"], [(["fast"], "must be one of"), ([], "one or more")]),
        "error_radius": (1.0, [(0, ""), (-1.0, ""), (math.nan, ""), ("fast", "")]),
        "executor": ("serial", EXECUTOR),
        "store": (None, STORE),
        "progress": (None, [("fast", "a function"), (1.0, "a function")]),
    },
    "lab.interleaved": {
        "runs": ({"a": list}, [({}, "must be one of")]),
        "baseline": ("a", CHOICE),
        "rounds": (1, INTEGER),
    },
    "lab.tasks.band_limited": {
        "rng": (np.random.RandomState(0), [("fast", "random"), (0, "random")]),
        "duration": (1.0, POSITIVE),
        "dimensions": (1, INTEGER),
        "high": (5.0, POSITIVE),
        "rms": (0.5, [(-1.0, "not less than 0"), (math.nan, ""), ("fast", "")]),
    },
    "lab.tasks.build": {
        "task": (tasks.TASKS["comm"], [("comm", "a Task"), (None, "a Task")]),
        "rule": (nengo.PES(), [("fast", ""), (1.0, "")]),
        "wire": (None, [("fast", "a function"), (1.0, "a function")]),
        "seed": (0, SEED),
        "learning": (0.1, POSITIVE),
        "test": (0.1, [(-1.0, "not less than 0"), (math.nan, ""), ("fast", "")]),
    },
    "lab.tasks.final_error": {"learning": (0.1, POSITIVE)},
    "lab.tasks.least_squares_limit": {
        "task": (tasks.TASKS["comm"], [("comm", "a Task"), (None, "a Task")]),
        "seed": (0, SEED),
        "learning": (0.1, POSITIVE),
        "test": (0.1, [(-1.0, "not less than 0"), (math.nan, ""), ("fast", "")]),
    },
    "lab.plot.schedule": {
        "schedule": (C, [("fast", "must be a Schedule"), (1.0, "must be a Schedule")]),
        "duration": (1.0, POSITIVE),
    },
    "keras.LocalGains": {
        "learning_rate": (1e-3, [*RATE, (C, "to_keras")]),
        "bonus": (0.05, RATE),
        "penalty": (0.95, SHARE),
        "limits": ((0.1, 10), [((10, 0.1), ""), ((-1, 1), ""), (1.0, ""), (None, "")]),
        "factors": (None, [("fast", ""), ([-1.0], "")]),
        "weight_decay": (None, [(-1.0, "not less than 0"), ("fast", "number")]),
        "kwargs": ({}, [({"colour": "red"}, TypeError, "colour")]),
    },
    "keras.StepSchedule": {"schedule": (C, SCHEDULE), "dt": (1e-3, SECONDS)},
    "keras.to_keras": {"schedule": (C, SCHEDULE), "dt": (1e-3, SECONDS)},
    "expressions.parse": {
        "text": (
            "Constant(1)",
            [("fast", "fast"), ("", ""), (None, "text"), ("__import__('os')", "")],
        )
    },
    "expressions.examples": {"cls": (nlr.Constant, [("fast", "class"), (None, "")])},
    "lab.run_trials": {
        "trials": ([TRIAL], [(["fast"], "Trial"), (1.0, "Trials"), (None, "Trials")]),
        "executor": ("serial", EXECUTOR),
        "store": (None, STORE),
        "progress": (None, [("fast", "a function"), (1.0, "a function")]),
        "together": (True, YES_OR_NO),
    },
    "lab.Trial": {
        "model": (model, MODEL),
        "rate": (1e-3, [(-1.0, "not negative"), ("fast", "Schedule"), (True, "")]),
        "learning": (0.1, [(1e-6, "at least a step"), *POSITIVE]),
        "test": (0.0, [(1e-6, "at least a step"), *NOT_NEGATIVE]),
        "seed": (None, SEED),
        "dt": (1e-3, POSITIVE),
        "options": ({}, [({"colour": "red"}, "colour"), ({"seed": 1}, "trial")]),
        "simulator": ("nengo", CHOICE),
        "convert": (None, [("fast", "a function"), (1.0, "a function")]),
        "record": ((), [("weights", "names"), ([1.0], "names")]),
    },
    "lab.TaskModel": {"task": ("comm", CHOICE)},
    "lab.find_model": {
        "text": ("m:f", [("m:f", "can be found"), (None, "text"), ("math:pi", "not a")])
    },
    "lab.Template": {
        "text": (
            "Constant({1e-5..1e-2})",
            [("fast", "fast"), ("Constant({1..0})", "0"), (None, "text")],
        )
    },
    "lab.make": {
        "model": (model, MODEL),
        "learning_rate": (1e-3, [(-1.0, "finite and not negative"), ("fast", "must")]),
        "seed": (None, SEED),
        "learning": (None, []),
        "test": (None, []),
        "options": ({}, [({"colour": "red"}, "colour")]),
    },
    "lab.range_test": {
        "model": (model, MODEL),
        "low": (1e-6, [(1.0, "0 < low < high"), *POSITIVE]),
        "high": (0.1, POSITIVE),
        "learning": (1.0, [(0.01, "at least 100 steps"), *POSITIVE]),
        "seed": (None, SEED),
        "window": (0.1, [(0.6, "at most .5"), (1e-4, "at least a step"), *POSITIVE]),
        "dt": (1e-3, POSITIVE),
    },
    "stability.stable_rate": {
        "sim": (SIM, SIMULATOR),
        "connection": (CONNECTION, NO_CONNECTION),
        "margin": (0.8, POSITIVE),
    },
    "stability.rate_for": {
        "sim": (SIM, SIMULATOR),
        "connection": (CONNECTION, NO_CONNECTION),
        "time": (10.0, [(1e-6, "at least one step"), *POSITIVE]),
        "fraction": (0.1, [(1.0, "between 0 and 1"), *POSITIVE]),
    },
    "stability.error_left": {
        "sim": (SIM, SIMULATOR),
        "connection": (CONNECTION, NO_CONNECTION),
        "rate": (1e-4, [(-1.0, "not less than 0"), (math.nan, ""), ("fast", "")]),
    },
    "stability.warn_if_unstable": {"sim": (SIM, SIMULATOR)},
    "lab.side_by_side": {
        "task": (tasks.TASKS["comm"], [("comm", "a Task"), (None, "a Task")]),
        "rates": ([1e-3], [([], ""), ([-1.0], ""), (["fast"], ""), (None, "")]),
        "seed": (0, SEED),
        "learning": (0.1, POSITIVE),
        "test": (0.1, NOT_NEGATIVE),
        "optimizer": (None, [("fast", "Optimizer"), (1.0, "Optimizer")]),
        "precondition": (10, RANK),
    },
    "lab.sweep": {
        "model": (model, MODEL),
        "rates": ([1e-3], [([], ""), ([-1.0], ""), (["fast"], ""), (None, "")]),
        "learning": (0.1, [(1e-6, "at least a step"), *POSITIVE]),
        "seeds": ([0], SEEDS),
        "test": (0.0, NOT_NEGATIVE),
        "simulator": ("nengo", CHOICE),
        "executor": ("serial", EXECUTOR),
        "store": (None, STORE),
        "progress": (None, [("fast", "a function"), (1.0, "a function")]),
        "dt": (1e-3, POSITIVE),
    },
    "lab.tune": {
        "model": (model, MODEL),
        "suggest": ("Constant({1e-5..1e-2})", [(None, "text, or a function")]),
        "learning": (0.1, [(1e-6, "at least a step"), *POSITIVE]),
        "n_trials": (1, INTEGER),
        "seeds": ([0], SEEDS),
        "test": (0.0, NOT_NEGATIVE),
        "store": (None, [("fast://", "cannot use 'fast"), (1.0, "cannot use")]),
        "name": ("nengo-lr", [(None, "text"), (1.0, "text")]),
        "sampler_seed": (None, SEED),
        "progress": (None, [("fast", "a function"), (1.0, "a function")]),
        "dt": (1e-3, POSITIVE),
    },
    "Schedule.between": {"start": (0, [(2.0, ""), *TIME]), "stop": (1, FINITE)},
    "Schedule.clip": {"low": (0, RATE), "high": (1, FINITE)},
    "Schedule.delayed": {"delay": (1, TIME)},
    "Schedule.maximum": {"other": (1, SCHEDULE)},
    "Schedule.minimum": {"other": (1, SCHEDULE)},
    "Schedule.repeated": {"period": (1, SECONDS)},
    "Schedule.stretched": {"factor": (1, SECONDS)},
}


def public_callables():
    """What users call, by name: all that the rooms export, and schedules' methods."""
    rooms = [
        room.name
        for room in pkgutil.iter_modules(nlr.__path__)
        if room.name not in NOT_FOR_USERS
    ]
    found = {}
    for name in [*rooms, "builder.guard", "lab.plot", "lab.tasks"]:
        try:
            room = import_module(f"nengo_lr.{name}")
        except ModuleNotFoundError:  # TensorFlow, which keras needs
            continue
        for exported in room.__all__:
            if inspect.isroutine(value := getattr(room, exported)) or isinstance(
                value, type
            ):
                found[f"{name}.{exported}"] = value
    for name in ("parse", "examples"):
        found[f"expressions.{name}"] = getattr(expressions, name)
    for name in expressions.METHODS:
        found[f"Schedule.{name}"] = getattr(C, name)
    return found


CALLABLES = {
    name: function
    for name, function in public_callables().items()
    if name not in RECORDS | DRAWN
}
PARAMETERS = [
    (name, parameter)
    for name, function in CALLABLES.items()
    for parameter in inspect.signature(function).parameters
    if f"{name}.{parameter}" not in PASSED_ON
]


def test_every_parameter_has_a_row_and_every_row_a_parameter():
    rows = [(name, parameter) for name, row in ROWS.items() for parameter in row]
    if "keras.to_keras" not in CALLABLES:
        rows = [row for row in rows if not row[0].startswith("keras")]
    assert sorted(rows) == sorted(PARAMETERS)
    values = sum(len(row[p][1]) for row in ROWS.values() for p in row)
    print(f"{len(rows)} parameters, {values} bad values")


def call(name, arguments, sim):
    """Call a function, and use what only complains when it is used."""
    arguments = {
        key: value.find(sim) if isinstance(value, InSimulator) else value
        for key, value in arguments.items()
    }
    if name != "lab.Trial":
        for key in ("kwargs", "options", "scaler_options"):
            arguments.update(arguments.pop(key, {}))
    if name == "stability.error_left":
        arguments["times"] = [1.0]
    if name == "lab.tasks.final_error":
        arguments.update(simulator=None, network=None)
    with nengo.Network():
        result = CALLABLES[name](**arguments)
    if name == "runtime.frozen":
        with result:
            pass


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_bad_values_are_refused(sim, name, parameter):
    good = {key: value for key, (value, _) in ROWS[name].items()}
    for bad, *expected in ROWS[name][parameter][1]:
        error, words = expected if len(expected) == 2 else (ValidationError, *expected)
        with pytest.raises(error) as raised:
            call(name, {**good, parameter: bad}, sim)
        message = str(raised.value)
        assert words in message, (bad, message)
        if error is ValidationError:
            named = (parameter, *OTHER_NAMES.get(parameter, ()))
            assert any(name in message for name in named), (bad, message)


# --- the command

NOT_A_NUMBER = [("fast", "'fast' is not a valid float")]
ABOVE_0 = [("0", "not in the range x>0"), ("-1", "not in the range"), *NOT_A_NUMBER]
COUNT = [("0", "not in the range"), ("fast", "'fast' is not a valid integer")]
NAMES = [("fast", "'fast' is not one of"), ("", "'' is not one of")]
FOLDER = [("/proc/nowhere", "cannot write to '/proc/nowhere'")]
TASK = [("fast", "'fast' is not one of 'comm'")]
MODULE = [("fast", "'fast' is no module:function"), ("math:pi", "not a function")]
SEED_LIST = [("fast", "not like 0,3"), ("0,0", "not a set"), ("5-1", "not a set")]

NO_TIME = [("0", "learning"), ("nan", "learning"), *NOT_A_NUMBER]
TEST_TIME = [("-1", "test"), *NOT_A_NUMBER]
STORE_FILE = [("/no/where/runs.db", "/no/where")]

OPTIONS = {
    "compare": {
        "task": TASK,
        "model": MODULE,
        "schedule": [
            ("fast", "'fast' at column 1"),
            ("ExponentialDecay(1e-3)", "tau"),
            ("Constant(-1)", "greater than or equal to 0"),
            ("__import__('os').system('true')", "at column 1"),
        ],
        "methods": [*NAMES, ("node,node", "node, node")],
        "error_radius": ABOVE_0,
        "learning": NO_TIME,
        "test": [("0", "test"), *TEST_TIME],
        "seeds": SEED_LIST,
        "simulators": NAMES,
        "jobs": COUNT,
        "store": STORE_FILE,
        "output": FOLDER,
    },
    "plot": {
        "expression": [("fast", "'fast' at column 1"), ("", "column")],
        "duration": [*ABOVE_0, ("nan", "nan"), ("inf", "inf")],
        "output": [("a.fast", "fast"), ("/proc/nowhere/a.png", "/proc/nowhere")],
    },
    "range-test": {
        "task": TASK,
        "model": MODULE,
        "low": [("1", "0 < low < high"), ("0", "low: must be"), *NOT_A_NUMBER],
        "high": [("inf", "high: must be"), *NOT_A_NUMBER],
        "learning": [("0.01", "at least 100 steps"), *NOT_A_NUMBER],
        "seed": [("-1", "not in the range x>=0"), ("fast", "not a valid integer")],
        "output": FOLDER,
    },
    "sweep": {
        "task": TASK,
        "model": MODULE,
        "rates": [("fast", "fast"), ("-1", "-1"), ("", "")],
        "schedule": [("fast", "fast"), ("Constant(-1)", "")],
        "seeds": SEED_LIST,
        "learning": NO_TIME,
        "test": TEST_TIME,
        "simulator": [("fast", "'fast' is not one of 'nengo'")],
        "jobs": COUNT,
        "store": STORE_FILE,
        "output": FOLDER,
    },
    "tune": {
        "task": TASK,
        "model": MODULE,
        "schedule": [("fast", "fast"), ("Constant({1..0})", "")],
        "optimizer": [("fast", "fast")],
        "trials": COUNT,
        "seeds": SEED_LIST,
        "learning": NO_TIME,
        "test": TEST_TIME,
        "store": STORE_FILE,
        "name": [],
        "sampler_seed": [("-1", "sampler"), ("fast", "not a valid integer")],
        "output": FOLDER,
    },
    "stable-rate": {
        "task": TASK,
        "model": MODULE,
        "time": ABOVE_0,
        "fraction": [("1", "not in the range 0<x<1"), *NOT_A_NUMBER],
        "seed": [("-1", "not in the range x>=0"), ("fast", "not a valid integer")],
        "output": FOLDER,
    },
    "schedules": {},
    "examples": {},
}


def test_every_option_has_a_row_and_every_row_an_option():
    options = {
        name: sorted(parameter.name for parameter in command.params)
        for name, command in commands.commands.items()
    }
    assert options == {name: sorted(rows) for name, rows in OPTIONS.items()}
    values = sum(len(row) for rows in OPTIONS.values() for row in rows.values())
    print(f"{sum(map(len, options.values()))} options, {values} bad values")


@pytest.mark.parametrize(
    ("command", "option", "value", "words"),
    [
        (command, option, *row)
        for command, rows in OPTIONS.items()
        for option, bad in rows.items()
        for row in bad
    ],
)
def test_bad_options_are_one_line(
    capsys, tmp_path, monkeypatch, command, option, value, words
):
    monkeypatch.chdir(tmp_path)
    arguments = [command]
    if option == "expression":
        arguments += [value]
    else:
        arguments += ["Constant(1)"] if command == "plot" else []
        arguments += [f"--{option.replace('_', '-')}", value]
    with pytest.raises(SystemExit) as exit:
        main(arguments)
    out, err = capsys.readouterr()
    assert exit.value.code == 2
    assert err.count("\n") == 1
    assert "Traceback" not in out + err
    assert words in err
