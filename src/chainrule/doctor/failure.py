"""What fails inside the doctor is its own fault: it says nothing about the code it examines."""

from __future__ import annotations

from pathlib import Path
from traceback import extract_tb

from chainrule.errors import ChainruleError, LayerError
from chainrule.foreign.running.effort import LIBRARIES

PACKAGE = Path(__file__).parents[1]
OWN = tuple(str(PACKAGE / name) for name in ("doctor", "foreign", "rewrites"))


class DoctorError(ChainruleError):
    """A fault of chainrule's own."""


def is_own(error: BaseException) -> bool:
    """True if the doctor itself raised an exception, not the code that it runs, nor a library that
    this code calls, nor a layer in that code."""
    if isinstance(error, LayerError):
        return False
    for frame in reversed(extract_tb(error.__traceback__)):
        if frame.filename.startswith(OWN):
            return True
        if not frame.filename.startswith(LIBRARIES):
            return False
    return False


def failed(error: BaseException, file_name: str) -> DoctorError:
    """What is said of such an exception."""
    last = extract_tb(error.__traceback__)[-1:]
    place = f" ({Path(last[0].filename).name}, line {last[0].lineno})" if last else ""
    return DoctorError(
        f"chainrule failed while it checked {file_name}: {type(error).__name__}: {error}{place}. "
        "This is a fault of chainrule and says nothing about the code: report it to its makers, "
        "with this message and the file"
    )
