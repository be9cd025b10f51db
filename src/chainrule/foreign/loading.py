"""Runs a file, and lists what it defines."""

from __future__ import annotations

import builtins
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.foreign.errors import CannotCheckError


def load(file: Path) -> types.ModuleType:
    """Run a file, as a module that `import` would find beside it.

    Raises:
        CannotCheckError: it cannot be read, or raises an exception.
    """
    try:
        source = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotCheckError(f"cannot read {file}: {error}") from None
    module = types.ModuleType("checked")
    module.__file__ = str(file)
    vars(module)["__builtins__"] = builtins
    sys.modules["checked"] = module
    sys.path.insert(0, str(file.parent.resolve()))
    try:
        # a module's code is a function without arguments, whose names are the module's
        types.FunctionType(compile(source, str(file), "exec"), vars(module))()
    except SyntaxError as error:
        raise CannotCheckError(f"{file.name}, line {error.lineno}: {error.msg}") from None
    except Exception as error:  # the user's file may raise anything
        line = line_in(error, str(file))
        place = f", line {line}" if line else ""
        raise CannotCheckError(
            f"{file.name}{place}, cannot be imported: {type(error).__name__}: {error}"
        ) from None
    return module


def line_in(error: BaseException, file: str) -> int | None:
    """The last line of `file` on the way to an error."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def random_sources(module: types.ModuleType) -> list[np.random.Generator]:
    """The generators that a file keeps among its names."""
    return [value for value in vars(module).values() if isinstance(value, np.random.Generator)]


def functions_in(module: types.ModuleType) -> dict[str, Callable[..., Any]]:
    """The functions that a file defines."""
    return {
        name: f
        for name, f in vars(module).items()
        if isinstance(f, types.FunctionType) and f.__code__.co_filename == module.__file__
    }


def classes_in(module: types.ModuleType) -> dict[str, type]:
    """The classes that a file defines."""
    return {
        name: c
        for name, c in vars(module).items()
        if isinstance(c, type)
        and c.__module__ in ("builtins", "checked", module.__name__)
        and not name.startswith("__")
    }
