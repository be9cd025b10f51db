"""Grades tests of gradients: which wrong backward passes would they let through?

The tests run once on the right solution and must pass; then once on every mutant of its backward
code. A mutant that they pass is a survivor: a mistake that nobody would have noticed. Mutants that
change no gradient, at random points, are no mistakes and are left out.
"""

from __future__ import annotations

import ast
import importlib.util
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from keyword import iskeyword
from pathlib import Path
from typing import Any

from chainrule.errors import ChainruleError
from chainrule.foreign.reading.backward_code import backward_code
from chainrule.grading.decoys import decoys
from chainrule.grading.server import SECONDS, Setup, Trial, Variant
from chainrule.grading.servers import TrialServers
from chainrule.grading.wrapping import wrappings
from chainrule.rewrites.mutants import Mutant, mutants

LINES_AT_LEAST = 200_000  # that may run on a mutant, of the solution and the tests
TIMES_AS_MANY = 10  # as on the right solution

Finished = Callable[[int, int], None]


class CannotGradeError(ChainruleError):
    """Why tests cannot be graded: they fail on the right solution, never import it, or do not come
    to an end."""


@dataclass
class Grade:
    """What the tests are worth.

    Args:
        tests: how many tests pass on the right solution.
        killed: mutants that the tests reject, each with the first test that failed.
        survivors: mutants that they pass.
        equivalent: mutants left out, which change no gradient.
        uncalled: backward functions that the tests never call.
        seconds: how long the grading took.
        missing: limits on the tests that could not be enforced.
    """

    tests: int = 0
    killed: list[tuple[Mutant, str]] = field(default_factory=list)
    survivors: list[Mutant] = field(default_factory=list)
    equivalent: list[Mutant] = field(default_factory=list)
    uncalled: list[str] = field(default_factory=list)
    seconds: float = 0.0
    missing: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True if no wrong gradient passes."""
        return not self.survivors

    def as_json(self) -> dict[str, Any]:
        """The grade as `--json` prints it."""
        return {
            "ok": self.ok,
            "tests": self.tests,
            "killed": len(self.killed),
            "survived": len(self.survivors),
            "equivalent": len(self.equivalent),
            "survivors": [mutant.as_json() for mutant in self.survivors],
            "uncalled": self.uncalled,
            "not_enforced": self.missing,
            "seconds": round(self.seconds, 2),
        }


def grade(
    tests: Sequence[str | Path],
    subject: Path,
    workers: int = 2,
    finished: Finished = lambda done, total: None,
) -> Grade:
    """Run the tests on the solution and on every mutant of it.

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
        candidates = solution.mutants(right)
        lines = max(LINES_AT_LEAST, TIMES_AS_MANY * right.lines)
        variants = [Variant(each.source, each.wrapping, lines=lines) for each in candidates]
        right_ones = [replace(d, lines=lines) for d in decoys(solution.source, solution.functions)]
        trials = servers.run_all([*right_ones, *variants], finished)
        _expect_passing(trials[: len(right_ones)])
        trials = trials[len(right_ones) :]
        result = Grade(right.passed, missing=right.missing)
        result.uncalled = [name for name in solution.functions if name not in right.outputs]
        passed = []
        for mutant, variant, trial in zip(candidates, variants, trials, strict=True):
            _expect_finished(trial, mutant)
            if trial.outcome == "passed":
                passed.append((mutant, variant))
            else:
                result.killed.append((mutant, trial.test or trial.outcome))
        _judge_survivors(result, passed, servers)
    result.seconds = time.perf_counter() - began
    return result


def _judge_survivors(
    result: Grade, passed: list[tuple[Mutant, Variant]], servers: TrialServers
) -> None:
    """Tell mistakes that the tests let through from changes that are no mistakes."""
    answers = servers.run_all([replace(variant, only_compare=True) for _, variant in passed])
    for (mutant, _), answer in zip(passed, answers, strict=True):
        _expect_finished(answer, mutant)
        is_equivalent = answer.outcome == "same" and mutant.code != "mutates-input"
        (result.equivalent if is_equivalent else result.survivors).append(mutant)


def _expect_passing(decoys: Sequence[Trial]) -> None:
    """Tests that reject what is right tell nothing apart."""
    for trial in decoys:
        if trial.outcome == "unfinished":
            raise CannotGradeError(f"the tests are not finished after {SECONDS:.0f} s")
        if trial.outcome != "passed":
            test = f"{trial.test} rejects" if trial.test else "the tests reject"
            raise CannotGradeError(
                f"{test} the right solution in another writing, with the same gradients: it must "
                "look at what the solution computes, not at its text or at what runs the tests"
            )


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
            source = path.read_text(encoding="utf-8-sig")
            functions = backward_code(ast.parse(source))
        except (OSError, UnicodeDecodeError) as error:
            raise CannotGradeError(f"cannot read {path}: {error}") from None
        except SyntaxError as error:
            raise CannotGradeError(f"{path}, line {error.lineno}: {error.msg}") from None
        except (ValueError, RecursionError, MemoryError):  # the last two for brackets in brackets
            raise CannotGradeError(f"{path} is no Python, or is nested too deeply") from None
        if not path.stem.isidentifier() or iskeyword(path.stem):
            raise CannotGradeError(
                f"{path}: tests cannot import a file of this name: call it, say, layers.py"
            )
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

    def mutants(self, right: Trial) -> list[Mutant]:
        """All mutants: from the source, then those that wrapping adds to what was seen when the
        tests ran on the right solution."""
        found = mutants(self.source)
        known = {(mutant.function, mutant.gradient, mutant.code) for mutant in found}
        for each in wrappings(right.outputs):
            if (each.function, each.output, each.code) not in known:
                about = each.code, each.output or "all", each.function, None, each.description
                found.append(Mutant(*about, self.source, asdict(each)))
        return found


def _expect_tools_and_files(tests: Sequence[str | Path]) -> None:
    """What must be there before anything can run."""
    if importlib.util.find_spec("pytest") is None:
        raise CannotGradeError(
            "the tests run with pytest, which is not installed: pip install 'chainrule[grade]'"
        )
    for name in tests:
        if isinstance(name, Path) and not Path(str(name).partition("::")[0]).exists():
            raise CannotGradeError(f"{name} does not exist")


def _expect_finished(trial: Trial, mutant: Mutant) -> None:
    """How soon the time is over depends on the machine: it says nothing of a mutant."""
    if trial.outcome == "unfinished":
        place = f"line {mutant.line} of the solution" if mutant.line else mutant.function
        raise CannotGradeError(
            f"the tests are not finished after {SECONDS:.0f} s on a wrong variant ({place}: "
            f"{mutant.description}): give them less to do, or look for what waits there"
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
