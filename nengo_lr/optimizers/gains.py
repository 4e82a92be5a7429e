"""An optimizer that multiplies the gradient of every weight by a gain of its own."""

from __future__ import annotations

import numpy as np
from nengo.exceptions import ValidationError

from nengo_lr.optimizers.base import Optimizer, outer
from nengo_lr.schedules.params import DeclaredParam, NumberParam, SecondsParam

__all__ = ["LocalGains"]


class LimitsParam(DeclaredParam):
    """The smallest and the largest gain: two finite numbers with 1 between them."""

    def coerce(self, instance, limits):
        try:
            low, high = (float(limit) for limit in limits)
        except (TypeError, ValueError):
            low = high = np.nan
        if not 0 <= low <= 1 <= high < np.inf:
            raise ValidationError(
                "must be two finite numbers (low, high) with 0 <= low <= 1 <= high, "
                f"because gains start at 1 (got {limits!r})",
                self.name,
                instance,
            )
        return super().coerce(instance, (low, high))


class LocalGains(Optimizer):
    r"""Multiply every weight's gradient by a gain that follows the gradient's sign.

    The gradient is summed over windows of time. At the end of a window the gain of a
    weight grows by a constant where the sum :math:`G` has the sign that it had in the
    window before, and shrinks by a factor where it has not:

    .. math::
       \gamma &\leftarrow \text{clip}\left(\begin{cases}
           \gamma + \text{bonus} & \text{if } G\,G_\text{before} > 0 \\
           \gamma \cdot \text{penalty} & \text{otherwise}
           \end{cases},\; \text{limits}\right) \\
       \text{change} &= \gamma\,g

    Gains start at 1. The first window has no predecessor and keeps them there. A sum of
    exactly 0 agrees with nothing. The step that ends a window uses the new gains.

    Gains help where a rate is too small and its gradients are consistent. Where the
    rate is at the edge of stability already, or the gradient's sign is that of noise,
    they do harm.

    ``gains`` (:math:`\gamma`) can be probed on the learning rule.

    Parameters
    ----------
    bonus : float, optional
        What a gain grows by, per window; from 0 to 1.
    penalty : float, optional
        What a gain shrinks to, as a fraction per window; from 0 to 1.
    limits : (float, float), optional
        Smallest and largest gain, at most and at least 1.
    window : float, optional
        Length of a window in seconds, rounded to whole steps and at least one. It
        should be longer than the error's correlation time: over single steps, signs
        agree by themselves and all gains climb to their limit.

    References
    ----------
    Jacobs, R. A. (1988). Increased rates of convergence through learning rate
    adaptation. Neural Networks, 1(4), 295-307.

    Hinton, G. (2012). Neural networks for machine learning, lecture 6d: Separate,
    adaptive learning rates for each connection. Coursera.

    Examples
    --------
    >>> from nengo_lr import ScheduledPES
    >>> ScheduledPES(2e-4, optimizer=LocalGains(window=1.0))
    ScheduledPES(learning_rate=0.0002, optimizer=LocalGains(window=1.0))
    """

    probeable = ("gains",)
    bonus: float = NumberParam("bonus", default=0.05, low=0, high=1, kw_only=True)
    penalty: float = NumberParam("penalty", default=0.95, low=0, high=1, kw_only=True)
    limits: tuple[float, float] = LimitsParam(
        "limits", default=(0.1, 10.0), kw_only=True
    )
    window: float = SecondsParam("window", default=0.5, kw_only=True)

    def window_steps(self, dt):
        """The length of a window in steps of ``dt`` seconds."""
        return max(1, round(self.window / dt))

    def initial_state(self, shape):
        return {
            "gains": np.ones(shape),
            "window_gradient": np.zeros(shape),
            "previous_gradient": np.zeros(shape),
        }

    def adapted(self, gains, total, previous, xp=np):
        """The gains after a window, from the sums of this and of the last window."""
        gains = xp.where(total * previous > 0, gains + self.bonus, gains * self.penalty)
        return xp.clip(gains, *self.limits)

    def update(self, state, error, activities, step, dt, xp=np):
        window = self.window_steps(dt)
        gradient = outer(error, activities)
        gains, previous = state["gains"], state["previous_gradient"]
        total = state["window_gradient"] + gradient
        ends = step % window == 0
        adapts = xp.logical_and(ends, step > window)
        gains = xp.where(adapts, self.adapted(gains, total, previous, xp), gains)
        return {
            "gains": gains,
            "window_gradient": xp.where(ends, xp.zeros_like(total), total),
            "previous_gradient": xp.where(ends, total, previous),
        }, gains * gradient
