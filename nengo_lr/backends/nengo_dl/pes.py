"""The weight changes of `.ScheduledPES`."""

import warnings

import tensorflow as tf
import tensorflow.experimental.numpy as tnp
from nengo_dl.builder import Builder, OpBuilder

from nengo_lr.backends.nengo_dl.signals import Control, same_shapes, stack
from nengo_lr.builder import (
    SimAddDelta,
    SimAddOuter,
    SimOptimizedPES,
    SimPESFactors,
    SimScheduledPES,
)

# NengoDL notes each operator that it does not know where it looks for ``y = 0 + x``;
# weights never start a step at 0, so there is nothing to find
warnings.filterwarnings("ignore", "Unknown incer type .*SimAdd", UserWarning)


class PESGradientBuilder(OpBuilder):
    """What a group of operators that read a rate, an error and activities share."""

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        self.control = Control(signals, self.ops)
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
        op, group = self.ops[0], len(self.ops)
        self.left_data = signals.combine([op.left for op in self.ops])
        self.right_data = signals.combine([op.right for op in self.ops])
        self.left_shape = (group, op.left.size)
        self.right_shape = (group, op.right.size)

    def build_step(self, signals):
        frozen = self.control.frozen(signals)
        left, right = self.factors(signals)
        old_left = signals.gather(self.left_data.reshape(self.left_shape))
        old_right = signals.gather(self.right_data.reshape(self.right_shape))
        signals.scatter(self.left_data, tf.where(frozen, old_left, left))
        signals.scatter(self.right_data, tf.where(frozen, old_right, right))


@Builder.register(SimScheduledPES)
class SimScheduledPESBuilder(PESGradientBuilder):
    """Build a group of `.SimScheduledPES` operators."""

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        self.delta_data = signals.combine([op.delta for op in self.ops])
        self.shape = (len(self.ops), *self.ops[0].delta.shape)

    def build_step(self, signals):
        left, right = self.factors(signals)
        frozen = self.control.frozen(signals)[..., None]
        old = signals.gather(self.delta_data.reshape(self.shape))
        delta = left[..., None] * right[..., None, :]
        signals.scatter(self.delta_data, tf.where(frozen, old, delta))


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
        old = {
            name: signals.gather(data.reshape(self.shape))
            for name, data in self.state_data.items()
        }
        state, change = self.ops[0].optimizer.update(
            old,
            signals.gather(self.error_data),
            signals.gather(self.activities_data),
            tf.reshape(signals.gather(self.step_data), ()),
            signals.dt_val,
            tnp,
        )
        alpha = signals.gather(self.rate_data) * self.scale
        frozen = self.control.frozen(signals)[..., None]
        old_delta = signals.gather(self.delta_data.reshape(self.shape))
        delta = tf.where(frozen, old_delta, change * alpha[..., None])
        signals.scatter(self.delta_data, delta)
        for name, data in self.state_data.items():
            signals.scatter(data, tf.where(frozen, old[name], state[name]))

    @staticmethod
    def mergeable(x, y):
        return x.optimizer == y.optimizer and same_shapes(x, y)


@Builder.register(SimAddOuter)
class SimAddOuterBuilder(OpBuilder):
    """Build a group of `.SimAddOuter` operators."""

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        op = self.ops[0]
        self.left_data = signals.combine([op.left for op in self.ops])
        self.left_data = self.left_data.reshape((-1, *op.left.shape))
        self.right_data = signals.combine([op.right for op in self.ops])
        self.right_data = self.right_data.reshape((-1, *op.right.shape))
        self.target_data = signals.combine([op.target for op in self.ops])
        self.control = Control(signals, self.ops)

    def build_step(self, signals):
        left = signals.gather(self.left_data)
        frozen = self.control.frozen(signals)[..., None]
        left = tf.where(frozen, tf.zeros_like(left), left)
        right = signals.gather(self.right_data)
        signals.scatter(self.target_data, left * right, mode="inc")

    @staticmethod
    def mergeable(x, y):
        return same_shapes(x, y)


@Builder.register(SimAddDelta)
class SimAddDeltaBuilder(OpBuilder):
    """Build a group of `.SimAddDelta` operators."""

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        shape = (len(self.ops), *self.ops[0].delta.shape)
        self.delta_data = signals.combine([op.delta for op in self.ops]).reshape(shape)
        self.target_data = signals.combine([op.target for op in self.ops])
        self.control = Control(signals, self.ops)

    def build_step(self, signals):
        delta = signals.gather(self.delta_data)
        frozen = self.control.frozen(signals)[..., None]
        delta = tf.where(frozen, tf.zeros_like(delta), delta)
        signals.scatter(self.target_data, delta, mode="inc")

    @staticmethod
    def mergeable(x, y):
        return same_shapes(x, y)
