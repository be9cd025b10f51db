"""The doctor's answers at full speed and at a fifth of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.doctor.speeds import FIFTH, checks, compared, differing, slowed

BUSY = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "import time\\nwhile time.process_time() < 0.6: pass"])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_and_its_children_run_for_a_fifth_of_the_time() -> None:
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-c", BUSY])
    with slowed(process.pid, FIFTH):
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    assert used.ru_utime + used.ru_stime < 0.3 * (time.monotonic() - began)


@pytest.mark.long
@pytest.mark.timeout(4 * 3600)  # a file takes about two seconds of processor time, and then ten
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_all_files_are_answered_the_same_at_a_fifth_of_the_speed(tmp_path: Path) -> None:
    pairs = [compared(check) for check in checks(tmp_path)]
    assert not [(pair.check.name, pair.full, pair.slow) for pair in differing(pairs)]
