"""What an edit does to the statement it changes."""

from __future__ import annotations

import ast

from chainrule.check.edits import Edit, factors, text


def completes_a_product(edit: Edit) -> bool:
    """Whether an edit puts a whole product where one of its factors stood."""
    if edit.kind != "exchanged" or edit.removed is None or edit.added is None:
        return False
    parts = [text(factor) for factor in factors(edit.added)]
    return len(parts) > 1 and text(edit.removed) in parts


def stands_in_loop(edit: Edit) -> bool:
    """Whether an edit's statement stands in a loop."""
    statement = edit.changes[0][0].node
    loops = (n for n in ast.walk(edit.source.node) if isinstance(n, (ast.For, ast.While)))
    return any(node is statement for loop in loops for node in ast.walk(loop))
