"""Checks that stop a simulation in which weights are about to overflow."""

import numpy as np
import tensorflow as tf
from nengo_dl.builder import Builder, OpBuilder

from nengo_lr.backends.nengo_dl.signals import same_shapes, stack
from nengo_lr.builder.guard import LIMITS, PERIOD, SimPESGuard, SimWeightsGuard, stop


def limit_of(signals):
    """The largest size that a gradient, a change or a weight may have."""
    return LIMITS.get(np.dtype(signals.dtype.as_numpy_dtype), np.inf)


def owner(op, item, n_items):
    """What has the weights, and in which item of a minibatch they overflow."""
    if n_items == 1:
        return op.owner
    return f"{op.owner} (item {item} of the minibatch)"


@Builder.register(SimPESGuard)
class SimPESGuardBuilder(OpBuilder):
    """Build a group of `.SimPESGuard` operators."""

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        op = self.ops[0]
        self.step_data = signals[op.step]
        self.rate_data = stack(signals, [op.rate for op in self.ops])
        self.error_data = stack(signals, [op.error for op in self.ops])
        self.activities_data = stack(signals, [op.activities for op in self.ops])
        self.weights_data = signals.combine([op.weights for op in self.ops])
        self.shape = (len(self.ops), *op.weights.shape)

    def build_step(self, signals):
        step = tf.reshape(signals.gather(self.step_data), ())
        read = self.rate_data, self.error_data, self.activities_data, self.weights_data
        arrays = [signals.gather(data) for data in read]
        # activities that are not finite make an error that is not
        half_square = tf.nn.l2_loss(arrays[1])

        def look(step, *arrays):
            batch = [array.reshape((-1, *array.shape[-2:])) for array in arrays[:3]]
            weights = arrays[3].reshape((-1, *self.shape))
            for i, item in enumerate(zip(*batch, weights)):
                for op, rate, error, activities, matrix in zip(self.ops, *item):
                    if op.overflows(rate, error, activities, signals.dt_val):
                        t = int(step) * signals.dt_val
                        stop(owner(op, i, len(weights)), t, rate, matrix, error)
            return np.int32(0)

        # a Python call, but only in a step that overflows
        return tf.cond(
            half_square <= limit_of(signals),
            lambda: tf.constant(0),
            lambda: tf.numpy_function(look, [step, *arrays], tf.int32),
        )

    @staticmethod
    def mergeable(x, y):
        return same_shapes(x, y)


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
        limit = limit_of(signals)

        def look(step, rates, weights):
            rates = rates.reshape((-1, *rates.shape[-2:]))
            batch = list(zip(rates, weights.reshape((-1, *self.shape))))
            for i, item in enumerate(batch):
                for op, rate, matrix in zip(self.ops, *item):
                    if op.overflows(matrix):
                        t = int(step) * signals.dt_val
                        stop(owner(op, i, len(batch)), t, rate, matrix)
            return np.int32(0)

        # a Python call, but only in a step that has overflowed
        return tf.cond(
            (step % PERIOD != 0) | tf.reduce_all(tf.abs(weights) <= limit),
            lambda: tf.constant(0),
            lambda: tf.numpy_function(look, [step, rate, weights], tf.int32),
        )

    @staticmethod
    def mergeable(x, y):
        return same_shapes(x, y)
