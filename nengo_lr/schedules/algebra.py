"""Schedules that combine others at the same time."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import reduce

import numpy as np
from nengo.exceptions import ValidationError

from nengo_lr.schedules.base import Schedule
from nengo_lr.schedules.params import RateParam, ScheduleParam, SchedulesParam

__all__ = ["Clip", "Maximum", "Minimum", "Product", "Sum"]


class Combination(Schedule):
    """Several schedules that are combined pairwise, from left to right."""

    schedules: Sequence[Schedule | float] = SchedulesParam("schedules")

    def pairwise(self, xp):
        """The function of two arrays of rates that combines them."""
        raise NotImplementedError("a Combination must implement pairwise(xp)")

    @property
    def upper_bound(self):
        rates = [schedule.upper_bound for schedule in self.schedules]
        return None if None in rates else float(reduce(self.pairwise(np), rates))

    def evaluate(self, t, xp):
        rates = [schedule.evaluate(t, xp) for schedule in self.schedules]
        return reduce(self.pairwise(xp), rates)


class Product(Combination):
    r"""Schedules multiplied with each other.

    .. math:: \kappa(t) = \prod_i \kappa_i(t)

    ``schedule * 0.5`` and ``schedule * other`` are the same.

    Parameters
    ----------
    schedules : list of Schedule or float
        The factors; a number stands for a `.Constant`. One is a learning rate, the
        others have no unit.

    Raises
    ------
    ValidationError
        If there is no schedule, or one is neither a schedule nor a rate.

    Examples
    --------
    >>> from nengo_lr import Linear
    >>> Product([Linear(1e-3, 2.0), 0.5])([0.0, 1.0, 2.0])
    array([0.0005 , 0.00025, 0.     ])
    """

    def pairwise(self, xp):
        return operator.mul


class Sum(Combination):
    r"""Schedules added to each other.

    .. math:: \kappa(t) = \sum_i \kappa_i(t)

    ``schedule + other`` is the same.

    Parameters
    ----------
    schedules : list of Schedule or float
        The learning rates to add; a number stands for a `.Constant`.

    Raises
    ------
    ValidationError
        If there is no schedule, or one is neither a schedule nor a rate.

    Examples
    --------
    >>> from nengo_lr import Linear
    >>> Sum([Linear(1e-3, 2.0), 1e-4])([0.0, 1.0, 2.0])
    array([0.0011, 0.0006, 0.0001])
    """

    def pairwise(self, xp):
        return operator.add


class Minimum(Combination):
    r"""The smallest of several schedules at each time.

    .. math:: \kappa(t) = \min_i \kappa_i(t)

    ``schedule.minimum(other)`` is the same.

    Parameters
    ----------
    schedules : list of Schedule or float
        Learning rates; a number stands for a `.Constant`.

    Raises
    ------
    ValidationError
        If there is no schedule, or one is neither a schedule nor a rate.

    Examples
    --------
    >>> from nengo_lr import Linear
    >>> Minimum([Linear(1e-3, 2.0), 6e-4])([0.0, 1.0, 2.0])
    array([0.0006, 0.0005, 0.    ])
    """

    def pairwise(self, xp):
        return xp.minimum


class Maximum(Combination):
    r"""The largest of several schedules at each time.

    .. math:: \kappa(t) = \max_i \kappa_i(t)

    ``schedule.maximum(other)`` is the same.

    Parameters
    ----------
    schedules : list of Schedule or float
        Learning rates; a number stands for a `.Constant`.

    Raises
    ------
    ValidationError
        If there is no schedule, or one is neither a schedule nor a rate.

    Examples
    --------
    >>> from nengo_lr import Linear
    >>> Maximum([Linear(1e-3, 2.0), 6e-4])([0.0, 1.0, 2.0])
    array([0.001 , 0.0006, 0.0006])
    """

    def pairwise(self, xp):
        return xp.maximum


class Clip(Schedule):
    r"""A schedule kept between two rates.

    .. math:: \kappa(t) = \min(\max(\kappa_0(t), \text{low}), \text{high})

    ``schedule.clip(low, high)`` is the same.

    Parameters
    ----------
    schedule : Schedule or float
        The learning rate to limit; a number stands for a `.Constant`.
    low : float
        The smallest learning rate.
    high : float
        The largest learning rate, not below ``low``.

    Raises
    ------
    ValidationError
        If a rate is negative or not finite, or ``high`` below ``low``.

    Examples
    --------
    >>> from nengo_lr import Linear
    >>> Clip(Linear(1e-3, 2.0), low=1e-4, high=6e-4)([0.0, 1.0, 2.0])
    array([0.0006, 0.0005, 0.0001])
    """

    schedule: Schedule | float = ScheduleParam("schedule")
    low: float = RateParam("low")
    high: float = RateParam("high")

    def validate(self):
        if self.high < self.low:
            raise ValidationError(
                f"must not be below low={self.low} (got {self.high})", "high", self
            )

    @property
    def upper_bound(self):
        rate = self.schedule.upper_bound
        return self.high if rate is None else min(max(rate, self.low), self.high)

    def evaluate(self, t, xp):
        return xp.clip(self.schedule.evaluate(t, xp), self.low, self.high)
