"""Checks of what functions are given; they raise Nengo's ValidationError."""

import math

import numpy as np
from nengo.exceptions import ValidationError
from nengo.utils.numpy import is_integer, is_number


def is_bool(value):
    """Whether a value is True or False, which Python takes for the numbers 1 and 0."""
    return isinstance(value, (bool, np.bool_))


def check_number(value, name, least=None, obj=None):
    """Refuse what is not a finite number above 0, or not at least ``least``."""
    low = "greater than 0" if least is None else f"not less than {least:g}"
    if (
        not is_number(value)
        or is_bool(value)
        or not math.isfinite(value)
        or (value <= 0 if least is None else value < least)
    ):
        raise ValidationError(
            f"must be a finite number {low} (got {value!r})", name, obj
        )


def check_integer(value, name, least=1, obj=None):
    """Refuse what is not an integer, or less than ``least``."""
    if not is_integer(value) or is_bool(value) or value < least:
        raise ValidationError(
            f"must be an integer not less than {least} (got {value!r})", name, obj
        )


def check_type(value, types, name, what, obj=None):
    """Refuse what is not of one of the types, which ``what`` describes."""
    if not isinstance(value, types):
        raise ValidationError(f"must be {what} (got {value!r})", name, obj)


def check_choice(value, choices, name, obj=None):
    """Refuse what is not one of the choices, all of them strings."""
    if not isinstance(value, str) or value not in choices:
        raise ValidationError(
            f"must be one of {', '.join(choices)} (got {value!r})", name, obj
        )


def check_callable(value, name, what, obj=None):
    """Refuse what cannot be called; ``what`` says what it should be."""
    if not callable(value):
        raise ValidationError(f"must be {what} (got {value!r})", name, obj)
