"""The worker's end: it gives up what code in a sandbox has no use for, then answers calls.

What comes first, before any such code runs, the judge can believe: what is enforced. All else it
cannot, since the code can reach whatever answers here.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO, NoReturn

from chainrule.sandbox.confinement import confine
from chainrule.sandbox.limits import Limits
from chainrule.sandbox.messages import Message, read_message

Call = Callable[[Message], Message]

PR_SET_PDEATHSIG = 1


def serve(calls: Mapping[str, Call]) -> NoReturn:
    """Answer until nothing more is asked."""
    requests, replies = _own_pipes()

    def read(count: int) -> bytes:
        received = requests.read(count)
        if len(received) < count:
            os._exit(0)  # the judge is gone; what the code would have run at exit does not run
        return received

    def reply(message: Message) -> None:
        replies.write(message.packed())
        replies.flush()

    reply(_confined(read_message(read)))
    while True:
        request = read_message(read)
        reply(calls[request.body["call"]](request))


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes from and to the judge; the code has an empty input, and its output goes nowhere."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(nowhere, stream)
    os.close(nowhere)
    return requests, replies


def _confined(request: Message) -> Message:
    """Give up what is to be given up, and set the timer that says where the code was."""
    given = request.body
    limits = Limits(**given["limits"])
    warnings.simplefilter("ignore")
    _end_with_the_judge()
    if hasattr(signal, "SIGPROF"):
        faulthandler.register(signal.SIGPROF, file=2, chain=True)
        signal.setitimer(signal.ITIMER_PROF, limits.seconds)
    else:  # on Windows it ends when the judge has waited long enough
        faulthandler.dump_traceback_later(limits.waiting, file=2)
    found = confine(limits, map(Path, given["readable"]), Path(given["scratch"]))
    return Message(asdict(found))


def _end_with_the_judge() -> None:
    """On Linux, have the kernel end this process when the judge's ends, however that comes."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
