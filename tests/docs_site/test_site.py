"""The documentation site builds without a warning, its links hold, and Chromium shows its pages
in light and dark, wide and on a phone.

All that takes minutes. What it is made from is tested every time, in `test_sources` and
`test_tutorials`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
from filelock import FileLock

from tests.docs_site.browser import chromium
from tests.docs_site.building import build

pytestmark = pytest.mark.long
PHONE, DESK = 360, 1280
OPENED = [  # a page of each kind
    "index",
    "gallery",
    "performance",
    "derivations/activations",
    "labs/emnist/report",
    "reference/layers",
    "source/src/chainrule/layers/dense.py",
    "tutorials/csv-to-onnx",
    "tutorials/wrong-line",
]
LOOK = """
(async () => {
  for (const image of document.images) image.loading = "eager";
  await Promise.allSettled([...document.images].map(image => image.decode()));
  return {
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    broken: [...document.images].filter(image => !image.naturalWidth).map(image => image.src),
    background: getComputedStyle(document.body).backgroundColor,
  };
})()
"""


@dataclass
class Html(HTMLParser):
    """The links of a page, what it loads, and where links to it can lead."""

    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.anchors.update(given[name] for name in ("id", "name") if name in given)
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in ("img", "script", "link"):
            self.loaded += [given[name] for name in ("src", "href") if name in given]


def read(page: Path) -> Html:
    html = Html()
    html.feed(page.read_text(encoding="utf-8"))
    return html


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built once for all processes that test."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "docs-site"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            folder.mkdir()
            messages = build(folder / "html", "html")
            (folder / "messages.txt").write_text(messages, encoding="utf-8")
    messages = (folder / "messages.txt").read_text(encoding="utf-8")
    assert not messages, messages
    return folder / "html"


def test_links_hold_and_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    pages = {page: read(page) for page in site.rglob("*.html")}
    faults = [
        f"{page.relative_to(site)}: {link}"
        for page, html in pages.items()
        for link in (*html.links, *html.loaded)
        if not is_elsewhere(link) and not leads_somewhere(page, link, pages)
    ]
    assert len(pages) > 40
    assert not faults, "\n".join(faults)
    loaded = {link for html in pages.values() for link in html.loaded if is_elsewhere(link)}
    assert not loaded


def is_elsewhere(link: str) -> bool:
    return urlsplit(link).scheme in ("http", "https")


def leads_somewhere(page: Path, link: str, pages: dict[Path, Html]) -> bool:
    path, anchor = urldefrag(link)
    target = (page.parent / unquote(urlsplit(path).path)).resolve() if path else page
    if not target.is_file():
        return False
    return not anchor or target not in pages or unquote(anchor) in pages[target].anchors


def test_chromium_shows_it_in_light_and_dark_wide_and_narrow(site: Path, tmp_path: Path) -> None:
    faults = []
    backgrounds: dict[str, set[str]] = {"light": set(), "dark": set()}
    with chromium(tmp_path) as browser:
        for name in OPENED:
            for scheme, width in (("light", DESK), ("dark", PHONE)):
                page = browser.visit(
                    (site / f"{name}.html").as_uri(), width=width, scheme=scheme, script=LOOK
                )
                backgrounds[scheme].add(page.shown["background"])
                where = f"{name}, {width} pixels, {scheme}"
                faults += [f"{where}: {complaint}" for complaint in page.complaints]
                faults += [f"{where}: not shown: {image}" for image in page.shown["broken"]]
                if page.shown["overflow"] > 0:
                    faults.append(f"{where}: {page.shown['overflow']} pixels too wide")
    assert not faults, "\n".join(faults)
    assert not backgrounds["light"] & backgrounds["dark"]
