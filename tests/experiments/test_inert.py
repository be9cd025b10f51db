"""Hostile texts in reports, pictures, notebooks and tables: read there, and no more."""

from __future__ import annotations

import ast
import csv
import io
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import tomli_w
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from matplotlib.figure import Figure
from PIL import Image
from rich.console import Console

from chainrule.doctor.heat_map import draw_heat_map
from chainrule.experiments import figures
from chainrule.experiments.comparison import Comparison, read_comparison, run_comparison
from chainrule.experiments.comparison_report import report_comparison
from chainrule.experiments.document import Code, Document
from chainrule.experiments.features import Feature
from chainrule.experiments.notebook import write_notebook
from chainrule.experiments.report import report_run
from chainrule.experiments.results import Results, RunResult
from chainrule.history import History
from chainrule.limits import is_plain
from chainrule.presentation.curves import plot_bands
from chainrule.text import file_name, printable
from tests.experiments.runs import train
from tests.hostile import FORMULAS, HOSTILE, is_one_line

HALF = "half a character"
hostile = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
PLAIN = "plain"  # a text in which no medium finds anything
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


@cache
def document_of(text: str) -> Document:
    """A document with a text in every place."""
    document = Document(text)
    document.heading(text)
    document.paragraph(text)
    document.paragraph(text, Code(text), text)
    document.table([text, "b"], [[text, "c"]], f"{text}.")
    document.picture("drawing", Figure(figsize=(0.2, 0.2)), f"{text}.", f"{text}.")
    document.attach("file.csv", b"content", text)
    return document


WIDTHS = ("words", "prose")  # the classes of a column, by how long its cells are


class Elements(HTMLParser):
    """What a browser finds in a page: elements with their attributes, and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[Any] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, *(one for one in attrs if one[1] not in WIDTHS)))

    def handle_endtag(self, tag: str) -> None:
        self.found.append((f"/{tag}",))

    def handle_data(self, data: str) -> None:
        self.found.append(data)

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment", data))

    def handle_decl(self, decl: str) -> None:
        self.found.append(("declaration", decl))


def with_text(found: Any, text: str) -> Any:
    """What was found where it is plain, with another text in its place."""
    if isinstance(found, (list, tuple)):
        return type(found)(with_text(one, text) for one in found)
    return found.replace(PLAIN, text) if isinstance(found, str) else found


@hostile
def test_a_page_has_the_elements_and_attributes_of_one_with_plain_text(text: str) -> None:
    page = document_of(text).to_html()
    page.encode()
    expected = with_text(Elements(document_of(PLAIN).to_html()).found, printable(text))
    assert Elements(page).found == [one for one in expected if one != ""]


@hostile
def test_markdown_is_shown_as_if_the_text_were_plain(text: str) -> None:
    shown = MARKDOWN.render(document_of(text).to_markdown())
    plain = MARKDOWN.render(document_of(PLAIN).to_markdown())
    expected = "".join(plain.replace(PLAIN, escapeHtml(printable(text))).split())
    assert "".join(shown.split()) == expected.replace("<p></p>", "")


@hostile
def test_a_terminal_shows_it_and_obeys_nothing(text: str) -> None:
    shown = io.StringIO()
    document_of(text).show(Console(file=shown, width=100, color_system=None, force_terminal=True))
    assert all(map(is_one_line, shown.getvalue().split("\n")))
    seen = "".join(shown.getvalue().split())
    assert seen.count("".join(printable(text).split())) >= 4


def history_of(*names: str) -> History:
    history = History()
    for epoch in (1, 2):
        history.append({"epoch": epoch, "loss": 0.5, **dict.fromkeys(names, 0.5)})
    return history


@pytest.mark.parametrize("name", ["a formula", "two prices", "very long", "half a character"])
def test_curves_can_be_drawn(tmp_path: Path, name: str) -> None:
    text = HOSTILE[name]
    history_of(text).plot(tmp_path / "curves.png", f"{text}: {text}")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_pictures_of_many_names_can_be_drawn() -> None:
    names = list(HOSTILE.values())
    numbers = np.arange(len(names))
    points = np.random.default_rng(0).normal(size=(len(names), 2))
    image = np.zeros((2, 2, 1))
    document = Document("pictures")
    for name, figure in {
        "bands": plot_bands({text: [history_of("accuracy").measured()] for text in names}),
        "confusion": figures.draw_confusion(np.eye(len(names)), names),
        "regions": figures.draw_regions(
            {text: lambda x: np.zeros(len(x), int) for text in names[:2]},
            points,
            numbers,
            names,
            [Feature(names[0]), Feature(names[1])],
        ),
        "weights": figures.draw_weight_matrix(
            np.ones((len(names), 2)), [Feature(text) for text in names]
        ),
        "images": figures.draw_images([(text, [(image, text)]) for text in names], 1),
        "gradients": figures.draw_gradients([1, 2], {text: [1.0, 2.0] for text in names}),
        "estimates": figures.draw_estimates(results_of(names)),
    }.items():
        document.picture(name, figure, name)


def test_a_picture_does_not_grow_with_a_name() -> None:
    image = np.zeros((2, 2, 1))
    long, short = (
        figures.draw_images([("", [(image, text)])], 1) for text in ("x" * 100_000, "x" * 200)
    )
    assert long.get_figheight() == short.get_figheight()


def test_gradients_with_hostile_names_can_be_drawn(tmp_path: Path) -> None:
    arrays = {text: {"given": [[1.0]], "true": [[2.0]]} for text in ("$x^$", "_a", "\n")}
    draw_heat_map(arrays, tmp_path / "map.png")


def results_of(names: list[str]) -> Results:
    """Results of variants with these names, one of them with an error."""
    return Results(
        [RunResult(name, 0, {"validation_accuracy": 0.5}, {"train_seconds": 1.0}) for name in names]
        + [RunResult(name, 1, {}, {}, error=name) for name in names]
    )


def test_a_table_of_results_is_calculated_nowhere() -> None:
    names = list(HOSTILE.values())
    text = results_of(names).to_csv()
    header, *rows = csv.reader(io.StringIO(text))
    assert is_one_line(text.replace("\n", ""))
    assert len(rows) == 2 * len(names)
    assert not any(cell.strip().startswith(FORMULAS) for row in (header, *rows) for cell in row)
    assert {row[2] for row in rows} == {"0.5", ""}


def test_results_can_be_written_and_read_again(tmp_path: Path) -> None:
    from chainrule.experiments.results import read_results

    results_of(list(HOSTILE.values())).write(tmp_path)
    names = [name.encode("utf-8", "backslashreplace").decode() for name in HOSTILE.values()]
    assert [run.variant for run in read_results(tmp_path).runs] == names * 2


# --- runs and comparisons -----------------------------------------------------------------

OF_A_FOLDER = [  # what a folder can be called
    text.replace("/", "∕")
    for name, text in HOSTILE.items()
    if is_plain(text)
    and len(text) < 100
    and name not in ("nothing", "this folder", "parent folder", HALF)
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run on images whose classes, folder and file have hostile names."""
    folder = tmp_path_factory.mktemp("images") / "[red]`$x^$`<b>|\x1b]0;gone\x07\n=1"
    pixels = np.random.default_rng(0)
    for name in OF_A_FOLDER:
        (folder / name).mkdir(parents=True)
        for number in range(2):
            image = Image.fromarray(pixels.integers(0, 256, (4, 4), np.uint8))
            image.save(folder / name / f"{number}.png")
    return train(folder.with_name("`run` | $x^$ <b> \n[red]"), data=str(folder), epochs=1)


@pytest.mark.usefixtures("undrawn")
def test_the_report_of_a_run_has_no_elements_but_its_own(run: Any) -> None:
    document = report_run(run.path)
    found = [one for one in Elements(document.to_html()).found if isinstance(one, tuple)]
    assert {tag for tag, *_ in found} <= OWN_ELEMENTS
    attributes = {one[0] for _, *several in found for one in several if isinstance(one, tuple)}
    assert attributes <= OWN_ATTRIBUTES
    shown = MARKDOWN.render(document.to_markdown())
    assert not {one[0] for one in Elements(shown).found if isinstance(one, tuple)} - OWN_MARKDOWN
    assert shown.count("<h1>") == 1
    text = io.StringIO()
    document.show(Console(file=text, width=100, color_system=None))
    assert all(map(is_one_line, text.getvalue().split("\n")))


def with_ends(*tags: str) -> set[str]:
    return {f"{end}{tag}" for tag in tags for end in ("", "/")}


OWN_ELEMENTS = with_ends(
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "nav", "ul", "li", "a", "p"),
    *("code", "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "figure", "picture"),
    *("source", "img", "figcaption", "declaration"),
)
OWN_ATTRIBUTES = {
    *("lang", "charset", "name", "content", "href", "id", "class", "scope", "media", "srcset"),
    *("src", "width", "alt", "download", "aria-label"),
}
OWN_MARKDOWN = with_ends(
    *("h1", "h2", "p", "code", "strong", "em", "img", "table", "thead", "tbody", "tr", "th", "td")
)


def test_the_notebook_of_a_run_has_its_names_as_text(run: Any, tmp_path: Path) -> None:
    write_notebook(run, tmp_path / "run.ipynb")
    notebook = nbformat.read(tmp_path / "run.ipynb", as_version=4)
    title, _, load, *_ = (cell.source for cell in notebook.cells)
    call = ast.parse(load).body[-1].value
    assert ast.literal_eval(call.args[0]) == run.config.data
    assert is_one_line(load.replace("\n", ""))
    assert [one.type for one in MARKDOWN.parse(title)][:3] == [
        "heading_open", "inline", "heading_close"
    ]  # fmt: skip
    name, between, model = MARKDOWN.parse(title)[1].children
    assert (name.type, name.content) == ("code_inline", printable(run.summary.data))
    assert (between.content, model.type) == (": ", "code_inline")


def as_toml(variants: Mapping[str, str]) -> str:
    base = {"data": "xor", "epochs": 1, "hidden": [2], "seeds": 1, "samples": 8}
    return tomli_w.dumps({**base, "variants": [{"name": text} for text in variants.values()]})


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison whose variants have hostile names."""
    folder = tmp_path_factory.mktemp("comparison")
    texts = [text for text in HOSTILE.values() if text.isascii() or "\udcff" not in text]
    apart = {file_name(text).casefold(): text for text in texts if "\ud83d" not in text}
    (folder / "plan.toml").write_text(as_toml(apart), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as executor:
        patch.setattr("chainrule.experiments.runner.draw", lambda *of_a_run: None)
        run_comparison(read_comparison(folder / "plan.toml"), folder / "out", executor)
    return folder / "out"


def test_a_comparison_stays_within_its_folder(compared: Path) -> None:
    assert {path.name for path in compared.parent.iterdir()} == {"plan.toml", "out"}
    made = {path.name for path in compared.iterdir()} - {".lock"}
    assert made == {"comparison.toml", "results.csv", "results.json", "runs"}
    plan = read_comparison(compared / "comparison.toml")
    folders = list((compared / "runs").iterdir())
    assert len(folders) == len(plan.variants) > 30
    assert all((folder / "seed-0" / "summary.json").is_file() for folder in folders)


@pytest.mark.usefixtures("undrawn")
def test_the_report_of_a_comparison_has_no_elements_but_its_own(compared: Path) -> None:
    document = report_comparison(compared)
    found = [one for one in Elements(document.to_html()).found if isinstance(one, tuple)]
    assert {tag for tag, *_ in found} <= OWN_ELEMENTS
    shown = MARKDOWN.render(document.to_markdown())
    assert not {one[0] for one in Elements(shown).found if isinstance(one, tuple)} - OWN_MARKDOWN


@pytest.mark.parametrize(("one", "other"), [("a b", "a_b"), ("SGD", "sgd"), ("é", "e\u0301")])
def test_variants_that_would_share_a_folder_are_refused(one: str, other: str) -> None:
    from chainrule.errors import ConfigError

    with pytest.raises(ConfigError, match="would share the folder"):
        Comparison({"data": "xor"}, {one: {}, other: {}})
