"""Runs a file as its author would, and watches its first training steps.

What is noted: which functions and methods of the author's own files are called, with which
arguments, in which state of their object, and what they return. The run ends when a backward pass
has been called a few times, or when it has taken very many lines.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import copy
import inspect
import linecache
import os
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

from chainrule.foreign.calls.conventions import UPDATES
from chainrule.foreign.calls.joint import place_of_loss
from chainrule.foreign.errors import EndlessError
from chainrule.foreign.naming.gradient_names import CHECKS_GRADIENTS
from chainrule.foreign.naming.roles import (
    BACKWARD_METHODS,
    FORWARD_METHODS,
    TRAINING_METHODS,
    is_spelt_like,
)
from chainrule.foreign.objects.names import Names, names_around, names_at
from chainrule.foreign.observed.loops import (
    Loop,
    SeenLoop,
    names_used,
    single_step,
    training_loops,
)
from chainrule.foreign.reading.imports import sources_in, with_imports
from chainrule.foreign.running import effort
from chainrule.foreign.running.effort import LIBRARIES
from chainrule.foreign.running.loading import Loaded, prepared, run_statement
from chainrule.foreign.stand_ins.missing_data import stand_in_for_data
from chainrule.foreign.stand_ins.missing_modules import stand_in_for_plots

STEPS = 3  # calls of one backward pass that are watched
RUN_LINES = 5_000_000  # of the whole run: loading the data, and the first steps
STARTING_LINES = 500_000  # of all that is started where the run trains nothing
COPIES = 20  # of an object, before its first backward pass
LARGEST = 4_000_000  # entries of an array that is copied; of larger ones only the name is kept
COMPREHENSIONS = {"<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>", "<lambda>"}
ANSWER = "1"  # to input()

_FOLDERS: set[str] = set()
"""Of the files that this process has run."""


Beginning = tuple[str, Callable[[], object]]
"""What is said of it, and what starts a training."""
Beginnings = Callable[[types.ModuleType], Iterable[Beginning]]


class SeenEnoughError(BaseException):
    """Ends the run, past every `except Exception` on the way."""


@dataclass
class Call:
    """One call of a function or method.

    Args:
        name: of the function.
        owner: the object whose method it is, if it is one.
        before: a copy of that object as it was, where one could be made; of a function, the names
            of its file.
        arguments: by name, arrays as they were.
        result: what it returned; None until then.
        returned: true once it has.
        depth: how many calls it stands within.
        is_within_pass: true if one of them is a forward or a backward pass.
        code: of the function.
    """

    name: str
    code: CodeType
    owner: Any
    before: Any
    arguments: dict[str, Any]
    result: Any = None
    returned: bool = False
    depth: int = 0
    is_within_pass: bool = False


@dataclass
class Observed:
    """What a run has shown.

    Args:
        loaded: the file.
        calls: in the order of their beginnings; of the calls of one function on one object before
            any backward pass the last ones, and after it the first ones.
        loops: those that train by themselves, the first to run in front.
        ended: why the run was stopped, or what was started after it; "" if it came to its end.
    """

    loaded: Loaded
    calls: list[Call] = field(default_factory=list)
    ended: str = ""
    loops: list[SeenLoop] = field(default_factory=list)

    def say_missing(self, name: str) -> None:
        """Note that what a run reads is not there."""
        said = f"{name} is not there: random numbers in its shape were read in its place, a guess"
        if said not in self.loaded.left_out:
            self.loaded.left_out.append(said)

    def module_of(self, code: CodeType) -> types.ModuleType:
        """The file that a function stands in."""
        found = (m for m in modules_of(self) if m.__file__ == code.co_filename)
        return next(found, self.loaded.module)


def observe(file: Path, begin: Beginnings | None = None) -> Observed:
    """Run a file and watch it.

    Args:
        begin: gives what to start where the file trains nothing by itself.
    Raises:
        CannotCheckError: it cannot be read or understood.
    """
    _forget(file)
    loaded = prepared(file)
    tree = ast.fix_missing_locations(_AsMain().visit(copy.deepcopy(loaded.tree)))
    observed = Observed(loaded)
    watcher = _Watcher(observed, file)
    begun = effort.spent()
    source = "\n".join([ast.unparse(tree), *_sources_beside(file)])
    with _harmless(), _as_if_told(file), stand_in_for_data(source, observed.say_missing):
        step = single_step(tree)
        for statement in tree.body:
            if step is not None and statement is step.body[0] and not observed.ended:
                names = copy.deepcopy(Names(vars(loaded.module), names_used(step)))
                observed.loops.append(SeenLoop(step, str(file), names, is_single=True))
            if observed.ended and not _only_defines(statement):
                continue
            left = max(1, RUN_LINES - (effort.spent() - begun))
            try:
                with effort.at_most(left), watcher.watching():
                    run_statement(statement, loaded, file)
            except EndlessError:
                observed.ended = f"the run was stopped after {RUN_LINES:,} lines"
            except SeenEnoughError:
                observed.ended = "the run was stopped after its first steps"
        if begin is not None and not observed.ended and not watcher.has_trained:
            said = _start_one(begin(loaded.module), observed, file)
            observed.ended = f"the run trains nothing, so {said}, a guess" if said else ""
    return observed


def started(observed: Observed, beginnings: Iterable[Beginning], file: Path) -> Observed:
    """What else a file that has run shows, once something in it is started."""
    fresh = Observed(observed.loaded)
    with _harmless():
        fresh.ended = f"{_start_one(beginnings, fresh, file)}, a guess"
    return fresh


def _start_one(beginnings: Iterable[Beginning], observed: Observed, file: Path) -> str:
    """Start what trains, until one of them does: what is said of that one; "" if none does."""
    calls, loops, begun = observed.calls, observed.loops, effort.spent()
    for said, start in beginnings:
        left = STARTING_LINES - (effort.spent() - begun)
        observed.calls, observed.loops = [*calls], []
        watcher = _Watcher(observed, file)
        if left > 0 and _runs(start, watcher, left) and watcher.has_trained:
            return said
    observed.calls, observed.loops = calls, loops
    return ""


def _runs(start: Callable[[], object], watcher: _Watcher, lines: int) -> bool:
    """True if a training comes to its first steps; the code may raise anything on made-up data."""
    with suppress(Exception):
        with suppress(SeenEnoughError), effort.at_most(lines), watcher.watching():
            effort.counted(start)
        return True
    return False


def _sources_beside(file: Path) -> list[str]:
    """The text of what a file imports from beside it."""
    return [source for each in with_imports(file)[1:] for _, source in sources_in(each)]


def _forget(file: Path) -> None:
    """Have everything beside a file imported anew: an earlier run may have trained it, or may have
    imported another file's of the same name."""
    folder = os.path.join(file.resolve().parent, "")
    folders = (*_FOLDERS, folder)
    for name, module in list(sys.modules.items()):
        place = str(getattr(module, "__file__", None) or "")
        if place.startswith(folders) and not place.startswith(LIBRARIES):
            del sys.modules[name]
    for name in [name for name in linecache.cache if name.startswith((*folders, str(file)))]:
        del linecache.cache[name]
    _FOLDERS.add(folder)


class _AsMain(ast.NodeTransformer):
    """Lets ``if __name__ == "__main__":`` hold."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        is_read = node.id == "__name__" and isinstance(node.ctx, ast.Load)
        return ast.copy_location(ast.Constant("__main__"), node) if is_read else node


def _only_defines(statement: ast.stmt) -> bool:
    return isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom))


@contextmanager
def _harmless() -> Iterator[None]:
    """Within, nothing is drawn, and nobody is asked."""
    before = builtins.input
    builtins.input = lambda *_: ANSWER
    try:
        with stand_in_for_plots():
            yield
    finally:
        builtins.input = before


@contextmanager
def _as_if_told(file: Path) -> Iterator[None]:
    """Within, a program finds its command line empty, and goes on without what it requires."""
    argv, parse = sys.argv, argparse.ArgumentParser.parse_args

    def parsed(self: argparse.ArgumentParser, args: Any = None, namespace: Any = None) -> Any:
        for action in self._actions:
            action.required = False
            if not action.option_strings and action.nargs is None:
                action.nargs = "?"
        return parse(self, args, namespace)

    sys.argv = [str(file)]
    argparse.ArgumentParser.parse_args = parsed  # type: ignore[method-assign]
    try:
        yield
    finally:
        sys.argv = argv
        argparse.ArgumentParser.parse_args = parse  # type: ignore[method-assign]


class _Watcher:
    """Notes calls of functions in the folder of a file."""

    def __init__(self, observed: Observed, file: Path) -> None:
        self.observed = observed
        self.folder, self.file = file.resolve().parent.parent, str(file)
        self.open: dict[FrameType, Call] = {}
        self.counts: dict[tuple[int, int], int] = {}  # by owner and code: equal ones may be two
        self.latest: dict[tuple[int, int], Call] = {}
        self.has_gone_back = False
        self.gives_both: dict[int, bool] = {}  # by the code of a function
        self.begins: dict[str, dict[int, Loop]] = {}
        self.rounds: dict[Loop, int] = {}

    @property
    def has_trained(self) -> bool:
        """True if a backward pass, or the body of a training loop, has run."""
        return self.has_gone_back or bool(self.rounds)

    @contextmanager
    def watching(self) -> Iterator[None]:
        outside = sys.getprofile()
        sys.setprofile(self._note)
        try:
            with effort.noting(self._note_line):
                yield
        finally:
            sys.setprofile(outside)

    def _note(self, frame: FrameType, event: str, result: Any) -> None:
        if event == "call":
            self._begin(frame)
        elif event == "return" and frame in self.open:
            self._end(self.open.pop(frame), result, frame.f_globals)

    def _begin(self, frame: FrameType) -> None:
        code = frame.f_code
        is_class_body = not code.co_flags & inspect.CO_OPTIMIZED
        if code.co_name.startswith("<") or is_class_body or not self._is_own(code):
            return
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        held = frame.f_locals
        owner = _owner(code, held, names)
        key = id(owner) if owner is not None else 0, id(code)
        self.counts[key] = self.counts.get(key, 0) + 1
        if self.counts[key] > STEPS and self.has_gone_back:
            return
        given = {name: _kept(held[name]) for name in names if held[name] is not owner}
        is_forward = not (code.co_name.startswith("__") and code.co_name != "__call__")
        wants_copy = owner is not None and is_forward and self.counts[key] <= COPIES
        before = copied(owner) if wants_copy else None
        if owner is None and self.counts[key] <= COPIES:
            before = self._names(frame)
        earlier = self.latest.get(key)
        if before is None and earlier is not None:
            before = earlier.before
        call = Call(code.co_name, code, owner, before, given, depth=len(self.open))
        call.is_within_pass = any(is_a_pass(each.name) for each in self.open.values())
        if earlier is not None and not self.has_gone_back:
            self.observed.calls = [each for each in self.observed.calls if each is not earlier]
        self.latest[key] = call
        self.observed.calls.append(call)
        self.open[frame] = call

    def _names(self, frame: FrameType) -> Names:
        """The names of a function's file that its functions use, as they are now; of one within
        another function those of both."""
        held = frame.f_globals
        functions = [name for name, value in held.items() if _is_function(value)]
        if around := names_around(frame):
            return names_at(frame, [*functions, *around])
        return copy.deepcopy(Names(held, functions))

    def _end(self, call: Call, result: Any, held: dict[str, Any]) -> None:
        call.result, call.returned = _kept(result), True
        key = id(call.owner) if call.owner is not None else 0, id(call.code)
        is_first = call.owner is None and self.counts[key] <= STEPS
        joints = self._joints(held) if is_first else set()
        if is_spelt_like(call.name, BACKWARD_METHODS) or id(call.code) in joints:
            self.has_gone_back = True
        if is_a_step(call.name) and self.counts[key] >= STEPS:
            raise SeenEnoughError
        if id(call.code) in joints and all(self.counts.get((0, c), 0) >= STEPS for c in joints):
            raise SeenEnoughError

    def _joints(self, held: dict[str, Any]) -> set[int]:
        """The codes of functions, among some names, that give the loss with the gradients."""
        functions = {id(v.__code__): v for v in held.values() if _is_function(v)}
        for code, function in functions.items():
            if code not in self.gives_both:
                own = self._is_own(function.__code__)
                self.gives_both[code] = own and place_of_loss(function) is not None
        return {code for code in functions if self.gives_both[code]}

    # --- loops ------------------------------------------------------------------------------

    def _note_line(self, frame: FrameType) -> None:
        """Note what a loop's body begins with, the first time."""
        file = frame.f_code.co_filename
        if file not in self.begins:
            self.begins[file] = self._loops_of(file) if self._is_own(frame.f_code) else {}
        loop = self.begins[file].get(frame.f_lineno)
        is_comprehension = frame.f_code.co_name in COMPREHENSIONS  # whose rounds are none of a loop
        if loop is None or is_comprehension or CHECKS_GRADIENTS.search(frame.f_code.co_name):
            return
        self.rounds[loop] = self.rounds.get(loop, 0) + 1
        if self.rounds[loop] == 1:
            code = frame.f_code
            owner = _owner(code, frame.f_locals, code.co_varnames[: code.co_argcount])
            names = names_at(frame, names_used(loop))
            self.observed.loops.append(SeenLoop(loop, file, names, owner))
        elif self.rounds[loop] > STEPS and not any(is_update(c.name) for c in self.open.values()):
            raise SeenEnoughError

    def _loops_of(self, file: str) -> dict[int, Loop]:
        """The loops of a file that train by themselves, by the line at which the body begins."""
        try:
            tree = ast.parse("".join(linecache.getlines(file)))
        except SyntaxError:
            return {}
        return {loop.body[0].lineno: loop for loop in training_loops(tree)}

    def _is_own(self, code: CodeType) -> bool:
        return code.co_filename == self.file or _lies_in(self.folder, code.co_filename)


def _owner(code: CodeType, held: dict[str, Any], names: tuple[str, ...]) -> Any:
    """The object whose method runs, if it is one."""
    if not names:
        return None
    first = held.get(names[0])
    method = getattr(type(first), code.co_name, None)
    return first if getattr(method, "__code__", None) is code else None


def is_a_pass(name: str) -> bool:
    """True if a function is a forward or a backward pass by its name."""
    return is_spelt_like(name, (*FORWARD_METHODS, *BACKWARD_METHODS))


def is_a_step(name: str) -> bool:
    """True if a function is a backward pass, or trains, by its name."""
    return is_spelt_like(name, (*BACKWARD_METHODS, *TRAINING_METHODS))


def is_update(name: str) -> bool:
    """True if a function only follows gradients, or computes them, by its name."""
    return is_spelt_like(name, (*BACKWARD_METHODS, *UPDATES))


def _is_function(value: Any) -> bool:
    return isinstance(value, types.FunctionType)


def _kept(value: Any) -> Any:
    """A value as it is now: a copy, where it is made of arrays."""
    if isinstance(value, np.ndarray):
        return value.copy() if value.size <= LARGEST else value
    if isinstance(value, (dict, list, tuple)):
        made = copied(value)
        return value if made is None else made
    return value


def copied(value: Any) -> Any:
    """A copy of all that a value holds; None where something in it cannot be copied."""
    with suppress(Exception):  # an object may hold anything, and forbid to be copied
        return copy.deepcopy(value)
    return None


def modules_of(observed: Observed) -> list[types.ModuleType]:
    """The file, and its author's other files that it has imported."""
    main = observed.loaded.module
    folder = Path(str(main.__file__)).resolve().parent
    others = [
        module
        for module in list(sys.modules.values())
        if (place := getattr(module, "__file__", None))
        and _lies_in(folder, str(place))
        and module is not main
    ]
    return [main, *others]


def _lies_in(folder: Path, place: str) -> bool:
    """True if a file of the author's own lies in a folder, however deep: not in one whose name only
    begins alike, as ``lab2`` does beside ``lab``."""
    return place.startswith(os.path.join(folder, "")) and not place.startswith(LIBRARIES)
