"""The documentation site builds without a warning, its links hold, and Chromium shows its pages
in light and dark, wide and on a phone."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
from filelock import FileLock

import chainrule as cr
from tests.docs_site.browser import chromium

ROOT = Path(__file__).parents[2]
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
            build(folder)
    messages = (folder / "messages.txt").read_text(encoding="utf-8")
    assert not messages, messages
    return folder / "html"


def build(folder: Path) -> None:
    """Build the site, and keep what was said against it in ``messages.txt``."""
    folder.mkdir()
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--nitpicky"]
    done = subprocess.run(
        [*command, str(ROOT / "docs"), str(folder / "html")],
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    messages = done.stderr if done.returncode else ""
    (folder / "messages.txt").write_text(messages, encoding="utf-8")


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


def test_the_reference_has_every_public_name(site: Path) -> None:
    listed = objects(site / "objects.inv")
    missing = sorted(set(public_names()) - listed)
    assert not missing, missing


def objects(inventory: Path) -> set[str]:
    """The names of Python that the site explains."""
    _, _, _, _, packed = inventory.read_bytes().split(b"\n", 4)
    lines = zlib.decompress(packed).decode().splitlines()
    return {line.split()[0] for line in lines if line.split()[1].startswith("py:")}


def public_names() -> Iterator[str]:
    """All that a user reaches from ``cr``: names, and those of modules that are not also flat."""
    modules = {name for name in dir(cr) if isinstance(getattr(cr, name), ModuleType)}
    flat = set(dir(cr)) - modules - {"__version__"}
    yield from (f"chainrule.{name}" for name in flat)
    for module in modules:
        names = set(public_names_of(import_module(f"chainrule.{module}")))
        if not names <= flat:
            yield from (f"chainrule.{module}.{name}" for name in names)


def public_names_of(module: ModuleType) -> list[str]:
    """What a module says is public, or else the classes that it defines."""
    own = [
        name
        for name, thing in vars(module).items()
        if inspect.isclass(thing) and thing.__module__ == module.__name__
    ]
    names = getattr(module, "__all__", own)
    return [name for name in names if not isinstance(getattr(module, name), ModuleType)]


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
