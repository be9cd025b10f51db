"""Runs texts of Python as if they were files."""

from __future__ import annotations

import runpy
import tempfile
from pathlib import Path
from typing import Any


def run(*texts: str) -> dict[str, Any]:
    """The names that texts define, run one after another as one file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "specimen.py"
        file.write_text("\n\n".join(texts), encoding="utf-8")
        return runpy.run_path(str(file))
