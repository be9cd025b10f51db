"""Cases and observed runs are files to be checked, not modules to be imported: some of them train
without an end. Where it is not the start of a process that is tested, one server forks for all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from chainrule.doctor.process.judge import MODULE
from chainrule.sandbox.fork_server import Start, starter

collect_ignore = ["cases", "observed"]


@pytest.fixture(scope="session")
def start() -> Iterator[Start]:
    with starter(MODULE) as start:
        yield start


@pytest.fixture
def forked(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands start their workers as those of a class do."""
    monkeypatch.setattr("chainrule.doctor.process.judge.starter", lambda module: nullcontext(start))
