"""The source of functions."""

from __future__ import annotations

import ast
import inspect
import linecache
import re
import textwrap
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from chainrule.foreign.naming.roles import roles_named

ACTIVATION = re.compile(r"a\d*", re.IGNORECASE)
MODES = {"mode", "phase"}
RATE = r"(learning_?rate|lr|eta|alpha|rate|step_size)"
ADDS_UPDATE = re.compile(rf"(\+=|([\w.\[\]\"']+) *= *\2 *\+) *[^#\n=]*\b{RATE}\b", re.IGNORECASE)


def source_of(file: str) -> str:
    """The text of a file as its functions are looked up in it."""
    return "".join(linecache.getlines(file))


def files_of(functions: list[Callable[..., Any]]) -> set[str]:
    """The files in which functions stand."""
    found = set()
    for function in functions:
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        if code is not None:
            found.add(code.co_filename)
    return found


def ascends(files: set[str]) -> bool:
    """True if an update in one of the files adds its gradients: ``W += learning_rate * dW``."""
    return any(ADDS_UPDATE.search(source_of(file)) for file in files)


def multiplies_by_backward(files: set[str]) -> bool:
    """True if code in one of the files multiplies by what a backward pass gives:
    ``dA * layer.backward(z)``."""
    pattern = re.compile(r"\*[ ]*[\w.\[\]]*\.backward\(|multiply\(.*\.backward\(")
    return any(pattern.search(source_of(file)) for file in files)


def class_source(thing: Any) -> str:
    """The text of the class of an object; none where its source is not known."""
    try:
        return inspect.getsource(type(thing))
    except (OSError, TypeError):
        return ""


def tree_of(function: Callable[..., Any]) -> ast.Module | None:
    """The syntax tree of one function, with the line numbers of its file; None without source."""
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return None
    return ast.increment_lineno(tree, first - 1)


_TREES: WeakKeyDictionary[Any, ast.Module | None] = WeakKeyDictionary()


def _shared_tree(function: Callable[..., Any]) -> ast.Module | None:
    """As `tree_of`, made once for each function or class: for those who only read it."""
    own = getattr(function, "__func__", function)
    try:
        if own not in _TREES:
            _TREES[own] = tree_of(own)
        return _TREES[own]
    except TypeError:  # an object that cannot be remembered
        return tree_of(function)


def returned_names(function: Callable[..., Any]) -> list[str | None]:
    """The names in the last ``return a, self.b, d["c"]`` of a function, None for expressions."""
    return [_expression_name(element) for element in _returned(function)]


def names_returned_within(function: Callable[..., Any]) -> list[str]:
    """The names in what the last return of a function puts together itself:
    ``return {"dw": dw, "db": db}, cost``, ``return (dw, db), cost``."""
    inner: list[ast.expr | None] = []
    for element in _returned(function):
        match element:
            case ast.Dict(values=parts) | ast.Tuple(elts=parts) | ast.List(elts=parts):
                inner += parts
            case ast.Call(func=ast.Name(id="dict"), keywords=keywords):
                inner += [keyword.value for keyword in keywords]
    return [name for name in map(_expression_name, inner) if name]


def _returned(function: Callable[..., Any]) -> list[ast.expr]:
    """The expressions in the last return of a function."""
    tree = _shared_tree(function)
    nodes = ast.walk(tree) if tree else ()
    returns = [(n.lineno, n.value) for n in nodes if isinstance(n, ast.Return) and n.value]
    if not returns:
        return []
    _, value = max(returns, key=lambda each: each[0])
    return value.elts if isinstance(value, (ast.Tuple, ast.List)) else [value]


def _expression_name(node: ast.expr | None) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    return None


def compared_with_output(function: Callable[..., Any]) -> list[str]:
    """The names that a function subtracts from an output, or from which it subtracts one, by what
    that is called: ``A2 - E``, ``D - self.output``."""
    tree = _shared_tree(function)
    found: list[str] = []
    for node in ast.walk(tree) if tree else []:
        match node:
            case ast.BinOp(left=one, op=ast.Sub(), right=other):
                pairs = ((one, other), (other, one))
                found += [n.id for n, o in pairs if isinstance(n, ast.Name) and _is_output(o)]
    return found


def _is_output(node: ast.expr) -> bool:
    name = _expression_name(node) or ""
    return bool(ACTIVATION.fullmatch(name)) or "output" in roles_named(name)


def kept_names(function: Callable[..., Any]) -> list[str]:
    """The attributes that a method assigns to, or whose entries: ``self.grads["W"] = …``."""
    tree = _shared_tree(function)
    kept: list[str] = []
    for node in ast.walk(tree) if tree else []:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                inner = target.value if isinstance(target, ast.Subscript) else target
                kept += [inner.attr] if isinstance(inner, ast.Attribute) else []
    return kept


def attributes_keeping(method: Callable[..., Any]) -> list[str]:
    """The attributes in which other methods of its object keep what a method returns, as in
    ``self.output = self.forward(x)``."""
    owner = getattr(method, "__self__", None)
    tree = None if owner is None or isinstance(owner, type) else _shared_tree(type(owner))
    kept = []
    for node in ast.walk(tree) if tree else []:
        match node:
            case ast.Assign(
                targets=[ast.Attribute(value=ast.Name(id="self"), attr=attribute)],
                value=ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=called)),
            ) if called == method.__name__:
                kept.append(attribute)
    return list(dict.fromkeys(kept))


def is_empty(function: Callable[..., Any]) -> bool:
    """True if a function is still to be written: nothing but ``pass``, ``...``, a docstring or
    ``raise NotImplementedError``."""
    tree = _shared_tree(function)
    if tree is None or not isinstance(tree.body[0], ast.FunctionDef):
        return False
    return all(_says_nothing(statement) for statement in tree.body[0].body)


def _says_nothing(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Raise(exc=ast.expr() as error):
            return "NotImplementedError" in ast.unparse(error)
        case ast.Return(value=None | ast.Constant(value=None)):
            return True
    return False


def string_options(function: Callable[..., Any], argument: str) -> list[str]:
    """The texts that an argument is compared with, or looked up among, in a function or a class:
    ``if kind == "relu"``, ``{"relu": relu, "tanh": tanh}[kind]``."""
    tree = _shared_tree(function)
    found: list[Any] = []
    for node in ast.walk(tree) if tree else []:
        match node:
            case ast.Compare(left=left, comparators=[ast.Constant(value=text)]):
                found += [text] if _expression_name(left) == argument else []
            case ast.Subscript(value=ast.Dict(keys=keys), slice=key):
                if _expression_name(key) == argument:
                    found += [k.value for k in keys if isinstance(k, ast.Constant)]
    return list(dict.fromkeys(text for text in found if isinstance(text, str)))


def parts_of(function: Callable[..., Any], argument: str) -> int:
    """The number of names into which a function or a class unpacks an argument, as in
    ``depth, height, width = shape``; 0 if it does not."""
    tree = _shared_tree(function)
    for node in ast.walk(tree) if tree else []:
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Name(id=name)):
                if name == argument:
                    return len(names)
    return 0


def keys_of(function: Callable[..., Any], argument: str) -> list[str]:
    """The keys and attributes by which a function, or a class, takes an argument apart that holds
    settings: ``config["size"]``, ``self.config["size"]``, ``args.size``."""
    tree = _shared_tree(function)
    found: list[str] = []
    for node in ast.walk(tree) if tree else []:
        match node:
            case ast.Subscript(value=holder, slice=ast.Constant(value=str(key))):
                found += [key] if _expression_name(holder) == argument else []
            case ast.Attribute(value=ast.Name(id=name), attr=key) if name == argument:
                found.append(key)
    return list(dict.fromkeys(found))


def methods_called(function: Callable[..., Any], argument: str) -> set[str]:
    """The methods of an argument that a function, or a class, calls: ``activation.apply(z)``."""
    tree = _shared_tree(function)
    return {
        node.func.attr
        for node in (ast.walk(tree) if tree else ())
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if _expression_name(node.func.value) == argument
    }


def methods_called_of_each(kind: type, argument: str) -> set[str]:
    """The methods that a class calls of each element of an argument, under whichever name it keeps
    it: ``for layer in self.modules: x = layer.forward(x)``."""
    tree = _shared_tree(kind)
    names = {argument, *_attributes_holding(tree, argument)}
    elements = {
        target.id
        for node in (ast.walk(tree) if tree else ())
        if isinstance(node, (ast.For, ast.comprehension))
        for name in names
        if isinstance(target := _target_over(node.target, node.iter, name), ast.Name)
    }
    return {method for element in elements for method in methods_called(kind, element)}


def methods_called_by(thing: Any) -> set[str]:
    """The methods of an object that its own methods call."""
    return methods_called(type(thing), "self")


def parts_of_each(function: Callable[..., Any], argument: str) -> list[str]:
    """What a function, or a class, takes each element of an argument apart into: the names in
    ``for units, activation in layers``, or the keys in ``for layer in layers: layer["units"]``,
    then with a ``"`` in front."""
    tree = _shared_tree(function)
    named: dict[int, str] = {}
    elements: set[str] = set()
    keys: list[str] = []
    for node in ast.walk(tree) if tree else []:
        if isinstance(node, (ast.For, ast.comprehension)):
            target = _target_over(node.target, node.iter, argument)
            if isinstance(target, ast.Name):
                elements.add(target.id)
            for place, part in enumerate(getattr(target, "elts", [])):
                if isinstance(part, ast.Name) and part.id != "_":
                    named.setdefault(place, part.id)
    for node in ast.walk(tree) if tree else []:
        match node:
            case ast.Subscript(value=holder, slice=ast.Constant(value=str(key))):
                is_element = isinstance(holder, ast.Name) and holder.id in elements
                inner = holder.value if isinstance(holder, ast.Subscript) else None
                if is_element or _expression_name(inner) == argument:
                    keys.append(f'"{key}')
    return list(dict.fromkeys(keys)) or [named[place] for place in sorted(named)]


def _target_over(target: ast.expr, over: ast.expr, argument: str) -> ast.expr | None:
    """What stands for each element where a loop goes over an argument, or a part of it, counted or
    not."""
    match over, target:
        case ast.Call(func=ast.Name(id="enumerate"), args=[inner, *_]), ast.Tuple(elts=[_, each]):
            return _target_over(each, inner, argument)
        case ast.Subscript(value=inner, slice=ast.Slice()), _:
            return _target_over(target, inner, argument)
    return target if _expression_name(over) == argument else None


def is_sequence(function: Callable[..., Any], argument: str) -> bool:
    """True if a function, or a class, counts an argument, goes through it, takes a place of it, or
    joins it to a list: ``len(sizes)``, ``for size in sizes``, ``sizes[0]``, ``[4, *sizes]``; also
    under the name of an attribute that keeps it."""
    tree = _shared_tree(function)
    names = {argument, *_attributes_holding(tree, argument)}
    for node in ast.walk(tree) if tree else []:
        match node:
            case ast.Call(func=ast.Name(id="len" | "zip" | "map" | "enumerate"), args=parts):
                pass
            case ast.Call(func=ast.Attribute(attr="extend"), args=parts):
                pass
            case ast.Starred(value=part) | ast.BinOp(ast.List(), ast.Add(), part):
                parts = [part]
            case ast.Subscript(value=part, slice=place):
                is_key = isinstance(place, ast.Constant) and isinstance(place.value, str)
                parts = [] if is_key else [part]
            case ast.For(iter=part) | ast.comprehension(iter=part):
                parts = [part]
            case _:
                continue
        if any(_expression_name(part) in names for part in parts):
            return True
    return False


def _attributes_holding(tree: ast.AST | None, argument: str) -> set[str]:
    """The attributes that an argument is assigned to as it is: ``self.widths = hidden``."""
    found = set()
    for node in ast.walk(tree) if tree else []:
        match node:
            case ast.Assign(targets=[ast.Attribute(attr=name)], value=ast.Name(id=given)):
                if given == argument:
                    found.add(name)
    return found


def likeliest_option(options: list[str]) -> str:
    """The word to give where code asks for one of several: a smooth activation, the plainest
    optimizer, training, else the first."""
    for pattern in (r"tanh|sigmoid", r"^sgd$|^gd$|descent", r"^train"):
        for option in options:
            if re.search(pattern, option, re.IGNORECASE):
                return option
    return options[0]


def options_of(code: Any) -> dict[str, str]:
    """A word for each argument of an object's methods that asks for one of several, or for what is
    going on: ``forward(x, mode)``."""
    chosen: dict[str, str] = {}
    for name in dir(type(code)):
        method = getattr(type(code), name)
        if name.startswith("_") or not callable(method) or isinstance(method, type):
            continue
        for argument in inspect.signature(method).parameters:
            words = string_options(method, argument)
            if words or argument in MODES:
                chosen.setdefault(argument, likeliest_option(words or ["train"]))
    return chosen
