"""Edits of the syntax tree of a function, made and taken back: they make wrong code right.

Those of `text_edits` make right code wrong, and change the text.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from types import CodeType
from typing import Any

from chainrule.rewrites.functions import FunctionSource


@dataclass(frozen=True)
class Place:
    """Where a node stands in its tree."""

    parent: ast.AST
    field: str
    index: int | None
    node: Any
    statement: ast.stmt | ast.Lambda

    def locate(self, node: Any) -> None:
        """Give what has no line of its own, in a node to be put here, that of the node before."""
        for made in node if isinstance(node, list) else [node]:
            if isinstance(made, ast.AST):
                before = self.statement if isinstance(self.node, list) else self.node
                located = made if hasattr(made, "lineno") else ast.copy_location(made, before)
                ast.fix_missing_locations(located)

    def put(self, node: Any) -> None:
        """Put another node here."""
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


@dataclass(frozen=True)
class Edit:
    """A correction that may help.

    Args:
        source: the function it belongs to.
        changes: pairs of a place and the node to put there.
        line: of the file.
        advice: what to do, in words.
        sort, cause: those of the rule it comes from.
        removed, added: a factor that it takes away, and one that it brings in.
        in_front: true if it puts a sign or a number before what is there, for which many lines do.
    """

    source: FunctionSource
    changes: tuple[tuple[Place, Any], ...]
    line: int
    advice: str
    sort: str = ""
    cause: str = ""
    removed: ast.expr | None = None
    added: ast.expr | None = None
    in_front: bool = False

    @classmethod
    def at(cls, source: FunctionSource, place: Place, node: Any, advice: str, **more: Any) -> Edit:
        """The edit that puts another node at one place; `more` is what else an edit has."""
        return cls.of(source, ((place, node),), advice, **more)

    @classmethod
    def of(
        cls,
        source: FunctionSource,
        changes: tuple[tuple[Place, Any], ...],
        advice: str,
        **more: Any,
    ) -> Edit:
        """The edit that makes several changes, the first of which tells the line."""
        place, _ = changes[0]
        line = int(getattr(place.node, "lineno", 0) or getattr(place.statement, "lineno", 0))
        return cls(source, changes, line, advice, **more)

    def make(self) -> None:
        """Change the tree."""
        for place, node in self.changes:
            place.locate(node)
            place.put(node)

    def take_back(self) -> None:
        """Change it back."""
        for place, _ in self.changes:
            place.put(place.node)

    def compiled(self) -> CodeType | None:
        """The function's code with the change, which the tree itself does not keep."""
        self.make()
        try:
            return self.source.compiled()
        finally:
            self.take_back()


def places(source: FunctionSource) -> list[Place]:
    """Every expression and statement of a function, from the outside in."""
    found: list[Place] = []

    def visit(parent: ast.AST, statement: Any) -> None:
        for field, value in ast.iter_fields(parent):
            if field in ("args", "decorator_list", "returns") and parent is source.node:
                continue
            several = isinstance(value, list)
            for index, node in enumerate(value if several else [value]):
                if not isinstance(node, (ast.expr, ast.stmt, ast.keyword)):
                    continue
                of = node if isinstance(node, ast.stmt) else statement
                found.append(Place(parent, field, index if several else None, node, of))
                visit(node, of)

    visit(source.node, source.node)
    return found


def right_hand_sides(source: FunctionSource) -> list[Place]:
    """What is assigned, added or returned; of a tuple, list or dictionary each part."""
    found = []
    for place in places(source):
        parent, node = place.parent, place.node
        is_value = place.field == "value" and isinstance(
            parent, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return)
        )
        if isinstance(parent, ast.Lambda) and place.field == "body":
            is_value = True
        if not is_value or not isinstance(node, ast.expr):
            continue
        if isinstance(node, (ast.Tuple, ast.List)):
            found += [
                Place(node, "elts", i, each, place.statement) for i, each in enumerate(node.elts)
            ]
        elif isinstance(node, ast.Dict):
            found += [
                Place(node, "values", i, each, place.statement)
                for i, each in enumerate(node.values)
            ]
        elif not isinstance(node, ast.Constant):
            found.append(place)
    return found
