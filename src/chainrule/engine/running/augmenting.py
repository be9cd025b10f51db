"""Examples handed to the compiled loop that warps them."""

from __future__ import annotations

import ctypes
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.augment.warps import Warp, smoothing_matrix
from chainrule.engine.codegen.products import scratch_for
from chainrule.engine.program.records import Warping
from chainrule.engine.running.compiled import entry_function
from chainrule.engine.running.threads import interrupts_afterwards, run_together
from chainrule.engine.running.warping import FIELDS, warp
from chainrule.parameters import CACHE_LINE, aligned_zeros
from chainrule.types import Array

STAYING = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # the map that leaves pixels in their places
FEW_NUMBERS = 50_000  # which are not worth several threads


class CompiledWarp:
    """`augment.warps.warp_in_numpy`, compiled.

    Args:
        threads: how many there may be.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def __call__(self, x: Array, examples: npt.NDArray[np.intp], of_epoch: Warp) -> Array:
        """Examples of these numbers, warped and with noise: a new array."""
        threads = 1 if x.size < FEW_NUMBERS else min(self.threads, len(x))
        height, width, channels = x.shape[1:] if x.ndim == 4 else (1, 1, math.prod(x.shape[1:]))
        warped, numbers = np.empty_like(x), np.ascontiguousarray(examples, np.int64)
        arrays = {"images": x, "warped": warped, "examples": numbers}
        keys = {}
        if of_epoch.moves:
            arrays["matrices"] = matrices_of(examples, of_epoch)
        if (elasticity := of_epoch.elasticity) is not None:
            weights = (math.sqrt(elasticity.alpha) * elasticity.weights).astype(x.dtype)
            arrays["down"] = smoothing_matrix(weights, height)
            arrays["right"] = smoothing_matrix(weights, width)
            size = scratch_size(height, width, x.dtype)
            arrays["scratch"] = aligned_zeros(threads * size, x.dtype)
            keys = {"elastic_key": elasticity.key, "scratch_bytes": size * x.itemsize}
        if (graininess := of_epoch.graininess) is not None:
            arrays["std"], keys["noise_key"] = np.array([graininess.std]), graininess.key
        addresses = {name: address(array) for name, array in arrays.items()}
        task = Warping(threads, len(x), height, width, channels, **addresses, **keys)
        run = entry_function(warp, str(x.dtype))
        with interrupts_afterwards():  # the memory they work on must outlive them all
            run_together(lambda thread: run(ctypes.addressof(task), thread, 0.0), threads)
        return warped


def matrices_of(examples: npt.NDArray[np.intp], of_epoch: Warp) -> Array:
    """Where the pixels of each example come from, before they are displaced."""
    if of_epoch.matrices is None:
        return np.repeat(STAYING[None], len(examples), axis=0)
    return np.ascontiguousarray(of_epoch.matrices[examples])


def scratch_size(height: int, width: int, dtype: np.dtype[Any]) -> int:
    """The numbers that a thread needs for displacements and their products, in whole lines."""
    longest = max(height, width)
    product = scratch_for(longest, 2 * longest, dtype.itemsize).size
    line = CACHE_LINE // dtype.itemsize
    return -(-(FIELDS * height * width + product) // line) * line


def address(array: Array | None) -> int:
    """Where an array lies; 0 where there is none."""
    return 0 if array is None else array.ctypes.data
