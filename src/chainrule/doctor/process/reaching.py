"""Source that reaches into the process that runs it: into frames, other modules, the interpreter.

A backward pass has no use for that, and code that would forge its own check needs it. So where it
stands, the answer is left to a person who reads the line. Text alone is looked at, in the judge's
process; nothing of it runs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from chainrule.foreign.reading.imports import sources_in, with_imports
from chainrule.limits import TEXT

MODULES = {
    *("builtins", "chainrule.doctor", "chainrule.foreign", "chainrule.sandbox", "ctypes", "dis"),
    *("faulthandler", "gc", "importlib", "inspect", "marshal", "mmap", "runpy"),
    *("unittest.mock", "_thread", "cffi"),
}
ATTRIBUTES = {
    *("_getframe", "_current_frames", "modules", "settrace", "setprofile", "addaudithook"),
    *("f_back", "f_globals", "f_locals", "f_builtins", "f_code", "tb_frame", "gi_frame"),
    *("cr_frame", "ag_frame", "__traceback__", "__globals__", "__builtins__", "__code__"),
    *("__closure__", "__subclasses__", "__reduce__", "__getattribute__", "__loader__", "__spec__"),
}
NAMES = {"eval", "exec", "compile", "__import__", "__builtins__", "__loader__", "__spec__"}
BY_NAME = {"getattr", "setattr", "delattr", "vars"}


def reaching(source: str) -> Iterator[tuple[int, str]]:
    """The lines that do so, each with the name by which it does.

    >>> list(reaching("import sys\\nframe = sys._getframe(1)"))
    [(2, '_getframe')]
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # then it does not run either
        return
    imported = {
        alias.asname or alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    own, arguments = _own_attributes(tree), _read_as_arguments(tree)
    for node in ast.walk(tree):
        if id(node) in arguments:
            continue
        match node:
            case ast.Attribute(value=ast.Name(id=holder), attr=name) if name in own:
                if holder not in imported:
                    continue
        for name in _names(node, imported):
            yield getattr(node, "lineno", 1), name


def reaching_in(file: Path) -> list[str]:
    """The places that do so, in a file and in those beside it that it imports; a file that is too
    long to be looked at counts as one."""
    found = []
    for place, source in (each for path in with_imports(file) for each in sources_in(path)):
        if len(source) > TEXT:
            found.append(f"{place}: more than {TEXT:,} characters")
        else:
            found += [f"{place}, line {line}: {name}" for line, name in sorted(reaching(source))]
    return found


def _names(node: ast.AST, imported: set[str]) -> Iterator[str]:
    """The names by which a node reaches out."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if _is_of(alias.name, MODULES))
    elif isinstance(node, ast.ImportFrom) and node.module:
        inner = [f"{node.module}.{alias.name}" for alias in node.names]
        yield from (name for name in inner if _is_of(name, MODULES))
        yield from (alias.name for alias in node.names if alias.name in ATTRIBUTES)
    elif isinstance(node, ast.Attribute) and node.attr in ATTRIBUTES:
        yield node.attr
    elif isinstance(node, ast.Name) and node.id in NAMES:
        yield node.id
    elif isinstance(node, ast.Attribute) and node.attr == "__dict__":
        yield from ["__dict__"] if _is_named(node.value, imported) else []
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        of_module = bool(node.args) and _is_named(node.args[0], imported)
        yield from [node.func.id] if of_module and node.func.id in BY_NAME else []
    for target in _targets(node):
        if isinstance(target, ast.Attribute) and _is_named(target.value, imported):
            yield ast.unparse(target)


def _read_as_arguments(tree: ast.AST) -> set[int]:
    """The names that are arguments where they stand: ``def forward(self, x, eval=False):``."""
    found: set[int] = set()
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            held = function.args
            named = {each.arg for each in (*held.posonlyargs, *held.args, *held.kwonlyargs)}
            inside = (node for statement in function.body for node in ast.walk(statement))
            found |= {
                id(node) for node in inside if isinstance(node, ast.Name) and node.id in named
            }
    return found


def _own_attributes(tree: ast.AST) -> set[str]:
    """Attributes that classes of the file keep under a name that reaches out elsewhere, as a
    network keeps its layers: ``self.modules = modules``."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    targets = [each for kind in classes for node in ast.walk(kind) for each in _targets(node)]
    kept = {each.attr for each in targets if isinstance(each, ast.Attribute)}
    return kept & {"modules"}


def _targets(node: ast.AST) -> list[ast.expr]:
    """What is assigned to."""
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, (ast.AugAssign, ast.AnnAssign)) else []


def _is_named(node: ast.expr, names: set[str]) -> bool:
    return isinstance(node, ast.Name) and node.id in names


def _is_of(name: str, modules: set[str]) -> bool:
    """True if a module is one of some, or lies within one."""
    parts = name.split(".")
    return any(".".join(parts[: end + 1]) in modules for end in range(len(parts)))
