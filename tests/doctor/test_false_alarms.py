"""Right code is called right, whatever numbers the doctor draws: everything right that the tests
have, with 200 seeds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from layer_cases import LAYER_CASES, LayerCase

import chainrule as cr
from chainrule.check import Verdict
from chainrule.doctor.diagnosis import diagnose_request
from chainrule.doctor.failure import DoctorError
from chainrule.doctor.intake.request import Request
from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.running import randomness
from chainrule.foreign.running.randomness import Randomness
from chainrule.seeding import generator
from tests.doctor import test_cases as cases
from tests.doctor import test_observed as observed
from tests.doctor import test_styles as styles
from tests.doctor import test_unseen as unseen
from tests.doctor.slips import SPECIMENS

SEEDS, AT_A_TIME = 200, 25
CALLED_RIGHT = {Verdict.RIGHT, Verdict.PARTLY_CHECKED}  # a bias may move nothing just there
DRAWN_BY_CODE = 100  # times the seed: the doctor itself asks for the first few draws


@contextmanager
def drawn_with(seed: int) -> Iterator[None]:
    """Within, all that the doctor draws comes from another seed: what code is run on, where it is
    compared, and what the code itself draws."""
    frozen = Randomness.frozen

    def seeded(given: int, purpose: str, *counters: int) -> np.random.Generator:
        return generator(given + seed, purpose, *counters)

    with pytest.MonkeyPatch.context() as patch:
        for name, module in list(sys.modules.items()):
            if name.startswith("chainrule.") and vars(module).get("generator") is generator:
                patch.setattr(module, "generator", seeded)
        patch.setattr(
            Randomness, "frozen", lambda own, draw=0: frozen(own, draw + DRAWN_BY_CODE * seed)
        )
        yield


def right_files() -> dict[str, Request]:
    """Every file that is right."""
    files = {"specimens": [*SPECIMENS.glob("*.py"), *unseen.SPECIMENS.glob("*.py")]}
    files["cases"] = [file for file in cases.CASES.glob("*.py") if is_right(file)]
    files["shared"] = [
        file
        for file in cases.shared("doctor")
        if cases.SHARED_CASES.get(file.stem, cases.RIGHT).verdict in CALLED_RIGHT
    ]
    files["labs"] = cases.shared("labs")
    found = {f"{kind}/{each.stem}": Request(each) for kind in files for each in sorted(files[kind])}
    for file in [*filter(is_right, observed.SCRIPTS), observed.FOLDER / "notebook.ipynb"]:
        found[f"observed/{observed.name_of(file)}"] = Request(file, run=True)
    return found


def is_right(file: Path) -> bool:
    """True if a file says so itself."""
    return cases.expected_of(file).verdict in CALLED_RIGHT


FILES = right_files()


def alarms(request: Request, first: int) -> dict[int, str]:
    """What is not called right, as far as it was compared: by seed, from one seed on."""
    found = {}
    for seed in range(first, first + AT_A_TIME):
        with drawn_with(seed):
            answer, words = answered(request)
        if answer not in CALLED_RIGHT:
            found[seed] = words
    return found


def answered(request: Request) -> tuple[Verdict, str]:
    """The verdict on a file, in words too."""
    try:
        diagnosis = diagnose_request(request)
    except (CannotCheckError, DoctorError) as error:
        return Verdict.NOT_CHECKED, str(error)
    return diagnosis.verdict, str(diagnosis)


def test_seeds_change_what_code_is_run_on() -> None:
    drawn = []
    for seed in (0, 1):
        with drawn_with(seed), Randomness([]).frozen():
            x = randomness.random_like(np.empty(3), "x")
            drawn.append([*x, np.random.default_rng().random()])
    assert not np.intersect1d(*drawn).size


@pytest.mark.parametrize("seed", [75, 80, 135])
def test_entries_that_nearly_tie_in_float32_raise_no_alarm(seed: int) -> None:
    """The first alarms that the 200 seeds raised: steps as long as float32 needs cross a kink."""
    with drawn_with(seed):
        answer, words = answered(FILES["cases/float32_pool_first"])
    assert answer is Verdict.RIGHT, words


@pytest.mark.long
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("first", range(0, SEEDS, AT_A_TIME))
def test_right_files_are_called_right(name: str, first: int) -> None:
    assert not alarms(FILES[name], first)


@pytest.mark.long
@pytest.mark.parametrize("name", styles.RIGHT)
@pytest.mark.parametrize("first", range(0, SEEDS, AT_A_TIME))
def test_right_code_in_other_styles_is_called_right(name: str, first: int, tmp_path: Path) -> None:
    request = Request(styles.write(tmp_path, styles.RIGHT[name]))
    assert not alarms(request, first)


@pytest.mark.long
@pytest.mark.parametrize("case", LAYER_CASES, ids=str)
def test_chainrules_own_layers_are_called_right(case: LayerCase) -> None:
    found = {}
    for seed in range(SEEDS):
        with drawn_with(seed):
            x = generator(seed, "x").standard_normal((3, *case.input_shape))
            found[seed] = cr.check.diagnose(case.make(), x)
    assert not {seed: str(each) for seed, each in found.items() if not each.ok}
