"""Vectors that are capped."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

import pytest

from chainrule.engine.codegen import processor
from chainrule.engine.codegen.processor import AVX2, AVX512, PLAIN, V4, Vectors, chosen_vectors
from chainrule.system.environment import CAP

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
    look = "from chainrule.system.environment import processor; print(processor())"
    assert (
        python(look, "avx2").stdout
        == f"{python(look, '').stdout.strip()}, the engine capped at avx2\n"
    )


def test_a_cap_that_there_is_not_is_refused() -> None:
    command = "import chainrule.cli as c; c.main()"
    refused = python(f"import sys; sys.argv = ['chainrule', 'warm-up']; {command}", "sse4")
    assert refused.returncode == 2
    assert refused.stderr == "chainrule: CHAINRULE_VECTORS is 'avx2', or not set; received 'sse4'\n"


@pytest.mark.parametrize(
    ("lacks", "cap", "expected"),
    [
        ((), "", AVX512),
        (("AVX512BW",), "", AVX2),
        ((), "avx2", AVX2),
        (("AVX512F", "FMA3"), "", PLAIN),
        (("AVX512F", "FMA3"), "avx2", PLAIN),
    ],
)
@pytest.mark.parametrize("unknown", [(), ("BMI", "BMI2", "LZCNT", "MOVBE")])
def test_the_widest_vectors_are_chosen(
    lacks: Sequence[str],
    cap: str,
    expected: Vectors,
    unknown: Sequence[str],  # to an older NumPy
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    features = {name: name not in lacks for name in V4 if name not in unknown}
    monkeypatch.setattr(processor, "kinds", lambda: (AVX512, AVX2))
    monkeypatch.setattr(processor, "processor_features", lambda: features)
    monkeypatch.setenv(CAP, cap)
    assert chosen_vectors() is expected
