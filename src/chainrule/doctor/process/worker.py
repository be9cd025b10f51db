"""The process in which code is examined.

Started as ``python -m chainrule.doctor.process.worker``, it reads the task as JSON from its
standard input.
"""

from __future__ import annotations

import faulthandler
import json
import resource
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.doctor.diagnosis import diagnose_request
from chainrule.doctor.failure import DoctorError, failed
from chainrule.doctor.findings import Diagnosis, Finding
from chainrule.doctor.intake.request import Request
from chainrule.foreign.errors import CannotCheckError


def work(task: dict[str, Any]) -> None:
    """Examine, and leave the answer in a file."""
    limits, request = task["limits"], task["request"]
    bytes_allowed = limits["megabytes"] * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (bytes_allowed, bytes_allowed))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    request["file"] = Path(request["file"])
    for name in ("shape", "functions"):
        request[name] = None if request[name] is None else tuple(request[name])
    with Path(task["trace"]).open("w", encoding="utf-8") as trace:
        faulthandler.register(signal.SIGPROF, file=trace, chain=True)  # and be ended by it
        signal.setitimer(signal.ITIMER_PROF, limits["seconds"])
        faulthandler.dump_traceback_later(limits["waiting"], exit=True, file=trace)
        answer = _text_of_answer(Request(**request), task["with_arrays"], limits)
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_PROF, 0)
    Path(task["trace"]).unlink()
    place = Path(task["answer"])
    place.with_suffix(".part").write_text(answer, encoding="utf-8")
    place.with_suffix(".part").rename(place)


def _text_of_answer(request: Request, with_arrays: bool, limits: dict[str, Any]) -> str:
    """The answer as JSON; where chainrule itself fails, that."""
    try:
        return json.dumps(_answer(request, with_arrays, limits))
    except Exception as error:  # whatever fails here is no mistake in the code under examination
        return json.dumps({"error": str(failed(error, request.file_name))})


def _answer(request: Request, with_arrays: bool, limits: dict[str, Any]) -> dict[str, Any]:
    """The diagnosis, or why there is none."""
    try:
        diagnosis = diagnose_request(request)
    except (CannotCheckError, DoctorError) as error:
        return {"error": str(error)}
    except MemoryError as error:
        evidence = f"more than {limits['megabytes']} MB are asked for ({error})"
        advice = "use smaller arrays, or give more with --memory-limit"
        finding = Finding(request.file_name, "out-of-memory", True, evidence, None, advice)
        return Diagnosis(request.file_name, [finding]).as_json()
    except SystemExit as error:
        return {"error": f"{request.file_name} ends the program itself: exit({error})"}
    answer = diagnosis.as_json()
    if with_arrays:
        answer["arrays"] = {
            each.name: {"given": _plain(each.given), "true": _plain(each.true)}
            for each in diagnosis.comparisons
            if not each.right
        }
    return answer


def _plain(array: Any) -> Any:
    return None if array is None else np.asarray(array, np.float64).tolist()


if __name__ == "__main__":
    work(json.loads(sys.stdin.read()))
