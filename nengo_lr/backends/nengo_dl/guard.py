"""Checks that stop a simulation in which weights are about to overflow."""

import numpy as np
import tensorflow as tf
from nengo_dl.builder import Builder, OpBuilder

from nengo_lr.backends.nengo_dl.signals import same_shapes, stack, unless
from nengo_lr.builder.guard import (
    PERIOD,
    SimWeightsGuard,
    limit_of,
    overflowing,
    stop,
    too_large,
)


def limit_in(tensor):
    """The largest size that an element of a tensor may have."""
    return limit_of(np.dtype(tensor.dtype.as_numpy_dtype))


def owner(op, item, n_items):
    """What has the weights, and in which item of a minibatch they overflow."""
    if n_items == 1:
        return op.owner
    return f"{op.owner} (item {item} of the minibatch)"


def guard(ops, step, rate, error, activities, weights, dt):
    """Stop a group of `.SimPESGradient` operators before their weights overflow.

    Parameters
    ----------
    ops : list of SimPESGradient
    step : tensor ()
    rate : tensor (..., group, 1 or m, 1)
    error : tensor (..., group, m, 1)
    activities : tensor (..., group, 1, n)
    weights : tensor (..., group * m, n)
    dt : float
        The step's length in seconds.

    Returns
    -------
    checked : tensor ()
        What has to be computed before the step ends.
    """

    def look(step, *arrays):
        read = ops[0].rate, ops[0].error, ops[0].activities, ops[0].weights
        arrays = [
            array.reshape(-1, len(ops), signal.size)
            for array, signal in zip(arrays, read)
        ]
        for i, item in enumerate(zip(*arrays)):
            for op, rate, error, activities, weights in zip(ops, *item):
                name = overflowing(rate, error, activities, dt, op.guards_gradient)
                if name:
                    whose = owner(op, i, len(arrays[0]))
                    stop(whose, step.item() * dt, rate, weights, error, name)
        return np.int32(0)

    # activities that are not finite make an error that is not
    small = tf.nn.l2_loss(error) <= limit_in(error)
    return unless(small, look, step, rate, error, activities, weights)


@Builder.register(SimWeightsGuard)
class SimWeightsGuardBuilder(OpBuilder):
    """Build a group of `.SimWeightsGuard` operators."""

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        op = self.ops[0]
        self.step_data = signals[op.step]
        self.rate_data = stack(signals, [op.rate for op in self.ops])
        self.weights_data = signals.combine([op.weights for op in self.ops])
        self.shape = (len(self.ops), *op.weights.shape)

    def build_step(self, signals):
        step = tf.reshape(signals.gather(self.step_data), ())
        rate, weights = map(signals.gather, (self.rate_data, self.weights_data))
        limit = limit_in(weights)

        def look(step, rates, weights):
            rates = rates.reshape((-1, *rates.shape[-2:]))
            batch = list(zip(rates, weights.reshape((-1, *self.shape))))
            for i, item in enumerate(batch):
                for op, rate, matrix in zip(self.ops, *item):
                    if too_large(matrix):
                        t = int(step) * signals.dt_val
                        stop(owner(op, i, len(batch)), t, rate, matrix)
            return np.int32(0)

        small = (step % PERIOD != 0) | tf.reduce_all(tf.abs(weights) <= limit)
        return unless(small, look, step, rate, weights)

    @staticmethod
    def mergeable(x, y):
        return same_shapes(x, y)
