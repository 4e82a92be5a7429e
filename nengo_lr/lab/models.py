"""Model functions: what every question of the lab asks of a model, and its check."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from dataclasses import dataclass
from typing import Any, Callable

import nengo
from nengo.exceptions import ValidationError
from nengo.learning_rules import LearningRuleType

from nengo_lr.auto import Auto
from nengo_lr.checks import check_choice, check_integer, check_type
from nengo_lr.lab import tasks
from nengo_lr.learning_rules import ScheduledPES, ScheduledRuleType, rule_types

__all__ = ["TaskModel", "find_model", "make"]


@dataclass(frozen=True)
class TaskModel:
    """A built-in task as a model function.

    Parameters
    ----------
    task : str or Task
        A task, or a name in `.tasks.TASKS`.

    Raises
    ------
    ValidationError
        If there is no task of this name.

    Examples
    --------
    >>> model = TaskModel("comm")
    >>> make(model, 1e-3, seed=1, learning=10.0).connection.learning_rule_type
    ScheduledPES(learning_rate=0.001)
    """

    task: str | tasks.Task

    def __post_init__(self):
        if not isinstance(self.task, tasks.Task):
            check_choice(self.task, tasks.TASKS, "task", TaskModel)

    def __call__(
        self,
        learning_rate,
        seed=0,
        learning=tasks.LEARNING,
        test=tasks.TEST,
        **rule_options,
    ):
        """Build the task's network, as `.tasks.build` does, with a `.ScheduledPES`."""
        return tasks.build(
            tasks.TASKS.get(self.task, self.task),
            ScheduledPES(learning_rate, **rule_options),
            seed=seed,
            learning=learning,
            test=test,
        )


def spelled_out(rate):
    """The object that the word "auto" stands for, or the rate as it is."""
    return Auto() if isinstance(rate, str) and rate == "auto" else rate


def make(
    model: Callable[..., nengo.Network],
    learning_rate: Any,
    seed: int | None = None,
    learning: float | None = None,
    test: float | None = None,
    **options: Any,
) -> nengo.Network:
    """Make a network with a model function, and check that it keeps the contract.

    The contract: ``model(learning_rate)`` returns a `nengo.Network`. Its scheduled
    rules have the learning rate that was handed in, as it is: a number, a schedule, a
    law or a Node. The network has an attribute ``error``, a Probe (or a list of Probes)
    of the error. It may have ``target``, a Probe of what is to be learned, by whose
    power errors are divided, and ``test_error``, a Probe of the error that is read
    after learning.

    Parameters
    ----------
    model : callable
        The model function. If it has a parameter ``seed`` it gets the seed; otherwise
        the seed becomes that of the network that it returns. If it has parameters
        ``learning`` or ``test`` it gets those times.
    learning_rate : float or Schedule or FeedbackLaw or nengo.Node or "auto"
        What to learn with. A Node must have been made in the network that is in use.
    seed : int, optional
        By default the model's own.
    learning, test : float, optional
        Lengths of the learning phase and of the test after it in seconds.
    **options
        More keyword arguments for the function.

    Returns
    -------
    network : nengo.Network

    Raises
    ------
    ValidationError
        If the function or what it returns does not keep the contract.
    """
    name, learning_rate = describe(model), spelled_out(learning_rate)
    parameters = check_model(model, options)
    if seed is not None:
        check_integer(seed, "seed", least=0)
    given = {"seed": seed, "learning": learning, "test": test}
    for key, value in given.items():
        if value is not None and key in parameters:
            options[key] = value
    try:
        network = model(learning_rate, **options)
    except ValidationError as error:
        if error.attr == "learning_rate" and isinstance(error.obj, LearningRuleType):
            raise ValidationError(
                f"{name} gives the learning rate {learning_rate!r} to a rule that "
                f"cannot have it ({error}); use nengo_lr.ScheduledPES(learning_rate)",
                "model",
            ) from error
        raise
    if not isinstance(network, nengo.Network):
        raise ValidationError(
            f"{name} must return a nengo.Network (got {network!r})", "model"
        )
    if seed is not None and "seed" not in parameters:
        network.seed = seed
    for attribute in ("error", "target", "test_error"):
        probes = probes_of(network, attribute)
        if not all(isinstance(probe, nengo.Probe) for probe in probes) or not (
            probes or attribute != "error"
        ):
            got = getattr(network, attribute, "no such attribute")
            raise ValidationError(
                f"the network that {name} returns must have an attribute "
                f"{attribute!r}, a Probe or a list of Probes (got {got!r})",
                "model",
            )
    check_rules(network, learning_rate, name)
    return network


def check_model(model, options=()):
    """Refuse what cannot be called with a rate; returns its parameters' names.

    Parameters
    ----------
    model : callable
    options : dict or tuple of str
        The names of more keyword arguments.
    """
    try:
        signature = inspect.signature(model)
    except (TypeError, ValueError):
        raise ValidationError(
            f"must be a function model(learning_rate) (got {model!r})", "model"
        ) from None
    name = describe(model)
    trial = {"seed", "learning", "test"}
    said_twice = trial.intersection([*options, *getattr(model, "keywords", ())])
    if said_twice:
        raise ValidationError(
            f"{name} gets its {', '.join(sorted(said_twice))} from the trial, and must "
            "not be given it twice",
            "model",
        )
    keywords = dict.fromkeys([*options, *trial.intersection(signature.parameters)])
    try:
        signature.bind(0.0, **keywords)
    except TypeError as error:
        named = "".join(f", {key}=..." for key in options)
        raise ValidationError(
            f"{name}{signature} cannot be called as model(learning_rate{named}): "
            f"{error}",
            "model",
        ) from None
    return signature.parameters


def check_rules(network, learning_rate, name):
    """Refuse a network without a rule that has the learning rate."""
    rates = [
        rule.learning_rate
        for rule in rule_types(network)
        if isinstance(rule, ScheduledRuleType)
    ]
    if not rates:
        raise ValidationError(
            f"the network that {name} returns has no connection with a scheduled "
            "rule, such as nengo_lr.ScheduledPES(learning_rate)",
            "model",
        )
    if learning_rate not in rates:
        raise ValidationError(
            f"the network that {name} returns has no rule with the learning rate that "
            "the function was given; hand it on as it is: "
            "ScheduledPES(learning_rate=learning_rate)",
            "model",
        )


def probes_of(network, attribute):
    """The Probes that an attribute of a network holds, as a list."""
    probes = getattr(network, attribute, None)
    if probes is None:
        return []
    return list(probes) if isinstance(probes, (list, tuple)) else [probes]


def find_model(text: str) -> Callable[..., nengo.Network]:
    """Find a model function by its name.

    Parameters
    ----------
    text : str
        Written ``module:function``; the module may lie in the current folder.

    Returns
    -------
    model : callable

    Raises
    ------
    ValidationError
        If there is no such module or function.
    """
    check_type(text, str, "model", "text like module:function")
    module, _, function = text.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        model = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValidationError(
            f"{text!r} is no module:function that can be found ({error}); a function f "
            "in models.py in the current folder is models:f",
            "model",
        ) from error
    if not callable(model):
        raise ValidationError(f"{text!r} is not a function", "model")
    return model


def describe(model):
    """The name of a model function in tables and messages."""
    if hasattr(model, "func"):  # functools.partial
        values = [repr(value) for value in model.args]
        values += [f"{key}={value!r}" for key, value in sorted(model.keywords.items())]
        return f"{describe(model.func)}({', '.join(values)})"
    if hasattr(model, "__qualname__"):
        return f"{model.__module__}:{model.__qualname__}"
    return repr(model)
