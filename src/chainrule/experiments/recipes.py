"""Recipes: files with options of ``chainrule train`` that go well together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chainrule.configurable import find_name
from chainrule.errors import ConfigError
from chainrule.experiments.config import read_config

FOLDER = Path(__file__).parents[1] / "recipes"


def recipe_names() -> list[str]:
    """The recipes that come with chainrule.

    >>> recipe_names()
    ['best']
    """
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read_recipe(name: str) -> dict[str, Any]:
    """The options of a recipe, given by its name or as a file of one's own.

    Raises:
        UnknownNameError: no such recipe.
        ConfigError: not TOML, a name that is no option, or data: a recipe is for any.
    """
    path = Path(name)
    if path.suffix != ".toml":
        path = FOLDER / f"{find_name(name, recipe_names(), 'recipe')}.toml"
    options = read_config(path)
    if "data" in options:
        raise ConfigError(f"{path} names data, and a recipe is for any: use --config {path}")
    return options
