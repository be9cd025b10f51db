"""What benchmarks reach for inside the engine: the one place to mend when its files move."""

from __future__ import annotations


def vector_bits() -> int:
    """How wide the vectors are that the engine compiles for."""
    from chainrule.engine.processor import VECTOR_BYTES

    return 8 * VECTOR_BYTES
