"""Build the learning rules' operators into NengoDL's TensorFlow graph."""

import warnings

import numpy as np
import tensorflow as tf
import tensorflow.experimental.numpy as tnp
from nengo_dl.builder import Builder, OpBuilder

from nengo_lr.builder import (
    SimAddOuter,
    SimFeedbackRate,
    SimNodeRate,
    SimOptimizedPES,
    SimPESFactors,
    SimScheduledPES,
    SimScheduledRate,
    check_rate,
)

# NengoDL notes each operator that it does not know where it looks for ``y = 0 + x``;
# weights never start a step at 0, so there is nothing to find
warnings.filterwarnings("ignore", "Unknown incer type .*SimAddOuter", UserWarning)


def stack(signals, vectors):
    """A handle that gathers vectors of one size as the rows of a matrix."""
    return signals.combine(vectors).reshape((len(vectors), vectors[0].shape[0]))


def same_shapes(x, y):
    """Whether two operators' signals have the same shapes, so that they can merge."""
    return all(a.shape == b.shape for a, b in zip(x.all_signals, y.all_signals))


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


class PESGradientBuilder(OpBuilder):
    """What a group of operators that read a rate, an error and activities share."""

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        self.rate_data = stack(signals, [op.rate for op in self.ops])
        self.error_data = stack(signals, [op.error for op in self.ops])
        self.activities_data = stack(signals, [op.activities for op in self.ops])
        self.scale = -signals.dt_val / self.ops[0].activities.shape[0]

    def factors(self, signals):
        """The factors of the weight change: (..., group, m) and (..., group, n)."""
        alpha = signals.gather(self.rate_data) * self.scale
        left = signals.gather(self.error_data) * alpha
        return left, signals.gather(self.activities_data)

    @staticmethod
    def mergeable(x, y):
        return same_shapes(x, y)


@Builder.register(SimPESFactors)
class SimPESFactorsBuilder(PESGradientBuilder):
    """Build a group of `.SimPESFactors` operators."""

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        self.left_data = signals.combine([op.left for op in self.ops])
        self.right_data = signals.combine([op.right for op in self.ops])

    def build_step(self, signals):
        left, right = self.factors(signals)
        signals.scatter(self.left_data, left)
        signals.scatter(self.right_data, right)


@Builder.register(SimScheduledPES)
class SimScheduledPESBuilder(PESGradientBuilder):
    """Build a group of `.SimScheduledPES` operators."""

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        self.delta_data = signals.combine([op.delta for op in self.ops])

    def build_step(self, signals):
        left, right = self.factors(signals)
        signals.scatter(self.delta_data, left[..., None] * right[..., None, :])


@Builder.register(SimOptimizedPES)
class SimOptimizedPESBuilder(PESGradientBuilder):
    """Build a group of `.SimOptimizedPES` operators that have the same optimizer."""

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        op = self.ops[0]
        self.step_data = signals[op.step]
        self.delta_data = signals.combine([op.delta for op in self.ops])
        self.state_data = {
            name: signals.combine([op.state[name] for op in self.ops])
            for name in op.names
        }
        self.shape = (len(self.ops), *op.delta.shape)

    def build_step(self, signals):
        state, change = self.ops[0].optimizer.update(
            {
                name: signals.gather(data.reshape(self.shape))
                for name, data in self.state_data.items()
            },
            signals.gather(self.error_data),
            signals.gather(self.activities_data),
            tf.reshape(signals.gather(self.step_data), ()),
            signals.dt_val,
            tnp,
        )
        alpha = signals.gather(self.rate_data) * self.scale
        signals.scatter(self.delta_data, change * alpha[..., None])
        for name, data in self.state_data.items():
            signals.scatter(data, state[name])

    @staticmethod
    def mergeable(x, y):
        return x.optimizer == y.optimizer and same_shapes(x, y)


@Builder.register(SimAddOuter)
class SimAddOuterBuilder(OpBuilder):
    """Build a group of `.SimAddOuter` operators."""

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        self.left_data = stack(signals, [op.left for op in self.ops])
        self.right_data = stack(signals, [op.right for op in self.ops])
        self.target_data = signals.combine([op.target for op in self.ops])

    def build_step(self, signals):
        left = signals.gather(self.left_data)[..., None]
        right = signals.gather(self.right_data)[..., None, :]
        signals.scatter(self.target_data, left * right, mode="inc")

    @staticmethod
    def mergeable(x, y):
        return same_shapes(x, y)
