"""From a subject to a diagnosis of its gradients."""

from __future__ import annotations

from dataclasses import replace

from chainrule.doctor.findings import Diagnosis, Finding, about, endless
from chainrule.doctor.numbers.examination import (
    comparisons,
    examine,
    measure_wrong,
    where_no_epsilon_shows,
)
from chainrule.doctor.numbers.examined import Examination
from chainrule.doctor.search.correcting import CorrectionSearch
from chainrule.doctor.search.raising import exception, findings_where_it_raises
from chainrule.doctor.subjects.subject import Subject
from chainrule.foreign.errors import EndlessError, EndsProgramError, is_of_shapes, words_of
from chainrule.foreign.running.randomness import nobody_else_draws

SEARCHING = 10_000_000  # for corrections


@nobody_else_draws()
def diagnose_subject(subject: Subject, search: int = SEARCHING) -> Diagnosis:
    """Everything that is wrong with the gradients of one subject.

    Args:
        search: the effort after which no more corrections are tried out.
    Raises:
        CannotCheckError: there are no gradients to compare.
    """
    found = examine(subject)
    diagnosis = Diagnosis(subject.name)
    if found.wrong or found.error:
        measure_wrong(found)
    diagnosis.notes = [*subject.notes, *found.notes]
    diagnosis.comparisons = comparisons(found)  # before corrections: as the code gives them
    findings = []
    if found.wrong or found.error:
        findings = _findings_of(where_no_epsilon_shows(found), search)
    if found.corrected is not None:
        diagnosis.comparisons = comparisons(found)
    diagnosis.findings = [known for each in findings if (known := _without_guesses(each, subject))]
    unchecked = [*subject.unchecked, *found.unchecked]
    if found.error is None or not diagnosis.findings:
        if len(diagnosis.findings) < len(findings):
            unchecked.append(_why_nothing_is_said(found))
            diagnosis.comparisons = [each for each in diagnosis.comparisons if each.right]
    else:
        diagnosis.notes.append(
            f"{subject.name}: its gradients count as wrong, since its backward pass fails before "
            "they can be compared"
        )
    diagnosis.unchecked = [about(subject.name, each) for each in unchecked]
    return diagnosis


def _findings_of(found: Examination, effort_left: int) -> list[Finding]:
    """What is wrong, and why; looking for corrections may take so much effort."""
    if found.error is None:
        return CorrectionSearch(found, effort_left).findings()
    if isinstance(found.error, EndlessError):
        return [endless(found.subject.name, found.error, found.line_of_error())]
    ended = {MemoryError: "out-of-memory", EndsProgramError: "crash"}
    for kind, code in ended.items():
        if isinstance(found.error, kind):
            text = f"the backward pass ends with {kind.__name__}: {found.error}"
            return [Finding(found.subject.name, code, True, text, found.line_of_error())]
    if found.subject.is_guessed and not is_of_shapes(found.error):
        return [exception(found, found.error)]
    return findings_where_it_raises(found, found.error, effort_left)


def _without_guesses(finding: Finding, subject: Subject) -> Finding | None:
    """A finding that is no more certain than what it rests on; None where nothing speaks for it but
    what the doctor has chosen itself."""
    if finding.code == "exception" and subject.is_guessed:
        return None
    if finding.code == "unknown" and subject.is_assumed:
        return None
    if subject.is_assumed and finding.code != "timeout":
        return replace(finding, certain=False)
    return finding


def _why_nothing_is_said(found: Examination) -> str:
    if found.error is not None:
        return (
            f"on an input that chainrule chose, the backward pass raises {words_of(found.error)}; "
            "give another one with --make and --shape, or with a function example(rng) in the file"
        )
    return (
        "with none of the usual losses and targets do its gradients agree: give y, and a function "
        '"loss", in example(rng)'
    )
