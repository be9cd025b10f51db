"""What is known about a subject at one point."""

from __future__ import annotations

from dataclasses import dataclass, field

from chainrule.doctor.numbers.evidence import Signature
from chainrule.doctor.numbers.finite_differences import Truth
from chainrule.doctor.subjects.subject import Answer, Subject
from chainrule.foreign.reading.source import files_of
from chainrule.foreign.running.loading import line_in
from chainrule.types import Array


@dataclass
class Examination:
    """One subject, run on one set of values.

    Args:
        subject: the code.
        answer: the gradients that it gives; None where its backward pass raises an exception.
        error: that exception.
        truths: the true gradients that were compared, by value.
        wrong: the values whose gradients are wrong.
        nearly_right: gradients that leave out an epsilon, with the share of it in them.
        notes: what the report must say besides.
        unchecked: gradients that could not be compared, and why.
        signatures: what the numbers say of wrong gradients, by value.
        corrected: the same code once its backward pass runs, where a correction was found that
            makes it.
    """

    subject: Subject
    answer: Answer | None
    error: Exception | None = None
    truths: dict[str, Truth] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    nearly_right: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    signatures: dict[str, list[Signature]] = field(default_factory=dict)
    corrected: Examination | None = None

    def given(self, name: str) -> Array | None:
        """The code's gradient for a value."""
        return self.answer.gradients.get(name) if self.answer else None

    def shown(self, name: str) -> str:
        """What the gradient is called."""
        names = self.answer.names if self.answer else self.subject.names()
        return names.get(name) or f"d{name}"

    def signatures_of(self, name: str) -> list[Signature]:
        """What the numbers say of a gradient, the simplest first."""
        return self.signatures.get(name, [])

    def line_of_error(self) -> int | None:
        """Where in the user's file the exception was raised."""
        if self.error is None:
            return None
        files = files_of(self.subject.functions())
        return next((line for file in files if (line := line_in(self.error, file))), None)
