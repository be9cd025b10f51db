"""Runs a file, statement by statement, and lists what it defines.

What a script does at its top level besides (it reads data, trains, plots) is not needed to check
gradients: a statement that fails is left out, and said to be.
"""

from __future__ import annotations

import ast
import builtins
import functools
import importlib
import linecache
import re
import sys
import sysconfig
import tokenize
import traceback
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.foreign.errors import CannotCheckError, EndlessError, words_of
from chainrule.foreign.reading.imports import imported, sources_in, with_imports
from chainrule.foreign.reading.notebooks import Notebook, is_notebook, read_notebook
from chainrule.foreign.running import effort
from chainrule.foreign.stand_ins.course_helpers import course_helpers
from chainrule.foreign.stand_ins.missing_modules import stand_in_for

NAME = "checked"
TOP_LEVEL_LINES = 500_000  # that one statement of a file may run: more is training
MOST_STAND_INS = 20  # for one statement
LIBRARY_FOLDERS = {sysconfig.get_path(name) for name in ("purelib", "platlib")}


@dataclass
class Loaded:
    """A file that has been run.

    Args:
        module: what it defines.
        tree: its statements.
        notebook: where its code comes from, if it is one.
        left_out: what of it could not be run, and why, with its line.
    """

    module: types.ModuleType
    tree: ast.Module
    notebook: Notebook | None = None
    left_out: list[str] = field(default_factory=list)

    def place(self, line: int) -> str:
        """What a line is called: ``lab.py, line 3``, or ``lab.ipynb, cell 2, line 1``."""
        name = Path(str(self.module.__file__)).name
        if self.notebook is None:
            return f"{name}, line {line}"
        cell, inside = self.notebook.place(line)
        return f"{name}, cell {cell}, line {inside}"


REMOVED = {
    **{"float": float, "int": int, "object": object, "str": str, "float_": np.float64},
    **{"mat": np.asmatrix, "product": np.prod, "row_stack": np.vstack, "in1d": np.isin},
    **{"NaN": np.nan, "NAN": np.nan, "Inf": np.inf, "infty": np.inf, "PINF": np.inf},
}
"""Names that NumPy had, and that older code uses, with what they stood for."""


PYTHON_2 = re.compile(r"Missing parentheses|multiple exception types|leading zeros in decimal")
PYTHON_2_LINE = re.compile(r"^\s*(print|exec)\s+[^\s(=]|^\s*raise \w+, |<>|\bur['\"]")
OF_PYTHON_2: dict[str, Any] = {
    **{"xrange": range, "raw_input": lambda *_: input(), "unicode": str, "unichr": chr},
    "reduce": functools.reduce,
}
"""Names that Python 2 had and that a file may use which is Python 3 otherwise."""


def load(file: Path) -> Loaded:
    """Run a file, as a module that `import` would find beside it.

    Raises:
        CannotCheckError: it cannot be read or understood, or trains without an end.
    """
    loaded = prepared(file)
    for statement in loaded.tree.body:
        _run(statement, loaded, file)
    return loaded


def prepared(file: Path) -> Loaded:
    """A file of which nothing has run yet.

    Raises:
        CannotCheckError: the file cannot be read or understood.
    """
    notebook = read_notebook(file) if is_notebook(file) else None
    if notebook is not None:
        source = notebook.source
        remember(str(file), source)
    else:
        source = text_of(file)
    tree = _tree_of(source, file)
    _bring_back_names(file)
    module = types.ModuleType(NAME)
    module.__file__ = str(file)
    vars(module)["__builtins__"] = builtins
    vars(module)["__package__"] = _package_of(tree, file)
    sys.modules[NAME] = module
    _look_first_in(*_without_namesake(places_of_imports(file), source))
    return Loaded(module, tree, notebook, list(notebook.left_out) if notebook else [])


def _bring_back_names(file: Path) -> None:
    """From now on, let NumPy and Python have the names that they had when a file, or one beside it,
    was written."""
    text = "".join(source for each in with_imports(file) for _, source in sources_in(each))
    for name, value in REMOVED.items():
        if re.search(rf"\b(np|numpy)\.{name}\b", text) and not hasattr(np, name):
            setattr(np, name, value)
    for name, value in OF_PYTHON_2.items():
        if re.search(rf"(?<![.\w]){name}\(", text) and not hasattr(builtins, name):
            setattr(builtins, name, value)
    if "cPickle" in text:
        sys.modules.setdefault("cPickle", importlib.import_module("pickle"))


def places_of_imports(file: Path) -> list[Path]:
    """The folder of a file, the one above it, and the one that holds the package it lies in."""
    folder = file.resolve().parent
    root = folder
    while (root / "__init__.py").is_file():
        root = root.parent
    return list(dict.fromkeys([folder, folder.parent, root]))


def _without_namesake(places: list[Path], source: str) -> list[Path]:
    """The folders without that of a file which imports from it by name, ``from model.layers import
    Dense`` in ``model/model.py``: in its own folder, Python would find the file in its place."""
    folder, *others = places
    is_hidden = (folder / f"{folder.name}.py").is_file() and folder.name in imported(source)
    return others if is_hidden else places


def _look_first_in(*folders: Path) -> None:
    """Let `import` look in these folders first; however many files are run, each is listed once."""
    first = list(map(str, folders))
    sys.path[:] = [*first, *(place for place in sys.path if place not in first)]


def _run(statement: ast.stmt, loaded: Loaded, file: Path) -> None:
    """Run one statement of a file that is only to define things; note it, where it fails."""
    try:
        with effort.at_most(TOP_LEVEL_LINES):
            run_statement(statement, loaded, file)
    except EndlessError:
        raise CannotCheckError(
            f"{file.name} trains at top level: line {statement.lineno} has not come to an end "
            f"after {TOP_LEVEL_LINES:,} lines. Let it run under observation, with --run, or put it "
            'under `if __name__ == "__main__":`'
        ) from None


def run_statement(statement: ast.stmt, loaded: Loaded, file: Path) -> None:
    """Run one statement; note it, where it fails.

    Raises:
        EndlessError: it runs more lines than it may.
    """
    code = compile(ast.Module([statement], []), str(file), "exec")
    # a module's code is a function without arguments, whose names are the module's
    function = types.FunctionType(code, vars(loaded.module))
    place = loaded.place(statement.lineno)
    for _ in range(MOST_STAND_INS):
        try:
            effort.counted(function)
        except ModuleNotFoundError as error:
            if (folder := _only_folder_with(str(error.name), file)) is not None:
                sys.path.append(str(folder))
                continue
            if (folder := _folder_as_package(str(error.name), file)) is not None:
                _let_stand_for(str(error.name), folder)
                continue
            if (helpers := course_helpers(str(error.name))) is not None:
                sys.modules[helpers.__name__] = helpers
                loaded.left_out.append(
                    f"{place}: {error.name} is not there: the functions that a well-known course "
                    "has under this name took its place, a guess"
                )
                continue
            stand_in_for(_library_being_imported(error) or str(error.name))
            loaded.left_out.append(f"{place}, cannot be imported: {words_of(error)}")
            continue
        except EndlessError:
            raise
        except SystemExit as error:
            loaded.left_out.append(f"{place}, ends the program itself: exit({error})")
        except SyntaxError as error:  # of a file that it imports
            loaded.left_out.append(f"{place}, was left out: {_in_words(error, file)}")
        except Exception as error:  # the user's file may raise anything
            line = line_in(error, str(file)) or statement.lineno
            loaded.left_out.append(f"{loaded.place(line)}, was left out: {words_of(error)}")
        return


def _only_folder_with(module: str, file: Path) -> Path | None:
    """The folder beside a file, or below, that alone has a module, and is not searched yet."""
    if not module.isidentifier():
        return None
    beside = file.resolve().parent
    near = [beside, *(each for each in sorted(beside.iterdir()) if each.is_dir())]
    found = [each for each in near if (each / f"{module}.py").is_file()]
    is_new = len(found) == 1 and str(found[0]) not in sys.path
    return found[0] if is_new else None


def _folder_as_package(module: str, file: Path) -> Path | None:
    """The folder that is a package under another name, as a renamed copy of one is: a file in its
    folder ``nn`` imports ``network.nn.layers``, there is no `network`, and ``nn/layers.py`` lies
    there."""
    sources = (source for each in with_imports(file) for _, source in sources_in(each))
    asked = {name for source in sources for name in imported(source)}
    for folder in places_of_imports(file):
        inside = f"{module}.{file.resolve().relative_to(folder).parts[0]}."
        within = (name.removeprefix(f"{module}.") for name in asked if name.startswith(inside))
        if any((folder / f"{name.replace('.', '/')}.py").is_file() for name in within):
            return folder
    return None


def _let_stand_for(module: str, folder: Path) -> None:
    """From now on, importing from `module` finds what lies in a folder."""
    package = types.ModuleType(module)
    package.__path__ = [str(folder)]
    sys.modules[module] = package


def _library_being_imported(error: ModuleNotFoundError) -> str | None:
    """The installed library that cannot be imported, since it lacks a module itself: what it would
    do with a stand-in for that is not known, so that it is the library that is not there. None
    where the author's own code lacks the module."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        place = Path(frame.f_code.co_filename)
        is_begun = place.name == "__init__.py" and frame.f_code.co_name == "<module>"
        if is_begun and str(place.parents[1]) in LIBRARY_FOLDERS:
            return place.parent.name
    return None


# --- reading --------------------------------------------------------------------------------


def text_of(file: Path) -> str:
    """The text of a file, in the encoding that it declares, or else in Latin-1.

    Raises:
        CannotCheckError: it cannot be read.
    """
    try:
        with tokenize.open(file) as stream:
            return stream.read()
    except (SyntaxError, UnicodeDecodeError):
        text = file.read_text(encoding="latin-1")
        remember(str(file), text)
        return text
    except OSError as error:
        raise CannotCheckError(f"cannot read {file}: {error}") from None


def remember(file: str, text: str) -> None:
    """From now on, the source of functions in a file is looked up in `text`."""
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)


def _tree_of(source: str, file: Path) -> ast.Module:
    try:
        return ast.parse(source, str(file))
    except TabError:
        spaces = source.expandtabs(8)  # as Python 2 counted them
        remember(str(file), spaces)
        return _tree_of(spaces, file) if spaces != source else ast.Module([], [])
    except SyntaxError as error:
        raise CannotCheckError(_in_words(error, file)) from None
    except ValueError as error:
        raise CannotCheckError(f"cannot read {file.name}: {error}") from None


def _in_words(error: SyntaxError, file: Path) -> str:
    """Where a file is no Python, and why; said in one word where it is that of version 2."""
    place = f"{Path(error.filename or file).name}, line {error.lineno}"
    line = error.text or ""
    if PYTHON_2.search(str(error.msg)) or PYTHON_2_LINE.search(line):
        return f"{place}, is Python 2 ({line.strip()}): write it for Python 3"
    return f"{place}: {error.msg}"


def _package_of(tree: ast.Module, file: Path) -> str:
    """The package that relative imports start from: the folders above the file, as many as its
    imports go up."""
    levels = [node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    folders = [file.resolve().parents[level] for level in range(max(levels, default=0))][::-1]
    name = ""
    for folder in folders:
        name = f"{name}.{folder.name}" if name else folder.name
        package = types.ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules.setdefault(name, package)
    return name


# --- what a file defines --------------------------------------------------------------------


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
        and c.__module__ in ("builtins", NAME, module.__name__)
        and not name.startswith("__")
    }


def authors_classes(module: types.ModuleType) -> list[type]:
    """The classes among the names of a file that its author has written, there or in another
    file."""
    own = list(classes_in(module).values())
    others = [
        c
        for c in vars(module).values()
        if isinstance(c, type)
        and (place := getattr(sys.modules.get(c.__module__), "__file__", None))
        and not str(place).startswith(effort.LIBRARIES)
    ]
    return [*own, *(c for c in others if c not in own)]
