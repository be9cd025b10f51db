from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sweep import some_long

from tests.torture.campaign import Forks, Work, run_cases, summary
from tests.torture.cases import make_file
from tests.torture.faulty import FAULTY, KINDS
from tests.torture.readers import READERS
from tests.torture.worker import prepare, run

CASES = 150  # of each reader; `make torture` runs many more


@pytest.fixture(scope="module")
def work() -> Iterator[Work]:
    forks = Forks()
    yield forks.work
    forks.end()


@pytest.mark.parametrize("name", READERS)
def test_damaged_files_are_read_or_refused(name: str, work: Work) -> None:
    result = run_cases(name, seed=0, first=0, last=CASES, work=work)
    assert not result.faults, "\n".join(summary({name: result}))
    assert result.cases == CASES
    assert min(result.kinds["read"], result.kinds["refused"]) > 0


@pytest.mark.parametrize("name", READERS)
def test_most_seeds_are_valid_and_the_others_refused(name: str, tmp_path: Path) -> None:
    reader = READERS[name]
    path = prepare(reader, tmp_path)
    kinds = [run(reader, path, seed.pack(seed.content)).kind for seed in reader.seeds()]
    assert kinds.count("read") > len(kinds) / 2
    assert set(kinds) <= {"read", "refused"}


@pytest.mark.parametrize("name", some_long(FAULTY, lambda name: name == "hang"))
def test_a_known_fault_is_found(name: str, work: Work) -> None:
    result = run_cases(name, seed=0, first=0, last=1, work=work)
    assert [(fault.case, fault.kind) for fault in result.faults] == [(0, KINDS[name])]
    assert result.cases == 1


def test_the_cases_after_one_that_ends_the_worker_are_run() -> None:
    result = run_cases("die", seed=0, first=3, last=5)
    assert [(fault.case, fault.kind) for fault in result.faults] == [(3, "died"), (4, "died")]


def test_a_fault_is_told_so_that_it_can_be_repeated() -> None:
    result = run_cases("escape", seed=0, first=5, last=6)
    assert str(result.faults[0]).startswith("escape:5 escaped: KeyError: 'file' [")
    assert "faulty.py:" in result.faults[0].place


def test_a_case_is_the_same_each_time_and_unlike_the_others() -> None:
    reader = READERS["csv"]
    files = [make_file(reader, "csv", reader.seeds(), case, seed=0) for case in (*range(20), 0)]
    assert files[0] == files[-1]
    assert len(set(files)) > 15
    assert make_file(reader, "csv", reader.seeds(), 0, seed=1) != files[0]
