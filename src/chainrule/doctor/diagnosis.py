"""From a request to a diagnosis: all that a file has, and all that is held against it."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

from chainrule.doctor.failure import failed, is_own
from chainrule.doctor.findings import Diagnosis, Finding, about, belonging, endless
from chainrule.doctor.intake.cases import Case
from chainrule.doctor.intake.request import Request, find
from chainrule.doctor.optimizers.steps import diagnose_optimizer
from chainrule.doctor.properties.behaviours import behaviours
from chainrule.doctor.search.subject_diagnosis import diagnose_subject
from chainrule.doctor.verdict import Verdict
from chainrule.foreign.errors import CannotCheckError, EndlessError, words_of
from chainrule.foreign.reading.branches import branches_in
from chainrule.foreign.reading.notebooks import is_notebook, read_notebook
from chainrule.foreign.reading.source import files_of, source_of
from chainrule.foreign.reading.training import trains_by_itself
from chainrule.foreign.running.loading import line_in
from chainrule.foreign.running.randomness import Randomness, nobody_else_draws
from chainrule.rewrites.causes import CODES

# What is no mistake where the network never has such inputs, nor reads again what was changed; on
# inputs of the doctor's own choice it is only noted.
HARMLESS_IN_PLACE = {"overflow", "mutates-input"}
OF_ACTIVATIONS = {
    *("wrong-activation-derivative", "derivative-at-wrong-point", "missing-activation-derivative"),
}


def diagnose_file(file: Path) -> Diagnosis:
    """Everything in a file.

    Raises:
        CannotCheckError: as for `diagnose_request`.
    """
    return diagnose_request(Request(file))


def diagnose_request(request: Request) -> Diagnosis:
    """What was asked for; where something could not be compared that a run may show, that is said.

    Raises:
        CannotCheckError: nothing can be run, or the code raises an exception outside its backward
            pass.
        DoctorError: chainrule itself failed.
        MemoryError: the code needs more memory than it may use.
    """
    try:
        diagnosis = _as_asked(request)
    except CannotCheckError as error:
        if "--run" in str(error) or not _may_be_shown_by_a_run(request):
            raise
        raise CannotCheckError(f"{error}; it trains by itself: check it with --run") from error
    told = any("--run" in each for each in diagnosis.unchecked)
    if diagnosis.unchecked and not told and _may_be_shown_by_a_run(request):
        diagnosis.notes.append("it trains by itself: with --run, what it uses there is compared")
    return diagnosis


def _may_be_shown_by_a_run(request: Request) -> bool:
    """True if nobody has run or named anything of a file that trains when it is run."""
    if request.run or request.functions or request.class_name or request.make is not None:
        return False
    file = Path(str(request.file))
    try:
        text = read_notebook(file).source if is_notebook(file) else source_of(str(file))
        return trains_by_itself(ast.parse(text))
    except (CannotCheckError, SyntaxError, ValueError, RecursionError):
        return False


def _as_asked(request: Request) -> Diagnosis:
    """The diagnosis of what was asked for."""
    try:
        with Randomness([]).frozen():  # what is drawn to make objects is the same every time
            cases = find(request)
        joined = _joined([_diagnosed(case, alone=len(cases) == 1) for case in cases])
        joined.notes[:0] = [note for case in cases for note in case.notes_on_file]
        return answered(_placed(joined, Path(str(request.file))))
    except (CannotCheckError, MemoryError):
        raise
    except EndlessError as error:
        finding = endless(request.file_name, error, line_in(error, str(request.file)))
        return Diagnosis(request.file_name, [finding])
    except Exception as error:  # raised by the code outside its backward pass, or by chainrule
        if is_own(error):
            raise failed(error, request.file_name) from error
        line = line_in(error, str(request.file))
        place = f"{request.file_name}, line {line}, raises " if line else ""
        raise CannotCheckError(f"{place}{words_of(error)}") from error


def _diagnosed(case: Case, alone: bool) -> Diagnosis:
    """The diagnosis of a case; that nothing of it can be compared, or that it raises an exception
    outside its backward pass, does not end the others."""
    name = case.subject.name if case.subject else "an optimizer"
    try:
        return diagnose_case(case)
    except CannotCheckError as error:
        if alone:
            raise
        reason = str(error)
    except Exception as error:  # the code may raise anything
        if alone or isinstance(error, EndlessError) or is_own(error):
            raise
        reason = f"it raises {words_of(error)}"
    return Diagnosis(name, unchecked=[about(name, reason), *case.unchecked])


@nobody_else_draws()
def diagnose_case(case: Case) -> Diagnosis:
    """One subject and all that is held against it; what the code itself raises passes through."""
    if case.subject is None:
        diagnosis = diagnose_optimizer(case.example)
    else:
        diagnosis = diagnose_subject(case.subject)
    diagnosis.findings = [_in_its_file(each, case) for each in diagnosis.findings]
    diagnosis.notes += case.notes
    diagnosis.unchecked += case.unchecked
    if case.choice:
        return _to_blame_alone(diagnosis, case)
    named = {finding.code for finding in diagnosis.findings}
    if case.subject is None or "timeout" in named:
        return diagnosis
    for finding in behaviours(case.subject, case.example):
        if case.subject.is_guessed and finding.code in HARMLESS_IN_PLACE:
            diagnosis.notes.append(f"{finding.gradient}: {CODES[finding.code]}: {finding.evidence}")
            continue
        spoilt = finding.code == "pool-ties" and any(f.gradient == "dx" for f in diagnosis.findings)
        if finding.code not in named and not spoilt:
            diagnosis.findings.append(finding)
    return diagnosis


def _to_blame_alone(diagnosis: Diagnosis, case: Case) -> Diagnosis:
    """The diagnosis of code with another word than its author uses, which may not fit the rest of
    the code. So a finding counts only in lines that this word alone runs, or if an activation has a
    wrong derivative."""
    new = {(file, line) for file, line, _ in case.newly_run}
    is_softmax = "softmax" in case.choice  # whose derivative is often meant for a loss behind it
    kept = [
        _at_the_choice(each, case)
        for each in diagnosis.findings
        if not is_softmax and ((each.file, each.line) in new or each.code in OF_ACTIVATIONS)
    ]
    if diagnosis.findings and not kept:
        diagnosis.unchecked.append(
            f"{diagnosis.subject} with {case.choice}: its gradients are not those of the loss that "
            "was tried with it"
        )
        diagnosis.comparisons = [each for each in diagnosis.comparisons if each.right]
    diagnosis.findings = kept
    diagnosis.notes.append(f"{case.choice} was tried, too")
    return diagnosis


def _at_the_choice(finding: Finding, case: Case) -> Finding:
    """A finding with the word that shows it, in the line which that word alone runs."""
    evidence = f"with {case.choice}: {finding.evidence}"
    file = str(finding.file)
    backward = [each for each in branches_in(file, source_of(file)) if each.is_backward]
    new = sorted({line for place, line, _ in case.newly_run if place == file})
    own = [n for n in new if any(each.start[0] <= n <= each.end[0] for each in backward)]
    if finding.line in new or not own:
        return replace(finding, evidence=evidence)
    advice = f"mend what this line computes, which runs with {case.choice}"
    return replace(finding, evidence=evidence, line=own[0], suggestion=advice)


def answered(diagnosis: Diagnosis) -> Diagnosis:
    """The diagnosis, if it says anything.

    Raises:
        CannotCheckError: nothing was compared.
    """
    if diagnosis.verdict is Verdict.NOT_CHECKED:
        reasons = "; ".join(diagnosis.unchecked) or "nothing in it could be compared"
        raise CannotCheckError(about(diagnosis.subject, reasons))
    return diagnosis


def _is_among(finding: Finding, others: list[Finding]) -> bool:
    """True if the same mistake was found in another object of the same class."""
    place = finding.line, finding.file, finding.code
    return finding.line is not None and place in [(f.line, f.file, f.code) for f in others]


def _in_its_file(finding: Finding, case: Case) -> Finding:
    """A finding with the file that its line is in: that of the code's own functions, if the search
    has not found it in another."""
    if finding.file or not finding.line or case.subject is None:
        return finding
    return replace(finding, file=next(iter(files_of(case.subject.functions()[:1])), None))


def _placed(diagnosis: Diagnosis, file: Path) -> Diagnosis:
    """The findings of another file by its name, those of a notebook by its cells."""
    notebook = read_notebook(file) if is_notebook(file) else None
    placed = []
    for finding in diagnosis.findings:
        here = finding.file is None or Path(finding.file) == file
        cell, line = None, finding.line
        if here and notebook is not None and line:
            cell, line = notebook.place(line)
        other = None if here else _name_from(Path(str(finding.file)), file.resolve().parent)
        placed.append(replace(finding, cell=cell, line=line, file=other))
    diagnosis.findings = placed
    return diagnosis


def _name_from(other: Path, folder: Path) -> str:
    """What a file is called, seen from a folder, if it lies in it or in the one above."""
    for start, way in ((folder, ""), (folder.parent, "../")):
        if other.is_relative_to(start):
            return f"{way}{other.relative_to(start).as_posix()}"
    return other.name


def _joined(diagnoses: list[Diagnosis]) -> Diagnosis:
    """One diagnosis for several subjects."""
    if len(diagnoses) == 1:
        return diagnoses[0]
    subjects = list(dict.fromkeys(d.subject for d in diagnoses))
    joined = Diagnosis(", ".join(subjects), notes=_notes_of(diagnoses))
    for d in diagnoses:
        joined.findings += [
            replace(each, gradient=belonging(each.gradient, d.subject, subjects))
            for each in d.findings
            if not _is_among(each, joined.findings)
        ]
        joined.comparisons += [
            replace(each, name=belonging(each.name, d.subject, subjects)) for each in d.comparisons
        ]
        joined.unchecked += d.unchecked
    return joined


def _notes_of(diagnoses: list[Diagnosis]) -> list[str]:
    """What is noted of several subjects, each with those that it is about, unless that is all of
    them, or the note names them itself."""
    told_of: dict[str, list[str]] = {}
    for d in diagnoses:
        for note in d.notes:
            told_of.setdefault(note, []).append(d.subject)
    every = {d.subject for d in diagnoses}
    return [
        note
        if {*subjects} == every or subjects[0] in note
        else f"{', '.join(dict.fromkeys(subjects))}: {note}"
        for note, subjects in told_of.items()
    ]
