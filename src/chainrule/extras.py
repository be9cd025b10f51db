"""Packages that not every user needs: imported when something first asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from chainrule.errors import MissingPackageError

DISTRIBUTIONS = {"PIL": "pillow", "py_landlock": "py-landlock"}  # others have their module's name


def is_installed(package: str) -> bool:
    """True if a package is there to be imported."""
    return find_spec(package) is not None


@contextmanager
def packages_for(asker: str) -> Iterator[None]:
    """Say what to install where an import within this block fails: a package that comes with
    chainrule, unless it was installed with ``--no-deps``.

    Args:
        asker: what needs the package, for the message.
    Raises:
        MissingPackageError: it is not installed.

    >>> with packages_for("drawing"):
    ...     import pencil
    Traceback (most recent call last):
    ...
    chainrule.errors.MissingPackageError: drawing needs pencil: pip install pencil
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise missing_package(asker, error) from None


def missing_package(asker: str, error: ModuleNotFoundError) -> MissingPackageError:
    """What to say of a package that is not installed.

    Raises:
        ModuleNotFoundError: what is missing belongs to chainrule itself.
    """
    module = (error.name or "").partition(".")[0]
    if module in ("", "chainrule"):
        raise error
    package = DISTRIBUTIONS.get(module, module.replace("_", "-"))
    return MissingPackageError(f"{asker} needs {package}: pip install {package}")


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
