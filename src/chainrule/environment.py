"""What a result was made with: versions, and the kind of processor."""

from __future__ import annotations

import platform

import numpy as np

import chainrule


def versions() -> dict[str, str]:
    """The versions that numbers may depend on."""
    return {
        "chainrule": chainrule.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def processor() -> str:
    """The kind of processor, as far as NumPy's loops and the engine's depend on it."""
    vectors = np.show_config(mode="dicts").get("SIMD Extensions", {}).get("found", [])
    return f"{platform.machine()} with {', '.join(vectors) or 'no vector extensions'}"
