"""Feedback laws: learning rates that are computed from the error during the run."""

import math

import numpy as np
from nengo.exceptions import ValidationError

from nengo_lr.schedules.base import TIME_TOLERANCE, lerp
from nengo_lr.schedules.params import Declared, NumberParam, RateParam, SecondsParam

__all__ = ["ErrorDriven", "FeedbackLaw", "GreedyRate", "ReduceOnPlateau"]

GROWN = 4.0
"""By what factor the mean square error grows where the task has changed: the error
itself to twice its size, which noise rarely does."""


class FeedbackLaw(Declared):
    r"""A learning rate that follows from the error, step by step.

    Every law can be used as the ``learning_rate`` of a `.ScheduledPES`. It watches the
    mean square error over the error's dimensions, low-passed with ``tau``:

    .. math::
       m_k = m_{k-1} + (1 - e^{-dt/\tau})\left(\tfrac{1}{d}|e_k|^2 - m_{k-1}\right),
       \qquad m_0 = 0

    All that it remembers is its state, a few numbers of which the first is the rate.
    Each item of a minibatch has a state of its own.

    Subclasses implement `initial_state` and `update`, once, for any array namespace
    that follows numpy's names. They keep the type of the arrays they are given. A law
    that uses `watch` has a parameter ``tau``, the filter's time constant in seconds.
    """

    @property
    def upper_bound(self):
        """A rate that is exceeded at no time, or None if none is known."""
        return None

    @property
    def initial_state(self):
        """The state before the first step: array (k,) of float64, the rate first."""
        raise NotImplementedError("a FeedbackLaw must have an initial_state")

    def update(self, state, step, dt, error, xp):
        """Make one step.

        Parameters
        ----------
        state : array (..., k)
            The state after the step before.
        step : int or array ()
            The simulator's step.
        dt : float
            The step's length in seconds.
        error : array (..., d)
            The error at this step, of the state's type.
        xp : module
            The array namespace of the arrays.

        Returns
        -------
        state : array (..., k)
            The state after this step.
        rate : array (..., 1)
            The learning rate at this step.
        """
        raise NotImplementedError("a FeedbackLaw must implement update")

    def watch(self, mean_square, dt, error, xp):
        """The low-passed mean square error (..., 1) after one more step."""
        square = xp.mean(error**2, axis=-1, keepdims=True)
        return mean_square - math.expm1(-dt / self.tau) * (square - mean_square)


class ReduceOnPlateau(FeedbackLaw):
    r"""Multiply the rate by a factor when the error has stopped falling.

    The law compares the error's average up to now (its low-passed mean square, divided
    by :math:`1 - e^{-t/\tau}` because the filter started at 0) with the lowest one
    lately, from t = ``tau`` on. It counts as better where it is below
    ``(1 - threshold) * lowest``. When ``patience`` seconds have passed without a better
    one,

    .. math:: \kappa \leftarrow \max(\text{factor} \cdot \kappa, \text{minimum})

    and nothing counts as waiting in the ``cooldown`` seconds after it.

    The lowest average is forgotten twice. A reduction starts from the average of that
    time. And when the average has grown to four times the lowest one, the error to
    twice its size, the task has changed: the waiting starts anew, and the lowest
    average is from there on the peak that the error falls from.

    Parameters
    ----------
    initial : float
        Learning rate at the start.
    patience : float, optional
        Time in seconds to wait for a better error.
    factor : float, optional
        What the rate is multiplied by (no unit), above 0 and below 1.
    threshold : float, optional
        By which fraction the mean square error must fall to be better (no unit).
    cooldown : float, optional
        Time in seconds after a reduction in which no waiting counts.
    minimum : float, optional
        Learning rate below which it is not reduced; not above ``initial``.
    tau : float, optional
        Time constant in seconds over which the error is averaged. It should span the
        time in which the input repeats itself: an error that is small because the
        input is small for a while looks like progress.

    Raises
    ------
    ValidationError
        If a rate is negative or not finite, ``minimum`` above ``initial``, or another
        parameter out of its range.

    Notes
    -----
    The state is (rate, low-passed mean square error, steps, lowest average, steps
    waited, steps left to cool down, 1 while the error grows and else 0).

    References
    ----------
    He, K., Zhang, X., Ren, S., & Sun, J. (2016). Deep residual learning for image
    recognition. CVPR.

    Examples
    --------
    >>> law = ReduceOnPlateau(1e-3, factor=0.5, patience=0.2, tau=0.1)
    >>> state, error = law.initial_state, np.array([0.3, -0.4])
    >>> for step in range(1, 600):
    ...     state, rate = law.update(state, step, 1e-3, error, np)
    >>> rate
    array([0.00025])
    """

    initial: float = RateParam("initial")
    patience: float = SecondsParam("patience", default=5.0)
    factor: float = NumberParam(
        "factor",
        default=0.1,
        low=0,
        low_open=True,
        high=1,
        high_open=True,
        kw_only=True,
    )
    threshold: float = NumberParam(
        "threshold", default=0.01, low=0, high=1, high_open=True, kw_only=True
    )
    cooldown: float = SecondsParam("cooldown", default=0.0, zero=True, kw_only=True)
    minimum: float = RateParam("minimum", default=0.0, kw_only=True)
    tau: float = SecondsParam("tau", default=1.0, kw_only=True)

    def validate(self):
        if self.minimum > self.initial:
            raise ValidationError(
                f"must not be above initial={self.initial} (got {self.minimum})",
                "minimum",
                self,
            )

    @property
    def upper_bound(self):
        return self.initial

    @property
    def initial_state(self):
        return np.array([self.initial, 0.0, 0.0, np.inf, 0.0, 0.0, 0.0])

    def update(self, state, step, dt, error, xp):
        # steps are counted in the state: floats count them exactly, and not seconds
        rate, mean_square, steps, lowest, waited, cooling, growing = (
            state[..., i : i + 1] for i in range(7)
        )
        mean_square = self.watch(mean_square, dt, error, xp)
        steps = steps + 1.0
        average = -mean_square / xp.expm1(-steps * dt / self.tau)

        settled = steps >= whole_steps(self.tau, dt)
        grown = settled & (average > GROWN * lowest) & (growing == 0.0)
        waited = xp.where(grown, 0.0, waited)
        growing = xp.where(grown, 1.0, growing)
        lowest = xp.where(growing == 1.0, xp.maximum(lowest, average), lowest)

        better = settled & (average < lowest * (1.0 - self.threshold))
        lowest = xp.where(better, average, lowest)
        waiting = settled & ~better & (cooling == 0.0)
        waited = xp.where(waiting, waited + 1.0, 0.0)
        cooling = xp.maximum(cooling - 1.0, 0.0)

        reduce = waited >= whole_steps(self.patience, dt)
        rate = xp.where(reduce, xp.maximum(rate * self.factor, self.minimum), rate)
        waited = xp.where(reduce, 0.0, waited)
        lowest = xp.where(reduce, average, lowest)
        growing = xp.where(better | reduce, 0.0, growing)
        cooling = xp.where(reduce, whole_steps(self.cooldown, dt), cooling)
        state = [rate, mean_square, steps, lowest, waited, cooling, growing]
        return xp.concatenate(state, axis=-1), rate


class GreedyRate(FeedbackLaw):
    r"""Raise the rate while the error falls, and lower it while it does not.

    At the end of every window of time, with M the mean square error over the window and
    over the error's dimensions,

    .. math::
       \kappa \leftarrow \begin{cases}
       \min(\kappa / \text{factor}, \text{maximum})
       & \text{if } M < (1 - \text{threshold})\, M_\text{before} \\
       \max(\kappa \cdot \text{factor}, \text{minimum}) & \text{otherwise} \end{cases}

    The first window has no predecessor and keeps the rate.

    Where the target changes, the error falls again after a window or two, and so the
    rate rises, if learning at the minimum takes more than ``threshold`` off the mean
    square error within a window. The maximum should be stable: `.stable_rate` knows.

    Parameters
    ----------
    initial : float
        Learning rate at the start.
    window : float, optional
        Length of a window in seconds. It should span the time in which the input
        repeats itself: an error that is small because the input is small for a while
        looks like progress.
    minimum : float
        The lowest learning rate; not above ``initial``.
    maximum : float
        The highest learning rate; not below ``initial``.
    factor : float, optional
        What the rate is multiplied or divided by (no unit), above 0 and below 1.
    threshold : float, optional
        By which fraction the mean square error must fall to raise the rate (no unit).

    Raises
    ------
    ValidationError
        If a rate is negative or not finite, ``initial`` not between the other two, or
        another parameter out of its range.

    Notes
    -----
    The state is (rate, sum of the mean squares in this window, steps in it, mean square
    error in the last one).

    References
    ----------
    Subramanian, S., Krishnamoorthy, B., & Murthy, P. (2025). Dynamic learning rate
    scheduling based on loss changes leads to faster convergence. arXiv:2512.14527.

    Examples
    --------
    >>> law = GreedyRate(1e-3, 0.1, minimum=2e-4, maximum=4e-3, factor=0.5)
    >>> state, rates = law.initial_state, []
    >>> for step in range(1, 601):
    ...     error = np.array([max(1.0 - step / 300, 0.1)])  # it falls for 270 steps
    ...     state, rate = law.update(state, step, 1e-3, error, np)
    ...     rates.append(rate.item())
    >>> rates[::100]
    [0.001, 0.001, 0.002, 0.004, 0.004, 0.002]
    """

    initial: float = RateParam("initial")
    window: float = SecondsParam("window", default=1.0)
    minimum: float = RateParam("minimum", kw_only=True)
    maximum: float = RateParam("maximum", kw_only=True)
    factor: float = NumberParam(
        "factor",
        default=0.7,
        low=0,
        low_open=True,
        high=1,
        high_open=True,
        kw_only=True,
    )
    threshold: float = NumberParam(
        "threshold", default=0.05, low=0, high=1, high_open=True, kw_only=True
    )

    def validate(self):
        if self.minimum > self.initial:
            raise ValidationError(
                f"must not be above initial={self.initial} (got {self.minimum})",
                "minimum",
                self,
            )
        if self.maximum < self.initial:
            raise ValidationError(
                f"must not be below initial={self.initial} (got {self.maximum})",
                "maximum",
                self,
            )

    @property
    def upper_bound(self):
        return self.maximum

    @property
    def initial_state(self):
        return np.array([self.initial, 0.0, 0.0, np.inf])

    def update(self, state, step, dt, error, xp):
        rate, total, steps, before = (state[..., i : i + 1] for i in range(4))
        total = total + xp.mean(error**2, axis=-1, keepdims=True)
        steps = steps + 1.0
        mean_square = total / steps

        ends = steps >= whole_steps(self.window, dt)
        falls = mean_square < before * (1.0 - self.threshold)
        raised = xp.minimum(rate / self.factor, self.maximum)
        lowered = xp.maximum(rate * self.factor, self.minimum)
        known = ends & (before < np.inf)
        rate = xp.where(known, xp.where(falls, raised, lowered), rate)

        before = xp.where(ends, mean_square, before)
        total, steps = xp.where(ends, 0.0, total), xp.where(ends, 0.0, steps)
        return xp.concatenate([rate, total, steps, before], axis=-1), rate


class ErrorDriven(FeedbackLaw):
    r"""A rate that grows with the size of the error, between two limits.

    .. math::
       \kappa_k = \text{low} + (\text{high} - \text{low})
       \min\!\left(1, \frac{\sqrt{m_k}}{\text{scale}}\right)

    with :math:`m_k` the low-passed mean square error: large errors are learned from
    quickly, and what has been learned is kept while they are small.

    Parameters
    ----------
    low : float
        Learning rate without an error, which is also the first one.
    high : float
        Learning rate with large errors; not below ``low``.
    scale : float
        Root mean square error from which on the rate is ``high``, in the error's unit.
    tau : float, optional
        Time constant in seconds over which the error is averaged.

    Raises
    ------
    ValidationError
        If a rate is negative or not finite, ``high`` below ``low``, or ``scale`` or
        ``tau`` not above 0.

    Notes
    -----
    The state is (rate, low-passed mean square error).

    References
    ----------
    Pearce, J. M., & Hall, G. (1980). A model for Pavlovian learning: variations in the
    effectiveness of conditioned but not of unconditioned stimuli. Psychological Review,
    87(6), 532-552.

    Examples
    --------
    >>> law = ErrorDriven(1e-5, 1e-3, scale=0.5)
    >>> law.update(np.array([1e-5, 0.01]), 1, 1e-3, np.array([0.1, 0.1]), np)[1]
    array([0.000208])
    """

    low: float = RateParam("low")
    high: float = RateParam("high")
    scale: float = NumberParam("scale", low=0, low_open=True, kw_only=True)
    tau: float = SecondsParam("tau", default=0.1, kw_only=True)

    def validate(self):
        if self.high < self.low:
            raise ValidationError(
                f"must not be below low={self.low} (got {self.high})", "high", self
            )

    @property
    def upper_bound(self):
        return self.high

    @property
    def initial_state(self):
        return np.array([self.low, 0.0])

    def update(self, state, step, dt, error, xp):
        mean_square = self.watch(state[..., 1:2], dt, error, xp)
        fraction = xp.minimum(xp.sqrt(mean_square) / self.scale, 1.0)
        rate = lerp(self.low, self.high, fraction)
        return xp.concatenate([rate, mean_square], axis=-1), rate


def whole_steps(seconds, dt):
    """How many steps of length ``dt`` it takes until ``seconds`` have passed."""
    return float(max(math.ceil((seconds - TIME_TOLERANCE) / dt), 0))
