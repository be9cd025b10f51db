"""Packages that not every user needs: imported when something first asks for them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from chainrule.errors import MissingPackageError


def optional(module: str, asker: str, command: str) -> Any:
    """A module of an optional package.

    Args:
        asker: what needs it, for the message.
        command: how it is installed.
    Raises:
        MissingPackageError: it is not installed.

    >>> optional("no_such_module", "this example", "pip install nothing")
    Traceback (most recent call last):
    ...
    chainrule.errors.MissingPackageError: this example needs no_such_module: pip install nothing
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name != package:  # it is there, and lacks something itself
            raise
        raise MissingPackageError(f"{asker} needs {package}: {command}") from None
