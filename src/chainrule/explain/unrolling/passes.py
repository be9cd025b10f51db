"""What makes followed code read as if written by hand: an empty array that is filled at once is
simply assigned, `y = x @ W` and `y += b` become one line, and what nobody reads is left out."""

from __future__ import annotations

import ast
import copy

from chainrule.explain.unrolling.arithmetic import is_alike
from chainrule.explain.unrolling.symbols import Symbol
from chainrule.explain.unrolling.writer import Line, Remark

EMPTY_ARRAYS = ("empty", "zeros", "ones", "full", "empty_like", "zeros_like", "ones_like")
Lines = list[Line | Remark]


def tidy(lines: Lines) -> Lines:
    """The same program in fewer lines."""
    return without_unread(join_updates(assign_filled(lines)))


def assign_filled(lines: Lines) -> Lines:
    """``y = np.empty(…)`` and then ``y[...] = value`` as ``y = value``."""
    kept = list(lines)
    for line in lines:
        name = _assigned(line)
        if not isinstance(line, Line) or name is None or not _is_empty_array(line):
            continue
        later = kept[kept.index(line) + 1 :]
        first = next((other for other in later if _mentions(other, name)), None)
        if not isinstance(first, Line) or first.fills is None or first.value is None:
            continue
        if not _is_name(first.fills, name) or not is_alike(first.value, first.fills):
            continue
        source, after = first.value.code, later[later.index(first) + 1 :]
        # What is not new gets a second name, which is fine while it is not changed under either.
        changed = {changed for other in after for changed in _changed(other)}
        if not first.is_new and changed & {name, *_names(source)}:
            continue
        kept.remove(line)
        if isinstance(source, ast.Name):
            kept.remove(first)
            kept = [_renamed(other, name, source.id) for other in kept]
        else:
            first.statement = ast.Assign([ast.Name(name, ast.Store())], source, lineno=0)
    return kept


def join_updates(lines: Lines) -> Lines:
    """``y = x @ W`` and then ``y += b`` as ``y = x @ W + b``."""
    joined: Lines = []
    for line in lines:
        before = joined[-1] if joined else None
        if (
            isinstance(line, Line)
            and isinstance(before, Line)
            and isinstance(line.statement, ast.AugAssign)
            and isinstance(before.statement, ast.Assign)
            and line.keeps_type
            and line.title == before.title
            and before.is_new
            and isinstance(line.statement.target, ast.Name)
            and line.statement.target.id == _assigned(before)
            and line.statement.target.id not in _names(line.statement.value)
        ):
            total = ast.BinOp(before.statement.value, line.statement.op, line.statement.value)
            before.statement = ast.Assign(before.statement.targets, total, lineno=0)
        else:
            joined.append(line)
    return joined


def without_unread(lines: Lines) -> Lines:
    """Only those lines whose results are read later."""
    read: set[str] = set()
    own = {_assigned(line) for line in lines if isinstance(line, Line) and line.is_new}
    kept: Lines = []
    for line in reversed(lines):
        if isinstance(line, Line) and _is_unread(line, read, own):
            continue
        kept.append(line)
        if isinstance(line, Line):
            read |= _read(line)
    return kept[::-1]


def _is_unread(line: Line, read: set[str], own: set[str | None]) -> bool:
    if line.is_random or isinstance(line.statement, ast.Return):
        return False
    name = _assigned(line)
    if name is not None:
        return name not in read
    changed = _changed(line)
    return bool(changed) and changed <= own and not changed & read


def _assigned(line: Line | Remark | None) -> str | None:
    """The variable that a line assigns."""
    if isinstance(line, Line) and isinstance(line.statement, ast.Assign):
        (target,) = line.statement.targets
        return target.id if isinstance(target, ast.Name) else None
    return None


def _changed(line: Line | Remark) -> set[str]:
    """The variables whose arrays a line changes in place."""
    if isinstance(line, Remark):
        return set()
    changed = {name for inner in line.body for name in _changed(inner)}
    statement = line.statement
    if isinstance(statement, ast.AugAssign):
        changed.add(_root(statement.target))
    elif isinstance(statement, ast.Assign) and _assigned(line) is None:
        changed |= {_root(target) for target in statement.targets}
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        out = [word.value for word in statement.value.keywords if word.arg == "out"]
        changed.add(_root(out[0] if out else statement.value.args[0]))
    return changed


def _read(line: Line) -> set[str]:
    names = _names(line.statement)
    for inner in line.body:
        if isinstance(inner, Line):
            names |= _read(inner)
    assigned = _assigned(line)
    return names - {assigned} if assigned is not None else names


def _mentions(line: Line | Remark, name: str) -> bool:
    return isinstance(line, Line) and (name in _read(line) or _assigned(line) == name)


def _names(code: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(code) if isinstance(node, ast.Name)}


def _root(code: ast.expr) -> str:
    while isinstance(code, (ast.Subscript, ast.Attribute)):
        code = code.value
    return code.id if isinstance(code, ast.Name) else ""


def _is_empty_array(line: Line) -> bool:
    value = line.statement.value if isinstance(line.statement, ast.Assign) else None
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and value.func.attr in EMPTY_ARRAYS
    )


def _is_name(symbol: Symbol, name: str) -> bool:
    return isinstance(symbol.code, ast.Name) and symbol.code.id == name


def _renamed(line: Line | Remark, old: str, new: str) -> Line | Remark:
    if isinstance(line, Line):
        line.statement = copy.deepcopy(line.statement)
        for node in ast.walk(line.statement):
            if isinstance(node, ast.Name) and node.id == old:
                node.id = new
        line.body = [_renamed(inner, old, new) for inner in line.body]
    return line
