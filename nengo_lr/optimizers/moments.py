"""Optimizers that divide a gradient by a root of the mean or sum of its squares."""

import math

import numpy as np

from nengo_lr.optimizers.base import Optimizer, outer
from nengo_lr.schedules.params import NumberParam, SecondsParam

__all__ = ["AdaGrad", "Adam", "RMSProp"]


class AdaGrad(Optimizer):
    r"""Divide every weight's gradient by the root of all its squares so far.

    .. math::
       S &\leftarrow S + g^2\,dt \\
       \text{change} &= \frac{g}{\sqrt{S} + \epsilon}

    with :math:`S = 0` at first. Weights with large or frequent gradients slow down,
    rarely used ones keep a large rate, and all slow down with time as by a schedule.
    The sum is an integral over time, so that it does not depend on ``dt``.

    ``second_moment`` (:math:`S`) can be probed on the learning rule.

    Parameters
    ----------
    epsilon : float, optional
        Added to the root, in the units of :math:`\sqrt{S}`: error times Hz times root
        of seconds.

    References
    ----------
    Duchi, J., Hazan, E., & Singer, Y. (2011). Adaptive subgradient methods for online
    learning and stochastic optimization. Journal of Machine Learning Research, 12,
    2121-2159.

    Examples
    --------
    >>> from nengo_lr import ScheduledPES
    >>> ScheduledPES(1e-2, optimizer=AdaGrad())
    ScheduledPES(learning_rate=0.01, optimizer=AdaGrad())
    """

    probeable = ("second_moment",)
    epsilon: float = NumberParam(
        "epsilon", default=1e-3, low=0, low_open=True, kw_only=True
    )

    def initial_state(self, shape):
        return {"second_moment": np.zeros(shape)}

    def update(self, state, error, activities, step, dt, xp=np):
        gradient = outer(error, activities)
        moment = state["second_moment"] + gradient * gradient * dt
        change = gradient / (xp.sqrt(moment) + self.epsilon)
        return {"second_moment": moment}, change


class RMSProp(Optimizer):
    r"""Divide every weight's gradient by the root of the mean of its recent squares.

    .. math::
       v &\leftarrow v + (1 - e^{-dt/\tau})(g^2 - v) \\
       \text{change} &= \frac{g}{\sqrt{v} + \epsilon}

    with :math:`v = 0` at first. All weights then move at about the same speed, however
    large their gradients are. That speed does not fall by itself, so that a schedule
    that ends near 0 pays.

    ``second_moment`` (:math:`v`) can be probed on the learning rule.

    Parameters
    ----------
    tau : float, optional
        Time constant of the mean in seconds.
    epsilon : float, optional
        Added to the root, in the units of the gradient: error times Hz.

    References
    ----------
    Tieleman, T., & Hinton, G. (2012). Neural networks for machine learning, lecture
    6.5: RMSProp: Divide the gradient by a running average of its recent magnitude.
    Coursera.

    Examples
    --------
    >>> from nengo_lr import CosineDecay, ScheduledPES
    >>> rate = CosineDecay(1e-2, duration=60.0)
    >>> rule = ScheduledPES(rate, optimizer=RMSProp(tau=1.0))
    """

    probeable = ("second_moment",)
    tau: float = SecondsParam("tau", default=1.0)
    epsilon: float = NumberParam(
        "epsilon", default=1e-3, low=0, low_open=True, kw_only=True
    )

    def initial_state(self, shape):
        return {"second_moment": np.zeros(shape)}

    def update(self, state, error, activities, step, dt, xp=np):
        gradient = outer(error, activities)
        moment = state["second_moment"]
        moment = moment + new_fraction(dt, self.tau) * (gradient * gradient - moment)
        change = gradient / (xp.sqrt(moment) + self.epsilon)
        return {"second_moment": moment}, change


class Adam(Optimizer):
    r"""Divide every weight's mean gradient by the root of the mean of its squares.

    .. math::
       m &\leftarrow m + (1 - e^{-dt/\tau_m})(g - m) \\
       v &\leftarrow v + (1 - e^{-dt/\tau_v})(g^2 - v) \\
       \text{change} &= \frac{m / (1 - e^{-t_k/\tau_m})}
       {\sqrt{v / (1 - e^{-t_k/\tau_v})} + \epsilon}

    with :math:`m = v = 0` at first. The divisors take out the bias towards that start;
    :math:`t_k = k\,dt`. The mean smooths the gradient, which helps where the error is
    noisy, and delays it by :math:`\tau_m`, which costs stability.

    ``mean`` (:math:`m`) and ``second_moment`` (:math:`v`) can be probed on the learning
    rule.

    Parameters
    ----------
    tau_mean : float, optional
        Time constant of the gradient's mean in seconds.
    tau_variance : float, optional
        Time constant of the mean of the gradient's square in seconds.
    epsilon : float, optional
        Added to the root, in the units of the gradient: error times Hz.

    References
    ----------
    Kingma, D. P., & Ba, J. (2015). Adam: A method for stochastic optimization. ICLR.

    Examples
    --------
    >>> from nengo_lr import ScheduledPES
    >>> ScheduledPES(1e-3, optimizer=Adam(tau_mean=0.2))
    ScheduledPES(learning_rate=0.001, optimizer=Adam(tau_mean=0.2))
    """

    probeable = ("mean", "second_moment")
    tau_mean: float = SecondsParam("tau_mean", default=0.1)
    tau_variance: float = SecondsParam("tau_variance", default=1.0)
    epsilon: float = NumberParam(
        "epsilon", default=1e-3, low=0, low_open=True, kw_only=True
    )

    def initial_state(self, shape):
        return {"mean": np.zeros(shape), "second_moment": np.zeros(shape)}

    def update(self, state, error, activities, step, dt, xp=np):
        gradient = outer(error, activities)
        mean, moment = state["mean"], state["second_moment"]
        mean = mean + new_fraction(dt, self.tau_mean) * (gradient - mean)
        moment = moment + new_fraction(dt, self.tau_variance) * (
            gradient * gradient - moment
        )
        t = xp.asarray(step, dtype=np.float64) * dt
        known_mean, known_moment = (
            xp.asarray(-xp.expm1(-t / tau), dtype=gradient.dtype)
            for tau in (self.tau_mean, self.tau_variance)
        )
        change = mean / known_mean / (xp.sqrt(moment / known_moment) + self.epsilon)
        return {"mean": mean, "second_moment": moment}, change


def new_fraction(dt, tau):
    """What a step of ``dt`` brings into a running mean of ``tau``, as a fraction."""
    return -math.expm1(-dt / tau)
