"""What is said where a worker ended without an answer."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from chainrule.doctor.findings import Diagnosis, Finding
from chainrule.errors import CheckError
from chainrule.sandbox.limits import Limits
from chainrule.sandbox.worker import WorkerEndedError, WorkerError, WorkerLateError

OUT_OF_TIME = {  # its timer, or the kernel's; there are none on Windows
    -getattr(signal, name) for name in ("SIGPROF", "SIGXCPU", "SIGKILL") if hasattr(signal, name)
}
TRACE_LINE = re.compile(r'File "(.+)", line (\d+) in (.+)')


def as_finding(error: WorkerEndedError, file_name: str) -> Diagnosis:
    """The diagnosis for code that ended its process."""
    if error.code < 0:
        evidence = f"the process was ended by {signal.Signals(-error.code).name}"
        advice = "run the file by itself to see where"
    else:
        lines = [line for line in error.said.splitlines() if line.strip()]
        said = f": {lines[-1]}" if lines else ""
        evidence = f"the process ended with exit code {error.code}{said}"
        advice = "leave out what ends the process"
    return Diagnosis(file_name, [Finding(file_name, "crash", True, evidence, None, advice)])


def as_error(error: WorkerError, file: Path, limits: Limits) -> CheckError:
    """Why nothing is said of the code."""
    if not is_out_of_time(error):
        return CheckError(f"{file.name} cannot be checked: {error}")
    place = _place(error.said, file)
    where = f": line {place[0]}, in {place[1]}, was running" if place else ""
    return CheckError(
        f"the check of {file.name} is not finished after {limits.seconds:g} seconds of processor "
        f"time, or {limits.waiting:g} of waiting{where}. Give more with --time-limit, or a smaller "
        "example; look for what waits, or does not end"
    )


def is_out_of_time(error: WorkerError) -> bool:
    """True if the worker ended because its time was over: that says nothing of the code."""
    if isinstance(error, WorkerEndedError):
        return error.code in OUT_OF_TIME
    return isinstance(error, WorkerLateError)


def _place(trace: str, file: Path) -> tuple[int, str] | None:
    """The innermost line of the user's file in a stack trace."""
    for path, line, function in TRACE_LINE.findall(trace):
        if Path(path).resolve() == file.resolve():
            return int(line), function
    return None
