"""Training loops in which everything is written out: which ones a file has, and their bodies as
functions over the names that they use."""

from __future__ import annotations

import ast
import builtins
import copy
import inspect
import itertools
import linecache
import re
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.foreign.naming.gradient_names import (
    GATHERED,
    is_about_gradients,
    looks_like_a_gradient,
)
from chainrule.foreign.naming.roles import NAMES_LOSS, is_backward_pass, role_of, roles_named
from chainrule.foreign.objects.names import Names
from chainrule.foreign.reading.source import tree_of
from chainrule.foreign.running.loading import remember

Loop = ast.For | ast.While
Compared = tuple[ast.stmt, ast.expr, ast.expr]
"""The statement before which an output is there, and two expressions that may be it and targets."""
REGULARIZER = re.compile(
    r"\b(reg(_|u|$|\b)|lambda\w|lambd\b|lamda|lam\b|weight_decay|l2_(reg|lambda|penalty))",
    re.IGNORECASE,
)
PRODUCT = re.compile(r" @ |\b(dot|matmul)\(")
TRANSPOSE = re.compile(r"\.T\b|transpose\(")
STEP = "training_step"  # what the function is called that a loop's body becomes
FEWEST = 3  # statements of a body that trains
KEEPS = re.compile(r"momentum|velocit|moment|\bv_?d[wb]", re.IGNORECASE)  # steps made before
ADAPTIVE = re.compile(r"sqrt\(|\*\* ?\(?0?\.5|\*\* ?\(?1 / 2")  # an update by Adam, or RMSprop
SUM_OF_ERRORS = re.compile(
    r"\w*(loss(es)?|cost)|(sum_?|total_?)?(err(or)?s?|mse|ecm|sse)(_?(sum|total))?"
)
NAMES_UPDATE = re.compile(r"updat|step|adam|sgd|optimi|rmsprop|momentum|descent", re.IGNORECASE)


@dataclass(frozen=True)
class SeenLoop:
    """A loop that has run.

    Args:
        node: in the syntax tree of its file.
        file: that file.
        names: a copy of all that its body uses, when it ran for the first time.
        owner: the object in whose method it stands, if it does.
        is_single: true for statements that stand in no loop, and train one step.
    """

    node: Loop
    file: str
    names: Names
    owner: Any = None
    is_single: bool = False

    @property
    def name(self) -> str:
        return f"the {'step' if self.is_single else 'loop'} in line {self.node.lineno}"


def training_loops(tree: ast.AST) -> Iterator[Loop]:
    """The loops whose own statements update something by what they compute, the innermost first."""
    loops = [node for node in ast.walk(tree) if isinstance(node, Loop)]
    for loop in reversed(loops):
        if len(loop.body) >= FEWEST and any(True for _ in updates(loop)):
            yield loop


def written_out(tree: ast.AST) -> Iterator[Loop]:
    """The loops outside classes and backward passes that hold a whole network: they update
    something, and multiply forward and, by the transpose of something, back."""
    inside = {
        id(node)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.ClassDef)
        or (isinstance(outer, ast.FunctionDef) and is_backward_pass(outer.name))
        for node in ast.walk(outer)
    }
    for loop in training_loops(tree):
        if id(loop) not in inside and _holds_network(loop):
            yield loop


def _holds_network(loop: Loop) -> bool:
    text = "\n".join(ast.unparse(each) for each in loop.body)
    return len(PRODUCT.findall(text)) > 1 and bool(TRANSPOSE.search(text))


def single_step(tree: ast.Module) -> Loop | None:
    """Statements of a file that train one step of a network, outside a loop, as the body of one:
    from the last that makes what is moved up to the last update."""
    body = tree.body
    moving = list(updates(ast.While(ast.Constant(True), body, [])))
    if not moving:
        return None
    moved = {name for each in moving for name in _names_stored(each)}
    first, last = body.index(moving[0]), body.index(moving[-1])
    made = [n for n, each in enumerate(body[:first]) if moved & _names_stored(each)]
    if not made:
        return None
    step = ast.While(ast.Constant(True), body[made[-1] + 1 : last + 1], [])
    ast.copy_location(step, step.body[0])
    return step if _holds_network(step) and not any(True for _ in training_loops(tree)) else None


def _names_stored(statement: ast.stmt) -> set[str]:
    """The names that a statement assigns to, or whose parts."""
    return {
        node.id
        for target in ast.walk(statement)
        if isinstance(getattr(target, "ctx", None), ast.Store)
        for node in ast.walk(target)
        if isinstance(node, ast.Name)
    }


def updates(loop: Loop) -> Iterator[ast.stmt]:
    """The statements of a body that move something: ``W -= …``, ``W = W - …``, ``W = update(W,
    …)``, ``W = new_W`` after ``new_W = W - …``, or a loop over layers that does so: ``weights[i] -=
    …``. A sum of errors, ``err += …``, or of gradients, ``dW += …``, is none."""
    return (statement for statement, _ in _moves(loop))


def _moves(loop: Loop) -> Iterator[tuple[ast.stmt, ast.stmt]]:
    """Those statements, each with the one that says by how much it moves."""
    made: dict[str, tuple[str, ast.stmt]] = {}  # the place that something is to take
    for statement in loop.body:
        match statement:
            case ast.For() if _goes_over_layers(statement):
                yield statement, statement
            case ast.AugAssign(target=target, op=ast.Sub() | ast.Add(), value=value):
                if not isinstance(value, ast.Constant) and not _is_sum(target):
                    yield statement, statement
            case ast.Assign(targets=[target], value=ast.BinOp(left, ast.Sub() | ast.Add(), value)):
                if not _is_same(target, _unscaled(left, target)):
                    made[ast.unparse(target)] = ast.unparse(left), statement
                elif not isinstance(value, ast.Constant):
                    yield statement, statement
            case ast.Assign(targets=[target], value=ast.Name(id=name)) if name in made:
                place, making = made[name]
                if place == ast.unparse(target):
                    yield statement, making
            case ast.Assign(value=ast.Call()) if _is_call_that_updates(statement):
                yield statement, statement


def _is_sum(target: ast.expr) -> bool:
    """True if errors, or gradients, are added up in what is called so."""
    while isinstance(target, ast.Subscript):
        target = target.value
    name = ast.unparse(target).split(".")[-1]
    return bool(SUM_OF_ERRORS.fullmatch(name.lower()) or GATHERED.fullmatch(name))


def _unscaled(kept: ast.expr, target: ast.expr) -> ast.expr:
    """What is moved, in ``W = W * momentum + …``; as it is, where nothing is multiplied."""
    if isinstance(kept, ast.BinOp) and isinstance(kept.op, ast.Mult):
        parts = [each for each in (kept.left, kept.right) if _is_same(each, target)]
        return parts[0] if len(parts) == 1 else kept
    return kept


def _is_same(one: ast.expr, other: ast.expr) -> bool:
    return ast.unparse(one) == ast.unparse(other)


def _is_call_that_updates(statement: ast.Assign) -> bool:
    """True for ``W1, W2 = update(W1, W2, dW1, dW2)``, and the like."""
    target, made = statement.targets[0], statement.value
    if not isinstance(made, ast.Call) or not NAMES_UPDATE.search(ast.unparse(made.func)):
        return False
    given = set(map(ast.unparse, [*made.args, *(each.value for each in made.keywords)]))
    parts = target.elts if isinstance(target, ast.Tuple) else [target]
    return any(ast.unparse(part) in given for part in parts)


def hides_gradients(loop: Loop, names: Names) -> bool:
    """True if what a body moves does not show the gradient: an update by Adam, with momentum, or by
    a function that does more than step against the gradient at a rate that it is told."""
    first = loop.body.index(next(updates(loop)))
    if any(ADAPTIVE.search(ast.unparse(each)) for each in loop.body[first:]):
        return True
    if _is_moved_again(loop, first):
        return True
    return any(_hides_gradient(by, names) for _, by in _moves(loop))


def _is_moved_again(loop: Loop, first: int) -> bool:
    """True if what an update has moved takes another value afterwards: ``W = W + dW; …; W = new``,
    where ``new`` has a momentum in it."""
    moving = list(updates(loop))
    moved = {name for each in moving for name in _names_stored(each)}
    others = [each for each in loop.body[first:] if isinstance(each, ast.Assign)]
    return any(moved & _names_stored(each) for each in others if each not in moving)


def _hides_gradient(update: ast.stmt, names: Names) -> bool:
    """True if a function moves something, or what it is moved by is called as no gradient:
    ``W += velocity``."""
    match update:
        case ast.AugAssign(value=value) | ast.Assign(value=ast.BinOp(right=value)):
            is_name = isinstance(value, (ast.Name, ast.Attribute, ast.Subscript))
            scale = _scale_of(update, names)
            hides = is_name and not looks_like_a_gradient(ast.unparse(value).split(".")[-1])
            return hides or scale != 1
        case ast.For():
            return any(_hides_gradient(each, names) for each in updates(update))
        case ast.Assign(value=ast.Call() as made):
            return _rate_told(made, names) is None
    return False


def _scale_of(update: ast.stmt, names: Names) -> float:
    """What an update multiplies by before it moves: of ``W = W * momentum + …`` the momentum."""
    match update:
        case ast.Assign(targets=[target], value=ast.BinOp(left=ast.BinOp(op=ast.Mult()) as kept)):
            other = kept.right if _is_same(kept.left, target) else kept.left
            worth = evaluated(other, names)
            return float(worth) if isinstance(worth, (float, int)) else float("nan")
    return 1.0


def _rate_told(made: ast.Call, names: Names) -> float | None:
    """The learning rate in a call of an update function. None if the call has none, or if the
    function keeps something between steps, as momentum does."""
    function = evaluated(made.func, names)
    tree = tree_of(function) if isinstance(function, types.FunctionType) else None
    if tree is None or ADAPTIVE.search(text := ast.unparse(tree)) or KEEPS.search(text):
        return None
    keywords = {each.arg: each.value for each in made.keywords if each.arg}
    try:
        given = inspect.signature(function).bind(*made.args, **keywords)
    except TypeError:
        return None
    given.apply_defaults()
    rates = [value for name, value in given.arguments.items() if role_of(name) == "rate"]
    worth = [evaluated(v, names) if isinstance(v, ast.expr) else v for v in rates]
    return next((float(v) for v in worth if isinstance(v, (float, int)) and v), None)


def _goes_over_layers(loop: ast.For) -> bool:
    """True if a loop moves something of each layer: the name that it counts with, or that stands
    for a layer, is a part of what is moved."""
    counting = {node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)}
    for statement in updates(loop):
        target = getattr(statement, "target", None) or getattr(statement, "targets", [None])[0]
        if isinstance(target, (ast.Subscript, ast.Attribute)):
            names = {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}
            if counting & names:
                return True
    return False


def examples_of(loop: Loop) -> set[str]:
    """The names that stand for an example in each round: ``for x, target in zip(X, y):``."""
    target = loop.target if isinstance(loop, ast.For) else None
    return {node.id for node in (ast.walk(target) if target else ()) if isinstance(node, ast.Name)}


def names_used(loop: Loop) -> set[str]:
    """The names in a body."""
    nodes = (node for each in loop.body for node in ast.walk(each))
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    return {name for name in used if not hasattr(builtins, name)}


# --- the body as functions ------------------------------------------------------------------


def add_step(seen: SeenLoop) -> None:
    """Let the names have a function that runs the body once.

    In the source that is looked up from now on, the loop's first line defines this function, so
    that the lines of its body are found where they stand.
    """
    lines = linecache.getlines(seen.file)
    loop, first = seen.node, seen.node.body[0]
    line, text = loop.lineno, None
    if seen.is_single:
        line, text = first.lineno - 1, _indented(lines, loop)
    elif loop.lineno < first.lineno:
        text = _as_function(lines, loop)
    if text is None:
        node = _function(STEP, loop, list(loop.body))
    else:
        remember(seen.file, text)
        node = _function_at(ast.parse(text), line)
    seen.names.define(node, seen.file)


def _indented(lines: list[str], step: Loop) -> str | None:
    """The source with a step as a function, which begins in the line before; None where that is no
    Python."""
    changed = list(lines)
    first, last = step.body[0].lineno, step.body[-1].end_lineno or step.body[-1].lineno
    changed[first - 2] = f"def {STEP}():\n"
    for number in range(first, last + 1):
        changed[number - 1] = f" {changed[number - 1]}"
    changed[first - 1] = f" {_declared(step)}{lines[first - 1]}"
    return _if_python(changed)


def _as_function(lines: list[str], loop: Loop) -> str | None:
    """The source with the loop as a function; None where that is no Python."""
    changed = list(lines)
    first = loop.body[0]
    if isinstance(first, (ast.For, ast.While, ast.If, ast.With, ast.Try, ast.FunctionDef)):
        return None
    head = changed[loop.lineno - 1]
    changed[loop.lineno - 1] = f"{head[: len(head) - len(head.lstrip())]}def {STEP}():\n"
    for number in range(loop.lineno + 1, first.lineno):
        changed[number - 1] = "\n"
    for node in _jumps(loop.body):
        word = "break" if isinstance(node, ast.Break) else "continue"
        coded = changed[node.lineno - 1].encode()  # in which columns are counted
        before, after = coded[: node.col_offset].decode(), coded[node.col_offset :].decode()
        changed[node.lineno - 1] = before + after.replace(word, "return", 1)
    line = changed[first.lineno - 1]
    margin = len(line) - len(line.lstrip())
    changed[first.lineno - 1] = line[:margin] + _declared(loop) + line[margin:]
    return _if_python(changed)


def _declared(loop: Loop) -> str:
    """A statement that lets a function write the names of a body."""
    return f"global {', '.join(sorted(names_used(loop)))}; "


def _if_python(lines: list[str]) -> str | None:
    text = "".join(lines)
    try:
        compile(text, "", "exec")
    except (SyntaxError, ValueError):
        return None
    return text


def _jumps(body: list[ast.stmt]) -> Iterator[ast.Break | ast.Continue]:
    """The jumps that belong to the loop with this body."""
    for statement in body:
        if isinstance(statement, (ast.Break, ast.Continue)):
            yield statement
        elif not isinstance(statement, (ast.For, ast.While, ast.FunctionDef, ast.ClassDef)):
            for name in ("body", "orelse", "finalbody"):
                yield from _jumps(getattr(statement, name, []))


class _WithoutJumps(ast.NodeTransformer):
    """Ends a function where the loop's body ends."""

    def visit_Break(self, node: ast.Break) -> ast.stmt:
        return ast.copy_location(ast.Return(None), node)

    def visit_Continue(self, node: ast.Continue) -> ast.stmt:
        return ast.copy_location(ast.Return(None), node)

    def visit_For(self, node: ast.For) -> ast.stmt:
        return node

    def visit_While(self, node: ast.While) -> ast.stmt:
        return node


def _function_at(tree: ast.Module, line: int) -> ast.FunctionDef:
    return next(
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name == STEP and node.lineno == line
    )


def _function(name: str, loop: Loop, body: list[ast.stmt]) -> ast.FunctionDef:
    """A function without arguments that runs statements of a loop, over global names."""
    declared = ast.Global(sorted(names_used(loop)))
    kept = [_WithoutJumps().visit(copy.deepcopy(each)) for each in body]
    no_arguments = ast.arguments([], [], None, [], [], None, [])
    made = ast.FunctionDef(name, no_arguments, [declared, *kept], [], None, None)
    ast.copy_location(made, loop)
    return ast.fix_missing_locations(made)


def add_forward(seen: SeenLoop, name: str, result: ast.expr, until: ast.stmt | None = None) -> None:
    """Let the names have a function that runs the body up to a statement and returns `result`.

    Args:
        until: that statement; the first update if left out, and then what computes the loss, too.
    """
    loop = seen.node
    first = loop.body.index(until or next(updates(loop)))
    before = loop.body[:first]
    rest = [] if until else [s for s in _flat(loop.body[first:]) if loss_assigned(s)]
    given = ast.Return(
        ast.Call(
            ast.Attribute(
                ast.Call(ast.Name("__import__", ast.Load()), [ast.Constant("numpy")], []),
                "asarray",
                ast.Load(),
            ),
            [copy.deepcopy(result)],
            [],
        )
    )
    seen.names.define(_function(name, loop, [*before, *rest, given]), seen.file)


def _flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements, and those within conditions."""
    for statement in body:
        if isinstance(statement, ast.If):
            yield from _flat(statement.body)
        else:
            yield statement


def loss_assigned(statement: ast.stmt) -> str | None:
    """The name of the loss, if a statement computes it."""
    match statement:
        case ast.Assign(value=ast.BinOp(op=ast.Sub())) if "error" in ast.unparse(statement).lower():
            return None  # error = y - output: a difference
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name if _names_loss(name) else None
        case ast.Assign(targets=[ast.Tuple(elts=parts)], value=ast.Call()):
            named = [part.id for part in parts if isinstance(part, ast.Name)]
            return min(filter(_names_loss, named), key=len, default=None)  # of cost and d_of_cost
    return None


def _names_loss(name: str) -> bool:
    return bool(NAMES_LOSS.search(name.lower())) and not is_about_gradients(name)


def losses(loop: Loop) -> list[str]:
    """What may be the loss, in a body: by its name, or as what a list of that name is given,
    ``errors.append(np.mean(error**2))``."""
    found = []
    for statement in _flat(loop.body):
        match statement:
            case ast.Expr(ast.Call(ast.Attribute(ast.Name(id=name), "append"), args=[given])):
                found += [ast.unparse(given)] if _names_loss(name) else []
            case _:
                assigned = loss_assigned(statement)
                found += [assigned] if assigned else []
    return found


def differences(loop: Loop) -> Iterator[Compared]:
    """What is subtracted from what in a body, before its updates, with the statement that does it;
    of ``p[range(n), y] -= 1`` p and y; then what is handed to one function, which may do it."""
    first = loop.body.index(next(updates(loop)))
    yield from _subtracted(loop.body[:first])
    for statement in loop.body[:first]:
        match statement:
            case ast.Assign(value=ast.Call(args=args)):
                names = [each for each in args if isinstance(each, ast.Name)]
                for one, other in itertools.combinations(names, 2):
                    yield statement, one, other


def _subtracted(body: list[ast.stmt]) -> Iterator[Compared]:
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
                yield statement, node.left, node.right
        match statement:
            case ast.AugAssign(
                target=ast.Subscript(value=output, slice=ast.Tuple(elts=[_, classes])),
                op=ast.Sub(),
                value=ast.Constant(value=1),
            ):
                yield statement, _loaded(output), classes


def named_outputs(loop: Loop) -> Iterator[Compared]:
    """What is called an output in a body, and what is called its targets, with the statement after
    the one that computes the output."""
    first = loop.body.index(next(updates(loop)))
    targets = sorted(name for name in names_used(loop) if role_of(name) == "y")
    for statement, following in itertools.pairwise(loop.body[: first + 1]):
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)]) if "output" in roles_named(name):
                for target in targets:
                    yield following, _read(name), _read(target)


def _loaded(node: ast.expr) -> ast.expr:
    """An expression to be read, of one that is written to."""
    return _read(ast.unparse(node))


def _read(code: str) -> ast.expr:
    return ast.parse(code, mode="eval").body


def has_regularizer(loop: Loop) -> bool:
    """True if a body seems to add the gradient of a regularizer."""
    return any(REGULARIZER.search(ast.unparse(statement)) for statement in loop.body)


def rate_of(loop: Loop, names: Names) -> float:
    """The learning rate: by its name, else a number before the gradient, else 1; without its sign,
    which may be that of gradients that point uphill."""
    moving = [by for _, by in _moves(loop)]
    for statement in moving:
        made = getattr(statement, "value", None)
        if isinstance(made, ast.Call) and (told := _rate_told(made, names)) is not None:
            return told
        for node in ast.walk(statement):
            word = node.id if isinstance(node, ast.Name) else getattr(node, "attr", None)
            if isinstance(node, (ast.Name, ast.Attribute)) and role_of(str(word)) == "rate":
                value = evaluated(node, names)
                if isinstance(value, (float, int)) and value:
                    return abs(float(value))
    for statement in moving:
        value = getattr(statement, "value", None)
        moved = value if isinstance(statement, ast.AugAssign) else getattr(value, "right", None)
        while isinstance(moved, ast.BinOp) and isinstance(
            moved.op, (ast.Mult, ast.Div, ast.MatMult)
        ):
            factors = () if isinstance(moved.op, ast.MatMult) else (moved.left, moved.right)
            for factor in factors:
                worth = evaluated(factor, names)
                if isinstance(worth, (float, np.floating)) and worth:
                    return abs(float(worth))
            moved = moved.left
    return 1.0


def evaluated(expression: ast.expr, names: Names) -> Any:
    """What an expression is worth among names; None where it raises."""
    code = compile(ast.Expression(copy.deepcopy(expression)), "loop", "eval")
    try:
        return types.FunctionType(code, vars(names))()
    except Exception:  # the code may raise anything
        return None


def is_numbers(value: Any) -> bool:
    """True for an array of numbers, or a single one."""
    return isinstance(value, (np.ndarray, np.number, float, int)) and (
        np.asarray(value).dtype.kind in "fiub"
    )
