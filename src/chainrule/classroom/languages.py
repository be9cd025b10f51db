"""The languages in which students can read what was found."""

from __future__ import annotations

from gettext import GNUTranslations, NullTranslations, translation
from pathlib import Path

from chainrule.errors import UnknownNameError

LOCALES = Path(__file__).parent / "locales"
LANGUAGES = ("en", *sorted(path.name for path in LOCALES.glob("*") if path.is_dir()))


def translations(language: str) -> NullTranslations | GNUTranslations:
    """The texts of a language; English is what the source says.

    Raises:
        UnknownNameError: there is none.
    """
    if language not in LANGUAGES:
        raise UnknownNameError(
            f"there is no feedback in {language!r}; there is: {', '.join(LANGUAGES)}"
        )
    return translation("chainrule", LOCALES, [language], fallback=language == "en")
