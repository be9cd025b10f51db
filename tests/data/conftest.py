"""What the tests of the data share: a private cache, and a writer of IDX files."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.torture.seeds import idx_bytes


@pytest.fixture(autouse=True)
def private_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the data or the cache of the machine it runs on."""
    monkeypatch.delenv("CHAINRULE_DATA", raising=False)
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def write_idx() -> Callable[[Path, np.ndarray], Path]:
    """Write an IDX file, compressed when its name says so."""

    def write(path: Path, array: np.ndarray) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = idx_bytes(np.asarray(array))
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
        return path

    return write
