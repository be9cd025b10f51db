"""Code as it is found in public, a file or two of each kind: what the doctor answers without help.

Each file of `cases` begins with what is expected of it; `labs` has the five labs' styles, whole.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from sweep import some_long

from chainrule.check import Verdict
from chainrule.doctor.diagnosis import diagnose_file
from chainrule.doctor.findings import Diagnosis
from chainrule.foreign.errors import CannotCheckError

# Their kinds are seen in the twins without a mistake, and mistakes in what is left.
SEARCHED_LONG = {
    *("class_numbers_backward_wrong", "settings_in_dictionary_wrong", "handed_its_data_wrong"),
    *("layer_functions_wrong", "target_minus_output_wrong", "recurrent_gates_wrong"),
}
CASES = Path(__file__).parent / "cases"
BESIDE = Path(__file__).parents[3] / "shared" / "cases"
SHARED = Path(os.environ.get("CHAINRULE_CASES", BESIDE))

VERDICTS = {
    "right": Verdict.RIGHT,
    "wrong": Verdict.WRONG,
    "not checked": Verdict.NOT_CHECKED,
    "partly": Verdict.PARTLY_CHECKED,
}
HEADER = re.compile(r'"""(right|wrong|not checked|partly) ?(.*?):')


@dataclass(frozen=True)
class Expected:
    """What is expected of a file.

    Args:
        words: causes, one of which must be named, or words of the reason why it is not checked.
    """

    verdict: Verdict
    words: str = ""

    def check(self, file: Path) -> None:
        """Hold the doctor to it."""
        if self.verdict is Verdict.NOT_CHECKED:
            with pytest.raises(CannotCheckError) as caught:
                diagnose_file(file)
            assert self.words in str(caught.value)
            return
        diagnosis = diagnose_file(file)
        assert diagnosis.verdict is self.verdict, _in_full(diagnosis)
        if self.verdict is Verdict.WRONG and self.words:
            codes = {finding.code for finding in diagnosis.findings}
            assert codes & set(self.words.split("|")), _in_full(diagnosis)


def _in_full(diagnosis: Diagnosis) -> str:
    return f"{diagnosis}\n{diagnosis.notes}"


def expected_of(file: Path) -> Expected:
    """As the file itself says."""
    match = HEADER.match(file.read_text(encoding="utf-8"))
    assert match, f"{file.name} does not say what is expected of it"
    return Expected(VERDICTS[match[1]], match[2])


@pytest.mark.parametrize(
    "file",
    some_long(sorted(CASES.glob("*.py")), lambda file: file.stem in SEARCHED_LONG),
    ids=lambda file: file.stem,
)
def test_code_of_every_kind_is_answered_as_expected(file: Path) -> None:
    expected_of(file).check(file)


def test_a_gradient_that_leaves_out_an_epsilon_is_right_with_a_note() -> None:
    notes = diagnose_file(CASES / "epsilon_in_logarithm.py").notes
    (note,) = [note for note in notes if "1e-7" in note]
    share = re.match(r"W and b: off by up to ([\d.e-]+) % of the largest entry", note)
    assert share, note
    assert 0 < float(share[1]) <= 1


RIGHT, WRONG = Expected(Verdict.RIGHT), Expected(Verdict.WRONG)
SHARED_CASES = {
    "bn_without_mean_path": Expected(Verdict.WRONG, "norm-path"),
    "lazy_weights": Expected(Verdict.WRONG, "batch-scale"),
    "side_function_only": Expected(Verdict.WRONG, "missing-activation-derivative"),
    "conv_bias_per_channel": Expected(Verdict.WRONG, "constant-scale"),
    "empty_output": WRONG,
    "greek_names": WRONG,
    "top_level_training": Expected(Verdict.NOT_CHECKED, "trains at top level: line 20"),
    "stub_beside": Expected(Verdict.PARTLY_CHECKED),
}


def shared(folder: str) -> list[Path]:
    """The cases beside the repository, where they are."""
    return sorted((SHARED / folder).glob("*.py"))


@pytest.mark.skipif(
    not SHARED.is_dir() and "CI" not in os.environ,  # in CI they must be there
    reason="no cases beside: name them with CHAINRULE_CASES",
)
def test_the_cases_beside_the_repository_are_there() -> None:
    assert shared("doctor")
    assert shared("labs")


@pytest.mark.parametrize("file", shared("doctor"), ids=lambda file: file.stem)
def test_cases_beside_the_repository(file: Path) -> None:
    SHARED_CASES.get(file.stem, RIGHT).check(file)


@pytest.mark.parametrize("file", shared("labs"), ids=lambda file: file.stem)
def test_the_labs_beside_the_repository_are_right(file: Path) -> None:
    RIGHT.check(file)
