"""What cannot be written out as a program."""

from __future__ import annotations

from chainrule.errors import ChainruleError


class CannotExplainError(ChainruleError, ValueError):
    """A layer, loss or optimizer whose code does not turn into straight lines; the message
    names it and says which of its lines stands in the way."""

    def __init__(self, problem: str, place: str = "") -> None:
        super().__init__(f"{place}: {problem}" if place else problem)
        self.place = place
