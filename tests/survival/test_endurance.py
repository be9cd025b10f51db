"""A short form of what `make torture` does at length."""

from __future__ import annotations

import subprocess
import sys

from tests.survival.endurance import different_on_repetition


def test_random_networks_come_out_in_the_same_bits() -> None:
    assert different_on_repetition(12) == []


def test_memory_does_not_grow() -> None:
    code = "from tests.survival.endurance import growth; print(growth(100))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 3_000
