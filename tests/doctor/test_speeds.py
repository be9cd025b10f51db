"""The doctor's answers at full speed and at a fifth of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.doctor.speeds import FIFTH, checks, compared, differing, slowed

WAITS = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"])
print(child.pid, flush=True)
sys.exit(child.wait())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_and_its_children_are_stopped_together_and_go_on() -> None:
    command = [sys.executable, "-c", WAITS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pids = process.pid, int(process.stdout.readline())
        with slowed(process.pid, FIFTH):
            for stopped in 2 * (True, False):
                while any((state(pid) == "T") is not stopped for pid in pids):
                    pass
            process.communicate()  # both end where their input does
    assert process.returncode == 0


def state(pid: int) -> str:
    """What a process does, in a letter: it is stopped if that is T."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


@pytest.mark.long
@pytest.mark.timeout(4 * 3600)  # a file takes about two seconds of processor time, and then ten
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_all_files_are_answered_the_same_at_a_fifth_of_the_speed(tmp_path: Path) -> None:
    pairs = [compared(check) for check in checks(tmp_path)]
    assert not [(pair.check.name, pair.full, pair.slow) for pair in differing(pairs)]
