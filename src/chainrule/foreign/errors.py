"""Why code cannot be understood, or run to its end."""

from __future__ import annotations


class CannotCheckError(Exception):
    """Why the code cannot be checked at all."""


class EndsProgramError(Exception):
    """The code ends the program: sys.exit() within a layer."""


class LossNeededError(CannotCheckError):
    """The backward pass begins with the targets, and no loss is given."""


class EndlessError(Exception):
    """The code has run so many lines that it seems never to end."""
