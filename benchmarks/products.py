"""Matrix products alone: the engine's beside OpenBLAS, as NumPy has it, and MKL, on one thread.

    python benchmarks/products.py [--repeats 5] [--types float32,float64] [--largest 4096]
                                  [--narrow] [--out FOLDER]

Squares, and the products of a step of some workloads: forward (AB), for the weights (AᵀB) and back
(ABᵀ), where ᵀ says that the factor lies transposed in memory; what a library does to arrange its
factors counts. All three are called in a compiled loop, and take turns. Prints the rates and
writes `products.json` and `products.md`.
"""

from __future__ import annotations

import ctypes
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import files
from typing import Any

import numpy as np
from rich.console import Console

from inside import engine_product, vector_bits
from options import parser
from peers.products_alone import products_of
from surroundings import blas_kernels, environment, machine
from workload import Array
from workloads import WORKLOADS

SQUARES = (8, 16, 24, 32, 48, 64, 100, 128, 256, 384, 512, 768, 1000, 1024, 1536, 2048, 3072, 4096)
STEPS = ("W3", "W4", "W5", "W12", "W16")
OF_SQUARES, OF_STEPS = 0.9, 0.85  # of the faster library's rate, for squares from 128 to 2,048
LEAST_SECONDS = 0.05
CLOSE = {"float32": 1e-4, "float64": 1e-12}
ROWS_FIRST, AS_IT_IS, TRANSPOSED = 101, 111, 112  # of CBLAS
Run = Callable[[int], None]  # works a product out so many times


@dataclass(frozen=True)
class Product:
    """A product to measure. `goal` is the share of the faster library's rate that is aimed at."""

    of: str
    kind: str
    rows: int
    depth: int
    columns: int
    dtype: str
    goal: float | None

    def factors(self) -> tuple[Array, Array, Array]:
        """A and B as they lie in memory, and room for C."""
        rng = np.random.default_rng(0)
        a, b = (self.rows, self.depth), (self.depth, self.columns)
        a, b = a[::-1] if self.kind == "AᵀB" else a, b[::-1] if self.kind == "ABᵀ" else b
        c = np.empty((self.rows, self.columns), self.dtype)
        return rng.random(a).astype(self.dtype), rng.random(b).astype(self.dtype), c


def products(types: list[str], largest: int) -> Iterator[Product]:
    """All that are measured."""
    for dtype in types:
        for size in SQUARES:
            if size <= largest:
                goal = OF_SQUARES if 128 <= size <= 2048 else None
                yield Product("square", "AB", size, size, size, dtype, goal)
        for name in STEPS:
            goal = None if name == "W3" else OF_STEPS
            for kind, *sizes in products_of(WORKLOADS[name]):
                yield Product(name, kind, *sizes, dtype, goal)


class Blas:
    """A library with the CBLAS interface, called from compiled code.

    Args:
        path: its file.
        pattern: how it names a function such as ``cblas_sgemm``.
        whole: its type of whole numbers.
    """

    def __init__(self, path: str, pattern: str, whole: Any) -> None:
        self.library, self.pattern, self.whole = ctypes.CDLL(path), pattern, whole
        self.loops: dict[str, Any] = {}

    def product(self, a: Array, b: Array, c: Array, kind: str) -> Run:
        (rows, columns), depth = c.shape, a.shape[0 if kind == "AᵀB" else 1]
        loop, one = self.loop(a.dtype.name), a.dtype.type(1)
        how_a = TRANSPOSED if kind == "AᵀB" else AS_IT_IS
        how_b = TRANSPOSED if kind == "ABᵀ" else AS_IT_IS
        matrices = (a.ctypes.data, a.shape[1], b.ctypes.data, b.shape[1], c.ctypes.data, columns)

        def run(times: int, kept: Any = (a, b, c)) -> None:
            loop(times, how_a, how_b, rows, columns, depth, one, *matrices)

        return run

    def loop(self, dtype: str) -> Any:
        """A compiled function that calls it so many times."""
        if dtype not in self.loops:
            self.loops[dtype] = looped(self.function(dtype))
        return self.loops[dtype]

    def function(self, dtype: str) -> Any:
        """Its product for a type of number. Addresses are whole numbers to compiled code."""
        letter, real = {"float32": ("s", ctypes.c_float), "float64": ("d", ctypes.c_double)}[dtype]
        function, whole, address = (
            self.library[self.pattern.format(f"cblas_{letter}gemm")], self.whole, ctypes.c_int64,
        )  # fmt: skip
        function.restype = None
        function.argtypes = [
            *[ctypes.c_int] * 3, *[whole] * 3, real, address, whole, address, whole, real, address,
            whole,
        ]  # fmt: skip
        return function


def looped(gemm: Any) -> Any:
    """A product of CBLAS in a loop, compiled."""
    from numba import njit

    @njit
    def loop(
        times: int, how_a: int, how_b: int, m: int, n: int, k: int, one: Any, a: int, a_row: int,
        b: int, b_row: int, c: int, c_row: int,
    ) -> None:  # fmt: skip
        for _ in range(times):
            gemm(ROWS_FIRST, how_a, how_b, m, n, k, one, a, a_row, b, b_row, one * 0, c, c_row)

    return loop


def openblas() -> Blas:
    """The one that NumPy comes with."""
    from threadpoolctl import threadpool_info

    [path] = [found["filepath"] for found in threadpool_info() if "numpy" in found["filepath"]]
    return Blas(path, "scipy_{}64_", ctypes.c_int64)


def mkl() -> Blas:
    """The one that is installed as a package."""
    [path] = [file.locate() for file in files("mkl") or [] if file.name.startswith("libmkl_rt.so")]
    return Blas(str(path), "{}", ctypes.c_int)


def mkl_kernels(library: ctypes.CDLL) -> str:
    """Its version, and the kernels that it chooses on this processor."""
    names = {10: "AVX2", 12: "AVX-512", 14: "AVX-512"}
    text = ctypes.create_string_buffer(200)
    library.MKL_Get_Version_String(text, len(text))
    number = text.value.decode().partition("Version ")[2].partition("-")[0]
    held = os.environ.get("MKL_ENABLE_INSTRUCTIONS")
    branch = library.MKL_CBWR_Get_Auto_Branch()
    return f"MKL {number} {held or names.get(branch, f'branch {branch}')}"


def rates(product: Product, libraries: dict[str, Any], repeats: int) -> dict[str, float]:
    """GFLOP/s of each library, which take turns."""
    a, b, c = product.factors()
    expected = (a.T if product.kind == "AᵀB" else a) @ (b.T if product.kind == "ABᵀ" else b)
    runs, times = {}, {}
    for name, make in libraries.items():
        runs[name] = make(a, b, c, product.kind)
        c[...] = np.nan
        runs[name](1)
        np.testing.assert_allclose(c, expected, CLOSE[product.dtype], err_msg=f"{name}, {product}")
        times[name] = enough_times(runs[name])
    seconds: dict[str, list[float]] = {name: [] for name in libraries}
    for _ in range(repeats):
        for name, run in runs.items():
            seconds[name].append(seconds_of(run, times[name]) / times[name])
    work = 2 * product.rows * product.depth * product.columns
    return {name: work / statistics.median(found) / 1e9 for name, found in seconds.items()}


def enough_times(run: Run) -> int:
    """How often a product must be worked out to take long enough to be measured."""
    times = 1
    while (seconds := seconds_of(run, times)) < LEAST_SECONDS:
        times = max(2 * times, int(times * LEAST_SECONDS / max(seconds, 1e-7)))
    return times


def seconds_of(run: Run, times: int) -> float:
    began = time.perf_counter()
    run(times)
    return time.perf_counter() - began


def row(product: Product, found: dict[str, float]) -> str:
    """A product's row of the table."""
    of_faster = share(found)
    reached = "" if product.goal is None else ("yes" if of_faster >= product.goal else "no")
    sizes = f"{product.rows} x {product.depth} x {product.columns}"
    numbers = " | ".join(f"{rate:.1f}" for rate in found.values())
    start = f"| {product.of} | {product.dtype} | {product.kind} | {sizes} | {numbers}"
    return f"{start} | {of_faster:.2f} | {reached} |"


def share(found: dict[str, float]) -> float:
    """The engine's rate as a share of that of the faster library."""
    engine, *others = found.values()
    return engine / max(others)


def main() -> int:
    options = parser(__doc__, repeats=5)
    options.add_argument("--types", default="float32,float64")
    options.add_argument("--largest", type=int, default=max(SQUARES))
    options.add_argument("--here", action="store_true", help="in a process with its variables set")
    given = options.parse_args()
    if not given.here:
        variables = {**environment(1, given.narrow), "MKL_THREADING_LAYER": "SEQUENTIAL"}
        return subprocess.run([sys.executable, *sys.argv, "--here"], env=variables).returncode
    console = Console(width=160, highlight=False)
    kernels = {"chainrule": f"vectors of {vector_bits()} bits", "OpenBLAS": blas_kernels()}
    blas = {"OpenBLAS": openblas(), "MKL": mkl()}
    kernels["MKL"] = mkl_kernels(blas["MKL"].library)
    libraries = {"chainrule": engine_product, **{name: one.product for name, one in blas.items()}}
    for name, text in kernels.items():
        console.print(f"{name}: {text}")
    headings = ["of", "type", "", "rows x depth x columns", *libraries, "of the faster", "goal"]
    lines = [f"| {' | '.join(headings)} |", "| --- | --- | --- |" + " ---: |" * 5 + " --- |"]
    console.print("GFLOP/s on one thread", *lines, sep="\n")
    record = []
    for product in products(given.types.split(","), given.largest):
        found = rates(product, libraries, given.repeats)
        lines.append(row(product, found))
        console.print(lines[-1])
        record.append({**asdict(product), "rates": found, "share": share(found)})
    facts = {"machine": machine(), "narrow": given.narrow, "kernels": kernels}
    text = json.dumps({**facts, "products": record}, indent=1, ensure_ascii=False)
    (given.out / "products.json").write_text(text + "\n")
    (given.out / "products.md").write_text("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
