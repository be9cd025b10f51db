"""What benchmarks reach for inside the engine: the one place to mend when its files move."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from chainrule.types import Array


def vector_bits() -> int:
    """How wide the vectors are that the engine compiles for."""
    from chainrule.engine.codegen.processor import VECTOR_BYTES

    return 8 * VECTOR_BYTES


def engine_product(a: Array, b: Array, c: Array, kind: str) -> Callable[[int], None]:
    """A function that works out C = A B so many times with the engine's own product, as a dense
    layer does it: forward ("AB"), for its weights ("AᵀB", where A lies transposed), and back
    ("ABᵀ", where B lies transposed, and is arranged each time)."""
    from chainrule.engine.codegen.processor import PANEL_BYTES

    rows, columns = c.shape
    depth = a.shape[0 if kind == "AᵀB" else 1]
    item, scratch = a.itemsize, np.zeros(4096, np.int64)
    row_step, step = (item, rows * item) if kind == "AᵀB" else (depth * item, item)
    wide = PANEL_BYTES // item
    panels = np.zeros(-(-columns // wide) * wide * depth if kind == "ABᵀ" else 1, a.dtype)
    addresses = [array.ctypes.data for array in (a, b, c, panels, scratch)]
    repeat, like = repeated_product(), a.dtype.type(0)

    def run(times: int, kept: Any = (a, b, c, panels, scratch)) -> None:
        repeat(times, kind == "ABᵀ", *addresses, row_step, step, rows, depth, columns, like)

    return run


@cache
def repeated_product() -> Callable[..., None]:
    """The engine's product in a loop, compiled."""
    from chainrule.engine.codegen.kernel import kernel
    from chainrule.engine.codegen.native import size_of
    from chainrule.engine.codegen.processor import PANEL_BYTES, VECTOR_BYTES
    from chainrule.engine.codegen.products import Matrix, Panels, Result, multiply
    from chainrule.engine.codegen.transposition import Transposition, transpose

    @kernel
    def repeat(
        times: int,
        is_transposed: bool,
        a: int,
        b: int,
        c: int,
        panels: int,
        scratch: int,
        row_step: int,
        step: int,
        rows: int,
        depth: int,
        columns: int,
        like: Any,
    ) -> None:
        row = columns * size_of(like)
        left, result = Matrix(a, row_step, step), Result(c, row, 0, 0, rows, columns)
        for _ in range(times):
            if is_transposed:
                arrange(b, panels, columns, depth, like)
                right = Panels(panels, PANEL_BYTES, depth * PANEL_BYTES)
            else:
                right = Panels(b, row, PANEL_BYTES)
            multiply(left, depth, right, result, scratch, like)

    @kernel
    def arrange(b: int, panels: int, columns: int, depth: int, like: Any) -> None:
        item, row = size_of(like), 0
        lanes, wide = VECTOR_BYTES // item, PANEL_BYTES // item
        while row < columns:
            count = min(columns - row, lanes)
            target = panels + row // wide * depth * PANEL_BYTES + row % wide * item
            x = b + row * depth * item
            rows = Transposition(x, depth * item, target, PANEL_BYTES, count, depth, count)
            transpose(rows, like)
            row += count

    compiled: Callable[..., None] = repeat.compiled
    return compiled
