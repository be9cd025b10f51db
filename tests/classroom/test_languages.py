"""What students read, in other languages: nothing is left out, and what is installed is what stands
in the files that translators edit."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from jinja2 import Environment

from chainrule.classroom import pages
from chainrule.classroom.languages import LANGUAGES, LOCALES, translations
from chainrule.classroom.pages import write_pages
from chainrule.classroom.record import FileRecord, Record
from chainrule.classroom.sentences import TEMPLATES, is_known, translated
from chainrule.doctor.verdict import Verdict
from chainrule.errors import UnknownNameError
from chainrule.rewrites.causes import CODES

OTHERS = [language for language in LANGUAGES if language != "en"]
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
