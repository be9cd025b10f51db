"""From a request to a diagnosis."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chainrule.check.discovery import Case, Request, find
from chainrule.check.doctor import diagnose_subject
from chainrule.check.findings import Diagnosis


def diagnose_file(file: Path, **options: Any) -> Diagnosis:
    """Everything in a file."""
    return join([diagnose_case(case) for case in find(Request(file, **options))])


def diagnose_case(case: Case) -> Diagnosis:
    """One subject and all that is held against it."""
    if case.subject is None:
        return Diagnosis("optimizer")
    return diagnose_subject(case.subject)


def join(diagnoses: list[Diagnosis]) -> Diagnosis:
    """One diagnosis for several subjects."""
    if len(diagnoses) == 1:
        return diagnoses[0]
    joined = Diagnosis(", ".join(d.subject for d in diagnoses))
    for d in diagnoses:
        joined.findings += d.findings
        joined.notes += d.notes
        joined.comparisons += d.comparisons
    return joined
