"""The pictures of this folder, made anew:

python docs/images/make.py [report] [benchmark]

report.png     the beginning of a report, as Chromium shows it
benchmark.png  the figures of docs/benchmark.json
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from chainrule.cli import main as chainrule

HERE = Path(__file__).parent
DOCS = HERE.parent
WIDTH, HIGHEST = 1040, 4000  # pixels of the page
MARGIN = 24
ONLY_THE_BEGINNING = "<style>body > figure:nth-of-type(2) ~ * { display: none }</style>"


def make_report() -> None:
    """The page of a small network, up to its second picture, whole."""
    with TemporaryDirectory() as name:
        run = Path(name) / "run"
        call("train", "digits", "--model", "mlp", "--epochs", "20", "--out", run)
        call("report", run)
        page = run / "report.html"
        page.write_text(page.read_text().replace("</head>", f"{ONLY_THE_BEGINNING}</head>"))
        photograph(page, HERE / "report.png")


def make_benchmark() -> None:
    """The bars of the benchmarks."""
    sys.path.insert(0, str(DOCS.parent / "benchmarks"))
    sys.argv[1:] = [str(DOCS / "benchmark.json"), str(HERE / "benchmark.png")]
    from picture import main

    main()


def call(*arguments: object) -> None:
    """Run a command of chainrule."""
    sys.argv = ["chainrule", *map(str, arguments)]
    try:
        chainrule()
    except SystemExit as ended:
        if ended.code:
            raise


def photograph(page: Path, target: Path) -> None:
    """What Chromium shows of a page, without the empty rows below it."""
    browser = shutil.which("chromium")
    if browser is None:
        sys.exit("chromium is not installed: `make browser`")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    window = f"--window-size={WIDTH},{HIGHEST}"
    where = f"--user-data-dir={page.parent / 'profile'}"
    command = [browser, *options, where, window, f"--screenshot={target}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603  nothing in it is foreign
    shown = Image.open(target).convert("RGB")
    rows = np.flatnonzero((np.asarray(shown) != 255).any(axis=(1, 2)))
    shown.crop((0, 0, WIDTH, rows[-1] + MARGIN)).save(target, optimize=True)


MAKERS = {"report": make_report, "benchmark": make_benchmark}

if __name__ == "__main__":
    for wanted in list(sys.argv[1:] or MAKERS):
        MAKERS[wanted]()
