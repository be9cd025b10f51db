"""Runs tests with a variant of the solution in its place, each run in a process of its own.

``python -m chainrule.grading.server`` is a server: it imports pytest and NumPy once, and forks for
every variant it reads, one line of JSON each. A run then costs what the tests take, and whatever
the variant does (an endless loop, a crash, all memory) ends with its process. Windows, which has no
forks, starts a new Python for each, which takes a second more.
"""

from __future__ import annotations

import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from chainrule.grading.line_limit import LineLimit
from chainrule.grading.wrapping import Wrapping, make_wrong, watch
from chainrule.sandbox.confinement import confine, import_libraries
from chainrule.sandbox.limits import Limits
from chainrule.sandbox.processes import kill_group, remove

MEGABYTES = 8192  # of address space that a run may use
LONGEST = 1 << 22  # bytes of what a run says
COMPARES = "chainrule.grading.equivalence"
PYTEST_FILES = ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg", "setup.py")
SECONDS = 1800.0  # a last net for what lines do not tell: a run that takes longer is not finished

WRAPPED = """

import sys
from chainrule.grading.wrapping import Wrapping, make_wrong
make_wrong(sys.modules[__name__], Wrapping({function!r}, {output!r}, {code!r}))
"""


@dataclass(frozen=True)
class Setup:
    """What is the same for every run.

    Args:
        tests: files, or whatever else pytest takes: folders, ``-k`` and an expression.
        subject: the file of the solution.
        module: the name by which tests import it.
        root: the folder from which that name is found.
    """

    tests: list[str]
    subject: str
    module: str
    root: str


@dataclass(frozen=True)
class Variant:
    """What stands in the place of the solution.

    Args:
        source: the text of the file.
        wrapping: what is made wrong by wrapping, as a dictionary of `Wrapping`.
        watched: functions whose outputs are to be noted.
        lines: how many lines of the solution and of the tests may run, if that is limited.
        seconds: how long all may take.
        only_compare: run no tests, but compare its gradients with those of the solution.
    """

    source: str
    wrapping: dict[str, str] | None = None
    watched: list[str] = field(default_factory=list)
    lines: int | None = None
    seconds: float = SECONDS
    only_compare: bool = False


@dataclass
class Trial:
    """What came of a run.

    Args:
        outcome: "passed", "failed", "endless" after too many lines, "crash", or "nothing" where no
            test ran; "same" or "different" where gradients were compared; "unfinished" when the
            time was over.
        test: the first test that failed.
        message: what it said.
        imported: true if the tests imported the solution.
        passed: how many tests passed.
        lines: how many lines of the solution and of the tests have run.
        outputs: what the watched functions gave, by function.
        missing: limits that could not be enforced.
    """

    outcome: str
    test: str = ""
    message: str = ""
    imported: bool = False
    passed: int = 0
    lines: int = 0
    outputs: dict[str, list[str]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the variant where the solution is imported."""

    def __init__(self, loader: _Loader) -> None:
        self.loader = loader

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.loader.name:
            return None
        return importlib.util.spec_from_file_location(
            fullname, self.loader.path, loader=self.loader
        )


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads the variant, and wraps its functions."""

    def __init__(self, setup: Setup, variant: Variant, trial: Trial, limit: LineLimit) -> None:
        super().__init__(setup.module, setup.subject)
        self.variant, self.trial, self.limit = variant, trial, limit

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.variant.source, self.path, "exec")  # nothing is cached on disk

    def exec_module(self, module: ModuleType) -> None:
        try:
            with self.limit.counting():
                super().exec_module(module)
        except SystemExit as error:
            raise ImportError(f"{self.path} ends the program itself: exit({error})") from None
        self.trial.imported = True
        watch(module, self.variant.watched, self.trial.outputs)
        if self.variant.wrapping is not None:
            make_wrong(module, Wrapping(**self.variant.wrapping))


class _Results:
    """A plugin of pytest that notes what happens, and counts lines as tests run."""

    def __init__(self, trial: Trial, limit: LineLimit) -> None:
        self.trial, self.limit = trial, limit

    def pytest_pycollect_makemodule(self, module_path: Path) -> None:
        self.limit.files.add(str(module_path))

    def pytest_runtest_setup(self) -> None:
        self.limit.start()

    def pytest_runtest_call(self) -> None:
        self.limit.start()

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.limit.stop()
        if report.failed:
            self._note(report)
        elif report.when == "call" and report.passed:
            self.trial.passed += 1

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self._note(report)

    def _note(self, report: Any) -> None:
        if not self.trial.test:
            self.trial.test = report.nodeid
            crash = getattr(report.longrepr, "reprcrash", None)
            self.trial.message = crash.message if crash else _last_error(report.longreprtext)


def _last_error(text: str) -> str:
    """The line of a report of pytest's that says what was wrong, or all of it."""
    lines = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    return lines[-1] if lines else text


def run_tests(setup: Setup, variant: Variant, answer: Callable[[Trial], None]) -> None:
    """Run the tests here, and end this process by calling `answer` with what comes of them."""
    import pytest

    trial = Trial("endless")  # until they have come to an end
    limit = LineLimit(variant.lines, lambda: answer(trial))
    limit.files.add(setup.subject)
    package = setup.module.partition(".")[0]
    for name in [n for n in sys.modules if n.partition(".")[0] == package]:
        del sys.modules[name]
    sys.path.insert(0, setup.root)
    sys.meta_path.insert(0, _Finder(_Loader(setup, variant, trial, limit)))
    one_process = ["-n", "0"] if importlib.util.find_spec("xdist") else []
    no_limit = ["--timeout", "0"] if importlib.util.find_spec("pytest_timeout") else []
    root = f"--rootdir={_project(setup)}"
    options = [root, "-x", "-q", "--tb=short", "-p", "no:cacheprovider", *one_process, *no_limit]
    code = pytest.main([*options, *setup.tests], plugins=[_Results(trial, limit)])
    outcomes = {pytest.ExitCode.OK: "passed", pytest.ExitCode.NO_TESTS_COLLECTED: "nothing"}
    trial.outcome, trial.lines = outcomes.get(pytest.ExitCode(code), "failed"), limit.lines
    answer(trial)


def compare(setup: Setup, variant: Variant, answer: Callable[[Trial], None]) -> None:
    """Call `answer` with "same" if the variant has the solution's gradients at random points."""
    from chainrule.grading.equivalence import are_equivalent

    source = variant.source
    if variant.wrapping is not None:
        source += WRAPPED.format(**variant.wrapping)
    same = are_equivalent(Path(setup.subject), source)
    answer(Trial("same" if same else "different"))


def run_apart(setup: Setup, variant: Variant) -> Trial:
    """Run the tests in a process of their own, with a limit of time and memory."""
    scratch = Path(tempfile.mkdtemp(prefix="chainrule-"))
    run = run_in_fork if hasattr(os, "fork") else run_in_new_process
    trial = run(setup, variant, scratch)
    remove(scratch)
    return trial


def run_in_new_process(setup: Setup, variant: Variant, scratch: Path) -> Trial:
    """Where the system has no forks: in a Python that imports everything anew."""
    asked = f"{json.dumps(asdict(setup))}\n{json.dumps(asdict(variant))}\n"
    with subprocess.Popen(  # noqa: S603  the module is chainrule's own
        [sys.executable, "-m", "chainrule.grading.server", str(scratch)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            return trial_from(process.communicate(asked, variant.seconds)[0][:LONGEST])
        except subprocess.TimeoutExpired:
            return Trial("unfinished")
        finally:
            kill_group(process)  # what the tests may have started, too


def answer_once(scratch: Path) -> None:
    """The other end of `run_in_new_process`."""
    setup, variant = json.loads(sys.stdin.readline()), json.loads(sys.stdin.readline())
    _answer(Setup(**setup), Variant(**variant), os.dup(1), scratch)


def run_in_fork(setup: Setup, variant: Variant, scratch: Path) -> Trial:
    """In a fork of this process, where everything is imported already."""
    until = time.perf_counter() + variant.seconds
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.close(reader)
        _answer(setup, variant, writer, scratch)
    os.close(writer)
    text = _read(reader, until)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what the tests may have started, too
    os.waitpid(child, 0)
    if not text and time.perf_counter() >= until:
        return Trial("unfinished")
    return trial_from(text)


def trial_from(text: str) -> Trial:
    """What a run says came of it; a crash where that makes no sense, since the tests could have
    written it themselves."""
    try:
        trial = Trial(**json.loads(text))
        names = {*trial.outputs, *(name for each in trial.outputs.values() for name in each)}
        names |= set(trial.missing)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return Trial("crash")
    kinds = {"outcome": str, "test": str, "message": str, "imported": bool}
    kinds |= {"passed": int, "lines": int}
    makes_sense = all(type(getattr(trial, name)) is kind for name, kind in kinds.items())
    return trial if makes_sense and all(type(n) is str for n in names) else Trial("crash")


def _answer(setup: Setup, variant: Variant, writer: int, scratch: Path) -> None:
    """The child's part: it never returns."""

    missing: list[str] = []

    def answer(trial: Trial) -> None:
        trial.missing = missing
        with os.fdopen(writer, "w") as pipe:
            pipe.write(json.dumps(asdict(trial)) + "\n")
        os._exit(0)

    try:
        _be_quiet()
        os.environ["TMPDIR"] = tempfile.tempdir = str(scratch)
        limits = Limits(seconds=variant.seconds, megabytes=MEGABYTES)
        missing += confine(limits, _readable(setup), scratch).missing
        (compare if variant.only_compare else run_tests)(setup, variant, answer)
    finally:
        os._exit(0)


def _readable(setup: Setup) -> list[Path]:
    """What tests may read: where they and the solution lie, their project, the working folder. A
    home, or what holds homes, is not read as a whole."""
    folders = {*map(_folder, _files(setup)), Path.cwd(), Path(setup.root), _project(setup)}
    home = Path.home().resolve()
    return [*(each for each in folders if not home.is_relative_to(each)), *_files(setup)]


def _project(setup: Setup) -> Path:
    """The nearest folder above the tests with settings of pytest; theirs, where there are none."""
    tests = _files(setup)[:-1]
    folder = Path(os.path.commonpath(map(_folder, tests))) if tests else Path.cwd()
    settings = ((each, each / name) for each in (folder, *folder.parents) for name in PYTEST_FILES)
    return next((each for each, file in settings if file.exists()), folder)


def _files(setup: Setup) -> list[Path]:
    """The tests that are files or folders, and the solution."""
    tests = (Path(test.partition("::")[0]).resolve() for test in setup.tests)
    return [*(test for test in tests if test.exists()), Path(setup.subject)]


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _be_quiet() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)


def _read(reader: int, until: float) -> str:
    """A line from the child; "" if it dies before, or takes too long."""
    received = b""
    while not received.endswith(b"\n"):
        ready, _, _ = select.select([reader], [], [], max(0.0, until - time.perf_counter()))
        part = os.read(reader, 1 << 16) if ready else b""
        if not part or len(received) > LONGEST:
            received = b""
            break
        received += part
    os.close(reader)
    return received.decode(errors="replace")


def serve() -> None:
    """Answer every variant that is read with its trial."""
    setup = Setup(**json.loads(sys.stdin.readline()))
    if hasattr(os, "fork"):
        _warm_up()
    for line in sys.stdin:
        variant = Variant(**json.loads(line))
        if variant.only_compare:
            importlib.import_module(COMPARES)  # here, and not again in every fork
        print(json.dumps(asdict(run_apart(setup, variant))), flush=True)


def _warm_up() -> None:
    """Import what every run will need: NumPy, what confines it, pytest and its plugins, by running
    no tests. What Python makes of their source is kept for the next server, which saves seconds; of
    what the runs import, nothing is."""
    sys.dont_write_bytecode = False
    import pytest

    importlib.import_module("numpy")
    import_libraries()
    with tempfile.TemporaryDirectory() as empty, redirect_stdout(io.StringIO()):
        pytest.main(["-q", "-p", "no:cacheprovider", "--rootdir", empty, empty])
    sys.dont_write_bytecode = True
    gc.freeze()  # what is there by now need not be looked through again in every fork


if __name__ == "__main__":
    answer_once(Path(sys.argv[1])) if len(sys.argv) > 1 else serve()
