"""How an error depends on what a connection decodes, read from a network."""

from collections import defaultdict

import numpy as np
from nengo.ensemble import Ensemble, Neurons
from nengo.exceptions import ValidationError
from nengo.node import Node
from nengo.synapses import LinearFilter
from nengo.transforms import Dense, NoTransform, Sparse, SparseMatrix
from scipy import sparse

__all__ = ["linear_system"]


def linear_system(network, rule, dt):
    """The sparse matrices A, B, C and D of a rule's whole error loop."""
    learned = rule.connection
    connections = connections_between(network, rule)
    # what the learned connection decodes stands for the object that it comes from
    objects = [learned, *dict.fromkeys(c.post_obj for c in connections[1:]), rule]
    objects += [population(learned.post_obj)]
    sizes = {obj: rule.size_in if obj is learned else obj.size_in for obj in objects}
    rows, n = {}, sum(sizes.values())
    identity, start = sparse.identity(n, format="csr"), 0
    for obj, size in sizes.items():  # rows that pick an object's dimensions
        rows[obj] = identity[start : start + size]
        start += size

    direct = sparse.csr_matrix((n, n))
    a, b, c = [], [], []
    for connection in connections:
        if connection is learned:
            gain, target = rows[learned], rows[population(connection.post_obj)]
        else:
            source = picked(rows[connection.pre_obj], connection.pre_slice)
            gain, target = weights(connection) @ source, rows[connection.post_obj]
        if not isinstance(connection.post_obj, Neurons):
            target = picked(target, connection.post_slice)
        if connection.synapse is None:
            direct += target.T @ gain
        else:
            each = sparse.identity(gain.shape[0])
            own_a, own_b, own_c = discrete(connection.synapse, dt)
            a.append(sparse.kron(each, own_a))
            b.append(sparse.kron(each, own_b) @ gain)
            c.append(target.T @ sparse.kron(each, own_c))

    # what is not filtered comes to an end, after as many objects as there are
    through = term = identity
    for _ in objects:
        term = term @ direct
        through = through + term
    b = sparse.vstack([sparse.csr_matrix((0, n)), *b])
    c = through @ sparse.hstack([sparse.csr_matrix((n, 0)), *c])
    a = sparse.block_diag([sparse.csr_matrix((0, 0)), *a])
    p, error = through @ rows[learned].T, rows[rule]
    return a + b @ c, b @ p, error @ c, error @ p


def picked(rows, slice):
    """Some of an object's rows."""
    return rows[np.arange(rows.shape[0])[slice]]


def population(obj):
    """The object whose dimensions a connection's end stands for."""
    return obj.ensemble if isinstance(obj, Neurons) else obj


def connections_between(network, rule):
    """The learned connection, and all others between it and its error."""
    learned = rule.connection
    others = [c for c in network.all_connections if c is not learned]
    behind = reachable(population(learned.post_obj), others, "pre_obj", "post_obj")
    before = reachable(rule, others, "post_obj", "pre_obj")
    if before == {rule}:
        raise ValidationError(
            f"nothing is connected to the learning rule of {learned}", "connection"
        )
    if rule not in behind:
        raise independent(learned)
    between = behind & before
    for obj in between - {rule}:
        if not isinstance(obj, Ensemble) and not (
            isinstance(obj, Node) and obj.output is None
        ):
            raise ValidationError(
                f"the error of {learned} comes through {obj}, and what that makes of "
                "it cannot be known: only ensembles and Nodes without a function can "
                "be followed",
                "connection",
            )
    connections = [
        c
        for c in others
        if population(c.pre_obj) in between and population(c.post_obj) in between
    ]
    for connection in connections:
        for end in (connection.pre_obj, connection.post_obj):
            if isinstance(end, Neurons):
                raise ValidationError(
                    f"the error of {learned} comes through {end}, whose activities are "
                    "no linear function of what the ensemble represents: connect the "
                    "ensemble itself",
                    "connection",
                )
    return [learned, *connections]


def feeds_back(network, learned):
    """Whether a learned connection's output comes back to where it comes from."""
    others = [c for c in network.all_connections if c is not learned]
    behind = reachable(population(learned.post_obj), others, "pre_obj", "post_obj")
    return population(learned.pre_obj) in behind


def reachable(start, connections, source, sink):
    """The set of objects that connections lead to, and the first of them."""
    leading = defaultdict(set)
    for connection in connections:
        ends = (population(getattr(connection, end)) for end in (source, sink))
        leading[next(ends)].add(next(ends))
    found, new = {start}, [start]
    while new:
        new = [obj for of in new for obj in leading[of] if obj not in found]
        found.update(new)
    return found


def weights(connection):
    """The sparse matrix that a connection multiplies with, (size_out, size_in)."""
    function, transform = connection.function, connection.transform
    matrix = sparse.identity(connection.size_in, format="csr")
    if function is not None:
        matrix = sparse.csr_matrix(slopes(connection, function))
    if isinstance(transform, NoTransform):
        return matrix
    if isinstance(transform, Dense) and isinstance(transform.init, np.ndarray):
        init = transform.init
        if init.ndim < 2:
            init = sparse.diags(np.broadcast_to(init, (matrix.shape[0],)))
        return sparse.csr_matrix(init) @ matrix
    if isinstance(transform, Sparse) and isinstance(transform.init.data, np.ndarray):
        init = transform.init
        if isinstance(init, SparseMatrix):
            init = sparse.csr_matrix((init.data, init.indices.T), init.shape)
        return init @ matrix
    raise ValidationError(
        f"what {connection} does to the error cannot be known from {transform}; use an "
        "array",
        "connection",
    )


def slopes(connection, function):
    """The matrix of a function, if it is linear but for a constant."""
    points = np.random.RandomState(0).uniform(-1, 1, (3, connection.size_in))
    basis = np.eye(connection.size_in)
    try:
        zero, *values = (
            np.ravel(function(x)).astype(float)
            for x in (np.zeros(connection.size_in), *basis, *points)
        )
    except Exception:  # it is the user's, or an array of values
        values = []
    if values:
        values = np.array(values) - zero
        matrix = values[: len(basis)]
        if np.allclose(values[len(basis) :], points @ matrix):
            return matrix.T
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


def independent(learned):
    """The error of a loop that is none."""
    return ValidationError(
        f"the error of {learned} does not depend on its output", "connection"
    )
