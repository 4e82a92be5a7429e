"""In-place numpy arithmetic on weight-sized arrays."""

import numpy as np
from scipy.linalg import blas

SMALL = 8192
"""The number of elements up to which one thread works on an array.

OpenBLAS starts threads for larger rank-one updates, which on a busy machine can make
one many times slower. A block of this size also stays in a core's cache while several
functions pass over it. And it is the number of weights up to which the update has the
same bits as that of `nengo.PES`.
"""


def blocks(shape):
    """Cut a matrix into blocks of at most `SMALL` elements that lie in one piece.

    Parameters
    ----------
    shape : (int, int)
        The shape of the matrix.

    Returns
    -------
    blocks : list of (slice, slice)
        The rows and the columns of each block.
    """
    columns = min(shape[1], SMALL)
    rows = SMALL // columns
    return [
        (slice(i, i + rows), slice(j, j + columns))
        for i in range(0, shape[0], rows)
        for j in range(0, shape[1], columns)
    ]


def outer_adder(weights, left, right):
    """Make the fastest safe function that adds an outer product to an array.

    Parameters
    ----------
    weights : array (m, n)
        Changed in place by each call of the function.
    left : array (m,)
    right : array (n,)
        The factors, read at each call.

    Returns
    -------
    add_outer : callable
        ``add_outer()`` does ``weights += np.outer(left, right)``: up to `SMALL` weights
        with the same bits, above with at most one rounding per weight less.
    """
    if weights.size > SMALL:
        return blas_outer_adder(weights, left, right)
    return exact_outer_adder(weights, left, right)


def exact_outer_adder(weights, left, right):
    """The function of `outer_adder` that has the bits of ``np.outer`` at any size."""
    # an inner size of 1 gives the same bits as np.outer, in half its time
    column, row = left[:, None], right[None, :]
    product = np.empty_like(weights)

    def add_outer():
        np.dot(column, row, out=product)
        np.add(weights, product, out=weights)

    return add_outer


def blas_outer_adder(weights, left, right):
    """The function of `outer_adder` that lets BLAS add in place, wherever it can."""
    parts = blas_blocks(weights, left, right)
    if not parts:
        return exact_outer_adder(weights, left, right)
    ger = blas.dger if weights.dtype == np.float64 else blas.sger

    def add_outer():
        for left_part, right_part, block in parts:
            # positions spare a microsecond of keyword parsing per block
            ger(1.0, right_part, left_part, 1, 1, block, 1, 1, 1)

    return add_outer


def blas_blocks(weights, left, right):
    """Cut an update into blocks of at most `SMALL` elements that BLAS does in place.

    Returns
    -------
    parts : list of (array (r,), array (c,), array (c, r))
        Parts of ``left``, ``right`` and of the transposed ``weights``; empty where
        BLAS would change a copy instead (other types than float64 and float32, views
        with gaps).
    """
    if weights.dtype not in (np.float64, np.float32):
        return []
    parts = [(left[i], right[j], weights[i, j].T) for i, j in blocks(weights.shape)]
    in_place = all(
        array.dtype == weights.dtype and array.flags.f_contiguous
        for part in parts
        for array in part
    )
    return parts if in_place else []
