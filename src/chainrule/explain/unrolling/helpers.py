"""The functions that stand above the program: copies of functions such as `softmax`, and the
methods of helper objects, such as `Windows.patches`, written for the sizes of one layer."""

from __future__ import annotations

import ast
import copy
import inspect
import math
import re
import sys
from collections.abc import Callable, Collection
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from chainrule.explain.errors import CannotExplainError
from chainrule.explain.unrolling.following import Arguments, Following
from chainrule.explain.unrolling.layout import copy_text, function_text
from chainrule.explain.unrolling.source import free_names, names_around, opening_of_doc, tree_of
from chainrule.explain.unrolling.spelling import code_of
from chainrule.explain.unrolling.symbols import Symbol, has_symbols, shape_text
from chainrule.explain.unrolling.writer import Line, Writer
from chainrule.layers.base import Layer

NUMPY: dict[str, Any] = {"np": np, "np.linalg": np.linalg, "np.fft": np.fft}
OTHER_LIBRARIES = ("math", "scipy.special", "scipy.signal", "scipy.ndimage")
STANDARD = ("builtins", "math", "zlib")  # whose functions a copied function may call


class Helpers:
    """What the program needs besides its one function."""

    def __init__(self, session: Following) -> None:
        self.session = session
        self.imports: set[str] = set()
        self.functions: dict[str, str] = {}  # the text of each, by name
        self._owners: dict[str, Layer] = {}  # the layers that methods were written for
        self._copied: dict[Callable[..., Any], str] = {}
        self._specialised: dict[str, str] = {}  # names by text

    def library_name(self, function: Any) -> ast.expr:
        """The code that names a function of NumPy or of another library."""
        name = getattr(function, "__name__", "").replace("absolute", "abs")
        for library, module in NUMPY.items():
            if name and getattr(module, name, None) is function:
                return ast.parse(f"{library}.{name}", mode="eval").body
        for module_name in OTHER_LIBRARIES:
            if name and getattr(sys.modules.get(module_name), name, None) is function:
                self.imports.add(f"from {module_name} import {name}")
                return ast.Name(name, ast.Load())
        raise CannotExplainError(f"{function!r} is no function that can be called by name")

    def texts(self, program: str) -> list[str]:
        """The functions that the program uses: those that stand alone, then layer by layer."""
        used: list[str] = []
        for name, text in reversed(self.functions.items()):
            if any(f"{name}(" in caller for caller in (program, *used)):
                used.append(text)
        owners = [id(owner) for owner in self._owners.values()]
        place = {self.functions[n]: owners.index(id(owner)) for n, owner in self._owners.items()}
        used.reverse()
        return sorted(used, key=lambda text: place.get(text, -1))

    # --- functions that stand alone -----------------------------------------------------------

    def plain_function(self, function: FunctionType, given: Arguments) -> Any:
        """A call of a plain function: of a copy of it, or of its lines where it needs more than
        NumPy."""
        if not _stands_alone(function, set()):
            return self.session.follow(function, given.positional, given.named)
        return given.result(ast.Name(self.copy(function), ast.Load()), function)

    def copy(self, function: Callable[..., Any]) -> str:
        """Copy a function and those that it calls; its name in the program."""
        if function in self._copied:
            return self._copied[function]
        name = self._copied[function] = _free(function.__name__, self._copied.values())
        definition = copy.deepcopy(tree_of(function))
        around = names_around(function)
        renamed = {free: self._known(free, around[free]) for free in free_names(definition)}
        definition.name = name
        definition = _Copied(renamed).visit(definition)
        self.functions[name] = copy_text(definition, opening_of_doc(function))
        return name

    def _known(self, name: str, value: Any) -> ast.expr:
        """The code for something that a copied function finds around it."""
        if isinstance(value, FunctionType):
            return ast.Name(self.copy(value), ast.Load())
        if isinstance(value, (int, float, str)):
            return code_of(value)
        if value is np:
            return ast.Name("np", ast.Load())
        if isinstance(value, ModuleType):
            self.imports.add(f"import {value.__name__} as {name}")
        elif value.__module__ != "builtins":
            self.imports.add(f"from {value.__module__} import {name}")
        return ast.Name(name, ast.Load())

    # --- methods of helper objects ------------------------------------------------------------

    def specialise(self, method: MethodType, given: Arguments) -> Any:
        """A call of a helper object's method, as a function in which all that is known of the
        object stands as numbers."""
        bound = inspect.signature(method).bind(*given.positional, **given.named)
        bound.apply_defaults()
        is_short = len(tree_of(method.__func__).body) == 1
        is_inside = self.session.number is None and bool(self.session.writer.parameters)
        unknown = {name: v for name, v in bound.arguments.items() if has_symbols(v)}
        if is_short or is_inside or not all(isinstance(v, Symbol) for v in unknown.values()):
            return self.session.follow(method.__func__, [method.__self__, *bound.args], {})
        writer = Writer()
        inner = {name: writer.parameter(name, value.trials) for name, value in unknown.items()}
        with self.session.writing(writer):
            arguments = {**bound.arguments, **inner}
            result = self.session.follow(method.__func__, [method.__self__], arguments)
        name = self._keep(method, writer, result)
        codes = [value.code for value in unknown.values()]
        return Symbol(ast.Call(ast.Name(name, ast.Load()), codes, []), result.trials)

    def _keep(self, method: MethodType, writer: Writer, result: Any) -> str:
        """Write the function, unless there is one just like it; its name."""
        if not isinstance(result, Symbol):
            raise CannotExplainError(f"{method.__qualname__} returns no array")
        writer.lines.append(Line(ast.Return(result.code), shape_text(result.trials)))
        doc = opening_of_doc(method)
        text = function_text(method.__name__, writer, doc)
        if text not in self._specialised:
            layer = self.session.layer
            kind = re.sub(r"\d+d$", "", type(layer).__name__.lower())
            name = _free(f"{method.__name__}_{kind}{self.session.number or ''}", self.functions)
            self._specialised[text] = name
            self._owners[name] = layer
            self.functions[name] = text.replace(f"def {method.__name__}(", f"def {name}(", 1)
        return self._specialised[text]


class _Copied(ast.NodeTransformer):
    """Puts other expressions in the place of names, and leaves types out."""

    def __init__(self, renamed: dict[str, ast.expr]) -> None:
        self.renamed = renamed

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns, node.decorator_list = None, []
        self.generic_visit(node)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(node.arg)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.renamed.get(node.id, node)


def _stands_alone(function: FunctionType, seen: set[FunctionType]) -> bool:
    """True if all that a function uses are NumPy, numbers and functions that stand alone."""
    if function in seen:
        return True
    seen.add(function)
    tree = tree_of(function)
    if any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in ast.walk(tree)):
        return False
    around = names_around(function)
    values = [around.get(name) for name in free_names(tree)]
    return all(
        _stands_alone(value, seen) if isinstance(value, FunctionType) else _is_at_hand(value)
        for value in values
    )


def _is_at_hand(value: Any) -> bool:
    """True if a value is a number, a library, or a function of the standard library."""
    if isinstance(value, (int, float, str)) or value is np or value is math:
        return True
    return getattr(value, "__module__", None) in STANDARD


def _free(name: str, taken: Collection[str]) -> str:
    """The name, or the first with a number that is not taken."""
    free, number = name, 2
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free
