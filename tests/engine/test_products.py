"""The engine's matrix products alone, against NumPy."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from chainrule.engine.codegen import products
from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.library import LIBRARY
from chainrule.engine.codegen.native import size_of
from chainrule.engine.running.compiled import address

ROUNDING = {"float32": 4e-6, "float64": 1e-14}
SHAPES = [
    (1, 1, 1), (2, 3, 5), (7, 1, 17), (13, 31, 47), (1, 400, 64), (31, 7, 130), (64, 64, 64),
    (97, 385, 101), (130, 784, 128), (200, 33, 700), (100, 1000, 700),
]  # fmt: skip


@kernel
def product(
    a: int, a_step: int, is_transposed: int, depth: int, b: int, b_row: int, in_panels: int, c: int,
    c_row: int, start: int, start_row: int, rows: int, columns: int, scratch: int, like: Any,
) -> None:  # fmt: skip
    item = size_of(like)
    left = products.plain(a, a_step * item, depth, item)
    if is_transposed:
        left = products.transposed(a, a_step * item, depth)
    right = products.Right(b, b_row * item, in_panels)
    result = products.Result(c, c_row * item, start, start_row * item, rows, columns)
    products.multiply(left, right, result, scratch, like)


@cache
def compiled_product(dtype: str) -> Any:
    """The product as a Python function, with the library loaded that it calls."""
    assert address(LIBRARY, dtype)
    return product.compiled


def multiply(
    a: Any,
    b: Any,
    start: Any,
    transposed: bool = False,
    most_depth: int | None = None,
    panels: Any = None,
) -> Any:
    """start + A B, where rows of A, B and C have more numbers than are used. `start` is 0, a bias
    or a matrix, which C is added to in place. The memory for it is that for a depth of up to
    `most_depth`; what lies behind it must stay as it is. B may come in panels too."""
    dtype, (rows, depth), columns = a.dtype, a.shape, b.shape[1]
    a, b = wider(a.T if transposed else a), wider(b)
    c = wider(np.full((rows, columns), np.nan, dtype))
    first, first_row = 0, 0
    if np.ndim(start) == 2:
        c[:, :columns] = start
        first, first_row = c.ctypes.data, c.shape[1]
    elif np.ndim(start) == 1:
        first = start.ctypes.data
    private = products.scratch_for(
        most_depth or depth, columns, dtype.itemsize, packs_left=transposed
    )
    size = private.size * dtype.itemsize
    scratch = np.full(size // 8 + 100_000, -1, np.int64)
    at = -scratch.ctypes.data % 64 // 8
    right = b if panels is None else panels
    compiled_product(dtype.name)(
        a.ctypes.data, a.shape[1], transposed, depth, right.ctypes.data, b.shape[1],
        panels is not None, c.ctypes.data, c.shape[1], first, first_row, rows, columns,
        scratch[at:].ctypes.data, dtype.type(0),
    )  # fmt: skip
    assert (scratch[at + size // 8 + 1 :] == -1).all()
    assert np.isnan(c[:, columns:]).all()
    return c[:, :columns]


def wider(a: Any) -> Any:
    """A matrix in one with more columns, which are not numbers."""
    return np.pad(np.ascontiguousarray(a), [(0, 0), (0, 3)], constant_values=np.nan)


@pytest.mark.parametrize("dtype", ROUNDING)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("kind", ["zero", "bias", "itself"])
def test_products_are_those_of_numpy(
    dtype: str, shape: tuple[int, int, int], transposed: bool, kind: str
) -> None:
    rows, depth, columns = shape
    rng = np.random.default_rng(rows * depth * columns)
    a, b = (rng.standard_normal(size).astype(dtype) for size in ((rows, depth), (depth, columns)))
    start: Any = {"zero": np.float64(0), "bias": rng.standard_normal(columns).astype(dtype),
                  "itself": rng.standard_normal((rows, columns)).astype(dtype)}[kind]  # fmt: skip
    expected = start.astype(float) + a.astype(float) @ b
    size = np.abs(start).astype(float) + np.abs(a).astype(float) @ np.abs(b) + 1
    error = np.abs(multiply(a, b, start, transposed) - expected) / size
    assert error.max() < ROUNDING[dtype] * max(1, depth) ** 0.5


@pytest.mark.parametrize("dtype", ROUNDING)
@pytest.mark.parametrize("depth", [20, 256, 700])
@pytest.mark.parametrize("further", [0, 1, 5, 8, 9, 16, 17, 33])
def test_products_with_panels_are_those_of_numpy_wherever_blocks_end(
    dtype: str, depth: int, further: int
) -> None:
    item = np.dtype(dtype).itemsize
    steps = products.block_depth(products.plain(0, 0, depth, item), products.most_steps(item))
    columns = products.block_columns(steps, item) + further
    rng = np.random.default_rng(columns)
    a, b = (rng.standard_normal(size).astype(dtype) for size in ((7, depth), (depth, columns)))
    result = multiply(a, b, np.float64(0), panels=in_panels(b))
    np.testing.assert_allclose(result, a.astype(float) @ b, atol=1e-3 if item == 4 else 1e-12)


def in_panels(b: Any) -> Any:
    """B in the panels that a product reads, one behind the other."""
    panels, column = [], 0
    while column < b.shape[1]:
        first, width = products.panel_of(column, b.shape[1], b.itemsize)
        part = b[:, first : first + width]
        panels.append(np.pad(part, [(0, 0), (0, width - part.shape[1])]).ravel())
        column = first + width
    return np.concatenate(panels)


@pytest.mark.parametrize("transposed", [False, True])
def test_bits_do_not_depend_on_how_rows_are_shared_out(transposed: bool) -> None:
    rng = np.random.default_rng(1)
    a, b = (rng.standard_normal(size).astype("float32") for size in ((300, 700), (700, 517)))
    whole = multiply(a, b, 0, transposed)
    for cut in (1, 96, 150):
        parts = [multiply(part, b, 0, transposed) for part in (a[:cut], a[cut:])]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("dtype", ROUNDING)
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("depth", [0, 100, 150, 200, 250, 383, 500, 1000])
def test_the_memory_for_many_steps_is_enough_for_fewer(
    dtype: str, transposed: bool, depth: int
) -> None:
    rng = np.random.default_rng(depth)
    a, b = (rng.standard_normal(size).astype(dtype) for size in ((150, depth), (depth, 1000)))
    result = multiply(a, b, np.float64(0), transposed, most_depth=1 << 30)
    np.testing.assert_allclose(result, a.astype(float) @ b, atol=1e-3)


def test_a_product_of_no_rows_is_none() -> None:
    nothing = multiply(np.zeros((0, 5), np.float32), np.ones((5, 7), np.float32), np.float64(0))
    assert nothing.shape == (0, 7)
