"""Learning rates that change over time."""

import warnings
from functools import partial

import numpy as np
import tensorflow as tf
import tensorflow.experimental.numpy as tnp
from keras.engine.base_layer_utils import call_context
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

    What need not be done in each step is done before the first of a run: the rates of
    all its steps are computed as a table, and the clock is moved.

    The steps are integers, and rates are computed in float64: NengoDL's own time is
    float32, in which every fifth boundary falls on another step.

    A run that is not stateful sets the time back, but not the weights. The clock, the
    last step in which a rule has learned, stays with the weights, so that a schedule
    that starts again does so with a warning.
    """

    clock = None

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        step = self.ops[0].step
        self.step_data = signals[step].reshape((1,))
        self.rate_data = signals.combine([op.rate for op in self.ops])
        if self.clock is None:
            self.clock = own_variable((len(self.ops),), tf.int32)
        self.functions = [
            i for i, op in enumerate(self.ops) if not op.schedule.traceable
        ]
        self.varies = np.array(
            [not isinstance(op.schedule, Constant) for op in self.ops]
        )
        if self.varies.any():
            graph = call_context().layer  # NengoDL's TensorGraph
            self.first = graph.saved_state[self.step_data.key] + 1  # (1,)
            n_steps, dt = graph.steps_to_run, signals.dt_val
            self.move_clock(self.first + n_steps - 1, dt)
            steps = tf.cast(self.first + tf.range(n_steps), tf.float64)
            self.tabulate(steps * dt, signals.dtype)

    def tabulate(self, times, dtype):
        """Evaluate each schedule once for all rules that have it.

        Sets ``table``, a tensor (times, schedules), and ``places``, the column of each
        rule. Functions have a column of zeros each.
        """
        columns, self.places = {}, []
        for i, op in enumerate(self.ops):
            is_function = i in self.functions
            key = i if is_function else op.schedule
            if key not in columns:
                evaluate = op.schedule.evaluate
                rates = tf.zeros_like(times) if is_function else evaluate(times, tnp)
                columns[key] = len(columns), rates
            self.places.append(columns[key][0])
        table = tf.stack([rates for _, rates in columns.values()], axis=1)
        self.table = tf.cast(table, dtype)

    def build_step(self, signals):
        rates = self.unless_chosen(self.rates(signals))
        shape = (signals.minibatch_size, len(self.ops))
        signals.scatter(self.rate_data, tf.broadcast_to(rates, shape))

    def rates(self, signals):
        """The rates of a step as a tensor (1, group), or (1, 1) if they are equal."""
        if not self.varies.any():
            values = [[op.schedule.value for op in self.ops]]
            return tf.constant(values, dtype=signals.dtype)
        step = signals.gather(self.step_data)
        rates = tf.gather(self.table, step - self.first)
        if self.functions:
            call = partial(self.call_functions, dt=signals.dt_val)
            filled = tf.numpy_function(call, [step, rates], rates.dtype)
            rates = tf.ensure_shape(filled, rates.shape)
        if 1 < rates.shape[1] < len(self.ops):
            rates = tf.gather(rates, self.places, axis=1)
        return rates

    def call_functions(self, step, rates, dt):
        """Fill in the rates that are functions of time."""
        rates = rates.copy()
        for i in self.functions:
            rates[:, self.places[i]] = self.ops[i].rate_at(step.item(), dt)
        return rates

    def build_post(self, signals):
        super().build_post(signals)
        self.clock.assign(tf.zeros_like(self.clock))

    def move_clock(self, last, dt):
        """Move the clock to the end of a run, and tell where a schedule goes back."""
        clock = tf.identity(self.clock)
        onward = (self.first > clock) | ~self.varies
        if self.controlled:
            for element in (FROZEN, CHOICE):
                onward |= self.control(element, axes=0) != 0

        def warn():
            given = self.first, onward, clock
            return tf.numpy_function(partial(self.warn, dt=dt), given, tf.int32)

        tf.cond(tf.reduce_all(onward), lambda: tf.constant(0), warn)
        end = tf.broadcast_to(last, clock.shape)
        self.clock.assign(self.unless_frozen(clock, end))

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
