"""What is known of a submission when it has been checked."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from chainrule.doctor.verdict import Verdict
from chainrule.text import file_name

SPOILT = "spoilt"  # by a mistake that counts at another gradient
NOTHING_COMPARED = {"exception", "timeout", "out-of-memory", "crash"}  # codes that leave no credit


def short_name(student: str) -> str:
    """A name for files about a student: each student has another.

    >>> short_name("leeann"), short_name("Ann Lee")
    ('leeann', 'Ann_Lee-a36e14')
    """
    name = file_name(student)
    if name == student:
        return name
    return f"{name}-{hashlib.sha256(student.encode(errors='surrogatepass')).hexdigest()[:6]}"


@dataclass(frozen=True)
class Part:
    """A part of a submission that counts.

    Args:
        file: where it is.
        name: the gradient, or what else was looked at.
        is_right: true if it counts; None where a person must look.
        codes: the causes of what is wrong; `SPOILT` where the mistake counts elsewhere.
    """

    file: str
    name: str
    is_right: bool | None
    codes: tuple[str, ...] = ()


@dataclass
class FileRecord:
    """One file of a submission.

    Args:
        file: its path within the submission.
        verdict: one of `Verdict`, in words.
        gradients: what was compared, each with True if it is right.
        findings: what is wrong, as `check --json` prints it, each with the function it stands in
            and its lines.
        unchecked: what was not compared, and why.
        error: why nothing was checked.
    """

    file: str
    verdict: str
    gradients: dict[str, bool] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: str = ""

    @property
    def parts(self) -> list[Part]:
        """What counts in this file.

        A mistake costs one gradient: what it spoils further down has no finding of its own, and
        costs nothing more.
        """
        causes: dict[str, list[str]] = {}
        for finding in self.findings:
            causes.setdefault(finding["gradient"], []).append(finding["code"])
        is_over = any(
            finding.get("raises") or finding["code"] in NOTHING_COMPARED
            for finding in self.findings
        )
        parts = []
        for name, is_right in self.gradients.items():
            codes = causes.pop(name, [])
            spoilt = () if is_right or codes else (SPOILT,)
            counts = not is_over and not codes and (is_right or bool(self.findings))
            parts.append(Part(self.file, name, counts, (*codes, *spoilt)))
        parts += [Part(self.file, name, False, tuple(codes)) for name, codes in causes.items()]
        open_ = [*self.unchecked, *([self.error] if self.error else [])]
        return parts + [Part(self.file, text, None) for text in open_]


@dataclass
class Record:
    """A submission.

    Args:
        student: the name of who has handed it in.
        files: each that has a backward pass.
        seconds: how long the check took.
        fingerprint: of the files and of how they were checked: who has the same need not be
            checked again.
        missing: limits that could not be enforced.
    """

    student: str
    files: list[FileRecord]
    seconds: float = 0.0
    fingerprint: str = ""
    missing: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """The verdict on all files together."""
        verdicts = {Verdict(each.verdict) for each in self.files}
        return Verdict.of(
            wrong=Verdict.WRONG in verdicts,
            compared=bool(verdicts & {Verdict.RIGHT, Verdict.PARTLY_CHECKED}),
            unchecked=bool(verdicts & {Verdict.NOT_CHECKED, Verdict.PARTLY_CHECKED}),
        )

    @property
    def findings(self) -> list[dict[str, Any]]:
        """The mistakes of all files."""
        return [finding for each in self.files for finding in each.findings]

    @property
    def right(self) -> int:
        """How many gradients are right."""
        return sum(is_right for each in self.files for is_right in each.gradients.values())

    @property
    def compared(self) -> int:
        """How many gradients were compared."""
        return sum(len(each.gradients) for each in self.files)

    @property
    def unchecked(self) -> list[str]:
        """What was not compared in all files, and why."""
        return [
            text
            for each in self.files
            for text in (*each.unchecked, *([each.error] if each.error else []))
        ]

    @property
    def parts(self) -> list[Part]:
        """What counts: each gradient, and each mistake that is no gradient's."""
        return [part for each in self.files for part in each.parts]

    @property
    def credit(self) -> float | None:
        """The share of the parts that are right, from 0 to 1; None where a person must look."""
        parts = self.parts
        if not parts or any(part.is_right is None for part in parts):
            return None
        return sum(bool(part.is_right) for part in parts) / len(parts)

    @property
    def causes(self) -> Counter[str]:
        """How often each cause was found."""
        return Counter(str(finding["code"]) for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """The record as it is stored."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """The record that was stored."""
        return cls(**{**stored, "files": [FileRecord(**each) for each in stored["files"]]})
