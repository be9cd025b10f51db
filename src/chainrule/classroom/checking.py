"""One submission: every file of it that has a backward pass, checked in a sandbox."""

from __future__ import annotations

import ast
import hashlib
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import chainrule
from chainrule.classroom.record import FileRecord, Record
from chainrule.classroom.submissions import CODE, Submission
from chainrule.doctor.excerpt import around, source_of
from chainrule.doctor.findings import Comparison, Finding, without_suggestions
from chainrule.doctor.intake.request import NOTHING_SHOWN, Request
from chainrule.doctor.process.judge import Judgement, judge_file
from chainrule.doctor.verdict import Verdict
from chainrule.errors import ChainruleError
from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.reading.backward_code import backward_code
from chainrule.foreign.reading.imports import with_imports
from chainrule.foreign.reading.notebooks import is_notebook, read_notebook
from chainrule.foreign.running.loading import text_of
from chainrule.limits import TEXT
from chainrule.sandbox.fork_server import Start
from chainrule.sandbox.limits import Limits

Judge = Callable[[Request], Judgement]

NUMBER = re.compile(r" \(\d+\)$")  # of one gradient among several of the same name


@dataclass(frozen=True)
class Task:
    """How submissions are checked.

    Args:
        file: the name of the one file that counts; None for all that have a backward pass.
        solution: a right one, if there is one.
        limits: for each file.
        request: what else `check` was told: a class, functions, a shape.
        hide_suggestions: true if nothing that is written may hold a correction.
    """

    file: str | None = None
    solution: Path | None = None
    limits: Limits = field(default_factory=Limits)
    request: Request = field(default_factory=Request)
    hide_suggestions: bool = False

    def fingerprint(self, submission: Submission) -> str:
        """The same for the same files, checked in the same way."""
        told = hashlib.sha256(f"{chainrule.__version__} {self!r}".encode())
        solution = [] if self.solution is None else [self.solution]
        for path in (*solution, *(path for _, path in sorted(submission.files.items()))):
            told.update(f"\n{path.name} ".encode())
            told.update(hashlib.sha256(path.read_bytes()).digest())
        return told.hexdigest()


def check_submission(submission: Submission, task: Task, start: Start | None = None) -> Record:
    """What is to be said of a submission. Whatever happens, there is a record.

    Args:
        start: as for `judge_file`.
    """
    began = time.perf_counter()
    record = Record(submission.student, [])
    try:
        record.fingerprint = task.fingerprint(submission)
        with tempfile.TemporaryDirectory(prefix="chainrule-") as place:
            folder = Path(place) / "submission"  # alone in its own, where nobody else's lies above
            folder.mkdir()
            submission.copy_to(folder)
            judge = partial(judge_file, limits=task.limits, solution=task.solution, start=start)
            record.files = list(_checked(folder, task, record, judge))
    except Exception as error:  # a row each, whatever happens
        text = f"chainrule failed: {type(error).__name__}: {error}"
        record.files.append(FileRecord("", Verdict.NOT_CHECKED.value, error=text))
    record.seconds = round(time.perf_counter() - began, 2)
    return record


def _checked(folder: Path, task: Task, record: Record, judge: Judge) -> Iterator[FileRecord]:
    files = _files(folder, task.file)
    starts = _starts(folder, files) if task.request.run and task.file is None else []
    if not files:
        wanted = task.file or f"a file that ends in {' or '.join(CODE)}"
        text = f"nothing to check: the submission has no {wanted}"
        yield FileRecord("", Verdict.NOT_CHECKED.value, error=text)
    covered: set[Path] = set()
    for file in [*starts, *(each for each in files if each not in starts)]:
        if file in covered:
            continue
        answer = _answer(file, folder, task, record, judge)
        is_checked = answer.verdict != Verdict.NOT_CHECKED.value
        if is_checked and _was_watched(answer, task):
            covered.update(with_imports(file))
        if is_checked or file in files:  # else what it imports is checked by itself
            yield answer


def _was_watched(answer: FileRecord, task: Task) -> bool:
    """True if a run has shown something, in which the files that were imported are checked, too."""
    return task.request.run and NOTHING_SHOWN not in answer.notes


def _answer(file: Path, folder: Path, task: Task, record: Record, judge: Judge) -> FileRecord:
    """What a file is answered."""
    name = str(file.relative_to(folder))
    try:
        request = replace(task.request, file=file, beside=task.request.run)
        judgement = judge(request)
    except ChainruleError as error:
        text = str(error).replace(f"{folder}/", "")
        return FileRecord(name, Verdict.NOT_CHECKED.value, error=text)
    record.missing = judgement.confinement.missing
    return _file_record(name, file, judgement, task.hide_suggestions)


def _files(folder: Path, wanted: str | None) -> list[Path]:
    """The files that are checked: the one that is wanted; those with a backward pass; or all."""
    files = _code_in(folder)
    if wanted is not None:
        return [path for path in files if path.name == wanted]
    return [path for path in files if _has_backward_pass(path)] or files


def _starts(folder: Path, files: list[Path]) -> list[Path]:
    """Where a program starts that imports some of the files: what no other file imports."""
    imports = {path: set(with_imports(path)) - {path} for path in _code_in(folder)}
    imported = set().union(*imports.values())
    return [path for path, own in imports.items() if path not in imported and own & set(files)]


def _code_in(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.suffix in CODE and path.is_file()]


def _has_backward_pass(file: Path) -> bool:
    """True if a source, or a notebook, has code that computes gradients."""
    try:
        text = read_notebook(file).source if is_notebook(file) else text_of(file)
        return len(text) > TEXT or bool(backward_code(ast.parse(text)))
    except (CannotCheckError, SyntaxError, ValueError, RecursionError, MemoryError):
        return True  # then `check` says what is the matter with it


def _file_record(name: str, file: Path, judgement: Judgement, hide_suggestions: bool) -> FileRecord:
    diagnosis = judgement.diagnosis
    gradients = _by_name(diagnosis.comparisons)
    findings = [_with_place(each, file) for each in _at_wrong_ones(diagnosis.findings, gradients)]
    return FileRecord(
        name,
        diagnosis.verdict.value,
        gradients,
        without_suggestions(findings) if hide_suggestions else findings,
        diagnosis.unchecked,
        diagnosis.notes,
    )


def _by_name(comparisons: list[Comparison]) -> dict[str, bool]:
    """The gradients by name; where layers of one kind have one name for theirs, numbered."""
    found: dict[str, bool] = {}
    for each in comparisons:
        name, number = each.name, 1
        while name in found:
            number += 1
            name = f"{each.name} ({number})"
        found[name] = each.right
    return found


def _at_wrong_ones(findings: list[Finding], gradients: dict[str, bool]) -> Iterator[Finding]:
    """The findings, each at a gradient that is wrong, where several have the same name."""
    wrong = [name for name, is_right in gradients.items() if not is_right]
    for finding in findings:
        alike = [name for name in wrong if NUMBER.sub("", name) == finding.gradient]
        for name in alike[:1]:
            wrong.remove(name)
        yield replace(finding, gradient=(alike or [finding.gradient])[0])


def _with_place(finding: Finding, file: Path) -> dict[str, Any]:
    """A finding with the function that its line stands in, and the lines around."""
    given, line = finding.as_json(), finding.line
    if line is None:
        return {**given, "function": "", "lines": []}
    source = source_of(file, finding.cell, finding.file)
    lines = [[number, text.rstrip()] for number, text in around(line, source)]
    return {**given, "function": _function_at(line, source), "lines": lines}


def _function_at(line: int, source: str) -> str:
    """The function that a line stands in, with its class: ``Layer.backward``."""
    try:
        node: ast.AST = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    names: list[str] = []
    while True:
        inner = (
            each
            for each in ast.iter_child_nodes(node)
            if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            and each.lineno <= line <= (each.end_lineno or each.lineno)
        )
        found = next(inner, None)
        if found is None:
            return ".".join(names)
        names.append(found.name)
        node = found
