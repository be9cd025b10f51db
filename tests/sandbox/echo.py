"""A worker for tests: it sends back what it receives."""

from __future__ import annotations

import os
import sys
import threading
from typing import NoReturn

from numpy import random

from chainrule.sandbox.messages import Message
from chainrule.sandbox.serving import serve


def echo(message: Message) -> Message:
    return message


def leave(message: Message) -> Message:
    os.write(2, b"last words\n")
    os._exit(7)


def look(message: Message) -> Message:
    """What a process may have of the one that started it."""
    return Message(
        {
            "environment": dict(os.environ),
            "folder": os.getcwd(),
            "files": [number for number in range(message.body["files"]) if is_open(number)],
            "leads its session": os.getsid(0) == os.getpid(),
            "arguments": sys.argv[1:],
            "threads": threading.active_count(),
            "drawn": random.random(),  # noqa: NPY002
        }
    )


def is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def main() -> NoReturn:
    serve({"echo": echo, "leave": leave, "look": look})


if __name__ == "__main__":
    main()
