"""Vectors that are capped."""

from __future__ import annotations

import os
import subprocess
import sys

LOOK = "from chainrule.engine.codegen import processor as p; print(p.VECTOR_BYTES, p.VECTORS.name)"


def python(code: str, cap: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "CHAINRULE_VECTORS": cap},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_vectors_can_be_capped() -> None:
    width, name = python(LOOK, "avx2").stdout.split(maxsplit=1)
    assert width == "32"
    assert name != "AVX-512\n"


def test_a_checkpoint_tells_capped_vectors_from_others() -> None:
    """The last bits may differ: training that goes on says so."""
    look = "from chainrule.environment import processor; print(processor())"
    assert (
        python(look, "avx2").stdout
        == f"{python(look, '').stdout.strip()}, the engine capped at avx2\n"
    )


def test_a_cap_that_there_is_not_is_refused() -> None:
    command = "import chainrule.cli as c; c.main()"
    refused = python(f"import sys; sys.argv = ['chainrule', 'warm-up']; {command}", "sse4")
    assert refused.returncode == 2
    assert refused.stderr == "chainrule: CHAINRULE_VECTORS is 'avx2', or not set; received 'sse4'\n"
