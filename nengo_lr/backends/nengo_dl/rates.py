"""Learning rates that change over time."""

import warnings

import numpy as np
import tensorflow as tf
import tensorflow.experimental.numpy as tnp
from nengo_dl.builder import Builder, OpBuilder

from nengo_lr.backends.nengo_dl.signals import Control, same_shapes, stack
from nengo_lr.builder import (
    SimFeedbackRate,
    SimNodeRate,
    SimScheduledRate,
    check_rate,
)
from nengo_lr.schedules import Constant


@Builder.register(SimScheduledRate)
class SimScheduledRateBuilder(OpBuilder):
    """Build a group of `.SimScheduledRate` operators.

    The step is an integer, and the rate is computed in float64: NengoDL's own time is
    float32, in which every fifth boundary falls on another step.

    A run that is not stateful sets the time back, but not the weights. The clock stays
    with the weights, so that a schedule that starts again does so with a warning.
    """

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        self.step_data = signals[self.ops[0].step]
        self.rate_data = signals.combine([op.rate for op in self.ops])
        self.clock_data = signals.combine([op.clock for op in self.ops])
        self.control = Control(signals, self.ops)
        self.varies = [not isinstance(op.schedule, Constant) for op in self.ops]

    def build_step(self, signals):
        step = tf.reshape(signals.gather(self.step_data), ())
        rates = tf.stack([self.rate(op, step, signals.dt_val) for op in self.ops])
        chosen, value = self.control.chosen(signals), self.control.value(signals)
        rates = tf.where(chosen[:, 0], value[:, 0], tf.cast(rates, signals.dtype))
        shape = (signals.minibatch_size, len(self.ops))
        signals.scatter(self.rate_data, tf.broadcast_to(rates, shape))
        if any(self.varies):
            self.build_clock(signals, step, chosen)

    def build_clock(self, signals, step, chosen):
        """Let the clock go on, and tell where a schedule goes back."""
        clock = signals.gather(self.clock_data)
        frozen = self.control.frozen(signals)[:, 0]
        again = (step <= clock) & ~(frozen | chosen[:, 0]) & self.varies
        # a Python call, but only in a step that goes back
        told = tf.cond(
            tf.reduce_any(again),
            lambda: tf.numpy_function(
                self.warn, [again, clock, step, signals.dt_val], tf.int32
            ),
            lambda: tf.constant(0),
        )
        with tf.control_dependencies([told]):
            signals.scatter(self.clock_data, tf.where(frozen, clock, step))

    def warn(self, again, clock, step, dt):
        """Tell that schedules go back in time while the weights do not."""
        for op, last in zip(self.ops, np.max(np.where(again, clock, 0), axis=0)):
            if last:
                warnings.warn(
                    f"The learning rate of {op.owner} goes back to t={step * dt:g} s, "
                    "but its weights keep what they have learned up to "
                    f"t={last * dt:g} s, as NengoDL's predict, evaluate and fit leave "
                    "them. Use stateful=True to go on in time, or nengo_lr.frozen(sim) "
                    "to run without learning",
                    stacklevel=2,
                )
        return np.int32(0)

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
        self.control = Control(signals, self.ops)
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
        sizes = [op.rate.shape[0] for op in self.ops]
        chosen, value = (
            tf.repeat(of(signals)[:, 0], sizes)
            for of in (self.control.chosen, self.control.value)
        )
        with tf.control_dependencies([checked]):
            signals.scatter(self.rate_data, tf.where(chosen, value, outputs))

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
        self.control = Control(signals, self.ops)

    def build_step(self, signals):
        old_state = signals.gather(self.old_state_data)
        state, rate = self.ops[0].law.update(
            old_state,
            tf.reshape(signals.gather(self.step_data), ()),
            signals.dt_val,
            signals.gather(self.error_data),
            tnp,
        )
        frozen, chosen = self.control.frozen(signals), self.control.chosen(signals)
        rate = tf.where(frozen, old_state[..., :1], rate)
        rate = tf.where(chosen, self.control.value(signals), rate)
        signals.scatter(self.rate_data, rate)
        signals.scatter(self.state_data, tf.where(frozen | chosen, old_state, state))

    @staticmethod
    def mergeable(x, y):
        return x.law == y.law and same_shapes(x, y)
