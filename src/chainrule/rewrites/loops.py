"""Loops, slices and the order of statements: a part for the whole, `=` for `+=`, too late."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

from chainrule.foreign.reading.backward_code import FunctionInFile, named, statements
from chainrule.foreign.reading.expressions import expression, fresh, name_called, text
from chainrule.rewrites.edits import Edit, Place, places
from chainrule.rewrites.functions import FunctionSource
from chainrule.rewrites.scope import Scope
from chainrule.rewrites.text_edits import TextEdit, parenthesized
from chainrule.rewrites.updates import Update, update_of

Loop = ast.For | ast.While


# --- adding and assigning -------------------------------------------------------------------------


def adding(place: Place, scope: Scope) -> Iterator[Edit]:
    """``+=`` for ``=``."""
    node = place.node
    kinds = (ast.Subscript, ast.Attribute, ast.Name)
    if (
        isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.targets[0], kinds)
    ):
        other = ast.AugAssign(fresh(node.targets[0]), ast.Add(), fresh(node.value))
        ast.copy_location(other, node)
        yield scope.edit(place, other, "add with `+=`, do not assign")


def assigning(place: Place, scope: Scope) -> Iterator[Edit]:
    """``=`` for ``+=``."""
    node = place.node
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        other = ast.Assign([fresh(node.target)], fresh(node.value))
        ast.copy_location(other, node)
        yield scope.edit(place, other, "assign with `=`, do not add")


def overwriting(update: Update, function: FunctionInFile) -> Iterator[TextEdit]:
    """``=`` for ``+=``."""
    if update.sign == "+" and update.is_in_place:
        loops = (node for node in ast.walk(function.function) if isinstance(node, Loop))
        in_a_loop = any(update.statement in ast.walk(loop) for loop in loops)
        cause = "partial-sum" if in_a_loop else "overwrites"
        text = f"{update.target} = {parenthesized(update.step)}"
        yield TextEdit(update.statement, text, cause=cause)


# --- all for some ---------------------------------------------------------------------------------


def whole(place: Place, scope: Scope) -> Iterator[Edit]:
    """All elements in the place of some of them, as they are or summed."""
    node = place.node
    if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Load):
        return
    if not _is_partial(node.slice) or "::-1" in text(node.slice):
        return
    advice = f"take all of `{text(node.value)}`, not `{text(node)}`"
    yield scope.edit(place, fresh(node.value), advice)
    for axis in (0, 1):
        summed = expression(f"({text(node.value)}).sum(axis={axis})")
        yield scope.edit(place, summed, f"sum over all examples, `{text(summed)}`")


def _is_partial(slice_: ast.expr) -> bool:
    if isinstance(slice_, ast.Tuple):
        return any(_is_partial(each) for each in slice_.elts)
    if isinstance(slice_, ast.UnaryOp):
        return isinstance(slice_.operand, ast.Constant)
    if isinstance(slice_, ast.Slice):
        return slice_.lower is not None or slice_.upper is not None or slice_.step is not None
    return isinstance(slice_, ast.Constant) and isinstance(slice_.value, int)


def whole_range(place: Place, scope: Scope) -> Iterator[Edit]:
    """A loop from the start, and to another end."""
    node = place.node
    if name_called(node) != "range":
        return
    last = node.args[0] if len(node.args) == 1 else node.args[1]
    ends = [last]
    if isinstance(last, ast.BinOp) and isinstance(last.op, (ast.Sub, ast.Add)):
        ends.append(last.left)
    ends.append(ast.BinOp(fresh(last), ast.Add(), ast.Constant(1)))
    for end in ends:
        other = ast.Call(fresh(node.func), [fresh(end)], [])
        if text(other) != text(node):
            yield scope.edit(place, other, f"go over all, `{text(other)}`")


def shortened(loop: ast.For, function: FunctionInFile) -> Iterator[TextEdit]:
    """A loop that leaves out the first of its rounds."""
    call = loop.iter
    if isinstance(call, ast.Call) and named(call.func) == "range" and len(call.args) == 1:
        yield TextEdit(call, f"range(1, {ast.unparse(call.args[0])})")


def for_loops(statement: ast.stmt) -> list[ast.For]:
    """The statement, if it is such a loop."""
    return [statement] if isinstance(statement, ast.For) else []


def loops(source: FunctionSource) -> list[Place]:
    """The loops of a function."""
    return [p for p in places(source) if isinstance(p.node, Loop) and p.index is not None]


def return_after_loop(place: Place, scope: Scope) -> Iterator[Edit]:
    """A return after the loop that it ends now."""
    node, index, last = place.node, place.index or 0, place.node.body[-1]
    if isinstance(last, ast.Return):
        loop = copy.copy(node)
        loop.body = node.body[:-1] or [ast.Pass()]
        body = list(getattr(place.parent, place.field))
        all_of_it = Place(place.parent, place.field, None, body, place.statement)
        mended = [*body[:index], loop, last, *body[index + 1 :]]
        advice = "return after the loop, not within it"
        yield Edit(scope.source, ((all_of_it, mended),), last.lineno, advice)


# --- before the update ----------------------------------------------------------------------------


def bodies(source: FunctionSource) -> list[Place]:
    """All statements of a function, as one place."""
    if not isinstance(source.node, ast.FunctionDef):
        return []
    body = list(source.node.body)
    return [Place(source.node, "body", None, body, body[0])]


def earlier(whole: Place, scope: Scope) -> Iterator[Edit]:
    """A statement, or what is returned, before the weights are updated."""
    body = whole.node
    for number, statement in enumerate(body):
        moved, after = statement, body[number + 1 :]
        if isinstance(statement, ast.Return) and statement.value is not None:
            name = "input_gradient_before_the_update"
            taken = ast.Assign([ast.Name(name, ast.Store())], fresh(statement.value))
            moved = ast.copy_location(taken, statement)
            after = [ast.copy_location(ast.Return(ast.Name(name, ast.Load())), statement)]
        for place in range(number):
            mended = [*body[:place], moved, *body[place:number], *after]
            advice = "compute it before the weights are updated"
            yield Edit(scope.source, ((whole, mended),), statement.lineno, advice)


def functions(whole: ast.stmt) -> list[ast.FunctionDef]:
    """The whole, if it is a function: for mistakes of when something is computed."""
    return [whole] if isinstance(whole, ast.FunctionDef) else []


def after_update(body: ast.FunctionDef, function: FunctionInFile) -> Iterator[TextEdit]:
    """The input gradient of a layer that updates itself, taken from the new weights."""
    updated: set[str] = set()
    computed: dict[str, ast.expr] = {}
    for statement in body.body:
        update = update_of(statement)
        if update is not None:
            updated.add(update.target)
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            computed[statement.targets[0].id] = statement.value
        elif isinstance(statement, ast.Return) and isinstance(statement.value, ast.Name):
            name = statement.value.id
            value = computed.get(name)
            if value is not None and updated & {ast.unparse(node) for node in ast.walk(value)}:
                words = f"`{name}` is computed after the weights are updated"
                yield TextEdit(statement.value, ast.unparse(value), words, gradient=name)


def kept_for_ever(body: ast.FunctionDef, function: FunctionInFile) -> Iterator[TextEdit]:
    """What the first forward pass remembered for the backward pass is never replaced."""
    for forward in function.forward_functions():
        needed = _attributes_read(body) - _attributes_read(forward)
        for statement in statements(forward):
            if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                yield from _kept_for_ever(statement, needed)


def _kept_for_ever(statement: ast.Assign, needed: set[str]) -> Iterator[TextEdit]:
    target, value = statement.targets[0], statement.value
    is_on_self = isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self"
    is_shape = isinstance(value, ast.Attribute) and value.attr == "shape"
    if is_on_self and not is_shape and ast.unparse(target) in needed:
        code = ast.unparse(statement)
        lines = f"if getattr(self, '{named(target)}', None) is None:\n    {code}"
        words = f"`{code}` in the first call only"
        yield TextEdit(statement, lines, words, gradient=named(target))


def _attributes_read(function: ast.FunctionDef) -> set[str]:
    """The attributes whose values a function uses."""
    return {
        ast.unparse(node)
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
