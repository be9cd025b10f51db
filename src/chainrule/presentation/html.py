"""Tables as notebooks show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from chainrule.text import printable


def html_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], sentences: Sequence[str] = ()
) -> str:
    """Cells of text with sentences below them, as HTML; what they quote is text and nothing else.

    >>> html_table(["layer"], [["<b>"]], ["1 layer"])
    '<table><tr><th>layer</th></tr><tr><td>&lt;b&gt;</td></tr></table><p>1 layer</p>'
    """
    lines = [_row("th", header), *(_row("td", row) for row in rows)]
    return f"<table>{''.join(lines)}</table>{html_sentences(sentences)}"


def html_sentences(sentences: Iterable[str]) -> str:
    """Each sentence as a paragraph."""
    return "".join(f"<p>{_text(sentence)}</p>" for sentence in sentences)


def _row(kind: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{kind}>{_text(cell)}</{kind}>' for cell in cells)}</tr>"


def _text(text: str) -> str:
    return escape(printable(text))
