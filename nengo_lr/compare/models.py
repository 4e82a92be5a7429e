"""A user's own model, with its scheduled rules and converted to plain PES."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable
from typing import Any, Callable

import nengo
import numpy as np
from nengo.exceptions import ValidationError

from nengo_lr.checks import check_callable, check_choice, check_number, check_type
from nengo_lr.networks import to_error_scaling
from nengo_lr.simulators import SIMULATORS

__all__ = ["MODEL_FORMS", "compare_model", "find_model"]

MODEL_FORMS = {
    "ScheduledPES": lambda model, **kwargs: model,
    "Node scaling": lambda model, **kwargs: to_error_scaling(model, "node"),
    "ErrorScaler tied": lambda model, **kwargs: to_error_scaling(model, **kwargs),
    "ErrorScaler tied+gate": lambda model, **kwargs: to_error_scaling(
        model, gate="neural", **kwargs
    ),
    "ErrorScaler classic": lambda model, **kwargs: to_error_scaling(
        model, design="classic", **kwargs
    ),
}
"""Functions that bring a model with scheduled rules into the form that is compared."""


def find_model(text: str) -> Callable:
    """Find a function that returns a model.

    Parameters
    ----------
    text : str
        Written ``module:function``; the module may lie in the current folder.

    Returns
    -------
    make : callable
        ``make()`` returns a `nengo.Network`.

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
        make = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValidationError(
            f"{text!r} is no module:function that can be found ({error})", "model"
        ) from error
    if not callable(make):
        raise ValidationError(f"{text!r} is not a function", "model")
    return make


def compare_model(
    make: Callable[[], nengo.Network],
    duration: float,
    simulators: Iterable[str] = ("nengo",),
    forms: Iterable[str] = MODEL_FORMS,
    **kwargs: Any,
) -> list[dict[str, Any]]:
    """Compare a model's native rules with their converted forms, probe by probe.

    Parameters
    ----------
    make : callable
        ``make()`` returns a `nengo.Network` with scheduled rules; its Probes are what
        is compared.
    duration : float
        Length of a run in seconds.
    simulators : sequence of str, optional
        Names in `SIMULATORS`.
    forms : sequence of str, optional
        Names in `MODEL_FORMS`; the first is what the others are compared with.
    **kwargs
        Options of `.to_error_scaling` for the forms that scale in neurons.

    Returns
    -------
    rows : list of dict
        For each simulator, form and Probe the root mean square difference from the
        first form on the same simulator, relative to the root mean square there, over
        the whole run and at its end.
    """
    check_callable(make, "make", "a function that returns a nengo.Network")
    check_number(duration, "duration")
    for name in simulators:
        check_choice(name, SIMULATORS, "simulators")
    for name in forms:
        check_choice(name, MODEL_FORMS, "forms")
    model = make()
    if not isinstance(model, nengo.Network):
        raise ValidationError(
            f"{make} must return a nengo.Network (got {model!r})", "model"
        )
    if not model.all_probes:
        raise ValidationError(f"{make} returns a model without a Probe", "model")
    rows = []
    for simulator in simulators:
        reference = None
        for form in forms:
            converted = MODEL_FORMS[form](model, **kwargs)
            with SIMULATORS[simulator](converted) as sim:
                sim.run(duration)
            data = [np.array(sim.data[probe]) for probe in converted.all_probes]
            reference = data if reference is None else reference
            rows += [
                {
                    "simulator": simulator,
                    "path": form,
                    "probe": probe.label or f"{probe.attr} of {probe.obj}",
                    "difference": relative(actual, expected),
                    "final_difference": relative(actual[-1], expected[-1]),
                }
                for probe, actual, expected in zip(model.all_probes, data, reference)
            ]
    return rows


def relative(actual, expected):
    """The root mean square difference relative to the expected values' own."""
    size = np.sqrt(np.mean(np.square(expected)))
    difference = np.sqrt(np.mean(np.square(actual - expected)))
    return float(difference / size) if size else float(difference)
