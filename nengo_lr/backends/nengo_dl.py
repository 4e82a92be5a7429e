"""Build the learning rules' operators into NengoDL's TensorFlow graph."""

import numpy as np
import tensorflow as tf
import tensorflow.experimental.numpy as tnp
from nengo_dl.builder import Builder, OpBuilder

from nengo_lr.builder import (
    SimNodeRate,
    SimOuterProduct,
    SimPESFactors,
    SimScheduledRate,
    check_rate,
)


@Builder.register(SimScheduledRate)
class SimScheduledRateBuilder(OpBuilder):
    """Build a group of `.SimScheduledRate` operators.

    The step is an integer, and the rate is computed in float64: NengoDL's own time is
    float32, in which every fifth boundary falls on another step.
    """

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        self.step_data = signals[self.ops[0].step]
        self.rate_data = signals.combine([op.rate for op in self.ops])

    def build_step(self, signals):
        step = tf.reshape(signals.gather(self.step_data), ())
        rates = tf.stack([self.rate(op, step, signals.dt_val) for op in self.ops])
        rates = tf.cast(rates, signals.dtype)
        shape = (signals.minibatch_size, len(self.ops))
        signals.scatter(self.rate_data, tf.broadcast_to(rates, shape))

    @staticmethod
    def rate(op, step, dt):
        """The rate of one operator as a float64 tensor."""
        if op.schedule.traceable:
            return op.schedule(tf.cast(step, tf.float64) * dt, tnp)

        def rate_at(step):
            return np.float64(op.rate_at(int(step), dt))

        rate = tf.numpy_function(rate_at, [step], tf.float64)
        return tf.ensure_shape(rate, ())

    @staticmethod
    def mergeable(x, y):
        return True


@Builder.register(SimNodeRate)
class SimNodeRateBuilder(OpBuilder):
    """Build a group of `.SimNodeRate` operators."""

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        self.step_data = signals[self.ops[0].step]
        self.output_data = signals.combine([op.output for op in self.ops])
        self.rate_data = signals.combine([op.rate for op in self.ops])

    def build_step(self, signals):
        step = tf.reshape(signals.gather(self.step_data), ())
        outputs = signals.gather(self.output_data)

        def check(step, outputs):
            sizes = [op.rate.shape[0] for op in self.ops]
            parts = np.split(outputs, np.cumsum(sizes)[:-1], axis=-1)
            for op, output in zip(self.ops, parts):
                check_rate(output, op.owner, int(step), signals.dt_val)
            return np.int32(0)

        # a Python call, but only in a step in which a rate is not finite
        checked = tf.cond(
            tf.reduce_all(tf.math.is_finite(outputs)),
            lambda: tf.constant(0),
            lambda: tf.numpy_function(check, [step, outputs], tf.int32),
        )
        with tf.control_dependencies([checked]):
            signals.scatter(self.rate_data, tf.identity(outputs))

    @staticmethod
    def mergeable(x, y):
        return True


@Builder.register(SimPESFactors)
class SimPESFactorsBuilder(OpBuilder):
    """Build a group of `.SimPESFactors` operators."""

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        n_ops, op = len(self.ops), self.ops[0]
        self.rate_data = signals.combine([op.rate for op in self.ops]).reshape(
            (n_ops, op.rate.shape[0])
        )
        self.error_data = signals.combine([op.error for op in self.ops]).reshape(
            (n_ops, op.error.shape[0])
        )
        self.activities_data = signals.combine([op.activities for op in self.ops])
        self.left_data = signals.combine([op.left for op in self.ops])
        self.right_data = signals.combine([op.right for op in self.ops])
        self.scale = -signals.dt_val / op.activities.shape[0]

    def build_step(self, signals):
        alpha = signals.gather(self.rate_data) * self.scale
        signals.scatter(self.left_data, signals.gather(self.error_data) * alpha)
        signals.scatter(self.right_data, signals.gather(self.activities_data))

    @staticmethod
    def mergeable(x, y):
        return all(a.shape == b.shape for a, b in zip(x.all_signals, y.all_signals))


@Builder.register(SimOuterProduct)
class SimOuterProductBuilder(OpBuilder):
    """Build a group of `.SimOuterProduct` operators."""

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        n_ops, op = len(self.ops), self.ops[0]
        self.left_data = signals.combine([op.left for op in self.ops]).reshape(
            (n_ops, op.left.shape[0], 1)
        )
        self.right_data = signals.combine([op.right for op in self.ops]).reshape(
            (n_ops, 1, op.right.shape[0])
        )
        self.target_data = signals.combine([op.target for op in self.ops])

    def build_step(self, signals):
        product = signals.gather(self.left_data) * signals.gather(self.right_data)
        mode = "inc" if self.ops[0].inc else "update"
        signals.scatter(self.target_data, product, mode=mode)

    @staticmethod
    def mergeable(x, y):
        return x.inc == y.inc and all(
            a.shape == b.shape for a, b in zip(x.all_signals, y.all_signals)
        )
