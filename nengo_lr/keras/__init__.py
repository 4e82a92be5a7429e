"""Schedules and local gains for offline training with NengoDL's ``sim.fit``.

This module needs TensorFlow 2.12 and is imported by itself
(``import nengo_lr.keras``); nothing else in nengo_lr depends on it.
"""

from nengo_lr.keras.layers import layer_factors
from nengo_lr.keras.local_gains import LocalGains
from nengo_lr.keras.schedules import StepSchedule, to_keras

__all__ = ["LocalGains", "StepSchedule", "layer_factors", "to_keras"]
