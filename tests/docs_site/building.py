"""Runs Sphinx, as `make docs` does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def build(folder: Path, builder: str, *options: str) -> str:
    """Build the documentation into a folder. What was said against it: nothing, if all is well."""
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--nitpicky"]
    done = subprocess.run(
        [*command, "--builder", builder, *options, str(DOCS), str(folder)],
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    return done.stderr if done.returncode else ""
