"""Text from files and from users, made inert for where it is shown: it neither moves the cursor,
nor opens a tag, nor is taken for a formula, but is read as it stands in the file.

There is a function for each medium, to be called where text enters it. HTML has none of its own:
there jinja2 escapes what `printable` has put on one line.
"""

from __future__ import annotations

import codecs
import hashlib
import re
import unicodedata

JOINERS = "\u200c\u200d"  # which Persian, Hindi and some emoji are written with

MARKUP = re.compile(
    r"""
      [\\`*\[\]|~$]               # code, emphasis, links, cells, formulas
    | (?<![^\W_])_ | _(?![^\W_])  # emphasis, which it is not within a word
    | (?<=\w):(?=//) | (?<=www)\. # addresses, which become links
    | (?<=\s)\#(?=\#*\s*$)        # the end of a heading
    """,
    re.VERBOSE | re.IGNORECASE,
)
BLOCK = re.compile(r"^(\s*)([#>]|[-+](?=[\s-]|$))|^(\s*\d+)([.)])(?=\s|$)")  # headings, lists, …
FORMULA = re.compile(r"(^|;)\s*(?=[=+\-@＝＋－＠])")  # a cell begins so, where ; may part cells too
PLAIN = {
    **{"─": "-", "━": "-", "│": "|", "▸": ">", "→": "->", "✓": "ok", "✗": "wrong", "•": "*"},
    **{"…": "...", "·": "*", "×": "x", "±": "+/-", "−": "-", "–": "-", "≤": "<=", "≥": ">="},
    **{"≈": "~", "µ": "u", "μ": "u", "²": "^2", "³": "^3", "“": '"', "”": '"', "’": "'"},
}
"""What stands for a sign of our own where an encoding does not have it."""

LONGEST_LABEL = 60  # characters of a text in a picture
LONGEST_NAME = 100  # bytes of a file name, which may have 255, a number and an ending among them
DEVICES = re.compile(r"(con|prn|aux|nul|(com|lpt)\d)(\..*)?", re.IGNORECASE)  # of Windows: no files


def printable(text: str) -> str:
    r"""Text on one line, each character that cannot be seen as Python writes it: those that end a
    line, move the cursor, colour, turn the direction of writing round, or stand for a byte that is
    no text.

    >>> print(printable("Ä\x1b[2J\nB"))
    Ä\x1b[2J\nB
    """
    if text.isprintable():
        return text
    return "".join(one if _is_seen(one) else repr(one)[1:-1] for one in text)


def encodable(text: str, encoding: str) -> str:
    r"""Text that an encoding can show: signs in their plain form, other characters as Python writes
    them.

    >>> print(encodable("1.5 µs → 猫", "ascii"))
    1.5 us -> \u732b
    """
    return text.encode(encoding, PLAINLY).decode(encoding)


def _write_plainly(error: UnicodeError) -> tuple[str | bytes, int]:
    """The error handler called `PLAINLY`, which streams may have as well."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(PLAIN.get(one) or _escaped(one) for one in text), error.end


def _escaped(character: str) -> str:
    return character.encode("ascii", "backslashreplace").decode()


PLAINLY = "chainrule.plainly"
codecs.register_error(PLAINLY, _write_plainly)


def for_markdown(text: str) -> str:
    """Text in which Markdown finds nothing to do, wherever in a line it stands.

    >>> print(for_markdown("# [a](b) <i> 2*x*y learning_rate"))
    \\# \\[a\\](b) &lt;i> 2\\*x\\*y learning_rate
    """
    text = MARKUP.sub(r"\\\g<0>", printable(text))
    text = BLOCK.sub(r"\1\3\\\2\4", text)
    return re.sub(r"&(?=#?\w+;)", "&amp;", text).replace("<", "&lt;")


def markdown_code(text: str) -> str:
    """Text as code in Markdown, whatever backquotes it holds.

    >>> markdown_code("a"), markdown_code("`a``")
    ('`a`', '``` `a`` ```')
    """
    text = printable(text)
    longest = max(map(len, re.findall("`+", text)), default=0)
    space = " " if "`" in text or not text.strip() else ""
    return f"{'`' * (longest + 1)}{space}{text}{space}{'`' * (longest + 1)}"


def markdown_code_block(lines: str, language: str) -> str:
    """Lines of code in Markdown, whatever backquotes they hold.

    >>> print(markdown_code_block("x = 1", "python"))
    ```python
    x = 1
    ```
    """
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", lines)), default=0))
    return f"{fence}{language}\n{lines}\n{fence}"


def for_plot(text: str, longest: int = LONGEST_LABEL) -> str:
    """Text for matplotlib: no formula, not left out of legends, and not wider than a picture.

    >>> print(for_plot("from $5 to $9"), for_plot("a very long name", 9))
    from \\$5 to \\$9 a ve…name
    """
    text = printable(text)
    if len(text) > longest:  # both ends stay: names often differ in the last letters alone
        half = longest // 2
        text = f"{text[:half]}…{text[len(text) - (longest - half - 1) :]}"
    text = text.replace("$", r"\$")
    return f" {text}" if text.startswith("_") or not text else text


def for_csv(text: str) -> str:
    """Text for a cell in which no spreadsheet finds a formula; numbers stay numbers.

    >>> for_csv("=1+1"), for_csv("-0.5"), for_csv("cat")
    ("'=1+1", '-0.5', 'cat')
    """
    text = printable(text)
    return text if _is_number(text) else FORMULA.sub(r"\g<0>'", text)


def for_python(text: str) -> str:
    r"""The expression that is this text in Python, between double quotes where that can be.

    >>> print(for_python('cat'), for_python('"'), for_python("\n"))
    "cat" '"' "\n"
    """
    quoted = repr(f"'{text}")  # with a single quote in it, Python prefers double ones
    return f'"{quoted[2:]}' if quoted[0] == '"' else repr(text)


def file_name(text: str) -> str:
    """A name that a file or folder can have on every system, made of this text.

    What most texts become is plain to see; one that would be no name, or a special one, is told
    apart by letters drawn from the text. Different texts may become one name.

    >>> file_name("optimizer=sgd, epochs=5"), file_name(".."), file_name("con")
    ('optimizer=sgd_epochs=5', 'unnamed-5ec1f7e7', 'con-1143da2b')
    """
    whole = re.sub(r"[^\w.=+-]+", "_", unicodedata.normalize("NFC", text)).strip("_")
    name = whole.strip(".").lstrip("-").encode()[:LONGEST_NAME].decode(errors="ignore")
    if name == whole and name and not DEVICES.fullmatch(name):
        return name
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"{name.replace('.', '_') or 'unnamed'}-{digest[:8]}"


def _is_seen(character: str) -> bool:
    is_space = unicodedata.category(character) == "Zs"
    return character.isprintable() or is_space or character in JOINERS


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
