"""Small runs, made as `chainrule train` makes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chainrule.experiments.config import make_config
from chainrule.experiments.run_folder import Run, new_run_folder, read_run
from chainrule.experiments.runner import prepare, run


def train(folder: Path, **options: Any) -> Run:
    """A finished run in `folder`, but for its learning curves, which take longer to draw than all
    else."""
    prepared = prepare(make_config(options))
    with pytest.MonkeyPatch.context() as patch, new_run_folder(folder) as unfinished:
        patch.setattr("chainrule.experiments.runner.draw", lambda *of_a_run: None)
        run(prepared, unfinished, quiet=True)
    return read_run(folder)
