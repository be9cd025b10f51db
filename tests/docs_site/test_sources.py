"""What the documentation site is made from: pages and docstrings are read without a warning, what
they refer to is there, and the reference has every public name."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import chainrule as cr
from tests.docs_site.building import build


def test_all_is_read_without_a_warning_and_the_reference_has_every_public_name(
    tmp_path: Path,
) -> None:
    """All but what tutorials show, which `test_tutorials` runs: in which language that is, only a
    run of it tells Sphinx."""
    messages = build(tmp_path, "dummy", "-D", "nb_execution_mode=off").splitlines()
    said = [each for each in messages if "No source code lexer found for notebook" not in each]
    assert not said, "\n".join(said)
    missing = sorted(set(public_names()) - documented(tmp_path / ".doctrees"))
    assert not missing, missing


def documented(folder: Path) -> set[str]:
    """The names of Python that the site explains, as Sphinx notes them."""
    environment = pickle.loads((folder / "environment.pickle").read_bytes())
    return set(environment.domaindata["py"]["objects"])


def public_names() -> Iterator[str]:
    """All that a user reaches from ``cr``: names, and those of modules that are not also flat."""
    modules = {name for name in dir(cr) if isinstance(getattr(cr, name), ModuleType)}
    flat = set(dir(cr)) - modules - {"__version__"}
    yield from (f"chainrule.{name}" for name in flat)
    for module in modules:
        names = set(public_names_of(import_module(f"chainrule.{module}")))
        if not names <= flat:
            yield from (f"chainrule.{module}.{name}" for name in names)


def public_names_of(module: ModuleType) -> list[str]:
    """What a module says is public, or else the classes that it defines."""
    own = [
        name
        for name, thing in vars(module).items()
        if inspect.isclass(thing) and thing.__module__ == module.__name__
    ]
    names = getattr(module, "__all__", own)
    return [name for name in names if not isinstance(getattr(module, name), ModuleType)]
