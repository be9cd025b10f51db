"""Edits of a text of Python at the place of a node of its syntax tree: they make right code wrong.

Those of `edits`, which make wrong code right, change the tree alone, and are taken back.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass


@dataclass(frozen=True)
class TextEdit:
    """One expression or statement replaced; "" removes a statement.

    Args:
        node: what is replaced.
        replacement: by what.
        words: what that means, where the text itself does not say it best.
        cause: what went wrong, where the rule alone does not say it.
        gradient: what is wrong, where it is not what the statement computes.
    """

    node: ast.expr | ast.stmt
    replacement: str
    words: str = ""
    cause: str = ""
    gradient: str = ""

    @property
    def line(self) -> int:
        """The line of the file where the change begins."""
        return self.node.lineno

    def applied(self, source: str) -> str:
        """The source with the change made."""
        lines = source.encode().split(b"\n")
        first, last = self.node.lineno - 1, (self.node.end_lineno or self.node.lineno) - 1
        before = lines[first][: self.node.col_offset]
        after = lines[last][self.node.end_col_offset :]
        text = self._for_its_place(before.decode())
        lines[first : last + 1] = [before + text.encode() + after]
        return b"\n".join(lines).decode()

    def _for_its_place(self, before: str) -> str:
        """The replacement as it must be written after `before`, on its line."""
        if isinstance(self.node, ast.Slice):
            return self.replacement
        if isinstance(self.node, ast.expr):
            return f"({self.replacement})"
        indent = "\n" + before
        return indent.join((self.replacement or "pass").split("\n"))

    def described(self, source: str) -> str:
        """The change on one line: ``a / n`` becomes ``a``."""
        if self.words:
            return self.words
        before = " ".join((ast.get_source_segment(source, self.node) or "").split())
        after = " ".join(self.replacement.split())
        return f"`{before}` becomes `{after}`" if after else f"without `{before}`"


def parenthesized(node: ast.expr) -> str:
    """The text of an expression, safe as an operand."""
    text = ast.unparse(node)
    return text if isinstance(node, (ast.Name, ast.Attribute, ast.Call)) else f"({text})"
