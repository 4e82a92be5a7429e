"""The weight changes of `.ScheduledPES`."""

import warnings

import tensorflow as tf
import tensorflow.experimental.numpy as tnp
from nengo_dl.builder import Builder

from nengo_lr.backends.nengo_dl.guard import guard
from nengo_lr.backends.nengo_dl.signals import ControlledBuilder, same_shapes, stack
from nengo_lr.builder import SimAddDelta, SimOptimizedPES, SimScheduledPES
from nengo_lr.builder.control import FROZEN

# NengoDL notes each operator that it does not know where it looks for ``y = 0 + x``;
# weights never start a step at 0, so there is nothing to find
warnings.filterwarnings("ignore", "Unknown incer type .*SimAdd", UserWarning)


class PESGradientBuilder(ControlledBuilder):
    """Build a group of `.SimPESGradient` operators."""

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        op = self.ops[0]
        self.step_data = signals[op.step]
        self.rate_data = stack(signals, [op.rate for op in self.ops], (-1, 1))
        self.error_data = stack(signals, [op.error for op in self.ops], (-1, 1))
        activities = [op.activities for op in self.ops]
        self.activities_data = stack(signals, activities, (1, -1))
        self.weights_data = signals.combine([op.weights for op in self.ops])
        self.scale = -signals.dt_val / op.activities.shape[0]
        self.update_data = [
            signals.combine(same) for same in zip(*(op.updates for op in self.ops))
        ]
        self.update_shapes = [(len(self.ops), *signal.shape) for signal in op.updates]

    def build_step(self, signals):
        reads = self.rate_data, self.error_data, self.activities_data
        rate, error, activities = map(signals.gather, reads)
        error = self.unless_frozen(tf.zeros_like(error), error, axes=2)
        old = [
            signals.gather(data.reshape(shape))
            for data, shape in zip(self.update_data, self.update_shapes)
        ]
        new = self.change(signals, rate * self.scale, error, activities, *old)
        for data, *values in zip(self.update_data, old, new):
            signals.scatter(data, self.unless_frozen(*values, axes=2))
        if self.ops[0].guarded:
            step = signals.gather(self.step_data)
            weights = signals.gather(self.weights_data)
            dt = signals.dt_val
            return guard(self.ops, step, rate, error, activities, weights, dt)

    def change(self, signals, alpha, error, activities, *old):
        """What the group updates, in its order; each (..., group, m or 1, n or 1).

        Parameters
        ----------
        signals : SignalDict
        alpha : tensor (..., group, m or 1, 1)
            The rates times ``-dt / n``.
        error : tensor (..., group, m, 1)
        activities : tensor (..., group, 1, n)
        *old : tensor
            What the last step left.
        """
        raise NotImplementedError("subclasses must implement this method")

    @staticmethod
    def mergeable(x, y):
        # NengoDL does not know of the weights, which `hide_weights` has hidden
        alike = (
            getattr(x.weights, what, None) == getattr(y.weights, what, None)
            for what in ("trainable", "minibatched")
        )
        return x.guarded == y.guarded and same_shapes(x, y) and all(alike)


@Builder.register(SimScheduledPES)
class SimScheduledPESBuilder(PESGradientBuilder):
    """Build a group of `.SimScheduledPES` operators."""

    def change(self, signals, alpha, error, activities, *old):
        return [error * alpha * activities]


@Builder.register(SimOptimizedPES)
class SimOptimizedPESBuilder(PESGradientBuilder):
    """Build a group of `.SimOptimizedPES` operators that have the same optimizer."""

    def change(self, signals, alpha, error, activities, old_delta, *old):
        op = self.ops[0]
        step = tf.reshape(signals.gather(self.step_data), ())
        state = dict(zip(op.names, old))
        left, right = error[..., 0], activities[..., 0, :]
        state, change = op.optimizer.update(
            state, left, right, step, signals.dt_val, tnp
        )
        return [alpha * change, *(state[name] for name in op.names)]

    @staticmethod
    def mergeable(x, y):
        return x.optimizer == y.optimizer and PESGradientBuilder.mergeable(x, y)


@Builder.register(SimAddDelta)
class SimAddDeltaBuilder(ControlledBuilder):
    """Build a group of `.SimAddDelta` operators.

    They merge as the operators do that add the changes of Nengo's own rules, so that
    weights have the same places in NengoDL's parameters.
    """

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        self.delta_data = signals.combine([op.delta for op in self.ops])
        self.target_data = signals.combine([op.target for op in self.ops])
        self.rows = [op.delta.shape[0] for op in self.ops]

    def build_step(self, signals):
        delta = signals.gather(self.delta_data)
        if self.controlled:
            frozen = tf.repeat(self.control(FROZEN, axes=1), self.rows, axis=0)
            delta = tf.where(frozen != 0, tf.zeros_like(delta), delta)
        signals.scatter(self.target_data, delta, mode="inc")

    @staticmethod
    def mergeable(x, y):
        return True
