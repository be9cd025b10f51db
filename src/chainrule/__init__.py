"""chainrule: neural networks in which every gradient is written out by hand.

    import chainrule as cr

    net = cr.Network([cr.Flatten(), cr.Dense(128), cr.ReLU(), cr.Dense(10)], (28, 28, 1))
    net.fit(x, y, loss="softmax_cross_entropy", optimizer=cr.Adam(learning_rate=1e-3), epochs=3)

Data flows through the modules in this order: `data`, `network` (made of `layers`), `losses`,
backward, `optimizers`, `trainer`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chainrule.augment import *
    from chainrule.averages import *
    from chainrule.callbacks import *
    from chainrule.checkpoint import *
    from chainrule.ensemble import *
    from chainrule.history import *
    from chainrule.hub import *
    from chainrule.layers import *
    from chainrule.losses import *
    from chainrule.network import *
    from chainrule.onnx_import import *
    from chainrule.optimizers import *
    from chainrule.regularizers import *
    from chainrule.reports import *
    from chainrule.weights import *

__version__ = "0.1.0"

# Everything in the `__all__` of these is also a name of chainrule itself …
_FLAT = (
    "augment",
    "averages",
    "network",
    "layers",
    "losses",
    "optimizers",
    "regularizers",
    "callbacks",
    "checkpoint",
    "ensemble",
    "history",
    "hub",
    "onnx_import",
    "reports",
    "weights",
)
# … while the names in these are reached through the module: `cr.schedules.Cosine`.
_MODULES = (
    "calibration",
    "check",
    "datasets",
    "errors",
    "explain",
    "initializers",
    "metrics",
    "onnx_export",
    "schedules",
    "sklearn",
    "tracking",
    *_FLAT,
)


def __getattr__(name: str) -> Any:
    # Modules are imported when a name of theirs is first used: `import chainrule` costs nothing.
    if name in _MODULES:
        return import_module(f"chainrule.{name}")
    for module in map(import_module, (f"chainrule.{flat}" for flat in _FLAT)):
        if name in module.__all__:
            return getattr(module, name)
    raise AttributeError(f"module 'chainrule' has no attribute {name!r}")


def __dir__() -> list[str]:
    flat = (import_module(f"chainrule.{module}").__all__ for module in _FLAT)
    return sorted({"__version__", *_MODULES, *(name for names in flat for name in names)})
