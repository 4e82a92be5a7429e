"""What every search asks of a model: the one contract, and its check."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, Callable

import nengo
from nengo.exceptions import ValidationError

from nengo_lr import tasks
from nengo_lr.checks import check_choice, check_integer, check_number
from nengo_lr.learning_rules import ScheduledPES, ScheduledRuleType
from nengo_lr.networks.error_scaling import rule_types

__all__ = ["TaskModel", "make"]


@dataclass(frozen=True)
class TaskModel:
    """A built-in task as a model function.

    Parameters
    ----------
    task : str or Task
        A task, or a name in `.tasks.TASKS`.
    learning, test : float
        Lengths of the two phases in seconds, as in `.tasks.build`.

    Examples
    --------
    >>> model = TaskModel("comm", learning=10.0)
    >>> make(model, 1e-3, seed=1).connection.learning_rule_type
    ScheduledPES(learning_rate=0.001)
    """

    task: str | tasks.Task
    learning: float
    test: float = 0.0

    def __post_init__(self):
        if not isinstance(self.task, tasks.Task):
            check_choice(self.task, tasks.TASKS, "task", TaskModel)
        check_number(self.learning, "learning", obj=TaskModel)
        check_number(self.test, "test", least=0, obj=TaskModel)

    def __call__(self, learning_rate, seed=0, **rule_options):
        """Build the task's network with a learning rate and a seed."""
        return tasks.build(
            tasks.TASKS.get(self.task, self.task),
            ScheduledPES(learning_rate, **rule_options),
            seed=seed,
            learning=self.learning,
            test=self.test,
        )


def make(
    model: Callable[..., nengo.Network],
    learning_rate: Any,
    seed: int | None = None,
    **options: Any,
) -> nengo.Network:
    """Make a network with a model function, and check that it keeps the contract.

    The contract: ``model(learning_rate)`` returns a `nengo.Network`. Its scheduled
    rules have the learning rate that was handed in, as it is: a number, a schedule or a
    Node. The network has an attribute ``error``, a Probe (or a list of Probes) of the
    error. It may have ``target``, a Probe of what is to be learned, by whose power
    errors are divided, and ``test_error``, a Probe of the error that is read after
    learning.

    Parameters
    ----------
    model : callable
        The model function. If it has a parameter ``seed`` it gets the seed; otherwise
        the seed becomes that of the network that it returns.
    learning_rate : float or Schedule or nengo.Node
        What to learn with. A Node must have been made in the network that is in use.
    seed : int, optional
        By default the model's own.
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
    name = describe(model)
    own_seed = check_signature(model, name, options)
    if seed is not None:
        check_integer(seed, "seed", least=0, obj=make)
    if seed is not None and own_seed:
        options = {**options, "seed": seed}
    network = model(learning_rate, **options)
    if not isinstance(network, nengo.Network):
        raise ValidationError(
            f"{name} must return a nengo.Network (got {network!r})", "model"
        )
    if seed is not None and not own_seed:
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


def check_signature(model, name, options):
    """Refuse what cannot be called with a rate; returns whether it takes a seed."""
    try:
        signature = inspect.signature(model)
    except (TypeError, ValueError):
        raise ValidationError(
            f"must be a function model(learning_rate) (got {model!r})", "model"
        ) from None
    own_seed = "seed" in signature.parameters
    try:
        signature.bind(0.0, **({"seed": 0} if own_seed else {}), **options)
    except TypeError as error:
        named = "".join(f", {key}=..." for key in options)
        raise ValidationError(
            f"{name}{signature} cannot be called as model(learning_rate{named}): "
            f"{error}",
            "model",
        ) from None
    return own_seed


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


def describe(model):
    """What to call a model function, the same in every process."""
    if hasattr(model, "func"):  # functools.partial
        values = [repr(value) for value in model.args]
        values += [f"{key}={value!r}" for key, value in sorted(model.keywords.items())]
        return f"{describe(model.func)}({', '.join(values)})"
    if hasattr(model, "__qualname__"):
        return f"{model.__module__}:{model.__qualname__}"
    return repr(model)
