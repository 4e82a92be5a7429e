"""Optimizers that divide a gradient by a root of the mean or sum of its squares."""

import math

import numpy as np

from nengo_lr.kernels import SMALL, blas_outer_adder, blocks
from nengo_lr.optimizers.base import EpsilonParam, Optimizer, outer
from nengo_lr.schedules.base import SecondsParam

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
    epsilon = EpsilonParam("epsilon", default=1e-3)

    def __init__(self, epsilon=1e-3):
        super().__init__()
        self.epsilon = epsilon

    def initial_state(self, shape):
        return {"second_moment": np.zeros(shape)}

    def update(self, state, left, right, step, dt, xp=np):
        gradient = outer(left, right)
        moment = state["second_moment"] + gradient * gradient * dt
        change = gradient / (xp.sqrt(moment) + self.epsilon)
        return {"second_moment": moment}, change

    def stepper(self, state, left, right, delta, dt):
        moment = state["second_moment"]
        return root_stepper(moment, left, right, delta, 1.0, dt, self.epsilon)


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
    tau = SecondsParam("tau", default=1.0)
    epsilon = EpsilonParam("epsilon", default=1e-3)

    def __init__(self, tau=1.0, epsilon=1e-3):
        super().__init__()
        self.tau = tau
        self.epsilon = epsilon

    def initial_state(self, shape):
        return {"second_moment": np.zeros(shape)}

    def update(self, state, left, right, step, dt, xp=np):
        gradient = outer(left, right)
        moment = state["second_moment"]
        moment = moment + share(dt, self.tau) * (gradient * gradient - moment)
        change = gradient / (xp.sqrt(moment) + self.epsilon)
        return {"second_moment": moment}, change

    def stepper(self, state, left, right, delta, dt):
        moment, new = state["second_moment"], share(dt, self.tau)
        return root_stepper(moment, left, right, delta, 1 - new, new, self.epsilon)


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
    tau_mean = SecondsParam("tau_mean", default=0.1)
    tau_variance = SecondsParam("tau_variance", default=1.0)
    epsilon = EpsilonParam("epsilon", default=1e-3)

    def __init__(self, tau_mean=0.1, tau_variance=1.0, epsilon=1e-3):
        super().__init__()
        self.tau_mean = tau_mean
        self.tau_variance = tau_variance
        self.epsilon = epsilon

    def initial_state(self, shape):
        return {"mean": np.zeros(shape), "second_moment": np.zeros(shape)}

    def corrections(self, step, dt, xp=np):
        """What the mean and the second moment are divided by at a step, in float64."""
        t = xp.asarray(step, dtype=np.float64) * dt
        return -xp.expm1(-t / self.tau_mean), -xp.expm1(-t / self.tau_variance)

    def update(self, state, left, right, step, dt, xp=np):
        gradient = outer(left, right)
        mean, moment = state["mean"], state["second_moment"]
        mean = mean + share(dt, self.tau_mean) * (gradient - mean)
        moment = moment + share(dt, self.tau_variance) * (gradient * gradient - moment)
        known_mean, known_moment = (
            xp.asarray(known, dtype=gradient.dtype)
            for known in self.corrections(step, dt, xp)
        )
        change = mean / known_mean / (xp.sqrt(moment / known_moment) + self.epsilon)
        return {"mean": mean, "second_moment": moment}, change

    def stepper(self, state, left, right, delta, dt):
        mean, moment, epsilon = state["mean"], state["second_moment"], self.epsilon
        new_mean, new_moment = share(dt, self.tau_mean), share(dt, self.tau_variance)
        # the square of an outer product is the outer product of the squares
        lefts, left_squares = np.empty_like(left), np.empty_like(left)
        right_squares = np.empty_like(right)
        parts = [
            (
                i,
                mean[i, j],
                blas_outer_adder(mean[i, j], lefts[i], right[j]),
                moment[i, j],
                blas_outer_adder(moment[i, j], left_squares[i], right_squares[j]),
                delta[i, j],
            )
            for i, j in blocks(delta.shape)
        ]

        def advance(step, scale):
            np.multiply(left, new_mean, out=lefts)
            np.multiply(left, left, out=left_squares)
            np.multiply(left_squares, new_moment, out=left_squares)
            np.multiply(right, right, out=right_squares)
            # corrected once, in the scale and in epsilon, instead of in every weight
            known_mean, known_moment = self.corrections(step, dt)
            root = math.sqrt(known_moment)
            factor = scale * (root / known_mean)
            moves = np.count_nonzero(factor)
            for i, mean_part, add_mean, moment_part, add_moment, change in parts:
                np.multiply(mean_part, 1 - new_mean, out=mean_part)
                add_mean()
                np.multiply(moment_part, 1 - new_moment, out=moment_part)
                add_moment()
                if moves:
                    np.sqrt(moment_part, out=change)
                    np.add(change, epsilon * root, out=change)
                    np.divide(mean_part, change, out=change)
                    change *= factor[i] if len(factor) > 1 else factor
                else:
                    change.fill(0.0)

        return advance


def share(dt, tau):
    """What a step of ``dt`` brings into a running mean of ``tau``, as a fraction."""
    return -math.expm1(-dt / tau)


def root_stepper(moment, left, right, delta, keep, new, epsilon):
    """Make what `AdaGrad` and `RMSProp` do in place.

    Parameters
    ----------
    moment : array (m, n)
        A sum or mean of the gradient's squares.
    left : array (m,)
    right : array (n,)
    delta : array (m, n)
        As in `Optimizer.stepper`.
    keep, new : float
        What the moment keeps of itself, and what it gets of the gradient's square.
    epsilon : float
        Added to the root.

    Returns
    -------
    advance : callable
        ``advance(step, scale)`` does ``moment = keep * moment + new * gradient**2`` and
        ``delta = scale * gradient / (sqrt(moment) + epsilon)``.
    """
    column, row = left[:, None], right[None, :]
    # the square of an outer product is the outer product of the squares
    left_squares, right_squares = np.empty_like(left), np.empty_like(right)
    scaled, buffer = np.empty_like(column), np.empty(SMALL, delta.dtype)
    parts = [
        (
            moment[i, j],
            blas_outer_adder(moment[i, j], left_squares[i], right_squares[j]),
            scaled[i],
            row[:, j],
            delta[i, j],
            buffer[: delta[i, j].size].reshape(delta[i, j].shape),
        )
        for i, j in blocks(delta.shape)
    ]

    def advance(step, scale):
        np.multiply(left, left, out=left_squares)
        np.multiply(left_squares, new, out=left_squares)
        np.multiply(right, right, out=right_squares)
        np.multiply(column, scale, out=scaled)
        moves = np.count_nonzero(scaled)
        for moment_part, add_squares, scaled_part, row_part, change, gradient in parts:
            if keep != 1:
                np.multiply(moment_part, keep, out=moment_part)
            add_squares()
            if moves:
                np.sqrt(moment_part, out=change)
                np.add(change, epsilon, out=change)
                np.dot(scaled_part, row_part, out=gradient)
                np.divide(gradient, change, out=change)
            else:
                change.fill(0.0)

    return advance
