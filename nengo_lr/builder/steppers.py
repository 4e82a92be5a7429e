"""The formulas of the optimizers, in place on numpy arrays of the weights' shape."""

import math

import numpy as np

from nengo_lr.builder.kernels import BLOCK, blocks, outer_mixer, outer_setter
from nengo_lr.optimizers import AdaGrad, Adam, LocalGains, RMSProp
from nengo_lr.optimizers.moments import new_fraction


def make_stepper(optimizer, state, left, right, delta, dt):
    """Make a function that does an optimizer's `update` in place.

    Parameters
    ----------
    optimizer : Optimizer
        Whose formula it is. One of exactly a class in `STEPPERS` has a function of its
        own; all others, their subclasses too, are called as they are.
    state : dict of str to array (m, n)
        The state, changed by each call of the function.
    left : array (m,)
    right : array (n,)
        The error and the activities, whose outer product is the gradient; read at each
        call.
    delta : array (m, n)
        Where the scaled change goes.
    dt : float
        Length of a step in seconds.

    Returns
    -------
    advance : callable
        ``advance(step, scale)`` updates the state and does ``delta[...] = scale *
        change``, where ``scale`` is an array (1, 1) or (m, 1).
    """
    make = STEPPERS.get(type(optimizer), pure_stepper)
    return make(optimizer, state, left, right, delta, dt)


def pure_stepper(optimizer, state, left, right, delta, dt):
    """Call an optimizer's own pure function, in blocks that stay in the cache."""
    parts = [
        (i, j, {name: array[i, j] for name, array in state.items()}, delta[i, j])
        for i, j in blocks(delta.shape)
    ]

    def advance(step, scale):
        for i, j, old, part in parts:
            new, change = optimizer.update(old, left[i], right[j], step, dt)
            for name, array in new.items():
                old[name][...] = array
            np.multiply(change, scale[i] if len(scale) > 1 else scale, out=part)

    return advance


def adagrad_stepper(optimizer, state, left, right, delta, dt):
    """Add the squares up, and divide by their root."""
    moment = state["second_moment"]
    return root_stepper(moment, left, right, delta, 1.0, dt, optimizer.epsilon)


def rmsprop_stepper(optimizer, state, left, right, delta, dt):
    """Average the squares, and divide by their root."""
    moment, new = state["second_moment"], new_fraction(dt, optimizer.tau)
    return root_stepper(moment, left, right, delta, 1 - new, new, optimizer.epsilon)


def adam_stepper(optimizer, state, left, right, delta, dt):
    """Average the gradient and its squares, and divide one by the root of the other."""
    mean, moment = state["mean"], state["second_moment"]
    new_mean, new_moment = (
        new_fraction(dt, optimizer.tau_mean),
        new_fraction(dt, optimizer.tau_variance),
    )
    # the square of an outer product is the outer product of the squares
    left_squares, right_squares = np.empty_like(left), np.empty_like(right)
    parts = []
    for i, j in blocks(delta.shape):
        squares = left_squares[i], right_squares[j]
        parts.append(
            (
                i,
                outer_mixer(mean[i, j], left[i], right[j], 1 - new_mean, new_mean),
                mean[i, j],
                outer_mixer(moment[i, j], *squares, 1 - new_moment, new_moment),
                moment[i, j],
                delta[i, j],
            )
        )

    def advance(step, scale):
        np.multiply(left, left, out=left_squares)
        np.multiply(right, right, out=right_squares)
        # corrected once, in the scale and in epsilon, instead of in every weight
        t = step * dt
        root = math.sqrt(-math.expm1(-t / optimizer.tau_variance))
        epsilon = optimizer.epsilon * root
        factor = scale * (root / -math.expm1(-t / optimizer.tau_mean))
        moves = moving(scale)
        for i, mix_gradient, mean_part, mix_squares, moment_part, change in parts:
            mix_gradient()
            mix_squares()
            if moves:
                np.sqrt(moment_part, out=change)
                np.add(change, epsilon, out=change)
                np.divide(mean_part, change, out=change)
                change *= factor[i] if len(factor) > 1 else factor
            else:
                change.fill(0.0)

    return advance


def local_gains_stepper(optimizer, state, left, right, delta, dt):
    """Sum the gradient over a window, and multiply by gains."""
    window = optimizer.window_steps(dt)
    column, scaled = left[:, None], np.empty_like(left)
    scaled_column, total = scaled[:, None], state["window_gradient"]
    parts = [
        (
            state["gains"][i, j],
            total[i, j],
            outer_mixer(total[i, j], left[i], right[j], 1.0, 1.0),
            state["previous_gradient"][i, j],
            outer_setter(delta[i, j], scaled[i], right[j]),
            delta[i, j],
        )
        for i, j in blocks(delta.shape)
    ]

    def advance(step, scale):
        np.multiply(column, scale, out=scaled_column)
        moves = moving(scale)
        ends = step % window == 0
        for gains, total, add_gradient, previous, set_change, change in parts:
            add_gradient()
            if ends:
                if step > window:
                    gains[...] = optimizer.adapted(gains, total, previous)
                previous[...] = total
                total.fill(0.0)
            if moves:
                set_change()
                np.multiply(change, gains, out=change)
            else:
                change.fill(0.0)

    return advance


def root_stepper(moment, left, right, delta, keep, new, epsilon):
    """Make what `AdaGrad` and `RMSProp` do in place.

    Parameters
    ----------
    moment : array (m, n)
        A sum or mean of the gradient's squares.
    left : array (m,)
    right : array (n,)
    delta : array (m, n)
        As in `make_stepper`.
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
    # the square of an outer product is the outer product of the squares
    left_squares, right_squares = np.empty_like(left), np.empty_like(right)
    column, scaled, buffer = (
        left[:, None],
        np.empty_like(left),
        np.empty(BLOCK, left.dtype),
    )
    scaled_column = scaled[:, None]
    epsilon = np.array(epsilon, left.dtype)  # converted once
    parts = []
    for i, j in blocks(delta.shape):
        change = delta[i, j]
        gradient = buffer[: change.size].reshape(change.shape)
        squares = left_squares[i], right_squares[j]
        parts.append(
            (
                outer_mixer(moment[i, j], *squares, keep, new),
                moment[i, j],
                outer_setter(gradient, scaled[i], right[j]),
                gradient,
                change,
            )
        )

    def advance(step, scale):
        np.multiply(left, left, out=left_squares)
        np.multiply(right, right, out=right_squares)
        np.multiply(column, scale, out=scaled_column)
        moves = moving(scale)
        for mix_squares, moment_part, set_gradient, gradient, change in parts:
            mix_squares()
            if moves:
                np.sqrt(moment_part, out=change)
                np.add(change, epsilon, out=change)
                set_gradient()
                np.divide(gradient, change, out=change)
            else:
                change.fill(0.0)

    return advance


def moving(scale):
    """Whether a scale, an array (1, 1) or (m, 1), may make a change other than 0."""
    return len(scale) > 1 or scale.item() != 0


STEPPERS = {
    AdaGrad: adagrad_stepper,
    RMSProp: rmsprop_stepper,
    Adam: adam_stepper,
    LocalGains: local_gains_stepper,
}
"""The functions that make an optimizer's in-place form."""
