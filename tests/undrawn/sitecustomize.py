"""Python reads this as it starts, where `undrawn` has put this folder first: there, too, runs draw
no learning curves."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

RUNNER = "chainrule.experiments.runner"


class Undrawn(MetaPathFinder):
    """Finds the module that draws, and takes that from it."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != RUNNER:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            module.draw = lambda *of_a_run: None

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Undrawn())
