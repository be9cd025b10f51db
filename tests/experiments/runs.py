"""Small runs, made as `chainrule train` makes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chainrule.experiments.config import make_config
from chainrule.experiments.run_folder import Run, new_run_folder, read_run
from chainrule.experiments.runner import prepare, run


def train(folder: Path, **options: Any) -> Run:
    """A finished run in `folder`."""
    prepared = prepare(make_config(options))
    with new_run_folder(folder) as unfinished:
        run(prepared, unfinished, quiet=True)
    return read_run(folder)
