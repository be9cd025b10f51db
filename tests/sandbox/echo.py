"""A worker for tests: it sends back what it receives."""

from __future__ import annotations

import os

from chainrule.sandbox.messages import Message
from chainrule.sandbox.serving import serve


def echo(message: Message) -> Message:
    return message


def leave(message: Message) -> Message:
    os.write(2, b"last words\n")
    os._exit(7)


if __name__ == "__main__":
    serve({"echo": echo, "leave": leave})
