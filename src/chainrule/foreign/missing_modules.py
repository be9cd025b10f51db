"""Stand-ins for modules that are not installed: what only plots, shows progress or reads data is
not needed to check gradients."""

from __future__ import annotations

import sys
import types
from typing import Any

from chainrule.foreign.errors import CannotCheckError

PASSING_ON = {"tqdm", "trange", "tqdm_notebook", "jit", "njit", "track", "autojit"}
"""What gives back what it is handed: a loop with its progress shown, a function compiled."""


class MissingModuleError(CannotCheckError):
    """Code needs something of a module that is not installed."""


class StandIn(types.ModuleType):
    """A module, or anything in it, that is not installed: it can be imported and named, also as the
    base of a class, but not called."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        vars(self).update({"__path__": [], "__all__": []})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn(f"{self.__name__}.{name}")

    def __call__(self, *values: Any, **keywords: Any) -> Any:
        last = self.__name__.rpartition(".")[2]
        if last == "trange":
            return range(*values)
        if last in PASSING_ON:
            return values[0] if values else lambda function: function
        raise MissingModuleError(f"{self.__name__} is needed, which is not installed")

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return ()


def stand_in_for(missing: str) -> None:
    """From now on, importing `missing` gives a stand-in."""
    sys.modules[missing] = StandIn(missing)
