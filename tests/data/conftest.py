"""What the tests of the data share: a private cache, and a writer of IDX files."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

IDX_CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


@pytest.fixture(autouse=True)
def private_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the data or the cache of the machine it runs on."""
    monkeypatch.delenv("CHAINRULE_DATA", raising=False)
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "cache"))


def idx_bytes(array: np.ndarray) -> bytes:
    """`array` as an IDX file, written from the description of the format."""
    kind = f"{array.dtype.kind}{array.dtype.itemsize}"
    header = struct.pack(f">HBB{array.ndim}I", 0, IDX_CODES[kind], array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.fixture
def write_idx() -> Callable[[Path, np.ndarray], Path]:
    """Write an IDX file, compressed when its name says so."""

    def write(path: Path, array: np.ndarray) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = idx_bytes(np.asarray(array))
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
        return path

    return write
