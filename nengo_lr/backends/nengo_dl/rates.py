"""Learning rates that change over time."""

import numpy as np
import tensorflow as tf
import tensorflow.experimental.numpy as tnp
from nengo_dl.builder import Builder, OpBuilder

from nengo_lr.backends.nengo_dl.signals import same_shapes, stack
from nengo_lr.builder import (
    SimFeedbackRate,
    SimNodeRate,
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


@Builder.register(SimFeedbackRate)
class SimFeedbackRateBuilder(OpBuilder):
    """Build a group of `.SimFeedbackRate` operators that have the same law."""

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        self.step_data = signals[self.ops[0].step]
        self.error_data = stack(signals, [op.error for op in self.ops])
        self.old_state_data = stack(signals, [op.state for op in self.ops])
        self.rate_data = signals.combine([op.rate for op in self.ops])
        self.state_data = signals.combine([op.state for op in self.ops])

    def build_step(self, signals):
        state, rate = self.ops[0].law.update(
            signals.gather(self.old_state_data),
            tf.reshape(signals.gather(self.step_data), ()),
            signals.dt_val,
            signals.gather(self.error_data),
            tnp,
        )
        signals.scatter(self.rate_data, rate)
        signals.scatter(self.state_data, state)

    @staticmethod
    def mergeable(x, y):
        return x.law == y.law and same_shapes(x, y)
