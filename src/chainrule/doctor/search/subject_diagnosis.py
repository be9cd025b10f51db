"""From a subject to a diagnosis of its gradients."""

from __future__ import annotations

from chainrule.doctor.findings import Diagnosis
from chainrule.doctor.numbers.examination import comparisons, examine, measure_wrong
from chainrule.doctor.search.correcting import findings_of
from chainrule.doctor.subjects.subject import Subject

SEARCHING = 10_000_000  # for corrections


def diagnose_subject(subject: Subject, search: int = SEARCHING) -> Diagnosis:
    """Everything that is wrong with the gradients of one subject.

    Args:
        search: the effort after which no more corrections are tried out.
    Raises:
        CannotCheckError: there are no gradients to compare.
    """
    found = examine(subject)
    diagnosis = Diagnosis(subject.name, notes=[*subject.notes, *found.notes])
    diagnosis.unchecked = [
        f"{subject.name}: {each}" for each in (*subject.unchecked, *found.unchecked)
    ]
    if found.wrong or found.error:
        measure_wrong(found)
    if found.wrong or found.error:
        diagnosis.findings += findings_of(found, search)
    diagnosis.comparisons = comparisons(found)
    return diagnosis
