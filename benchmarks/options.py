"""The options that benchmarks share."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def parser(documentation: str, repeats: int = 7) -> argparse.ArgumentParser:
    """A parser with the options of a benchmark whose documentation this is."""
    made = argparse.ArgumentParser(description=documentation.splitlines()[0])
    made.add_argument("--repeats", type=int, default=repeats)
    made.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    made.add_argument("--narrow", action="store_true", help="hold every library back to AVX2")
    made.add_argument("--out", type=folder, default=str(Path(__file__).parent / "results"))
    return made


def folder(path: str) -> Path:
    """A folder, made where it is missing."""
    made = Path(path)
    made.mkdir(parents=True, exist_ok=True)
    return made
