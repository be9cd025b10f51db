"""What a rule of the catalogue is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from chainrule.foreign.reading.backward_code import FunctionInFile, expressions
from chainrule.rewrites.edits import Edit, places
from chainrule.rewrites.functions import FunctionSource
from chainrule.rewrites.scope import Scope
from chainrule.rewrites.text_edits import TextEdit

Correction = Callable[[Any, Scope], Iterator[Edit]]
"""From one of the places of a wrong function to edits that may make it right."""
Mistake = Callable[[Any, FunctionInFile], Iterator[TextEdit]]
"""From a part of a right function to edits that make it wrong."""


@dataclass(frozen=True)
class Rule:
    """One way in which gradients go wrong, or are put right, or both.

    Args:
        cause: the code of the doctor that it stands for, unless the numbers or the code around it
            say more.
        family: the name of the corrections with which it is tried out, if it makes any.
        correction: what may be put right at a place.
        mistake: what may go wrong in a part.
        sort: corrections of one sort are judged alike; the family where that is all.
        at: the places where the correction is tried.
        of: the parts of a statement, or of a function, in which the mistake is made.
        in_index: true if the mistake is made in brackets, ``x[here]``, too.
    """

    cause: str
    family: str = ""
    correction: Correction | None = None
    mistake: Mistake | None = None
    sort: str = ""
    at: Callable[[FunctionSource], Iterable[Any]] = places
    of: Callable[[Any], Iterable[Any]] = expressions
    in_index: bool = False

    @property
    def direction(self) -> str:
        """``correction``, ``mistake``, or ``both``."""
        if self.correction is None:
            return "mistake"
        return "correction" if self.mistake is None else "both"
