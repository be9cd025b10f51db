"""An object of the user's, whose methods are followed."""

from __future__ import annotations

import inspect
from types import FunctionType, MethodType
from typing import Any

from chainrule.explain.unrolling.symbols import Stand


class Held(Stand):
    """An object of the user's, with attributes that its code may give other values."""

    def __init__(self, code: Any, attributes: dict[str, Any]) -> None:
        self.code, self.attributes = code, attributes

    def attribute(self, name: str) -> Any:
        if name in self.attributes:
            return self.attributes[name]
        of_class = inspect.getattr_static(type(self.code), name, None)
        if isinstance(of_class, FunctionType):
            return MethodType(of_class, self)
        return getattr(self.code, name)
