"""Schedules of time as schedules of gradient steps."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tensorflow.experimental.numpy as tnp

from nengo_lr.schedules.base import Schedule
from nengo_lr.schedules.expressions import parse
from nengo_lr.schedules.params import ScheduleParam, SecondsParam


@tf.keras.utils.register_keras_serializable("nengo_lr")
class StepSchedule(tf.keras.optimizers.schedules.LearningRateSchedule):
    r"""A schedule of time, as Keras calls it: with the number of gradient steps done.

    .. math:: \kappa_k = \kappa(k\,dt)

    `to_keras` makes it. The rate is float64; Keras casts it to the variables' type.

    Parameters
    ----------
    schedule : `.Schedule`
        The rate as a function of time in seconds.
    dt : float
        The time in seconds that a gradient step stands for.
    """

    schedule = ScheduleParam("schedule")
    dt = SecondsParam("dt")

    def __init__(self, schedule, dt):
        self.schedule = schedule
        self.dt = dt

    def __call__(self, step):
        """The rate of one gradient step.

        Parameters
        ----------
        step : int or ``tf.Tensor`` ()
            The number of gradient steps done before it.

        Returns
        -------
        rate : ``tf.Tensor`` () of float64
        """
        t = tf.cast(step, tf.float64) * self.dt
        if self.schedule.traceable:
            return self.schedule(t, xp=tnp)
        rate = tf.numpy_function(self._rate_at, [t], tf.float64)
        return tf.ensure_shape(rate, ())

    def _rate_at(self, t):
        return np.float64(self.schedule.rate_at(t))  # TensorFlow halves Python's floats

    def get_config(self):
        """What `from_config` needs: the schedule as text, and ``dt``.

        Returns
        -------
        config : dict
        """
        return {"schedule": repr(self.schedule), "dt": self.dt}

    @classmethod
    def from_config(cls, config):
        """Make an equal schedule; one with a Python function in it cannot be.

        Parameters
        ----------
        config : dict
            What `get_config` returned.

        Returns
        -------
        schedule : StepSchedule
        """
        return cls(parse(config["schedule"]), config["dt"])


def to_keras(schedule: Schedule | float, dt: float) -> StepSchedule:
    """Turn a schedule of time into one of gradient steps, for NengoDL's ``sim.fit``.

    Online and offline learning can so share one schedule.

    Parameters
    ----------
    schedule : `.Schedule` or float
        The rate as a function of time in seconds.
    dt : float
        The time in seconds that a gradient step stands for: 1 to write the schedule in
        gradient steps.

    Returns
    -------
    schedule : StepSchedule
        Any Keras optimizer takes it as its ``learning_rate``.

    Examples
    --------
    >>> from nengo_lr import CosineDecay
    >>> rates = to_keras(CosineDecay(0.1, duration=20.0), dt=0.1)
    >>> [float(rates(step)) for step in (0, 100, 200)]
    [0.1, 0.05, 0.0]
    >>> optimizer = tf.keras.optimizers.Adam(learning_rate=rates)
    """
    return StepSchedule(schedule, dt)
