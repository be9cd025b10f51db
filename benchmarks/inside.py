"""What benchmarks reach for inside the engine: the one place to mend when its files move."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from chainrule.parameters import aligned_zeros
from chainrule.types import Array


def vector_bits() -> int:
    """How wide the vectors are that the engine compiles for."""
    from chainrule.engine.codegen.processor import VECTOR_BYTES

    return 8 * VECTOR_BYTES


def engine_product(a: Array, b: Array, c: Array, kind: str) -> Callable[[int], None]:
    """A function that works out C = A B so many times with the engine's own product, as a dense
    layer does it: forward ("AB"), for its weights ("AᵀB", where A lies transposed), and back
    ("ABᵀ", where B lies transposed, and is arranged each time)."""
    from chainrule.engine.codegen.processor import VECTOR_BYTES
    from chainrule.engine.codegen.products import scratch_for

    rows, columns = c.shape
    depth = a.shape[0 if kind == "AᵀB" else 1]
    item = a.itemsize
    size = scratch_for(depth, columns, item, packs_left=True).size
    scratch, lanes = aligned_zeros(size, a.dtype), VECTOR_BYTES // item
    panels = aligned_zeros(-(-columns // lanes) * lanes * depth if kind == "ABᵀ" else 1, a.dtype)
    addresses = [array.ctypes.data for array in (a, b, c, panels, scratch)]
    repeat, like = repeated_product(a.dtype.name), a.dtype.type(0)

    def run(times: int, kept: Any = (a, b, c, panels, scratch)) -> None:
        repeat(times, kind == "AᵀB", kind == "ABᵀ", *addresses, rows, depth, columns, like)

    return run


@cache
def repeated_product(dtype: str) -> Callable[..., None]:
    """The engine's product in a loop, compiled, with what it calls loaded."""
    from chainrule.engine.codegen.kernel import kernel
    from chainrule.engine.codegen.library import LIBRARY
    from chainrule.engine.codegen.native import size_of
    from chainrule.engine.codegen.products import (
        Result,
        Right,
        multiply,
        plain,
        transposed,
    )
    from chainrule.engine.codegen.transposition import transpose_into_panels
    from chainrule.engine.running.compiled import address

    address(LIBRARY, dtype)

    @kernel
    def repeat(
        times: int,
        is_left_transposed: bool,
        is_right_transposed: bool,
        a: int,
        b: int,
        c: int,
        panels: int,
        scratch: int,
        rows: int,
        depth: int,
        columns: int,
        like: Any,
    ) -> None:
        item = size_of(like)
        left, right = plain(a, depth * item, depth, item), Right(b, columns * item, 0)
        if is_left_transposed:
            left = transposed(a, rows * item, depth)
        if is_right_transposed:
            right = Right(panels, 0, 1)
        result = Result(c, columns * item, 0, 0, rows, columns)
        for _ in range(times):
            if is_right_transposed:
                transpose_into_panels(b, 0, columns, columns, depth, panels, like)
            multiply(left, right, result, scratch, like)

    compiled: Callable[..., None] = repeat.compiled
    return compiled
