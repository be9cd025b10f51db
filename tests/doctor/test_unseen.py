"""What the doctor says of mistakes that were kept from its author until it was finished."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import chainrule as cr
from tests.doctor.confusion import Outcome, is_about
from tests.doctor.slips import read_slips

UNSEEN = Path(__file__).parent / "unseen"
SPECIMENS = UNSEEN / "specimens"
SLIPS = read_slips(UNSEEN / "slips.txt")
NAMED = 28  # of 31; the others are told as unknown, at the right gradient


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    return list(examined(tmp_path_factory.mktemp("slips")))


def examined(folder: Path) -> Iterator[Outcome]:
    for number, slip in enumerate(SLIPS):
        file = folder / f"{slip.file}_{number}.py"
        file.write_text(slip.source(SPECIMENS), encoding="utf-8")
        yield Outcome(slip, tuple(cr.check.diagnose(file).findings))


@pytest.mark.parametrize("path", sorted(SPECIMENS.glob("*.py")), ids=lambda path: path.stem)
def test_right_files_raise_no_alarm(path: Path) -> None:
    assert cr.check.diagnose(path).ok


# A slip of each cause is tried in every run, see test_slips.py.
@pytest.mark.long
def test_every_mistake_is_detected_and_none_is_misnamed_for_certain(
    outcomes: list[Outcome],
) -> None:
    assert all(outcome.findings for outcome in outcomes)
    assert not [finding for outcome in outcomes for finding in outcome.misnamed]


@pytest.mark.long
def test_most_are_named(outcomes: list[Outcome]) -> None:
    named = sum(
        any(is_about(finding, mistake) for finding in outcome.findings)
        for outcome in outcomes
        for mistake in outcome.slip.mistakes
    )
    assert named >= NAMED
