"""Draws doctor.svg: what `chainrule check mine.py` answers on a terminal.

python docs/images/doctor.py
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.terminal_theme import MONOKAI
from rich.text import Text

FOLDER = Path(__file__).parent
PICTURE = FOLDER / "doctor.svg"
WIDTH = 100  # columns, those of a pipe
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def answer() -> str:
    """What the command prints, with its colours."""
    ran = subprocess.run(
        [sys.executable, "-m", "chainrule", "check", "mine.py"],
        env={**os.environ, "FORCE_COLOR": "1"},
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode != 1:  # the code for mistakes
        raise SystemExit(ran.stdout + ran.stderr)
    return ran.stdout


def drawn(text: str) -> str:
    """The terminal as a picture, which asks no other site for its letters."""
    console = Console(record=True, width=WIDTH + 2, file=io.StringIO())
    shown = Text.assemble(("$ chainrule check mine.py\n", "bold"), Text.from_ansi(text))
    console.print(Padding(shown, (0, 1)))
    picture = console.export_svg(title="", theme=MONOKAI, unique_id="doctor")
    picture = re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL)
    picture = re.sub(r"font-family: [^;]*;", f"font-family: {FONTS};", picture)
    return re.sub(r"[ \t]+$", "", picture, flags=re.MULTILINE)


if __name__ == "__main__":
    PICTURE.write_text(drawn(answer()), encoding="utf-8")
