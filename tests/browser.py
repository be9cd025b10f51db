"""Pages as Chromium shows them: photographed, measured and printed."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

HEADLESS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--hide-scrollbars",
]
SCHEMES = {"light": 1, "dark": 0}  # Blink's numbers for them
WIDE, PHONE = 1100, 390  # pixels

MEASURE = """
<script>
const measured = frame => ({
  page: frame.contentDocument.documentElement.scrollWidth,
  window: frame.clientWidth,
  tables: [...frame.contentDocument.querySelectorAll("table")].map(each => [
    each.scrollWidth, each.parentElement.clientWidth,
    Math.max(...[...each.rows].map(row => row.clientHeight)),
  ]),
});
window.onload = () => {
  const all = [...document.querySelectorAll("iframe")].map(measured);
  document.body.textContent = "measured:" + JSON.stringify(all) + ";";
};
</script>
"""


def chromium(page: Path, *options: str) -> str:
    """What Chromium prints when it opens a page."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.fail("chromium is not installed: `make browser`")
    profile = page.parent / "profile"
    command = [browser, *HEADLESS, f"--user-data-dir={profile}", *options, page.as_uri()]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def photograph(page: Path, scheme: str, size: tuple[int, int] = (WIDE, 2600)) -> np.ndarray:
    """What Chromium shows of a page, ``(height, width, 3)``."""
    target = page.with_name(f"{scheme}.png")
    chromium(
        page,
        f"--window-size={size[0]},{size[1]}",
        f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}",
        f"--screenshot={target}",
    )
    return np.asarray(Image.open(target).convert("RGB"))


def measure(page: Path, *widths: int) -> list[dict]:
    """How wide a page is in windows of certain widths, and each of its tables: its own width,
    that of the place it has, and the height of its highest row."""
    frames = page.with_name("frames.html")
    content = html.escape(page.read_text(encoding="utf-8"), quote=True)
    windows = [
        f'<iframe style="width:{width}px;height:800px;border:0" srcdoc="{content}"></iframe>'
        for width in widths
    ]
    frames.write_text("\n".join(["<!doctype html>", *windows, MEASURE]), encoding="utf-8")
    shown = chromium(frames, "--dump-dom", f"--window-size={max(*widths, 800)},900",
                     "--virtual-time-budget=5000")  # fmt: skip
    return json.loads(re.search(r"measured:(.*?);<", shown, re.DOTALL)[1])


def printed(page: Path) -> list[str]:
    """The text of each page of what is printed, ligatures as the letters they stand for."""
    from pypdf import PdfReader

    target = page.with_suffix(".pdf")
    chromium(page, "--no-pdf-header-footer", f"--print-to-pdf={target}")
    return [unicodedata.normalize("NFKC", one.extract_text()) for one in PdfReader(target).pages]
