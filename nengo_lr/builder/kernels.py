"""In-place numpy arithmetic on weight-sized arrays."""

from functools import partial

import numpy as np
from scipy.linalg.blas import get_blas_funcs

SMALL = 8192
"""The number of elements up to which one thread works on an array.

OpenBLAS starts threads for larger rank-one updates, which on a busy machine can make
one many times slower. It is also the number of weights up to which the update has the
same bits as that of `nengo.PES`.
"""

BLOCK = 16384
"""The number of elements that stay in a core's cache while functions pass over them."""


def squared_norm(array):
    """Make the fastest function that returns the squared norm of an array.

    Parameters
    ----------
    array : array (n,)
        Read at each call.

    Returns
    -------
    square : callable
        ``square()`` returns a float.
    """
    if array.size == 1:
        item = array.item
        return lambda: item() * item()
    # BLAS itself is called several times faster than through numpy
    dot = get_blas_funcs("dot", dtype=array.dtype) if takes_blas(array) else np.dot
    return partial(dot, array, array)


def blocks(shape, size=BLOCK):
    """Cut a matrix into blocks that each lie in one piece.

    Parameters
    ----------
    shape : (int, int)
        The shape of the matrix.
    size : int, optional
        The largest number of elements in a block.

    Returns
    -------
    blocks : list of (slice, slice)
        The rows and the columns of each block.
    """
    columns = min(shape[1], size)
    rows = size // columns
    return [
        (slice(i, i + rows), slice(j, j + columns))
        for i in range(0, shape[0], rows)
        for j in range(0, shape[1], columns)
    ]


def takes_blas(*arrays):
    """Whether BLAS works on arrays in place.

    It would change a copy of anything but float64 and float32, and of views with gaps.
    """
    dtype = arrays[0].dtype
    return dtype in (np.float64, np.float32) and all(
        array.dtype == dtype and array.flags.c_contiguous for array in arrays
    )


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
        return outer_mixer(weights, left, right, 1.0, 1.0)

    # an inner size of 1 gives the same bits as np.outer, in half its time
    column, row = left[:, None], right[None, :]
    product = np.empty_like(weights)

    def add_outer():
        # positions spare a third of a microsecond of keyword parsing
        np.dot(column, row, product)
        np.add(weights, product, weights)

    return add_outer


def outer_mixer(target, left, right, keep, new):
    """Make the fastest safe function that mixes an outer product into an array.

    Parameters
    ----------
    target : array (m, n)
        Changed in place by each call of the function.
    left : array (m,)
    right : array (n,)
        The factors, read at each call.
    keep, new : float
        The factors of the old array and of the product.

    Returns
    -------
    mix : callable
        ``mix()`` does ``target = keep * target + new * np.outer(left, right)`` in
        place.
    """
    parts = blas_blocks(target, left, right)
    if not parts:
        scaled, product = np.empty_like(left), np.empty_like(target)

        def mix():
            np.multiply(left, new, out=scaled)
            np.multiply(scaled[:, None], right, out=product)
            np.multiply(target, keep, out=target)
            np.add(target, product, out=target)

        return mix

    ger, axpy = get_blas_funcs(("ger", "axpy"), dtype=target.dtype)
    flat_parts = [block.T.reshape(-1) for *_, block in parts] if keep != 1 else []
    lost = keep - 1  # of which float32 has more digits than of what is kept

    def mix_blas():
        for flat in flat_parts:
            axpy(flat, flat, flat.size, lost)
        for left_part, right_part, block in parts:
            # positions spare a microsecond of keyword parsing per block
            ger(new, right_part, left_part, 1, 1, block, 1, 1, 1)

    return mix_blas


def outer_setter(target, left, right):
    """Make the fastest function that sets a block to an outer product.

    Parameters
    ----------
    target : array (m, n)
        Changed in place by each call of the function; at most `BLOCK` elements.
    left : array (m,)
    right : array (n,)
        The factors, read at each call.

    Returns
    -------
    set_outer : callable
        ``set_outer()`` does ``target[...] = np.outer(left, right)``.
    """
    column, row = left[:, None], right[None, :]
    if not takes_blas(target, column, row):
        return lambda: np.multiply(column, row, out=target)
    gemm = get_blas_funcs("gemm", dtype=target.dtype)
    return lambda: gemm(1.0, row.T, column.T, 0.0, target.T, 0, 0, 1)


def blas_blocks(weights, left, right):
    """Cut an update into blocks of at most `SMALL` elements that BLAS does in place.

    Returns
    -------
    parts : list of (array (r,), array (c,), array (c, r))
        Parts of ``left``, ``right`` and of the transposed ``weights``; empty where
        BLAS would change a copy.
    """
    parts = [
        (left[i], right[j], weights[i, j]) for i, j in blocks(weights.shape, SMALL)
    ]
    if not all(takes_blas(*part) for part in parts):
        return []
    return [(left, right, block.T) for left, right, block in parts]
