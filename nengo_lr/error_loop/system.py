"""The error loop of a learned connection as a linear discrete-time system."""

from __future__ import annotations

import warnings
from collections import defaultdict
from typing import NamedTuple

import nengo
import numpy as np
from nengo.connection import LearningRule
from nengo.exceptions import ValidationError
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from nengo_lr.error_loop.reading import independent, linear_system

__all__ = ["ErrorLoop", "LoopTiming", "loop_timing"]

N_DOUBLINGS = 60
"""How often a gain is doubled before it counts as stable however large it is."""


class GrowingError(ValidationError):
    """Learning makes an error grow at any rate."""


class LoopTiming(NamedTuple):
    """How fast a learned connection may follow its error.

    Attributes
    ----------
    delay : float
        Mean delay in seconds of the loop's impulse response, from what the connection
        decodes to the error that its rule sees.
    gain : float
        By what the loop multiplies an output that does not change, at most.
    shortest : float
        The shortest time constant in seconds with which the error of a constant input
        can be learned. A rule that changes the output by ``-dt * error / tau`` in each
        step is stable if ``tau >= shortest``.
    """

    delay: float
    gain: float
    shortest: float


def loop_timing(
    network: nengo.Network, rule: LearningRule, dt: float
) -> LoopTiming | None:
    """Read the delay and the gain of a learned connection's error loop from a network.

    No simulator is needed, so that a rule can ask while it is built.

    Parameters
    ----------
    network : nengo.Network
        The whole model.
    rule : nengo.connection.LearningRule
        The rule whose error it is.
    dt : float
        Length of a step in seconds.

    Returns
    -------
    timing : LoopTiming or None
        None if the loop cannot be followed, does not depend on the connection's output
        or is not stable at any rate.

    Warns
    -----
    UserWarning
        If the error grows at any rate, as it does if it has the wrong sign.

    Examples
    --------
    >>> with nengo.Network() as model:
    ...     pre, error = nengo.Ensemble(50, 1), nengo.Node(size_in=1)
    ...     conn = nengo.Connection(
    ...         pre, error, synapse=0.1, learning_rule_type=nlr.ScheduledPES(1e-4)
    ...     )
    ...     to_rule = nengo.Connection(error, conn.learning_rule, synapse=None)
    >>> delay, gain, shortest = loop_timing(model, conn.learning_rule, dt=0.001)
    >>> round(delay, 3), round(gain, 3), round(shortest, 4)
    (0.101, 1.0, 0.001)
    """
    try:
        loop = ErrorLoop(network, rule, dt)
        shortest = dt / loop.largest_stable_gain()
    except GrowingError as error:
        warnings.warn(error.args[0], stacklevel=2)
        return None
    except (ValidationError, np.linalg.LinAlgError):
        return None
    return LoopTiming(*map(float, (dt * loop.delay(), loop.gain(), shortest)))


class ErrorLoop:
    r"""A learned connection's output, the filters and transforms behind it, its error.

    While the input stays as it is, the weights W matter only by what they decode,
    :math:`p = W a`. PES changes it by :math:`-g e_k` in step k, with
    :math:`g = \kappa\,dt\,|a|^2/n`, and the error e follows p through the model's
    synapses. With their states s,

    .. math::
       s_{k+1} = A s_k + B p_k, \quad e_k = C s_k + D p_k + \text{constant}, \quad
       p_{k+1} = p_k - g e_k.

    Ensembles in the loop count as what they represent; their neurons add no delay.
    Dimensions that do not mix are systems of their own, and equal ones are kept once.

    Parameters
    ----------
    network : nengo.Network
        The whole model.
    rule : nengo.connection.LearningRule
        The rule whose error it is.
    dt : float
        Length of a step in seconds.

    Attributes
    ----------
    parts : list of Part
        The independent systems.
    counts : list of int
        How often each occurs.

    Raises
    ------
    ValidationError
        If the error does not depend on the output, or in a way that cannot be known.
    """

    def __init__(self, network, rule, dt):
        system = linear_system(network, rule, dt)
        found = defaultdict(int)
        for part in independent_parts(*system):
            found[part] += 1
        self.parts, self.counts = list(found), list(found.values())
        self.learned = rule.connection
        for part in self.parts:
            part.check(self.learned)

    def largest_stable_gain(self):
        """The largest g with which the error stays bounded."""
        gain = min(part.largest_stable_gain() for part in self.parts)
        if gain == np.inf:
            raise independent(self.learned)
        return gain

    def gain(self):
        """By what the loop multiplies an output that does not change, at most."""
        return max(np.linalg.norm(part.settled_gain, 2) for part in self.parts)

    def mean_gain(self):
        """The same for one dimension, on average over dimensions."""
        return self.mean(lambda part: np.trace(part.settled_gain))

    def delay(self):
        """The mean delay of the impulse response in steps, of the slowest dimension."""
        return max(part.delay() for part in self.parts)

    def impulse_response(self, n_steps):
        """The response of one dimension, on average: (n_steps,), of sum 1."""
        response = self.mean(lambda part: part.impulse_response(n_steps))
        return response / np.sum(response)

    def response(self, g, n_steps):
        """The fraction of a constant error that is left after some steps, at most.

        At the beginning, all filters have settled on the error.
        """
        return max(part.response(g, n_steps) for part in self.parts)

    def mean(self, trace):
        """The mean over all dimensions of what ``trace`` sums up for one part's."""
        totals = [n * trace(part) for part, n in zip(self.parts, self.counts)]
        sizes = [n * len(part.D) for part, n in zip(self.parts, self.counts)]
        return sum(totals) / sum(sizes)


class Part:
    """The matrices of dimensions that mix with each other, and with no others.

    Parameters
    ----------
    A, B, C, D : array
        Shapes (n, n), (n, d), (d, n) and (d, d), for n states of filters and d
        dimensions of the error, as in `ErrorLoop`.
    """

    def __init__(self, A, B, C, D):  # noqa: N803
        self.A, self.B, self.C, self.D = A, B, C, D

    def __eq__(self, other):
        return all(map(np.array_equal, vars(self).values(), vars(other).values()))

    def __hash__(self):
        return hash((self.A.tobytes(), self.C.tobytes(), self.D.tobytes()))

    @property
    def settled_states(self):
        """The states of all filters after a long time, for outputs of 1: (n, d)."""
        return np.linalg.solve(np.eye(len(self.A)) - self.A, self.B)

    @property
    def settled_gain(self):
        """The error after a long time, for outputs of 1: (d, d)."""
        return self.C @ self.settled_states + self.D

    def check(self, learned):
        """Refuse a loop that grows, or that learning makes grow at any rate."""
        if np.abs(np.linalg.eigvals(self.A)).max(initial=0) > 1 - 1e-9:
            raise ValidationError(
                f"the objects between {learned} and its error feed back on themselves "
                "so that they do not settle: no rate is stable in theory",
                "connection",
            )
        if np.linalg.eigvals(self.settled_gain).real.min() < -1e-9 * self.norm:
            raise GrowingError(
                f"the error of {learned} grows with any rate: it must be the output "
                "minus the target, not the target minus the output",
                "connection",
            )

    @property
    def norm(self):
        """The size of the error, for outputs of 1 that settle or that jump."""
        return max(np.linalg.norm(of, 2) for of in (self.settled_gain, self.D))

    def step_matrix(self, g):
        """The matrix that maps all states and p, (n + d), to those of the next step."""
        return np.block(
            [[self.A, self.B], [-g * self.C, np.eye(len(self.D)) - g * self.D]]
        )

    def stable(self, g):
        """Whether the error stays bounded."""
        return np.abs(np.linalg.eigvals(self.step_matrix(g))).max() <= 1 + 1e-9

    def largest_stable_gain(self):
        """The largest g with which the error stays bounded."""
        low = 1e-6 / max(self.norm, 1e-6)
        while not self.stable(low):
            low /= 2
        for _ in range(N_DOUBLINGS):
            if not self.stable(2 * low):
                return bisect(self.stable, low, 2 * low)
            low *= 2
        return np.inf  # the error does not depend on the output

    def delay(self):
        """The mean delay of the impulse response in steps."""
        delayed = np.linalg.solve(np.eye(len(self.A)) - self.A, self.settled_states)
        gain = np.linalg.norm(self.settled_gain)
        return np.linalg.norm(self.C @ delayed) / gain if gain else 0.0

    def impulse_response(self, n_steps):
        """The sum over dimensions of their responses to themselves: (n_steps,)."""
        responses, state = [np.trace(self.D)], self.B
        for _ in range(n_steps - 1):
            responses.append(np.trace(self.C @ state))
            state = self.A @ state
        return np.array(responses)

    def response(self, g, n_steps):
        """As `ErrorLoop.response`."""
        if not np.any(self.settled_gain):
            return 1.0
        outputs = np.linalg.pinv(self.settled_gain)  # that make errors of 1
        states = np.vstack([self.settled_states @ outputs, outputs])
        states = np.linalg.matrix_power(self.step_matrix(g), n_steps) @ states
        return np.linalg.norm(np.hstack([self.C, self.D]) @ states, 2)


def bisect(holds, low, high):
    """The largest number at which something holds, between one that does and not."""
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def independent_parts(A, B, C, D):  # noqa: N803
    """The systems of all dimensions that mix."""
    whole = sparse.bmat([[A, B], [C, D]], format="csr")
    whole.eliminate_zeros()
    n_states = A.shape[0]
    n_parts, labels = connected_components(whole, directed=False)
    for label in range(n_parts):
        members = np.flatnonzero(labels == label)
        n = np.count_nonzero(members < n_states)
        if n < len(members):  # others are states that reach no error
            part = whole[members][:, members].toarray()
            yield Part(part[:n, :n], part[:n, n:], part[n:, :n], part[n:, n:])
