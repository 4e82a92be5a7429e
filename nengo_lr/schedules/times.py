"""What schedules do with time, for any array namespace ``xp`` with numpy's names."""

import numpy as np

TIME_TOLERANCE = 1e-9
"""How far below a boundary a time still counts as having reached it, in seconds.

Simulation time is ``step * dt`` in float64, so that a boundary written as a decimal
number can lie some rounding errors above the step that is meant. A nanosecond is more
than the rounding of a million simulated seconds and less than any sensible ``dt``.
"""


def reached(t, boundary):
    """Whether time ``t`` has come to ``boundary`` (both in seconds)."""
    return t > boundary - TIME_TOLERANCE


def pieces_reached(t, boundaries, xp):
    """How many of some increasing boundaries each time (n,) has come to."""
    return xp.sum(reached(t[:, None], boundaries), axis=1)


def whole_periods(t, period, xp):
    """How many periods have ended at time ``t`` (both in seconds)."""
    return xp.floor((t + TIME_TOLERANCE) / period)


def since(t, start, xp):
    """The time since ``start``, and 0 before it (all in seconds)."""
    return xp.maximum(t - start, 0.0)


def progress(t, duration, xp):
    """The share of a duration that has passed: from 0 at t = 0 to exactly 1."""
    return xp.where(reached(t, duration), 1.0, t / duration)


def half_cosine(share, xp):
    """The share from 0 to 1 again, but with a slope of 0 at both ends."""
    return (1.0 - xp.cos(np.pi * share)) / 2.0


def mix(start, end, share):
    """The value that lies a share of the way between two others, exact at both."""
    return start * (1.0 - share) + end * share


def geometric_mix(start, end, share, xp):
    """The same on a logarithmic axis, from a start greater than 0."""
    return xp.where(share < 1.0, start * (end / start) ** share, end)
