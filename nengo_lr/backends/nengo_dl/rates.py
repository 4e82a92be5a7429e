"""Learning rates that change over time."""

import warnings
from functools import partial

import numpy as np
import tensorflow as tf
import tensorflow.experimental.numpy as tnp
from nengo_dl.builder import Builder

from nengo_lr.backends.nengo_dl.signals import (
    ControlledBuilder,
    own_variable,
    same_shapes,
    stack,
    unless,
)
from nengo_lr.builder import (
    SimFeedbackRate,
    SimNodeRate,
    SimScheduledRate,
    check_rate,
)
from nengo_lr.builder.control import CHOICE, FROZEN
from nengo_lr.schedules import Constant


@Builder.register(SimScheduledRate)
class SimScheduledRateBuilder(ControlledBuilder):
    """Build a group of `.SimScheduledRate` operators.

    The step is an integer, and the rate is computed in float64: NengoDL's own time is
    float32, in which every fifth boundary falls on another step.

    A run that is not stateful sets the time back, but not the weights. The clock, the
    last step in which a rule has learned, stays with the weights, so that a schedule
    that starts again does so with a warning.
    """

    clock = None

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        self.step_data = signals[self.ops[0].step].reshape((1,))
        self.rate_data = signals.combine([op.rate for op in self.ops])
        if self.clock is None:
            self.clock = own_variable((len(self.ops),), tf.int32)
        self.varies = [not isinstance(op.schedule, Constant) for op in self.ops]

    def build_step(self, signals):
        step = signals.gather(self.step_data)
        t = tf.cast(step, tf.float64) * signals.dt_val
        rates = self.evaluate(step, t, signals.dt_val)
        rates = self.unless_chosen(tf.cast(rates, signals.dtype))
        shape = (signals.minibatch_size, len(self.ops))
        signals.scatter(self.rate_data, tf.broadcast_to(rates, shape))
        if any(self.varies):
            return self.build_clock(signals, step)

    def evaluate(self, step, t, dt):
        """The rates as a float64 tensor (group,), or (1,) if they are all the same.

        Each schedule is evaluated once for all rules that have it; functions are called
        for each.
        """
        rates, places = {}, []
        for i, op in enumerate(self.ops):
            key = op.schedule if op.schedule.traceable else i
            if key not in rates:
                rates[key] = len(rates), self.rate(op, step, t, dt)
            places.append(rates[key][0])
        values = [rate for _, rate in rates.values()]
        if len(values) == 1:
            return values[0]
        values = tf.concat(values, 0)
        return values if len(rates) == len(places) else tf.gather(values, places)

    def build_post(self, signals):
        super().build_post(signals)
        self.clock.assign(tf.zeros_like(self.clock))

    def build_clock(self, signals, step):
        """Let the clock go on, and tell where a schedule goes back."""
        clock = tf.identity(self.clock)
        onward = step > clock
        now = tf.broadcast_to(step, clock.shape)
        with tf.control_dependencies([clock]):
            go_on = self.clock.assign(self.unless_frozen(clock, now), read_value=False)
        if not all(self.varies):
            onward |= ~np.array(self.varies)
        if self.controlled:
            for element in (FROZEN, CHOICE):
                onward |= self.control(element, axes=0) != 0
        warn = partial(self.warn, dt=signals.dt_val)
        with tf.control_dependencies([go_on]):
            return unless(tf.reduce_all(onward), warn, step, onward, clock)

    def warn(self, step, onward, clock, dt):
        """Tell that schedules go back in time while the weights do not."""
        t = step.item() * dt
        for op, last in zip(self.ops, np.where(onward, 0, clock)):
            if last:
                warnings.warn(
                    f"The learning rate of {op.owner} goes back to t={t:g} s, "
                    "but its weights keep what they have learned up to "
                    f"t={last * dt:g} s, as NengoDL's predict, evaluate and fit leave "
                    "them. Use stateful=True to go on in time, or nengo_lr.frozen(sim) "
                    "to run without learning",
                    stacklevel=2,
                )
        return np.int32(0)

    @staticmethod
    def rate(op, step, t, dt):
        """The rate of one operator as a float64 tensor (1,)."""
        if op.schedule.traceable:
            return op.schedule.evaluate(t, tnp)

        def rate_at(step):
            return np.array([op.rate_at(step.item(), dt)])

        rate = tf.numpy_function(rate_at, [step], tf.float64)
        return tf.ensure_shape(rate, (1,))

    @staticmethod
    def mergeable(x, y):
        return True


@Builder.register(SimNodeRate)
class SimNodeRateBuilder(ControlledBuilder):
    """Build a group of `.SimNodeRate` operators."""

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        self.step_data = signals[self.ops[0].step]
        self.output_data = stack(signals, [op.output for op in self.ops])
        self.rate_data = signals.combine([op.rate for op in self.ops])

    def build_step(self, signals):
        outputs = signals.gather(self.output_data)
        signals.scatter(self.rate_data, self.unless_chosen(outputs, axes=1))

        def check(step, outputs):
            for i, op in enumerate(self.ops):
                check_rate(outputs[..., i, :], op.owner, int(step), signals.dt_val)
            return np.int32(0)

        step = tf.reshape(signals.gather(self.step_data), ())
        finite = tf.reduce_all(tf.math.is_finite(outputs))
        return unless(finite, check, step, outputs)

    @staticmethod
    def mergeable(x, y):
        return same_shapes(x, y)


@Builder.register(SimFeedbackRate)
class SimFeedbackRateBuilder(ControlledBuilder):
    """Build a group of `.SimFeedbackRate` operators that have the same law."""

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        self.step_data = signals[self.ops[0].step]
        self.error_data = stack(signals, [op.error for op in self.ops])
        self.old_state_data = stack(signals, [op.state for op in self.ops])
        self.rate_data = signals.combine([op.rate for op in self.ops])
        self.state_data = signals.combine([op.state for op in self.ops])

    def build_step(self, signals):
        old_state = signals.gather(self.old_state_data)
        step = tf.reshape(signals.gather(self.step_data), ())
        error = signals.gather(self.error_data)
        law = self.ops[0].law
        state, rate = law.update(old_state, step, signals.dt_val, error, tnp)
        rate = self.unless_frozen(old_state[..., :1], rate, axes=1)
        signals.scatter(self.rate_data, self.unless_chosen(rate, axes=1))
        state = self.unless_frozen(old_state, state, axes=1)
        if self.controlled:
            built = self.control(CHOICE, axes=1) == 0
            state = tf.where(built, state, old_state)
        signals.scatter(self.state_data, state)

    @staticmethod
    def mergeable(x, y):
        return x.law == y.law and same_shapes(x, y)
