"""The doctor finds and names the slips that others have thought out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from chainrule.classroom.sentences import is_known
from tests.doctor.confusion import Outcome, outcomes, table
from tests.doctor.slips import SLIPS, SPECIMENS, Slip

PAGE = Path(__file__).parents[2] / "docs" / "doctor.md"


def in_short_code(slips: list[Slip]) -> list[Slip]:
    """A slip of each cause: that in the shortest specimen, which is examined soonest."""
    length = {path.stem: path.stat().st_size for path in SPECIMENS.glob("*.py")}
    causes: dict[str, Slip] = {}
    for slip in sorted(slips, key=lambda slip: length[slip.file]):
        for mistake in slip.mistakes:
            causes.setdefault(mistake.codes[0], slip)
    return list(dict.fromkeys(causes.values()))


def check(results: list[Outcome]) -> None:
    undetected = [str(outcome.slip) for outcome in results if not outcome.findings]
    misnamed = {str(outcome.slip): outcome.misnamed for outcome in results if outcome.misnamed}
    named = [outcome for outcome in results if outcome.is_named]
    assert not undetected
    assert not misnamed
    assert len(named) >= 0.9 * len(results)
    assert not [text for outcome in results for text in texts(outcome) if not is_known(text)]


def test_a_slip_of_each_cause_is_detected_and_nearly_all_are_named_and_none_misnamed() -> None:
    check(list(outcomes(in_short_code(SLIPS))))


@pytest.mark.long
def test_every_slip_is_detected_and_nearly_all_are_named_and_none_misnamed() -> None:
    results = list(outcomes())
    check(results)
    assert table(results) in PAGE.read_text(encoding="utf-8"), table(results)


def texts(outcome: Outcome) -> list[str]:
    """What is said of a slip, sentences which have to be there in every language."""
    said = [text for each in outcome.findings for text in (each.evidence, each.suggestion)]
    return [text for text in said if text]
