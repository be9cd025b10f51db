"""What students read, in other languages: nothing is left out, and what is installed is what stands
in the files that translators edit."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from jinja2 import Environment

import chainrule
from chainrule.classroom import pages
from chainrule.classroom.languages import LANGUAGES, LOCALES, translations
from chainrule.classroom.pages import write_pages
from chainrule.classroom.record import FileRecord, Record
from chainrule.classroom.sentences import TEMPLATES, is_known, translated
from chainrule.doctor.verdict import Verdict
from chainrule.errors import UnknownNameError
from chainrule.foreign.reading.expressions import name_called
from chainrule.rewrites.causes import CODES

OTHERS = [language for language in LANGUAGES if language != "en"]
FILLED_IN = "~"
PAGES = Path(pages.__file__).parent / "templates"


def texts() -> set[str]:
    """Everything that a page says in words of its own."""
    environment = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    found = {*CODES.values(), *TEMPLATES}
    found |= {text for verdict in Verdict for text in (verdict.value, verdict.words)}
    for template in PAGES.glob("*.html"):
        for _, _, text in environment.extract_translations(template.read_text()):
            found.add(text if isinstance(text, str) else text[0])  # or with its placeholders
    return found


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)\w|{\w+}", text))


def test_the_languages() -> None:
    assert set(LANGUAGES) == {"en", "de", "es", "fr", "zh", "ko"}


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated_and_installed(language: str) -> None:
    folder = LOCALES / language / "LC_MESSAGES"
    with (folder / "chainrule.po").open("rb") as file:
        catalog = read_po(file, locale=language)
    translated = {message.id: message.string for message in catalog if message.id}
    assert translated.keys() == texts()
    for text, given in translated.items():
        assert given.strip()
        assert placeholders(given) == placeholders(text)
        assert translations(language).gettext(text) == given
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    assert compiled.getvalue() == (folder / "chainrule.mo").read_bytes(), (
        f"compile it: pybabel compile -D chainrule -d {LOCALES}"
    )


def literal(node: ast.expr) -> str:
    """What a text in the source says, with a mark for each thing that is filled in; else ""."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    parts = node.values if isinstance(node, ast.JoinedStr) else []
    return "".join(literal(part) or FILLED_IN for part in parts)


def said_in(function: ast.AST) -> Iterator[str]:
    """The sentences of a function that makes findings, or proposes corrections; what is raised is
    said in English."""
    nodes = [function]
    while nodes:
        node = nodes.pop()
        if isinstance(node, (ast.Constant, ast.JoinedStr)):
            yield from literal(node).split("; ")
        elif not isinstance(node, (ast.Raise, ast.Expr)):  # and no docstring
            nodes += ast.iter_child_nodes(node)


def speaks(function: ast.AST) -> bool:
    called = {name_called(node) for node in ast.walk(function)}
    return isinstance(function, ast.FunctionDef) and bool(called & {"Finding", "Signature", "edit"})


def test_every_sentence_about_a_mistake_is_translated() -> None:
    """Each stands in a template, whatever is filled in."""
    filled = "\n".join(TEMPLATES).replace("{error}", "{kind}: {text}").replace("{axis}", "axis=0")
    unknown = [
        sentence
        for room in ("doctor", "rewrites")
        for path in (Path(chainrule.__file__).parent / room).rglob("*.py")
        for function in filter(speaks, ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        for sentence in said_in(function)
        if len(re.findall(r"[a-z]{2,}", sentence)) > 2
        and " " in sentence
        and not re.search(".*".join(map(re.escape, sentence.split(FILLED_IN))), filled)
    ]
    assert not unknown, unknown


def test_a_page_in_german(tmp_path: Path) -> None:
    finding = {
        **{"gradient": "dW", "code": "sign", "certain": False, "line": None},
        **{"evidence": "every entry is -1/5 of the true gradient; likewise db"},
        **{"suggestion": "leave out the minus: then the gradient is right"},
        **{"function": "", "lines": []},
    }
    record = Record("Ann", [FileRecord("a.py", "wrong", {"dW": False, "dx": True}, [finding])])
    write_pages([record], tmp_path, "Lab 1", "de")
    page = (tmp_path / "students/Ann.html").read_text()
    assert '<html lang="de">' in page
    assert "1 von 2 Gradienten sind richtig" in page
    assert "das Vorzeichen ist falsch" in page
    assert "(wahrscheinlich)" in page
    assert "jeder Eintrag ist -1/5 des wahren Gradienten; ebenso db" in page
    assert "das Minus weglassen: dann stimmt der Gradient" in page


def test_sentences_are_known_again_with_what_is_filled_in() -> None:
    german = translations("de").gettext
    text = "write `a; b`, not `x - y`: then the gradient is right; nobody has a template for this"
    assert translated(text, german) == (
        "`a; b` schreiben, nicht `x - y`: dann stimmt der Gradient; nobody has a template for this"
    )
    assert translated("", german) == ""
    text = "every entry is 1/5 of the true gradient: divided by the batch size (5) once too often"
    whole, _, why = translated(text, german).partition(": ")
    assert whole == "jeder Eintrag ist 1/5 des wahren Gradienten"
    assert why == "einmal zu oft durch die Batchgröße (5) geteilt"
    assert not is_known("the path through the mean is missing: then nobody knows")


def test_english_stays_as_it_is() -> None:
    """Each template is found before the others that would fit it as well, and filled as it was."""
    for template in TEMPLATES:
        words = {name: name for name in re.findall(r"{(\w+)}", template)}
        text = template.format(
            **words | dict.fromkeys(words.keys() & {"advice", "why"}, "transpose it")
        )
        assert translated(text, lambda each: each) == text
        assert is_known(text), text


def test_a_language_that_is_not_there() -> None:
    with pytest.raises(UnknownNameError, match="en, de, es"):
        translations("xx")
