"""Why code cannot be understood, or run to its end."""

from __future__ import annotations

from chainrule.errors import ArgumentError


class CannotCheckError(Exception):
    """Why the code cannot be checked at all."""


class UnknownArgumentError(CannotCheckError, ArgumentError):
    """An argument that stands for nothing known: nobody can tell how to call the function."""


class EndsProgramError(Exception):
    """The code ends the program: sys.exit() within a layer."""


class LossNeededError(CannotCheckError):
    """The backward pass begins with the targets, and no loss is given."""


class EndlessError(Exception):
    """The code has run so many lines that it seems never to end."""


def words_of(error: BaseException | None) -> str:
    """What code raises, in words.

    >>> words_of(ValueError("no")), words_of(NotImplementedError())
    ('ValueError: no', 'NotImplementedError')
    """
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def is_of_shapes(error: Exception) -> bool:
    """True if arrays did not fit each other: the forward pass took the input, so it may be wrong
    code that raises, on whatever input."""
    return isinstance(error, ValueError) and not isinstance(error, UnicodeError)
