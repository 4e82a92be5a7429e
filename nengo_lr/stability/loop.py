"""The way from what a connection adds to the error that it learns from, as a system."""

from functools import partial

import nengo
import numpy as np
from nengo.ensemble import Ensemble, Neurons
from nengo.exceptions import ValidationError
from nengo.node import Node
from nengo.synapses import LinearFilter
from scipy.linalg import block_diag

__all__ = ["Loop"]


class Loop:
    r"""A connection's output, the filters and transforms behind it, and its error.

    While the input stays as it is, the weights W matter by what they decode alone,
    :math:`p = W a`. PES changes it by :math:`-g e_k` in step k, with
    :math:`g = \kappa\,dt\,|a|^2/n`, and the error e follows p through the model's
    synapses. With their states s,

    .. math::
       s_{k+1} = A s_k + B p_k, \quad e_k = C s_k + D p_k + \text{constant}, \quad
       p_{k+1} = p_k - g e_k.

    Ensembles on the way count as what they represent; their neurons add no delay.

    Parameters
    ----------
    network : nengo.Network
        The whole model.
    rule : nengo.connection.LearningRule
        Whose error it is.
    dt : float
        Length of a step in seconds.

    Attributes
    ----------
    A, B, C, D : array
        Shapes (n, n), (n, d), (d, n) and (d, d), for n states of filters and d
        dimensions of the error.

    Raises
    ------
    ValidationError
        If the error does not depend on the output, or in a way that cannot be known.
    """

    def __init__(self, network, rule, dt):
        learned = rule.connection
        connections = on_the_way(network, rule)
        # what the learned connection decodes stands for the object that it comes from
        objects = [learned, *dict.fromkeys(owner(c.post_obj) for c in connections)]
        sizes = [rule.size_in] + [obj.size_in for obj in objects[1:]]
        blocks = np.split(np.eye(sum(sizes)), np.cumsum(sizes)[:-1])
        rows = dict(zip(objects, blocks))  # that pick an object's dimensions

        direct = np.zeros((sum(sizes), sum(sizes)))
        a, b, c = [], [], []
        for connection in connections:
            if connection is learned:
                gain = rows[learned]
            else:
                gain = (
                    matrix(connection) @ rows[connection.pre_obj][connection.pre_slice]
                )
            target = rows[owner(connection.post_obj)]
            if not isinstance(connection.post_obj, Neurons):
                target = target[connection.post_slice]
            if connection.synapse is None:
                direct += target.T @ gain
            else:
                repeat = partial(np.kron, np.eye(len(gain)))
                own_a, own_b, own_c = map(repeat, discrete(connection.synapse, dt))
                a.append(own_a)
                b.append(own_b @ gain)
                c.append(target.T @ own_c)

        through = np.linalg.inv(np.eye(len(direct)) - direct)
        n_states = sum(map(len, a))
        b = np.vstack([np.zeros((0, len(direct))), *b])
        c = through @ np.hstack([np.zeros((len(direct), 0)), *c])
        p = through @ rows[learned].T
        self.A = block_diag(np.zeros((0, 0)), *a).reshape(n_states, n_states) + b @ c
        self.B = b @ p
        self.C = rows[rule] @ c
        self.D = rows[rule] @ p

    def matrix(self, g):
        """The matrix that maps all states and p, (n + d), to those of the next step."""
        return np.block(
            [[self.A, self.B], [-g * self.C, np.eye(len(self.D)) - g * self.D]]
        )

    def stable(self, g):
        """Whether the error stays bounded."""
        return np.abs(np.linalg.eigvals(self.matrix(g))).max() <= 1 + 1e-9

    def largest_stable_gain(self):
        """The largest g with which the error stays bounded."""
        low = 1e-6
        if not self.stable(low):
            raise ValidationError(
                "the error grows with any rate: it must be the output minus the "
                "target, not the target minus the output",
                "connection",
            )
        high = 2 * low
        while self.stable(high):
            low, high = high, 2 * high
        return bisect(self.stable, low, high)

    def gain(self):
        """What the way does to a dimension that does not change, on average."""
        settled = np.linalg.solve(np.eye(len(self.A)) - self.A, self.B)
        return np.trace(self.C @ settled + self.D) / len(self.D)

    def impulse_response(self, n_steps):
        """What the way does to one dimension, on average: (n_steps,), of sum 1."""
        responses, state = [np.trace(self.D)], self.B
        for _ in range(n_steps - 1):
            responses.append(np.trace(self.C @ state))
            state = self.A @ state
        return np.array(responses) / np.sum(responses)

    def response(self, g, n_steps):
        """What is left of a constant error of 1 after some steps, at most.

        At the beginning, all filters have settled on the error.
        """
        settled = np.linalg.solve(np.eye(len(self.A)) - self.A, self.B)
        p = np.linalg.inv(self.C @ settled + self.D)
        state = np.linalg.matrix_power(self.matrix(g), n_steps) @ np.vstack(
            [settled @ p, p]
        )
        return np.linalg.norm(np.hstack([self.C, self.D]) @ state, 2)


def bisect(holds, low, high):
    """The largest number at which something holds, between one that does and not."""
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def owner(obj):
    """The object whose dimensions a connection's end stands for."""
    return obj.ensemble if isinstance(obj, Neurons) else obj


def on_the_way(network, rule):
    """All connections on a way from a learned connection to its error."""
    learned = rule.connection
    others = [c for c in network.all_connections if c is not learned]
    behind = reachable(owner(learned.post_obj), others, "pre_obj", "post_obj")
    before = reachable(rule, others, "post_obj", "pre_obj")
    if rule not in behind:
        raise ValidationError(
            f"the error of {learned} does not depend on its output", "connection"
        )
    for obj in behind & before - {rule}:
        if not isinstance(obj, Ensemble) and not (
            isinstance(obj, Node) and obj.output is None
        ):
            raise ValidationError(
                f"the error of {learned} comes through {obj}, and what that makes of "
                "it cannot be known: only ensembles and Nodes without a function can "
                "be followed",
                "connection",
            )
    return [learned] + [
        c for c in others if c.pre_obj in behind & before and c.post_obj in before
    ]


def reachable(start, connections, source, sink):
    """The set of objects that connections lead to, and the first of them."""
    found, new = set(), {start}
    while new:
        found |= new
        new = {getattr(c, sink) for c in connections if getattr(c, source) in new}
        new -= found
    return found


def matrix(connection):
    """What a connection multiplies with, (size_out, size_in)."""
    function, transform = connection.function, connection.transform
    weights = np.eye(connection.size_in)
    if function is not None:
        weights = linear(connection, function)
    if isinstance(transform, nengo.Dense) and isinstance(transform.init, np.ndarray):
        init = transform.init
        weights = init @ weights if init.ndim == 2 else init.reshape(-1, 1) * weights
    elif not isinstance(transform, nengo.transforms.NoTransform):
        raise ValidationError(
            f"what {connection} does to the error cannot be known from {transform}; "
            "use an array",
            "connection",
        )
    return weights


def linear(connection, function):
    """The matrix of a function, if it has one."""
    if callable(function):
        points = np.random.RandomState(0).uniform(-1, 1, (3, connection.size_in))
        basis = np.eye(connection.size_in)
        zero, *values = (
            np.ravel(function(x)).astype(float)
            for x in (np.zeros(connection.size_in), *basis, *points)
        )
        values = np.array(values) - zero
        weights = values[: len(basis)]
        if np.allclose(values[len(basis) :], points @ weights):
            return weights.T
    raise ValidationError(
        f"the error comes through {connection}, whose function is not linear",
        "connection",
    )


def discrete(synapse, dt):
    """A synapse's matrices, with its output one step after its input: (A, B, C)."""
    if not isinstance(synapse, LinearFilter):
        raise ValidationError(
            f"{synapse} cannot be followed: only LinearFilters can", "connection"
        )
    state = synapse.make_state((1,), (1,), dt)
    step = synapse.make_step((1,), (1,), dt, rng=None, state=state)
    n, d = len(state["X"]), float(np.squeeze(step.D))
    a, b, c = (
        np.reshape(of, shape)
        for of, shape in [(step.A, (n, n)), (step.B, (n, 1)), (step.C, (1, n))]
    )
    if d == 0:
        return a, b, c
    zero = np.zeros((n, 1))
    return (
        np.block([[a, zero], [c, np.zeros((1, 1))]]),
        np.vstack([b, [[d]]]),
        np.hstack([zero.T, [[1.0]]]),
    )
