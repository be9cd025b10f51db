"""What a result was made with: versions, and the kind of processor."""

from __future__ import annotations

import os
import platform

import numpy as np

import chainrule

# The environment variable that may hold "avx2": the engine's vectors are then no wider than that.
CAP = "CHAINRULE_VECTORS"
# One that names the vectors that kernels are built for, while they are: `engine.running.building`.
TARGET = "CHAINRULE_TARGET"


def versions() -> dict[str, str]:
    """The versions that numbers may depend on."""
    return {
        "chainrule": chainrule.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def processor() -> str:
    """The kind of processor: what the last bits of NumPy's and the engine's sums depend on."""
    vectors = np.show_config(mode="dicts").get("SIMD Extensions", {}).get("found", [])
    cap = f", the engine capped at {os.environ[CAP]}" if os.environ.get(CAP) else ""
    return f"{platform.machine()} with {', '.join(vectors) or 'no vector extensions'}{cap}"
