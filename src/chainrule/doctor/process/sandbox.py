"""Runs an examination in a process of its own, with limits of time and memory.

Code that needs all memory or ends the process is thus a finding like others, and what it prints
goes nowhere. The limit of time is a last net, for what `effort` does not see: how soon it is
reached depends on the machine, so nothing is said of the code but that its check is not finished.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chainrule.doctor.findings import Diagnosis, Finding
from chainrule.doctor.intake.request import Request
from chainrule.errors import CheckError

PATIENCE = 5  # times the limit on a clock on the wall: for code that waits, or a busy machine
GRACE = 5.0  # seconds beyond that, after which the process is killed from outside
TRACE_LINE = re.compile(r'File "(.+)", line (\d+) in (.+)')


@dataclass(frozen=True)
class Limits:
    """What the code may use.

    Args:
        seconds: of processor time.
        megabytes: of memory.
    """

    seconds: float = 120.0
    megabytes: int = 2048

    @property
    def waiting(self) -> float:
        """The seconds that may pass, the processor at work for this or not."""
        return PATIENCE * self.seconds


def examine_file(request: Request, limits: Limits, with_arrays: bool = False) -> dict[str, Any]:
    """The diagnosis of a file, as JSON; with the gradients themselves if asked.

    Raises:
        CheckError: the file cannot be checked, or not within the limit of time.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer, trace = Path(folder) / "answer.json", Path(folder) / "trace.txt"
        task = {
            "request": {**asdict(request), "file": str(request.file)},
            "limits": {**asdict(limits), "waiting": limits.waiting},
            "answer": str(answer),
            "trace": str(trace),
            "with_arrays": with_arrays,
        }
        code, complaint = _run(task, limits)
        if answer.exists():
            given: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
            if given.get("error"):
                raise CheckError(str(given["error"]))
            return given
        traced = trace.read_text(encoding="utf-8") if trace.exists() else ""
    return _ended_early(code, complaint, traced, request, limits)


def _run(task: dict[str, Any], limits: Limits) -> tuple[int | None, str]:
    """Exit code (None: killed from here) and the last line of its complaint."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    environment |= {"MPLBACKEND": "agg", "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "chainrule.doctor.process.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        _, complaint = process.communicate(json.dumps(task), timeout=limits.waiting + GRACE)
    except subprocess.TimeoutExpired:
        _end(process)
        return None, ""
    except BaseException:  # an interrupt, too, must not leave the process behind
        _end(process)
        raise
    lines = [line for line in complaint.splitlines() if line.strip()]
    return process.returncode, lines[-1] if lines else ""


def _end(process: subprocess.Popen[str]) -> None:
    """Kill the process and those it has started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.communicate()


def _ended_early(
    code: int | None, complaint: str, trace: str, request: Request, limits: Limits
) -> dict[str, Any]:
    """The diagnosis for a process that left no answer.

    Args:
        code: its exit code; None where it was killed from here.
        complaint: the last line of what it wrote to standard error.
        trace: the stack at the end of its time, where it wrote that down.
    Raises:
        CheckError: its time ran out.
    """
    name = request.file_name
    if code is None or trace:
        raise _not_finished(name, _place(trace, str(request.file)), limits)
    if code < 0:
        evidence = f"the process was ended by {signal.Signals(-code).name}"
        advice = "run the file by itself to see where"
        finding = Finding(name, "crash", True, evidence, None, advice)
    else:
        said = f": {complaint}" if complaint else ""
        evidence = f"the process ended with exit code {code}{said}"
        finding = Finding(name, "crash", True, evidence, None, "leave out what ends the process")
    return Diagnosis(name, [finding]).as_json()


def _not_finished(name: str, place: tuple[int, str] | None, limits: Limits) -> CheckError:
    where = f": line {place[0]}, in {place[1]}, was running" if place else ""
    return CheckError(
        f"the check of {name} is not finished after {limits.seconds:g} seconds of processor time, "
        f"or {limits.waiting:g} of waiting{where}. Give more with --time-limit, or a smaller "
        "example; look for what waits, or does not end"
    )


def _place(trace: str, file: str) -> tuple[int, str] | None:
    """The innermost line of the user's file in a stack trace."""
    for path, line, function in TRACE_LINE.findall(trace):
        if Path(path).resolve() == Path(file).resolve():
            return int(line), function
    return None
