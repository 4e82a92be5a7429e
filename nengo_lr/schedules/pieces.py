"""Schedules made of pieces: constants, and values between given times."""

from nengo.exceptions import ValidationError

from nengo_lr.schedules.base import (
    RateParam,
    RatesParam,
    Schedule,
    TimesParam,
    reached,
)

__all__ = ["Constant", "PiecewiseConstant"]


class Constant(Schedule):
    r"""The same rate at all times.

    .. math:: \kappa(t) = \text{value}

    Parameters
    ----------
    value : float
        Learning rate.

    Examples
    --------
    >>> Constant(1e-4)(3.0)
    0.0001
    """

    value = RateParam("value")

    def __init__(self, value):
        super().__init__()
        self.value = value

    def evaluate(self, t, xp):
        return xp.full_like(t, self.value)


class PiecewiseConstant(Schedule):
    r"""Constant rates that switch at given times.

    .. math::
       \kappa(t) = \text{values}_i \quad\text{for}\quad
       \text{boundaries}_{i-1} \le t < \text{boundaries}_i

    Parameters
    ----------
    values : array_like (n + 1,)
        Learning rates.
    boundaries : array_like (n,)
        Times in seconds, strictly increasing, at which the next value begins.

    Examples
    --------
    >>> schedule = PiecewiseConstant([1e-3, 1e-4, 0.0], boundaries=[5.0, 10.0])
    >>> schedule(4.9), schedule(5.0), schedule(12.0)
    (0.001, 0.0001, 0.0)
    """

    values = RatesParam("values")
    boundaries = TimesParam("boundaries")

    def __init__(self, values, boundaries):
        super().__init__()
        self.values = values
        self.boundaries = boundaries
        if len(self.values) != len(self.boundaries) + 1:
            raise ValidationError(
                f"{len(self.boundaries)} boundaries need "
                f"{len(self.boundaries) + 1} values (got {len(self.values)})",
                "values",
                self,
            )

    def evaluate(self, t, xp):
        piece = xp.sum(reached(t[:, None], self.boundaries), axis=1)
        return xp.take(xp.asarray(self.values), piece)
