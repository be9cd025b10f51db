"""The four answers of an examination, from which words, exit code and JSON follow."""

from __future__ import annotations

from enum import Enum


class Verdict(Enum):
    """The answer to "is this backward pass right?".

    >>> Verdict.PARTLY_CHECKED.exit_code, Verdict.PARTLY_CHECKED.words
    (3, 'no mistake found in what was compared, but not everything was')
    >>> Verdict.of(wrong=False, compared=True, unchecked=False)
    <Verdict.RIGHT: 'right'>
    """

    RIGHT = "right"
    WRONG = "wrong"
    NOT_CHECKED = "not checked"
    PARTLY_CHECKED = "partly checked"

    @classmethod
    def of(cls, *, wrong: bool, compared: bool, unchecked: bool) -> Verdict:
        """The verdict on what was found.

        Args:
            wrong: true if there is a finding.
            compared: true if anything was compared.
            unchecked: true if something that has a backward pass was not.
        """
        if wrong:
            return cls.WRONG
        if not compared:
            return cls.NOT_CHECKED
        return cls.PARTLY_CHECKED if unchecked else cls.RIGHT

    @property
    def exit_code(self) -> int:
        """What a command ends with."""
        return {
            Verdict.RIGHT: 0,
            Verdict.WRONG: 1,
            Verdict.NOT_CHECKED: 2,
            Verdict.PARTLY_CHECKED: 3,
        }[self]

    @property
    def ok(self) -> bool | None:
        """True if right, False if wrong, None where neither can be said."""
        return {Verdict.RIGHT: True, Verdict.WRONG: False}.get(self)

    @property
    def words(self) -> str:
        """The answer in a sentence's end."""
        return {
            Verdict.RIGHT: "no mistake found",
            Verdict.WRONG: "mistakes found",
            Verdict.NOT_CHECKED: "not checked",
            Verdict.PARTLY_CHECKED: (
                "no mistake found in what was compared, but not everything was"
            ),
        }[self]


def not_checked(reason: str) -> dict[str, object]:
    """The JSON of a check that came to nothing."""
    verdict = Verdict.NOT_CHECKED
    return {"verdict": verdict.value, "ok": verdict.ok, "findings": [], "error": reason}
