"""Building the wheel: the engine's kernels are compiled and linked into it.

So whoever installs it needs no compiler. The wheel runs with every Python, on systems like the one
that built it. Where there is no C compiler to link with, or where nobody has tried (other systems
than Linux), the wheel has no kernels; the engine then asks for chainrule[compile].
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags


class KernelBuildHook(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the kernels to a wheel, but not to an editable installation, whose source changes."""
        if version == "editable":
            return
        compiler = os.environ.get("CC", "cc")
        if sys.platform != "linux" or not shutil.which(compiler.split()[0]):
            self.app.display_warning("no kernels are built: it takes Linux and a C compiler (CC)")
            return
        sys.path.insert(0, str(Path(self.root, "src")))
        from chainrule.engine.running.building import build

        self.folder = tempfile.TemporaryDirectory()
        for library in build(Path(self.folder.name), compiler):
            build_data["force_include"][str(library)] = f"chainrule/engine/kernels/{library.name}"
        build_data["pure_python"] = False
        systems = (tag for tag in platform_tags() if not tag.startswith("linux"))
        build_data["tag"] = f"py3-none-{next(systems)}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what the wheel now contains."""
        if hasattr(self, "folder"):
            self.folder.cleanup()
