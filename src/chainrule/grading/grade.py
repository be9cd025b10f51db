"""Grades tests of gradients: which wrong backward passes would they let through?

The tests run once on the right solution and must pass; then once on every known-wrong variant of
its backward code. A variant that they pass is a survivor: a mistake that nobody would have noticed.
Variants that change no gradient, at random points, are no mistakes and are left out.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from chainrule.errors import ChainruleError
from chainrule.foreign.backward_code import backward_code
from chainrule.grading.missing_checks import missing_check
from chainrule.grading.server import SECONDS, Setup, Trial, Variant
from chainrule.grading.servers import TrialServers
from chainrule.grading.wrapping import spoilers
from chainrule.rewrites.mutants import mutants

LINES_AT_LEAST = 200_000  # that may run on a wrong variant, of the solution and the tests
TIMES_AS_MANY = 10  # as on the right solution

Finished = Callable[[int, int], None]


class CannotGradeError(ChainruleError):
    """Why tests cannot be graded: they fail on the right solution, never import it, or do not come
    to an end."""


@dataclass(frozen=True)
class Wrong:
    """A known-wrong variant of the solution.

    Args:
        code: the cause, as the doctor calls it.
        gradient: what is wrong.
        function: where.
        line: of the source; None where the variant was made by wrapping.
        description: what was changed.
    """

    code: str
    gradient: str
    function: str
    line: int | None
    description: str

    @property
    def missing(self) -> str:
        """The check that would notice it."""
        return missing_check(self.code, self.gradient)

    def as_json(self) -> dict[str, Any]:
        """The variant as `--json` prints it."""
        return {**asdict(self), "missing": self.missing}


@dataclass
class Grade:
    """What the tests are worth.

    Args:
        tests: how many tests pass on the right solution.
        killed: variants that the tests reject, each with the first test that failed.
        survivors: variants that they pass.
        equivalent: variants left out, which change no gradient.
        uncalled: backward functions that the tests never call.
        seconds: how long the grading took.
    """

    tests: int = 0
    killed: list[tuple[Wrong, str]] = field(default_factory=list)
    survivors: list[Wrong] = field(default_factory=list)
    equivalent: list[Wrong] = field(default_factory=list)
    uncalled: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether no wrong gradient passes."""
        return not self.survivors

    def as_json(self) -> dict[str, Any]:
        """The grade as `--json` prints it."""
        return {
            "ok": self.ok,
            "tests": self.tests,
            "killed": len(self.killed),
            "survived": len(self.survivors),
            "equivalent": len(self.equivalent),
            "survivors": [wrong.as_json() for wrong in self.survivors],
            "uncalled": self.uncalled,
            "seconds": round(self.seconds, 2),
        }


def grade(
    tests: Sequence[str | Path],
    subject: Path,
    workers: int = 2,
    finished: Finished = lambda done, total: None,
) -> Grade:
    """Run the tests on the solution and on every known-wrong variant of it.

    Args:
        tests: what pytest is to run: files, folders, ``-k`` and an expression.
        subject: the right solution, a file that the tests import by its name.
        workers: runs at a time.
        finished: called with (done, total) after each run.
    Raises:
        CannotGradeError: the tests do not pass on the solution itself, do not import it, or are not
            finished when the time is over; the solution has no backward code.
    """
    began = time.perf_counter()
    _expect_tools_and_files(tests)
    solution = Solution.read(subject)
    with TrialServers(solution.setup(tests), workers) as servers:
        right = servers.run(Variant(solution.source, watched=solution.functions))
        _expect_passed(right, subject)
        candidates = list(solution.variants(right))
        trials = servers.run_all([variant for _, variant in candidates], finished)
        result = Grade(right.passed)
        result.uncalled = [name for name in solution.functions if name not in right.outputs]
        passed = []
        for (wrong, variant), trial in zip(candidates, trials, strict=True):
            _expect_finished(trial, wrong)
            if trial.outcome == "passed":
                passed.append((wrong, variant))
            else:
                result.killed.append((wrong, trial.test or trial.outcome))
        _judge_survivors(result, passed, servers)
    result.seconds = time.perf_counter() - began
    return result


def _judge_survivors(
    result: Grade, passed: list[tuple[Wrong, Variant]], servers: TrialServers
) -> None:
    """Tell mistakes that the tests let through from changes that are no mistakes."""
    answers = servers.run_all([replace(variant, only_compare=True) for _, variant in passed])
    for (wrong, _), answer in zip(passed, answers, strict=True):
        _expect_finished(answer, wrong)
        is_equivalent = answer.outcome == "same" and wrong.code != "mutates-input"
        (result.equivalent if is_equivalent else result.survivors).append(wrong)


@dataclass(frozen=True)
class Solution:
    """The right solution.

    Args:
        path: its file.
        source: its text.
        functions: the names of its backward functions, without mere helpers.
    """

    path: Path
    source: str
    functions: list[str]

    @classmethod
    def read(cls, path: Path) -> Solution:
        """Read a file.

        Raises:
            CannotGradeError: it cannot be read, or has no backward code.
        """
        try:
            source = path.read_text(encoding="utf-8")
            functions = backward_code(ast.parse(source))
        except (OSError, UnicodeDecodeError) as error:
            raise CannotGradeError(f"cannot read {path}: {error}") from None
        except SyntaxError as error:
            raise CannotGradeError(f"{path}, line {error.lineno}: {error.msg}") from None
        except (ValueError, RecursionError, MemoryError):  # the last two for brackets in brackets
            raise CannotGradeError(f"{path} is no Python, or is nested too deeply") from None
        if not functions:
            raise CannotGradeError(
                f"{path} has no backward code: no function is called backward, "
                "backward_propagation, sigmoid_prime, …"
            )
        return cls(path, source, [each.name for each in functions if not each.is_helper])

    def setup(self, tests: Sequence[str | Path]) -> Setup:
        """How the tests run: they import the file by its name, within its package if it has one."""
        root, names = self.path.resolve().parent, [self.path.stem]
        while (root / "__init__.py").exists():
            root, names = root.parent, [root.name, *names]
        subject = str(self.path.resolve())
        return Setup(list(map(str, tests)), subject, ".".join(names), str(root))

    def variants(self, right: Trial) -> Iterator[tuple[Wrong, Variant]]:
        """Every known-wrong variant, given how the tests ran on the right one."""
        lines = max(LINES_AT_LEAST, TIMES_AS_MANY * right.lines)
        changed = mutants(self.source)
        for mutant in changed:
            wrong = Wrong(
                mutant.code, mutant.gradient, mutant.function, mutant.line, mutant.description
            )
            yield wrong, Variant(mutant.source, lines=lines)
        known = {(mutant.function, mutant.gradient, mutant.code) for mutant in changed}
        for each in spoilers(right.outputs):
            if (each.function, each.output, each.code) not in known:
                gradient = each.output or "all"
                wrong = Wrong(each.code, gradient, each.function, None, each.description)
                yield wrong, Variant(self.source, spoiler=asdict(each), lines=lines)


def _expect_tools_and_files(tests: Sequence[str | Path]) -> None:
    """What must be there before anything can run."""
    if importlib.util.find_spec("pytest") is None:
        raise CannotGradeError("the tests run with pytest, which is not installed: install pytest")
    if not hasattr(os, "fork"):
        raise CannotGradeError("this system cannot fork a process: grade on Linux or macOS")
    for name in tests:
        if isinstance(name, Path) and not Path(str(name).partition("::")[0]).exists():
            raise CannotGradeError(f"{name} does not exist")


def _expect_finished(trial: Trial, wrong: Wrong) -> None:
    """How soon the time is over depends on the machine: it says nothing of a variant."""
    if trial.outcome == "unfinished":
        place = f"line {wrong.line} of the solution" if wrong.line else wrong.function
        raise CannotGradeError(
            f"the tests are not finished after {SECONDS:.0f} s on a wrong variant ({place}: "
            f"{wrong.description}): give them less to do, or look for what waits there"
        )


def _expect_passed(right: Trial, subject: Path) -> None:
    """Tests can be graded only if they pass on the right solution, and use it."""
    if right.outcome == "nothing":
        raise CannotGradeError("there are no tests: pytest collects none")
    if right.outcome == "unfinished":
        raise CannotGradeError(f"the tests are not finished after {SECONDS:.0f} s on {subject}")
    if right.outcome != "passed":
        detail = " ".join(right.message.split())
        where = f"{right.test}: {detail}" if right.test else right.outcome
        raise CannotGradeError(f"the tests must pass on the right solution, {subject}; {where}")
    if not right.imported:
        raise CannotGradeError(
            f"the tests never import {subject}: they must import it by its name, {subject.stem}"
        )
