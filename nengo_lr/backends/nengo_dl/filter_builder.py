"""The TensorFlow operations of `.SimLinearFilter`."""

import numpy as np
import tensorflow as tf
from nengo.synapses import LinearFilter
from nengo_dl.builder import Builder, OpBuilder

from nengo_lr.backends.nengo_dl.filters import SimLinearFilter, filter_step


@Builder.register(SimLinearFilter)
class SimLinearFilterBuilder(OpBuilder):
    """Build one linear filter with no or one state element, or with a direct path."""

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        (op,) = self.ops
        self.step = filter_step(op, signals.dt_val)
        self.input_data = signals[op.input]
        self.output_data = signals[op.output]
        self.state_data = signals[op.state["X"]]

    def build_step(self, signals):
        step, u = self.step, signals.gather(self.input_data)

        def constant(values):
            return tf.constant(np.asarray(values), dtype=signals.dtype)

        if isinstance(step, LinearFilter.NoX):
            signals.scatter(self.output_data, constant(step.d) * u)
            return
        old = signals.gather(self.state_data)  # (items, states, size)
        u = u[:, None]
        if isinstance(step, LinearFilter.OneX):
            new = constant(step.a) * old + constant(step.b) * u
            output = new
        else:
            output = tf.matmul(constant(step.C), old) + constant(step.D.item()) * u
            new = tf.matmul(constant(step.A), old) + constant(step.B) * u
        signals.scatter(self.state_data, new)
        signals.scatter(self.output_data, output[:, 0])

    @staticmethod
    def mergeable(x, y):
        return False
