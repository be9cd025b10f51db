"""Pages for the source that the documentation links to.

A link such as ``../src/chainrule/losses.py`` leads to the file where the page is read in a
repository. On the site it leads to a page with that file, and a link to a folder to a list of its
files.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = {"README.md": "index", "CONTRIBUTING.md": "contributing", "CHANGELOG.md": "changes"}

Page = tuple[str, dict[str, Any], str]


def turn_links(app: Sphinx, tree: nodes.document) -> None:
    """Point what leads out of docs/ at the pages that are made here."""
    kinds = (addnodes.download_reference, addnodes.pending_xref)
    for node in list(tree.findall(lambda node: isinstance(node, kinds))):
        path = outside(app, node)
        if path is None:
            continue
        document = app.env.docname
        name = path.relative_to(ROOT).as_posix()
        target = PAGES.get(name, f"source/{name}")
        if name not in PAGES:
            app.env.quoted_sources = {*getattr(app.env, "quoted_sources", ()), name}
        uri = app.builder.get_relative_uri(document, target) + anchor(node)
        link = nodes.reference("", "", *node.children, internal=True, refuri=uri)
        node.replace_self(link)


def outside(app: Sphinx, node: nodes.Element) -> Path | None:
    """The file or folder outside docs/ that a link leads to, if it does; pages that are included
    from the root link from there."""
    target = node["reftarget"].partition("#")[0]
    if node.get("refdomain") not in (None, "", "doc") or not target:
        return None
    page = Path(app.env.doc2path(app.env.docname))
    for folder in (page.parent, ROOT):
        for name in (target, f"{target}.md"):  # pages are named without their ending
            path = (folder / name).resolve()
            if path.exists() and path.is_relative_to(ROOT) and not path.is_relative_to(DOCS):
                return path
    return None


def anchor(node: nodes.Element) -> str:
    """The heading that a link leads to, as the end of an address."""
    heading = node.get("reftargetid") or node["reftarget"].partition("#")[2]
    return f"#{heading}" if heading else ""


def pages(app: Sphinx) -> Iterator[Page]:
    """A page for every file and folder that is linked to."""
    names = set(getattr(app.env, "quoted_sources", ()))
    for name in sorted(names):
        if (ROOT / name).is_dir():
            files = sorted((ROOT / name).rglob("*.py"))
            names.update(file.relative_to(ROOT).as_posix() for file in files)
            yield folder_page(app, name, files)
    for name in sorted(names):
        if (ROOT / name).is_file():
            yield file_page(app, name)


def folder_page(app: Sphinx, name: str, files: list[Path]) -> Page:
    items = "".join(
        f'<li><a href="{uri}"><code>{file.relative_to(ROOT / name).as_posix()}</code></a></li>'
        for file in files
        for uri in [
            app.builder.get_relative_uri(
                f"source/{name}", f"source/{file.relative_to(ROOT).as_posix()}"
            )
        ]
    )
    body = f"<h1><code>{name}</code></h1><ul>{items}</ul>"
    return f"source/{name}", {"title": name, "body": body}, "page.html"


def file_page(app: Sphinx, name: str) -> Page:
    code = (ROOT / name).read_text(encoding="utf-8")
    shown = app.builder.highlighter.highlight_block(code, "python", linenos=True)
    body = f"<h1><code>{name}</code></h1>{shown}"
    return f"source/{name}", {"title": name, "body": body}, "page.html"


def setup(app: Sphinx) -> dict[str, bool]:
    # Before Sphinx collects the files to download, which these links do not lead to.
    app.connect("doctree-read", turn_links, priority=100)
    app.connect("html-collect-pages", pages)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
