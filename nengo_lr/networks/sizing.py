"""How exact an error scaler of some size is, from power laws fitted on measurements."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from nengo_lr.checks import check_choice, check_integer, check_number

POWER_LAWS = {
    "tied": {"rmse": (0.0587, -0.451), "leak": (0.00286, -0.168)},
    "classic": {"rmse": (0.609, -0.633), "leak": (0.406, -0.628)},
}
"""Factor and exponent of the number of neurons. From benchmarks/error_scaler.py."""


class ExpectedError(NamedTuple):
    """What an error scaler of some size is off by, as a fraction of the error's radius.

    Attributes
    ----------
    rmse : float
        Root mean squared difference from the exact product, for rates in [0, 1].
    leak : float
        Mean absolute output at rate 0, for an error that keeps its sign.
    """

    rmse: float
    leak: float


def expected_error(n_neurons: int, design: str = "tied") -> Any:
    """How exactly a number of neurons multiply.

    For an `.ErrorScaler` of LIF neurons with their default maximum rates, behind a
    filter of 10 ms; errors and rates fill their range. Other spiking neurons are up to
    four times, stochastic ones five times less exact, and rate neurons many times more.
    An error that crosses 0, or a gate, takes the tied design's leak to 0.

    Parameters
    ----------
    n_neurons : int
        Number of neurons per dimension, without those of a neural gate.
    design : {"tied", "classic"}, optional
        The scaler's design.

    Returns
    -------
    expected : ExpectedError
        ``rmse`` and ``leak`` as fractions of the error's radius.

    Notes
    -----
    Power laws through the medians over five seeds with 50 to 1000 neurons. The medians
    lie within 20 % of them (classic: 30 %), but the tied design's leak, which hardly
    depends on the number of neurons, within a factor of two. Both figures vary by as
    much from seed to seed. ``benchmarks/error_scaler.py --only size`` repeats
    measurements and fit.

    Examples
    --------
    >>> round(expected_error(200).rmse, 3)
    0.005
    """
    check_integer(n_neurons, "n_neurons")
    check_choice(design, POWER_LAWS, "design")
    return ExpectedError(*(a * n_neurons**b for a, b in POWER_LAWS[design].values()))


def neurons_needed(rmse: float, leak: Any = None, design: str = "tied") -> int:
    """How many neurons reach a wanted accuracy.

    The inverse of `expected_error`.

    Parameters
    ----------
    rmse : float
        The largest acceptable RMSE, as a fraction of the error's radius.
    leak : float, optional
        The largest acceptable mean absolute output at rate 0 for an error that keeps
        its sign, as a fraction of the error's radius. By default it may be any.
    design : {"tied", "classic"}, optional
        The scaler's design.

    Returns
    -------
    n_neurons : int
        Number of neurons per dimension, a multiple of 4.

    Examples
    --------
    >>> n_neurons = neurons_needed(rmse=0.01)
    >>> expected_error(n_neurons).rmse <= 0.01 < expected_error(n_neurons - 4).rmse
    True
    """
    check_choice(design, POWER_LAWS, "design")
    limits = {"rmse": rmse, "leak": leak}
    if leak is None:
        del limits["leak"]
    for name, limit in limits.items():
        check_number(limit, name)
    counts = [
        (limit / factor) ** (1 / exponent)
        for name, limit in limits.items()
        for factor, exponent in [POWER_LAWS[design][name]]
    ]
    return max(4, 4 * math.ceil(max(counts) / 4))
