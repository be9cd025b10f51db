"""The documentation keeps its word: its code runs, its quotations are those of the source, its
links lead somewhere, and no derivation is missing.

A page is followed from top to bottom in an empty folder, as a reader would. The word after the
three backquotes says what a block is:

    python   runs, in one namespace for the page
    py       quotes a file of `src`, line by line
    sh       on the pages of commands, the lines that begin with ``chainrule`` run

What tutorials show, in ``{code-cell}`` blocks, is run by tests/docs_site.
"""

from __future__ import annotations

import inspect
import json
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import chainrule as cr
from chainrule.cli import main
from chainrule.cli.compare import compare
from chainrule.cli.train import train
from chainrule.cli.tune import tune
from chainrule.layers import LAYERS
from chainrule.losses import LOSSES
from chainrule.optimizers import OPTIMIZERS
from chainrule.schedules import SCHEDULES

ROOT = Path(__file__).parents[1]
DOCS = sorted(ROOT.glob("docs/**/*.md"))
PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md")), *DOCS]
PAGES_OF_COMMANDS = ("README.md", "docs/commands.md")

FENCE = re.compile(r"^( *)```([^\n`]*)\n(.*?)^ *```$", flags=re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(`+).+?\1", flags=re.DOTALL)  # fenced or within a line
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", flags=re.MULTILINE)

NO_FORMULAS_OF_THEIR_OWN = (cr.HandWritten, cr.TargetsAsGradient)  # they adopt another's code

COMPARISON = """\
data = "moons"
seeds = [0, 1]
[vary]
hidden = [[8], [64]]
"""
SENSIBLE = 0.93  # the accuracy that every example asks for

each_page = pytest.mark.parametrize(
    "page", PAGES, ids=[page.relative_to(ROOT).as_posix() for page in PAGES]
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    code: str
    line: int  # of the page, where the code begins


@cache
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path) -> Iterator[Block]:
    text = text_of(page)
    for match in FENCE.finditer(text):
        yield Block(match[2], dedent(match[3]), text.count("\n", 0, match.start(3)) + 1)


@each_page
@pytest.mark.usefixtures("undrawn", "unspawned")
def test_what_a_page_shows_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    has_commands = page.relative_to(ROOT).as_posix() in PAGES_OF_COMMANDS
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page):
        if block.language == "python":
            lines_before = "\n" * (block.line - 1)  # so that an error names the line of the page
            exec(compile(lines_before + block.code, page, "exec"), names)  # noqa: S102
        elif block.language == "sh" and has_commands:
            for command in commands(block.code):
                code = run(command, monkeypatch)
                assert code == 0, f"{page.name}: {command}: {capsys.readouterr().err}"
    assert_all_have_learnt(tmp_path)
    assert names.get("scores", {"accuracy": 1})["accuracy"] > 0.97  # of README's network


def examples_of_help() -> Iterator[Any]:
    """What help says to type, but for MNIST: that needs the real data and minutes, and
    tests/test_real_data.py runs it. Variants with five seeds or more are long, and so are a hundred
    trials. Parts of a comparison belong together, see the test of those."""
    for command in (train, compare, tune):
        for line in map(str.strip, str(command.__doc__).splitlines()):
            elsewhere = any(word in line for word in ("mnist", "runs/cnn", "--out rates"))
            if line.startswith("chainrule ") and not elsewhere:
                is_long = "compare" in line and "," in line
                is_long |= "tune" in line and "--trials" not in line
                yield pytest.param(line, marks=[pytest.mark.long] if is_long else [])


EXAMPLES = list(examples_of_help())


def test_help_has_examples() -> None:
    assert len(EXAMPLES) >= 6


@pytest.mark.usefixtures("undrawn", "unspawned")
@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_of_help_learn(
    example: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    (tmp_path / "comparison.toml").write_text(COMPARISON)
    code = run(example, monkeypatch)
    assert code == 0, f"{example}: {capsys.readouterr().err}"
    assert_all_have_learnt(tmp_path)


@pytest.mark.usefixtures("undrawn", "unspawned")
def test_examples_of_parts_learn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "comparison.toml").write_text(COMPARISON)
    lines = map(str.strip, str(compare.__doc__).splitlines())
    part, collect = (
        line for line in lines if line.endswith(("--part 3/64", "--collect --out rates"))
    )
    for number in (1, 2, 3, 4):  # one for each run; the others have none
        assert run(part.replace("3/64", f"{number}/64"), monkeypatch) == 0
    assert run(collect, monkeypatch) == 0
    assert_all_have_learnt(tmp_path)


def assert_all_have_learnt(folder: Path) -> None:
    """Every run in a folder has come to a sensible accuracy, and of a comparison the best one."""
    best: dict[Path, float] = {}
    for file in folder.rglob("summary.json"):
        summary = json.loads(file.read_text(encoding="utf-8"))
        reached = (summary["test"] or summary["last_epoch"])["accuracy"]
        is_compared = file.parents[2].name == "runs"  # comparison/runs/variant/seed-0/summary.json
        place = file.parents[3] if is_compared else file.parent
        best[place] = max(reached, best.get(place, 0.0))
    for place, reached in best.items():
        assert reached > SENSIBLE, f"{place.relative_to(folder)}: {reached}"


def commands(code: str) -> list[str]:
    """The lines that begin with ``chainrule``, continued ones joined."""
    lines = code.replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith("chainrule ")]


def run(command: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The exit code of a command, run in this process."""
    monkeypatch.setattr(sys, "argv", shlex.split(command, comments=True))
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code or 0


@each_page
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for link in LINK.findall(CODE.sub("", text_of(page))):
        if re.match(r"\w+:", link):
            continue  # another site
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link} leads nowhere"
        if anchor:
            assert anchor in anchors(target), f"{page.name}: {link} names no heading"


@cache
def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub writes them in links."""
    text = FENCE.sub("", text_of(page))
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(text))
    return {heading.replace(" ", "-") for heading in kept}


@each_page
def test_quotations_stand_in_the_source(page: Path) -> None:
    for block in blocks(page):
        if block.language == "py":
            found = any(lines(block.code) in source for source in sources())
            assert found, f"{page.name}, line {block.line}: not in src:\n{block.code}"


@cache
def sources() -> list[str]:
    """The lines of every file of `src`."""
    return [lines(file.read_text(encoding="utf-8")) for file in ROOT.glob("src/**/*.py")]


@pytest.mark.parametrize(
    "formula",
    [
        formula
        for classes, method in ((LAYERS, "backward"), (LOSSES, "formulas"), (OPTIMIZERS, "update"))
        for owner in classes.values()
        if owner not in NO_FORMULAS_OF_THEIR_OWN and (formula := vars(owner).get(method))
    ],
    ids=lambda formula: formula.__qualname__,
)
def test_every_formula_is_quoted_whole_beside_its_derivation(formula: Any) -> None:
    body = lines(inspect.getsource(formula)).partition(":\n")[2]  # after the signature
    quoted = (
        lines(block.code)
        for page in ROOT.glob("docs/derivations/*.md")
        for block in blocks(page)
        if block.language == "py"
    )
    assert any(body in quotation for quotation in quoted), f"no page quotes\n{body}"


def lines(code: str) -> str:
    """Code without indentation, so that a quotation may stand further left than its source."""
    return "".join(f"{line.strip()}\n" for line in code.strip().splitlines())


@pytest.mark.parametrize(
    "name",
    [
        owner.__name__
        for owner in (*LAYERS.values(), *LOSSES.values(), *OPTIMIZERS.values(), *SCHEDULES.values())
    ],
)
def test_every_name_is_documented(name: str) -> None:
    assert any(re.search(rf"\b{name}\b", text_of(page)) for page in DOCS)
