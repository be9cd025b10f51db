"""Stand-ins for modules that are not installed: what only plots, shows progress or reads data is
not needed to check gradients."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

import numpy as np

from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.stand_ins.missing_data import data_from
from chainrule.types import Array

PASSING_ON = {"tqdm", "tqdm_notebook", "jit", "njit", "track", "autojit"}
"""What gives back what it is handed: a loop with its progress shown, a function compiled."""
ONLY_TELLING = {"loguru", "rich", "termcolor", "colorama", "alive_progress", "wandb", "tabulate"}
"""Modules that say what goes on, and whatever is called in them gives nothing that is needed."""


class MissingModuleError(CannotCheckError):
    """Code needs something of a module that is not installed."""


class StandIn(types.ModuleType):
    """A module, or anything in it, that is not installed: it can be imported and named, also as the
    base of a class, but not called, unless it loads a well-known data set."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        vars(self).update({"__path__": [], "__all__": []})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn(f"{self.__name__}.{name}")

    def __deepcopy__(self, memo: dict[int, Any]) -> StandIn:
        return self

    def __call__(self, *values: Any, **keywords: Any) -> Any:
        first, last = self.__name__.partition(".")[0], self.__name__.rpartition(".")[2]
        if last == "trange":
            return _Progress(range(*values))
        if first == "tqdm":
            return _Progress((*values, ())[0])
        if first in ONLY_TELLING:
            return Drawing(f"{self.__name__}()")
        if last in PASSING_ON:
            return values[0] if values else lambda function: function
        if (data := data_from(self.__name__, values)) is not None:
            return data
        if last == "to_categorical":
            return _with_a_one(*values, **keywords)
        raise MissingModuleError(f"{self.__name__} is needed, which is not installed")

    def __add__(self, other: Any) -> Any:
        """Text in a colour of a module that only tells: the text."""
        first = self.__name__.partition(".")[0]
        if first not in ONLY_TELLING or not isinstance(other, (str, StandIn)):
            return NotImplemented
        return other

    __radd__ = __add__

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return ()


def _with_a_one(y: Any, num_classes: int | None = None, **_: Any) -> Array:
    """Class numbers as rows with a one."""
    classes = np.asarray(y, int).ravel()
    return np.eye(num_classes or int(classes.max()) + 1)[classes]


class _Progress:
    """A loop whose progress would be shown."""

    def __init__(self, rounds: Any) -> None:
        self.rounds = rounds

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rounds)

    def __len__(self) -> int:
        return len(self.rounds)

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *values, **keywords: None


def stand_in_for(missing: str) -> None:
    """From now on, importing `missing`, or what lies in it, gives a stand-in."""
    for name in [name for name in sys.modules if name.startswith(f"{missing}.")]:
        del sys.modules[name]
    sys.modules[missing] = StandIn(missing)


# --- plots ----------------------------------------------------------------------------------

PLOTS = ("matplotlib", "seaborn", "plotly", "bokeh")


class Drawing(StandIn):
    """A stand-in that lets code draw, and draws nothing: whatever is called gives another one."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Drawing(f"{self.__name__}.{name}")

    def __call__(self, *values: Any, **keywords: Any) -> Any:
        last = self.__name__.rpartition(".")[2]
        made = Drawing(f"{self.__name__}()")
        if last == "subplots":
            return made, _axes(made, *values, **keywords)
        if last == "hist":
            return made, made, made
        return [made] if last == "plot" else made

    def __getitem__(self, _: Any) -> Drawing:
        return self

    def __setitem__(self, _: Any, __: Any) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __enter__(self) -> Drawing:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def _axes(drawing: Drawing, nrows: int = 1, ncols: int = 1, *_: Any, **__: Any) -> Any:
    """What `subplots` gives besides the figure: one drawing, a row of them, or a table."""
    table = np.full((nrows, ncols), None, object)
    table.fill(drawing)
    return drawing if table.size == 1 else table.squeeze()


class _DrawingFinder(MetaPathFinder, Loader):
    """Finds a drawing in the place of each module that plots, and of those within it."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        is_plot = fullname.partition(".")[0] in PLOTS
        return ModuleSpec(fullname, self, is_package=True) if is_plot else None

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        return Drawing(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        pass


@contextmanager
def stand_in_for_plots() -> Iterator[None]:
    """Within, modules that plot are imported as stand-ins that draw nothing."""
    real = {name: sys.modules.pop(name) for name in list(sys.modules) if _plots(name)}
    finder = _DrawingFinder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if _plots(name)]:
            del sys.modules[name]
        sys.modules.update(real)


def _plots(module: str) -> bool:
    return module.partition(".")[0] in PLOTS
