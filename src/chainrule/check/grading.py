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

from chainrule.check.backward_code import backward_code
from chainrule.check.missing_checks import missing_check
from chainrule.check.mutations import mutants
from chainrule.check.spoiling import spoilers
from chainrule.check.trial import Setup, Trial, Variant
from chainrule.check.trial_servers import TrialServers
from chainrule.errors import ChainruleError

SECONDS_AT_LEAST = 10.0  # that tests may take on a wrong variant
TIMES_AS_LONG = 5.0  # as on the right solution
SECONDS_FOR_RIGHT = 300.0

Finished = Callable[[int, int], None]


class CannotGradeError(ChainruleError):
    """Why tests cannot be graded: they fail on the right solution, or never import it."""


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
        CannotGradeError: the tests do not pass on the solution itself, do not import it, or the
            solution has no backward code.
    """
    began = time.perf_counter()
    _expect_tools_and_files(tests)
    solution = Solution.read(subject)
    with TrialServers(solution.setup(tests), workers) as servers:
        right = servers.run(
            Variant(solution.source, watched=solution.functions, seconds=SECONDS_FOR_RIGHT)
        )
        _expect_passed(right, subject)
        candidates = list(solution.variants(right))
        trials = servers.run_all([variant for _, variant in candidates], finished)
        result = Grade(right.passed)
        result.uncalled = [name for name in solution.functions if name not in right.outputs]
        passed = []
        for (wrong, variant), trial in zip(candidates, trials, strict=True):
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
            scopes = backward_code(ast.parse(source))
        except (OSError, UnicodeDecodeError) as error:
            raise CannotGradeError(f"cannot read {path}: {error}") from None
        except SyntaxError as error:
            raise CannotGradeError(f"{path}, line {error.lineno}: {error.msg}") from None
        except (ValueError, RecursionError, MemoryError):  # the last two for brackets in brackets
            raise CannotGradeError(f"{path} is no Python, or is nested too deeply") from None
        if not scopes:
            raise CannotGradeError(
                f"{path} has no backward code: no function is called backward, "
                "backward_propagation, sigmoid_prime, …"
            )
        return cls(path, source, [scope.name for scope in scopes if not scope.is_helper])

    def setup(self, tests: Sequence[str | Path]) -> Setup:
        """How the tests run: they import the file by its name, within its package if it has one."""
        root, names = self.path.resolve().parent, [self.path.stem]
        while (root / "__init__.py").exists():
            root, names = root.parent, [root.name, *names]
        subject = str(self.path.resolve())
        return Setup(list(map(str, tests)), subject, ".".join(names), str(root))

    def variants(self, right: Trial) -> Iterator[tuple[Wrong, Variant]]:
        """Every known-wrong variant, given how the tests ran on the right one."""
        seconds = SECONDS_AT_LEAST + TIMES_AS_LONG * right.seconds
        changed = mutants(self.source)
        for mutant in changed:
            wrong = Wrong(
                mutant.code, mutant.gradient, mutant.function, mutant.line, mutant.description
            )
            yield wrong, Variant(mutant.source, seconds=seconds)
        known = {(mutant.function, mutant.gradient, mutant.code) for mutant in changed}
        for each in spoilers(right.outputs):
            if (each.function, each.output, each.code) not in known:
                gradient = each.output or "all"
                wrong = Wrong(each.code, gradient, each.function, None, each.description)
                yield wrong, Variant(self.source, spoiler=asdict(each), seconds=seconds)


def _expect_tools_and_files(tests: Sequence[str | Path]) -> None:
    """What must be there before anything can run."""
    if importlib.util.find_spec("pytest") is None:
        raise CannotGradeError("the tests run with pytest, which is not installed: install pytest")
    if not hasattr(os, "fork"):
        raise CannotGradeError("this system cannot fork a process: grade on Linux or macOS")
    for name in tests:
        if isinstance(name, Path) and not Path(str(name).partition("::")[0]).exists():
            raise CannotGradeError(f"{name} does not exist")


def _expect_passed(right: Trial, subject: Path) -> None:
    """Tests can be graded only if they pass on the right solution, and use it."""
    if right.outcome == "nothing":
        raise CannotGradeError("there are no tests: pytest collects none")
    if right.outcome == "timeout":
        raise CannotGradeError(f"the tests take longer than {SECONDS_FOR_RIGHT:.0f} s on {subject}")
    if right.outcome != "passed":
        detail = " ".join(right.message.split())
        where = f"{right.test}: {detail}" if right.test else right.outcome
        raise CannotGradeError(f"the tests must pass on the right solution, {subject}; {where}")
    if not right.imported:
        raise CannotGradeError(
            f"the tests never import {subject}: they must import it by its name, {subject.stem}"
        )
