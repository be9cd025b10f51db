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
from chainrule.doctor.verdict import Verdict
from chainrule.errors import UnknownNameError
from chainrule.rewrites.causes import CODES

OTHERS = [language for language in LANGUAGES if language != "en"]
TEMPLATES = Path(pages.__file__).parent / "templates"


def texts() -> set[str]:
    """Everything that a page says in words of its own."""
    environment = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    found = {*CODES.values()}
    found |= {text for verdict in Verdict for text in (verdict.value, verdict.words)}
    for template in TEMPLATES.glob("*.html"):
        for _, _, text in environment.extract_translations(template.read_text()):
            found.add(text if isinstance(text, str) else text[0])  # or with its placeholders
    return found


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)\w", text))


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
        **{"gradient": "dW", "code": "sign", "certain": False, "evidence": "", "line": None},
        **{"suggestion": "", "function": "", "lines": []},
    }
    record = Record("Ann", [FileRecord("a.py", "wrong", {"dW": False, "dx": True}, [finding])])
    write_pages([record], tmp_path, "Lab 1", "de", hide_suggestions=False)
    page = (tmp_path / "students/Ann.html").read_text()
    assert '<html lang="de">' in page
    assert "1 von 2 Gradienten sind richtig" in page
    assert "das Vorzeichen ist falsch" in page
    assert "(wahrscheinlich)" in page


def test_a_language_that_is_not_there() -> None:
    with pytest.raises(UnknownNameError, match="en, de, es"):
        translations("xx")
