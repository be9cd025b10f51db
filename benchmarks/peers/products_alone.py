"""The matrix products of a step alone, at the speed of NumPy's BLAS."""

from __future__ import annotations

import math

import numpy as np

import chainrule as cr
from chainrule.layers.base import walk
from peers.base import Peer
from surroundings import blas_kernels
from workload import Workload


class ProductsAlone(Peer):
    """For each layer with weights: forward, for the weights, and for what lies before, but for the
    first one. A convolution counts as the product of its patches, which are there already."""

    def __init__(self, workload: Workload, threads: int) -> None:
        super().__init__(workload, threads)
        rng = np.random.default_rng(0)
        self.products = [
            (
                rng.random((rows, depth)).astype(workload.dtype),
                rng.random((depth, columns)).astype(workload.dtype),
                np.empty((rows, columns), workload.dtype),
            )
            for _, rows, depth, columns in products_of(workload)
        ]

    def losses(self, count: int) -> list[float]:
        return []

    def run(self, steps: int) -> None:
        for _ in range(steps):
            for a, b, c in self.products:
                np.matmul(a, b, out=c)

    def kernels(self) -> str:
        return blas_kernels()


def products_of(workload: Workload) -> list[tuple[str, int, int, int]]:
    """A step's products in order: their kinds, and (rows, depth, columns)."""
    found: list[tuple[str, int, int, int]] = []
    for _, layer in walk(workload.network().root):
        if not isinstance(layer, (cr.Dense, cr.Conv2D)):
            continue
        is_first = not found
        rows, groups = workload.batch_size, 1
        if isinstance(layer, cr.Conv2D):
            rows, groups = rows * math.prod(layer.windows.positions), layer.groups
        depth, columns = layer.W.size // layer.W.shape[-1], layer.W.shape[-1] // groups
        of_a_group = [("AB", rows, depth, columns), ("AᵀB", depth, rows, columns)]
        if not is_first:
            of_a_group.append(("ABᵀ", rows, columns, depth))
        found += of_a_group * groups
    return found
