import numpy as np
import pytest

from nengo_lr.builder.kernels import (
    SMALL,
    blas_blocks,
    outer_adder,
    squared_norm,
)


def factors(shape, dtype=np.float64):
    rng = np.random.RandomState(0)
    weights = rng.standard_normal(shape).astype(dtype)
    left = rng.standard_normal(shape[0]).astype(dtype)
    right = rng.standard_normal(shape[1]).astype(dtype)
    return weights, left, right


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (8, 200), (SMALL, 1), (4, 2048)])
def test_small_updates_have_the_bits_of_outer(shape, dtype):
    weights, left, right = factors(shape, dtype)
    expected = weights + np.outer(left, right)
    outer_adder(weights, left, right)()
    assert np.array_equal(weights, expected)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "shape", [(64, 1000), (3, 5000), (1, 3 * SMALL + 5), (SMALL + 1, 1), (2, SMALL)]
)
def test_large_updates_differ_by_one_rounding(shape, dtype):
    weights, left, right = factors(shape, dtype)
    product = np.outer(left, right)
    expected = weights + product
    assert blas_blocks(weights, left, right)
    outer_adder(weights, left, right)()
    # one rounding fewer: that of the product, by at most half a unit in its last place
    # and then at most one unit of the sum
    allowed = np.spacing(np.abs(product)) + np.spacing(np.abs(expected))
    assert np.all(np.abs(weights - expected) <= allowed)
    assert not np.array_equal(weights, factors(shape, dtype)[0])


def test_every_call_reads_the_factors_anew():
    weights, left, right = factors((64, 1000))
    add_outer = outer_adder(weights, left, right)
    before = weights.copy()
    add_outer()
    left *= -1
    add_outer()
    assert np.allclose(weights, before, rtol=0, atol=1e-14)


@pytest.mark.parametrize("view", [np.s_[:, ::2], np.s_[::2]])
def test_views_with_gaps_are_changed_themselves(view):
    base, _, _ = factors((128, 1000))
    weights = base[view]
    _, left, right = factors(weights.shape)
    expected = weights + np.outer(left, right)
    outer_adder(weights, left, right)()
    assert np.allclose(base[view], expected, rtol=0, atol=1e-14)


def test_other_types_take_the_plain_path():
    weights, left, right = factors((64, 1000), np.float16)
    assert blas_blocks(weights, left, right) == []
    expected = weights + np.outer(left, right)
    outer_adder(weights, left, right)()
    assert np.array_equal(weights, expected)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("view", [np.s_[:1], np.s_[:], np.s_[::2], np.s_[::-3]])
def test_squared_norms_are_those_of_the_array_itself(dtype, view):
    base = np.arange(10).astype(dtype)
    square = squared_norm(base[view])
    for factor in (1, 2, 0):
        base *= dtype(factor)
        assert square() == np.sum(base[view] ** 2)
    base[0] = np.nan
    assert np.isnan(square()) == np.isnan(base[view]).any()
