"""A look at what a network is given while it runs."""

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
    or after `PATIENCE`, and names the largest value seen until then. It passes its
    input on, because not every simulator takes a Node without output.

    Parameters
    ----------
    what : str
        What the input is, and whose, to begin the warning with.
    low, high : float
        The range, ends included.
    advice : str
        What to do about it, to end the warning with.
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

    def make_step(self, shape_in, shape_out, dt, rng, state):
        low, high = self.low, self.high
        largest = TOLERANCE * (high - low)
        extreme = since = None
        warned = False

        def step_watch(t, x):
            nonlocal largest, extreme, since, warned
            if warned:
                return x
            excess = np.maximum(x - high, low - x)
            worst = excess.argmax()
            if excess[worst] > largest:
                largest, extreme = excess[worst], x[worst]
                since = t if since is None else since
                if t < since + PATIENCE:
                    return x
            if since is not None:
                warned = True
                warnings.warn(
                    f"{self.what} reached {extreme:.4g} by t = {t:.4g} s, outside of "
                    f"[{low:.4g}, {high:.4g}]: {self.advice}",
                    NengoWarning,
                    stacklevel=2,
                )
            return x

        return step_watch
