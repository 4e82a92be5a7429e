"""Damped activities, and learning rates that need no number."""

import numpy as np
import tensorflow as tf
import tensorflow.experimental.numpy as tnp
from nengo_dl.builder import Builder, OpBuilder

from nengo_lr.auto import Surroundings
from nengo_lr.backends.nengo_dl.signals import ControlledBuilder, same_shapes, stack
from nengo_lr.builder.auto import SimAutoRate, SimDamp
from nengo_lr.builder.control import CHOICE


@Builder.register(SimDamp)
class SimDampBuilder(OpBuilder):
    """Build a group of `.SimDamp` operators."""

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        self.activities_data = stack(signals, [op.activities for op in self.ops])
        self.coordinates_data = signals.combine([op.coordinates for op in self.ops])
        self.damped_data = signals.combine([op.damped for op in self.ops])
        directions = [op.directions for op in self.ops]
        self.matrix = constant(signals, [each.matrix for each in directions])
        self.powers = constant(signals, [each.powers for each in directions])

    def build_step(self, signals):
        activities = signals.gather(self.activities_data)
        coordinates = tf.einsum("bgn,grn->bgr", activities, self.matrix)
        lost = tf.einsum("bgr,grn->bgn", self.powers * coordinates, self.matrix)
        signals.scatter(self.coordinates_data, coordinates)
        signals.scatter(self.damped_data, activities - lost)

    @staticmethod
    def mergeable(x, y):
        return same_shapes(x, y)


@Builder.register(SimAutoRate)
class SimAutoRateBuilder(ControlledBuilder):
    """Build a group of `.SimAutoRate` operators."""

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        names = "error", "activities", "coordinates", "damped", "state"
        self.read_data = [
            stack(signals, [getattr(op, name) for op in self.ops]) for name in names
        ]
        self.rate_data = signals.combine([op.rate for op in self.ops])
        self.update_data = [
            signals.combine(same) for same in zip(*(op.updates for op in self.ops))
        ]
        self.surroundings = Surroundings(
            *(
                constant(signals, [np.ravel(value) for value in of])
                for of in zip(*(op.surroundings for op in self.ops))
            )
        )
        self.noise = constant(signals, [[op.noise] for op in self.ops])

    def build_step(self, signals):
        error, activities, coordinates, damped, old_state = map(
            signals.gather, self.read_data
        )
        power = tf.reduce_sum(activities * damped, axis=-1, keepdims=True) / self.noise
        state, rate, *others = self.ops[0].auto.update(
            old_state,
            coordinates,
            power,
            error,
            signals.dt_val,
            self.surroundings,
            tnp,
        )
        rate = self.unless_frozen(old_state[..., :1], rate, axes=1)
        signals.scatter(self.rate_data, self.unless_chosen(rate, axes=1))
        old = [old_state, *(self.last(signals, data) for data in self.update_data[1:])]
        for data, before, after in zip(self.update_data, old, [state, *others]):
            after = self.unless_frozen(before, after, axes=1)
            if self.controlled:
                built = self.control(CHOICE, axes=1) == 0
                after = tf.where(built, after, before)
            signals.scatter(data, after)

    def last(self, signals, data):
        """What the last step left of one number per operator, (..., group, 1)."""
        return signals.gather(data.reshape((len(self.ops), 1)))

    @staticmethod
    def mergeable(x, y):
        return x.auto == y.auto and same_shapes(x, y)


def constant(signals, values):
    """A tensor of the simulation's type."""
    return tf.constant(np.array(values), dtype=signals.dtype)
