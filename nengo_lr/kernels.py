"""In-place numpy arithmetic on weight-sized arrays."""

import numpy as np
from scipy.linalg import blas

SMALL = 8192
"""The number of elements up to which one thread works on an array.

OpenBLAS starts threads for larger rank-one updates, which on a busy machine can make
one many times slower. It is also the number of weights up to which the update has the
same bits as that of `nengo.PES`.
"""


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
    blocks = blas_blocks(weights, left, right) if weights.size > SMALL else []
    if blocks:
        ger = blas.dger if weights.dtype == np.float64 else blas.sger

        def add_outer_blas():
            for left_part, right_part, block in blocks:
                # positions spare a microsecond of keyword parsing per block
                ger(1.0, right_part, left_part, 1, 1, block, 1, 1, 1)

        return add_outer_blas

    # an inner size of 1 gives the same bits as np.outer, in half its time
    column, row = left[:, None], right[None, :]
    product = np.empty_like(weights)

    def add_outer():
        np.dot(column, row, out=product)
        np.add(weights, product, out=weights)

    return add_outer


def blas_blocks(weights, left, right):
    """Cut an update into blocks of at most `SMALL` elements that BLAS does in place.

    Returns
    -------
    blocks : list of (array (r,), array (c,), array (c, r))
        Parts of ``left``, ``right`` and of the transposed ``weights``; empty where
        BLAS would change a copy instead (other types than float64 and float32, views
        with gaps).
    """
    if weights.dtype not in (np.float64, np.float32):
        return []
    columns = min(weights.shape[1], SMALL)
    rows = SMALL // columns
    blocks = [
        (
            left[i : i + rows],
            right[j : j + columns],
            weights[i : i + rows, j : j + columns].T,
        )
        for i in range(0, weights.shape[0], rows)
        for j in range(0, weights.shape[1], columns)
    ]
    in_place = all(
        part.dtype == weights.dtype and part.flags.f_contiguous
        for block in blocks
        for part in block
    )
    return blocks if in_place else []
