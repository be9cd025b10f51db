"""What a measurement runs on and with: the processor, the libraries, and how they are held back."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

PACKAGES = ("chainrule", "numpy", "numba", "torch", "jax", "scikit-learn", "onnxruntime", "mkl")
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
XLA_ALONE = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
AT_MOST_AVX2 = {
    "OPENBLAS_CORETYPE": "Haswell",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
    "CHAINRULE_VECTORS": "avx2",
}
SET_ELSEWHERE = (*AT_MOST_AVX2, "OPENBLAS_L2_SIZE")


def environment(threads: int, narrow: bool = False) -> dict[str, str]:
    """The variables for a process that uses so many threads. Every library chooses its kernels for
    itself, whatever this process was told about them, or takes those of AVX2 where it is narrow."""
    inherited = {name: value for name, value in os.environ.items() if name not in SET_ELSEWHERE}
    chosen = {**inherited, **dict.fromkeys(THREADS, str(threads))}
    if narrow:
        chosen |= AT_MOST_AVX2
    if threads == 1:
        chosen["XLA_FLAGS"] = f"{chosen.get('XLA_FLAGS', '')} {XLA_ALONE}".strip()
    return chosen


def machine() -> dict[str, str | int | None]:
    """What it was measured on."""
    return {
        **processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "date": datetime.date.today().isoformat(),
        **{package: installed(package) for package in PACKAGES},
    }


def processor() -> dict[str, str]:
    """Its name, LLVM's name for its generation, and its widest vectors."""
    from llvmlite import binding

    facts = dict(processor_facts())
    flags = facts.get("flags", "").split()
    widest = next((kind for kind in ("avx512f", "avx2") if kind in flags), "neither")
    return {
        "processor": facts.get("model name") or platform.processor() or platform.machine(),
        "generation": binding.get_host_cpu_name(),
        "vectors": {"avx512f": "AVX-512", "avx2": "AVX2"}.get(widest, "no AVX2"),
    }


def processor_facts() -> Iterator[tuple[str, str]]:
    """What Linux says of the processor."""
    path = Path("/proc/cpuinfo")
    for line in path.read_text().splitlines() if path.exists() else []:
        name, _, value = line.partition(":")
        yield name.strip(), value.strip()


def installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def blas_kernels() -> str:
    """The BLAS libraries of this process, each with the processor whose kernels it runs."""
    from threadpoolctl import threadpool_info

    np.ones((2, 2)) @ np.ones((2, 2))
    found = [library for library in threadpool_info() if library["user_api"] == "blas"]
    return ", ".join(
        f"{library['internal_api']} {library['version']} {library.get('architecture', '')}".strip()
        for library in found
    )
