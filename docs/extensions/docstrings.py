"""Docstrings of the source as reStructuredText.

The source's docstrings are plain text that reads well in an editor: formulas, labels (``Shapes:``,
``Backward:``), lists (``Args:``, ``Raises:``), examples. Here labels and lists become fields, and
everything else keeps its letters.
"""

import re
from collections.abc import Iterator
from typing import Any

from sphinx.application import Sphinx

LABEL = re.compile(r"(Shapes|Backward|Derivative|Source): (.+)")
LIST = re.compile(r"(Args|Raises|Returns|Attributes):$")
ENTRY = re.compile(r"([\w*\\][\w*\\, ]*): (.+)")  # once it is plain
CODE = re.compile(r"(``.+?``|`[^`]+`)", flags=re.DOTALL)
MARKS = re.compile(r"([*`|_\\])")

TITLES = {"Args": "Arguments"}


def convert(docstring: list[str]) -> list[str]:
    """The lines of a docstring as reStructuredText.

    >>> convert(["y = x * s.", "Shapes: x (N, I),", "y alike.", "Args:", "    s: a factor."])
    ['y = x \\\\* s.', '', ':Shapes: x (N, I),', '    y alike.', '', ':Arguments:', \
'    - **s**: a factor.', '']
    """
    return [line for block in blocks(docstring) for line in [*rendered(block), ""]]


def blocks(docstring: list[str]) -> Iterator[list[str]]:
    """Paragraphs, labels, lists, examples and indented text, each alone."""
    block: list[str] = []
    for line in docstring:
        is_example = bool(block) and block[0].startswith(">>>")
        starts = LABEL.match(line) or LIST.match(line) or line.startswith(">>>")
        leaves_list = bool(block) and LIST.match(block[0]) and line and not line.startswith(" ")
        if not line.strip() or (not is_example and (starts or leaves_list)):
            if block:
                yield block
            block = []
        if line.strip():
            block.append(line)
    if block:
        yield block


def rendered(block: list[str]) -> list[str]:
    if block[0].startswith(">>>"):
        return block
    if block[0].startswith("    "):
        return ["::", "", *block]
    first, *rest = plain("\n".join(block)).split("\n")
    if label := LABEL.match(first):
        return [f":{label[1]}: {label[2]}", *(f"    {line.strip()}" for line in rest)]
    if title := LIST.match(first):
        name = TITLES.get(title[1], title[1])
        items = entries(rest) if name != "Returns" else (line.strip() for line in rest)
        return [f":{name}:", *(f"    {item}" for item in items)]
    return [first, *rest]


def entries(lines: list[str]) -> Iterator[str]:
    """An item for each name in a list, with what belongs to it below."""
    margin = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    for line in lines:
        entry = ENTRY.match(line[margin:])
        if entry:
            yield f"- **{entry[1]}**: {entry[2]}"
        else:
            yield ("  " if line[margin:].startswith(" ") else "") + line.strip()


def plain(text: str) -> str:
    """Text that shows as it is, but for code in backquotes.

    >>> plain("`W` is |x| long")
    '``W`` is \\\\|x\\\\| long'
    """
    pieces = CODE.split(text)
    return "".join(
        f"``{piece.strip('`')}``" if is_code else MARKS.sub(r"\\\1", piece)
        for piece, is_code in zip(pieces, [False, True] * len(pieces), strict=False)
    )


def process(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    lines[:] = convert(lines)


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
