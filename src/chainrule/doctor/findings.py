"""What the doctor says: findings, each with a code that programs can read, and the diagnosis that
holds them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from chainrule.doctor.verdict import Verdict
from chainrule.presentation.html import html_table
from chainrule.types import Array

OPTIONAL = ("cell", "file", "raises")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Args:
        gradient: the gradient's name in the code that was checked.
        code: the cause, one of `CODES`.
        certain: true if nothing else explains the numbers.
        evidence: what was seen.
        line: where in the file, if known.
        suggestion: what to do.
        cell: of a notebook, from 1; the line is then that of the cell.
        file: that the line is in, if it is not the one that was to be checked.
        raises: true if the code raises an exception there, so that its gradients are not given.
    """

    gradient: str
    code: str
    certain: bool
    evidence: str
    line: int | None = None
    suggestion: str = ""
    cell: int | None = None
    file: str | None = None
    raises: bool = False

    def __str__(self) -> str:
        place = "" if self.line is None else f"line {self.line}, "
        what = f"{place}{self.gradient}: {self.code}{'' if self.certain else '?'}, {self.evidence}"
        return f"{what}\n  → {self.suggestion}" if self.suggestion else what

    def cells(self) -> list[str]:
        """The finding as a row of text."""
        line, doubt = "" if self.line is None else str(self.line), "" if self.certain else "?"
        return [line, self.gradient, f"{self.code}{doubt}", self.evidence, self.suggestion]

    def as_json(self) -> dict[str, Any]:
        """The finding as `--json` prints it: cell and file only where there are several, `raises`
        only where it is true."""
        given = {**vars(self), "certain": bool(self.certain)}
        return {name: each for name, each in given.items() if name not in OPTIONAL or each}


def without_suggestions(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Findings as `--json` prints them, for students who are to find the corrections themselves.

    >>> without_suggestions([{"gradient": "dW", "suggestion": "leave out the minus"}])
    [{'gradient': 'dW', 'suggestion': ''}]
    """
    return [{**each, "suggestion": ""} for each in findings]


def endless(name: str, error: Exception, line: int | None) -> Finding:
    """The finding for code that does not come to an end."""
    advice = "look for a loop that does not end; if it is only long, check a smaller example"
    return Finding(name, "timeout", True, str(error), line, advice)


def about(subject: str, reason: str) -> str:
    """Why something is not compared, with what it is said of.

    >>> about("MLP", "it has no loss"), about("MLP", "MLP.backward is not written yet")
    ('MLP: it has no loss', 'MLP.backward is not written yet')
    """
    return reason if re.match(rf"{re.escape(subject)}\b", reason) else f"{subject}: {reason}"


def belonging(gradient: str, subject: str, subjects: Collection[str]) -> str:
    """What a gradient is called, with what it belongs to where that is one of several subjects.

    >>> belonging("dx", "Tanh", ["Linear", "Tanh"]), belonging("dx", "Tanh", ["Tanh", "Tanh"])
    ('dx of Tanh', 'dx')
    """
    return f"{gradient} of {subject}" if len(set(subjects)) > 1 else gradient


@dataclass(frozen=True)
class Comparison:
    """One gradient beside the true one; entries that were not looked at are NaN in `true`."""

    name: str
    right: bool
    given: Array | None = field(default=None, repr=False)
    true: Array | None = field(default=None, repr=False)


@dataclass(repr=False)
class Diagnosis:
    """What the doctor found.

    Args:
        subject: what was examined.
        notes: what was assumed, and conventions to know of.
        comparisons: the gradients that were compared.
        unchecked: what has a backward pass, or should have a gradient, and was not compared:
            "Net: …", with the reason.

    >>> diagnosis = Diagnosis("Dense", comparisons=[Comparison("dW", right=True)])
    >>> diagnosis.verdict, diagnosis.ok
    (<Verdict.RIGHT: 'right'>, True)
    """

    subject: str
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """Which of the four answers it is."""
        return Verdict.of(
            wrong=bool(self.findings),
            compared=bool(self.comparisons),
            unchecked=bool(self.unchecked),
        )

    @property
    def ok(self) -> bool | None:
        """True if everything was compared and is right, False if something is wrong, else None."""
        return self.verdict.ok

    def as_json(self) -> dict[str, Any]:
        """The diagnosis as `--json` prints it."""
        return {
            "verdict": self.verdict.value,
            "ok": self.ok,
            "findings": [finding.as_json() for finding in self.findings],
            "subject": self.subject,
            "gradients": self._gradients(),
            "unchecked": self.unchecked,
            "notes": self.notes,
        }

    def _gradients(self) -> dict[str, bool]:
        """By name, true if each gradient of that name is right."""
        found: dict[str, bool] = {}
        for each in self.comparisons:
            found[each.name] = each.right and found.get(each.name, True)
        return found

    def _repr_html_(self) -> str:
        summary = [f"{self.subject}: {self.verdict.words}", *self.unchecked]
        if not self.findings:
            rows = [[each.name, "right" if each.right else "wrong"] for each in self.comparisons]
            return html_table(["gradient", "which is"], rows, summary)
        header = ["line", "gradient", "what is wrong", "seen", "what to do"]
        return html_table(header, [each.cells() for each in self.findings], summary)

    def __str__(self) -> str:
        if not self.findings:
            return "\n".join([f"{self.subject}: {self.verdict.words}", *self.unchecked])
        return "\n".join([f"{self.subject}:", *map(str, self.findings)])

    __repr__ = __str__  # so that a prompt shows what print shows
