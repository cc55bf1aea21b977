"""Vectors of sixteen lanes do what the scalar arithmetic does, bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numba import njit

from snn_core.vectors import (
    LANES,
    add_where,
    clamp,
    doubled,
    load,
    magnitude,
    nearest,
    select,
    singled,
    splat,
    store,
    subtract_where,
)

SINGLE = arrays(np.float32, LANES, elements=st.floats(-1e6, 1e6, width=32))
DOUBLE = arrays(np.float64, LANES, elements=st.floats(-1e9, 1e9))


@njit
def everything(a, b, out):
    x, y = load(a, 0), load(b, 0)
    store(out[0], 0, x + y)
    store(out[1], 0, x - y)
    store(out[2], 0, x * y)
    store(out[3], 0, x / (1.0 + y * y))
    store(out[4], 0, 2.0 * x - 0.5)
    store(out[5], 0, select(x > y, x, y))
    store(out[6], 0, add_where(x < y, x, y))
    store(out[7], 0, subtract_where((x > 0.0) & (y > 0.0), x, y))
    store(out[8], 0, clamp(x, -1.0 + 0.0 * x, 1.0 + 0.0 * x))
    store(out[9], 0, magnitude(x))
    store(out[10], 0, select((x >= y) | (x == 0.0), x, 0.0 * x))


def expected(a: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
    one, half = a.dtype.type(1.0), a.dtype.type(0.5)
    return [
        a + b, a - b, a * b, a / (one + b * b), a.dtype.type(2.0) * a - half, np.where(a > b, a, b),
        np.where(a < b, a + b, a), np.where((a > 0) & (b > 0), a - b, a), np.clip(a, -one, one), np.abs(a),
        np.where((a >= b) | (a == 0), a, 0),
    ]  # fmt: skip


@settings(deadline=None)  # the first example compiles
@given(a=SINGLE, b=SINGLE)
def test_single_precision(a: np.ndarray, b: np.ndarray) -> None:
    out = np.empty((11, LANES), np.float32)
    everything(a, b, out)
    np.testing.assert_array_equal(out, expected(a, b))


@settings(deadline=None)
@given(a=DOUBLE, b=DOUBLE)
def test_double_precision(a: np.ndarray, b: np.ndarray) -> None:
    out = np.empty((11, LANES))
    everything(a, b, out)
    np.testing.assert_array_equal(out, expected(a, b))


@njit
def conversions(a, single, out):
    x = load(a, 0)
    store(single, 0, singled(x))
    store(out[0], 0, doubled(load(single, 0)))
    store(out[1], 0, nearest(x))
    store(out[2], 0, splat(a[3]))


@settings(deadline=None)
@given(a=DOUBLE)
def test_conversions(a: np.ndarray) -> None:
    a = a / 1e3
    single, out = np.empty(LANES, np.float32), np.empty((3, LANES))
    conversions(a, single, out)
    np.testing.assert_array_equal(single, a.astype(np.float32))
    np.testing.assert_array_equal(out, [single.astype(float), np.rint(a), np.full(LANES, a[3])])


@njit
def next_block(a, out, start):
    store(out, start, load(a, start) + 1.0)


def test_load_and_store_begin_anywhere() -> None:
    a, out = np.arange(40.0), np.zeros(40)
    next_block(a, out, 5)
    np.testing.assert_array_equal(out, np.where((a >= 5) & (a < 5 + LANES), a + 1.0, 0.0))


@pytest.mark.parametrize(("where", "chosen"), [(True, 3.0), (False, 4.0)])
def test_single_numbers_take_the_same_words(where: bool, chosen: float) -> None:
    assert select(where, 3.0, 4.0) == chosen
    assert add_where(where, 1.0, 2.0) == (3.0 if where else 1.0)
    assert subtract_where(where, 1.0, 2.0) == (-1.0 if where else 1.0)
    assert [clamp(x, -1.0, 1.0) for x in (-2.0, 0.5, 2.0)] == [-1.0, 0.5, 1.0]
    assert [magnitude(x) for x in (-2.0, 2.0)] == [2.0, 2.0]
    assert [float(nearest(x)) for x in (0.5, 1.5, -2.4)] == [0.0, 2.0, -2.0]


def test_comparisons_with_nan_hold_nowhere() -> None:
    out = np.empty((11, LANES))
    everything(np.full(LANES, np.nan), np.zeros(LANES), out)
    np.testing.assert_array_equal(out[5], 0.0)  # nan > 0 does not hold, so the other side is chosen
