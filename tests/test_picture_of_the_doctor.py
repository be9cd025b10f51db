"""The picture in README shows what `chainrule check` answers today."""

from __future__ import annotations

import html
import re
import runpy
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "docs" / "images" / "doctor.py"


def lines(picture: str) -> list[str]:
    """The text in a picture, whatever its colours."""
    return [html.unescape(text) for text in re.findall(r"<text [^>]*>([^<]*)</text>", picture)]


def test_the_picture_is_todays_answer() -> None:
    script = runpy.run_path(str(SCRIPT))
    shown = script["PICTURE"].read_text(encoding="utf-8")
    assert lines(shown) == lines(script["drawn"](script["answer"]()))
    assert any("mistakes" in line for line in lines(shown))
    assert not re.search(r"url\(.?https?:", shown)  # opens without a network
