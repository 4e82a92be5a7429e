"""Warn of inputs that leave the range for which a network was made."""

import warnings

import numpy as np
from nengo.exceptions import NengoWarning
from nengo.params import NumberParam, StringParam
from nengo.processes import Process

PATIENCE = 0.1
"""How long an input may go on growing before it is reported, in seconds."""

TOLERANCE = 1e-6
"""How far outside of its range an input may lie, as a fraction of the range."""


class Watch(Process):
    """Warns once per simulation if an input leaves the range that it was said to have.

    The warning comes when the input has reached its first maximum outside of the range,
    or after `PATIENCE`, and names the largest value seen until then. The input is
    passed on, because not every simulator takes a Node without output.

    Parameters
    ----------
    what : str
        The input and its owner, to begin the warning with.
    low, high : float
        The range, ends included.
    advice : str
        The way out, to end the warning with.
    """

    what = StringParam("what")
    low = NumberParam("low")
    high = NumberParam("high")
    advice = StringParam("advice")

    def __init__(self, what, low, high, advice):
        super().__init__(default_size_in=1, default_size_out=1)
        self.what = what
        self.low = low
        self.high = high
        self.advice = advice

    def make_state(self, shape_in, shape_out, dt, dtype=None):
        # the largest excess, the input then, when it began, and whether it was told
        return {"seen": np.array([TOLERANCE * (self.high - self.low), 0, 0, 0])}

    def make_step(self, shape_in, shape_out, dt, rng, state):
        seen = state["seen"]

        def step_watch(t, x):
            largest, _, since, told = seen
            excess = np.maximum(x - self.high, self.low - x)
            worst = excess.argmax()
            grows = excess[worst] > largest
            if grows and not told:
                since = since or t
                seen[:3] = excess[worst], x[worst], since
            if since and not told and not (grows and t < since + PATIENCE):
                seen[3] = 1
                warnings.warn(
                    f"{self.what} reached {seen[1]:.4g} by t = {t:.4g} s, outside of "
                    f"[{self.low:.4g}, {self.high:.4g}]: {self.advice}",
                    NengoWarning,
                    stacklevel=2,
                )
            return x

        return step_watch
