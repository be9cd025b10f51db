"""How much a file may ask of this machine.

Files come from strangers. What a header claims is held against these limits before there is any
memory for it, and what is unpacked or parsed stays within them; a file of the kind that people
train on comes nowhere near.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from chainrule.errors import ChainruleError, DataError

MEGABYTE = 2**20

UNPACKED = 64 * MEGABYTE  # bytes that may come out of any compressed file
TIMES_AS_LARGE = 100  # as the file; images of digits shrink to a fifth, a bomb to a thousandth

TEXT = MEGABYTE  # bytes of a text that is parsed whole, such as a configuration
DEPTH = 40  # of tables and lists in each other; a Residual within another adds two
WHOLE_NUMBERS = 2**63  # from here on, as TOML itself has it

MESSAGE = 300  # characters of a file's own words in a message
NAMES = 10  # listed in a message


def check_unpacked(
    unpacked: int, packed: int, what: str, remedy: str, at_least: int = UNPACKED
) -> None:
    """Refuse to unpack `packed` bytes to so many that the file must have been made to fill the
    memory.

    Raises:
        DataError: `unpacked` is more than 100 times `packed`, and more than `at_least`.
    """
    if unpacked > max(at_least, TIMES_AS_LARGE * packed):
        raise DataError(
            f"{what} would take {unpacked:,} bytes of memory, more than {TIMES_AS_LARGE} times its "
            f"own {packed:,}, as if made to fill it: if you trust it, {remedy}"
        )


def read_text(path: Path, raising: type[ChainruleError]) -> str:
    """The text in a file, of at most a megabyte.

    Raises:
        raising: the file cannot be read, is longer, or is no UTF-8.
    """
    try:
        with path.open("rb") as file:  # perhaps a pipe, whose length nobody knows
            content = file.read(TEXT + 1)
        text = content.decode("utf-8")
    except OSError as error:
        raise raising(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise raising(f"{path} is not text in UTF-8: byte {error.start} is not") from None
    if len(content) > TEXT:
        raise raising(f"{path} holds more than {TEXT:,} bytes of text: is it the right file?")
    return text


def check_values(values: Any, path: Path, raising: type[ChainruleError]) -> None:
    """Refuse what was parsed from a file when it is nested too deeply to be walked through, or
    holds whole numbers that no option takes.

    Raises:
        raising: tables and lists stand in each other more than 40 deep, or a number has more than
            64 bits.
    """
    level = [values]
    for _ in range(DEPTH + 1):
        if any(isinstance(value, int) and abs(value) >= WHOLE_NUMBERS for value in level):
            raise raising(f"{path} holds a whole number of more than 64 bits: write it smaller")
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return
    raise too_deep(path, raising)


def too_deep(path: Path, raising: type[ChainruleError]) -> ChainruleError:
    """The error for what is nested too deeply."""
    return raising(f"{path} has tables or lists in each other more than {DEPTH} deep: flatten them")


def shortened(text: str, most: int = MESSAGE) -> str:
    """What a file says, fit for a message: the middle of a long text is left out.

    >>> len(shortened("a" * 100_000))
    300
    """
    if len(text) <= most:
        return text
    half = (most - 1) // 2
    return f"{text[: most - 1 - half]}…{text[-half:]}"


def listed(names: Iterable[str]) -> str:
    """Names from a file, fit for a message: sorted, and of many the first ten.

    >>> listed(["b", "a"])
    'a, b'
    """
    known = sorted(names)
    more = f", … ({len(known):,} in all)" if len(known) > NAMES else ""
    return shortened(", ".join(known[:NAMES]) or "(none)") + more


def is_plain(name: str) -> bool:
    """True if a name is text that a screen shows in a line and a file can hold: no control
    characters, and none of the halves that stand for bytes that are no UTF-8.

    >>> is_plain("Häuser"), is_plain("two\\nlines")
    (True, False)
    """
    return not any(unicodedata.category(mark) in ("Cc", "Cs", "Zl", "Zp") for mark in name)


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
