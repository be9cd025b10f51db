"""Mistakes of whole statements: a sign, a scale, a gradient left out, added up or overwritten."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from chainrule.foreign.backward_code import Scope, gradients_in, named, statements, targets
from chainrule.foreign.parameter_names import is_bias
from chainrule.rewrites.text_edits import Edit, Mistake, parenthesized


def mistakes(statement: ast.stmt, scope: Scope) -> Iterator[Mistake]:
    """Everything that can go wrong with one statement."""
    update = _as_update(statement)
    if update is not None:
        yield from _wrong_updates(statement, *update, scope)
    else:
        for value in gradients_in(statement):
            yield from _wrong_values(value, scope)
    yield from _lost(statement)
    if isinstance(statement, ast.For):
        yield from _shortened(statement)


def _wrong_values(value: ast.expr, scope: Scope) -> Iterator[Mistake]:
    text = parenthesized(value)
    yield Edit(value, f"-{text}"), "sign"
    yield Edit(value, f"2 * {text}"), "constant-scale"
    batch_size = scope.batch_size()
    if batch_size is not None:
        yield Edit(value, f"{text} / {batch_size}"), "batch-scale"


def _as_update(statement: ast.stmt) -> tuple[str, str, ast.expr] | None:
    """(target, sign, step) of ``W -= step``, ``W += step`` and ``W = W - step``."""
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, (ast.Add, ast.Sub)):
        sign = "+" if isinstance(statement.op, ast.Add) else "-"
        return ast.unparse(statement.target), sign, statement.value
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.BinOp):
        target, value = ast.unparse(statement.targets[0]), statement.value
        if isinstance(value.op, (ast.Add, ast.Sub)) and ast.unparse(value.left) == target:
            return target, "+" if isinstance(value.op, ast.Add) else "-", value.right
    return None


def _wrong_updates(
    statement: ast.stmt, target: str, sign: str, step: ast.expr, scope: Scope
) -> Iterator[Mistake]:
    if isinstance(step, ast.Constant):
        return  # a counter
    is_in_place = isinstance(statement, ast.AugAssign)

    def written(sign: str, step: str) -> str:
        return f"{target} {sign}= {step}" if is_in_place else f"{target} = {target} {sign} {step}"

    text = parenthesized(step)
    yield Edit(statement, written("-" if sign == "+" else "+", text)), "sign"
    batch_size = scope.batch_size()
    if batch_size is not None and _computes(step):
        yield Edit(statement, written(sign, f"2 * {text}")), "constant-scale"
        yield Edit(statement, written(sign, f"{text} / {batch_size}")), "batch-scale"
    if sign == "+" and is_in_place:
        in_a_loop = any(
            isinstance(node, (ast.For, ast.While)) and statement in ast.walk(node)
            for node in ast.walk(scope.function)
        )
        yield Edit(statement, f"{target} = {text}"), "partial-sum" if in_a_loop else "overwrites"


def _computes(step: ast.expr) -> bool:
    """Whether an update computes its gradient, and does not only apply one computed before."""
    return any(
        isinstance(node, ast.Call)
        or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult))
        for node in ast.walk(step)
    )


def _lost(statement: ast.stmt) -> Iterator[Mistake]:
    """A gradient that is not computed, an update that is not made."""
    names = targets(statement)
    code = "missing-bias-gradient" if names and is_bias(names[0]) else "missing-gradient"
    update = _as_update(statement)
    if update is None:
        for value in gradients_in(statement):
            yield Edit(value, f"0 * {parenthesized(value)}"), code
    elif not isinstance(update[2], ast.Constant):
        yield Edit(statement, ""), code


def _shortened(loop: ast.For) -> Iterator[Mistake]:
    """A loop that leaves out the first of its rounds."""
    call = loop.iter
    if isinstance(call, ast.Call) and named(call.func) == "range" and len(call.args) == 1:
        yield Edit(call, f"range(1, {ast.unparse(call.args[0])})"), "partial-sum"


def mistakes_of_order(scope: Scope) -> Iterator[tuple[Edit, str, str]]:
    """Mistakes of when something is computed: after the weights have moved, or once for all."""
    yield from _after_the_update(scope)
    for forward in scope.forward_functions():
        for statement in statements(forward):
            yield from _kept_for_ever(statement, forward, scope)


def _after_the_update(scope: Scope) -> Iterator[tuple[Edit, str, str]]:
    """The input gradient of a layer that updates itself, taken from the new weights."""
    updated: set[str] = set()
    computed: dict[str, ast.expr] = {}
    for statement in scope.function.body:
        update = _as_update(statement)
        if update is not None:
            updated.add(update[0])
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            computed[statement.targets[0].id] = statement.value
        elif isinstance(statement, ast.Return) and isinstance(statement.value, ast.Name):
            value = computed.get(statement.value.id)
            if value is not None and updated & {ast.unparse(node) for node in ast.walk(value)}:
                name = statement.value.id
                words = f"`{name}` is computed after the weights are updated"
                yield Edit(statement.value, ast.unparse(value), words), "stale-weights", name


def _kept_for_ever(
    statement: ast.stmt, forward: ast.FunctionDef, scope: Scope
) -> Iterator[tuple[Edit, str, str]]:
    """What the first forward pass remembered for the backward pass is never replaced."""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return
    target, value = statement.targets[0], statement.value
    is_on_self = isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self"
    is_shape = isinstance(value, ast.Attribute) and value.attr == "shape"
    memory = ast.unparse(target)
    if is_on_self and not is_shape and memory in _read(scope.function) - _read(forward):
        text = ast.unparse(statement)
        lines = f"if getattr(self, '{named(target)}', None) is None:\n    {text}"
        words = f"`{text}` in the first call only"
        yield Edit(statement, lines, words), "stale-cache", named(target)


def _read(function: ast.FunctionDef) -> set[str]:
    """The attributes whose values a function uses."""
    return {
        ast.unparse(node)
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
