"""The whole chain rule of a network, written out: as source, as numbers, as formulas.

    cr.explain(net)                     the training step as plain NumPy, line by line
    cr.explain.trace(net, x, y)         the numbers of an example in every layer, there and back
    cr.explain.latex(net)               the same derivation as formulas
    cr.explain.compare(net, other, x)   beside a model of PyTorch or Keras, layer by layer

The first of them is short for ``cr.explain.unroll(net)``.
"""

from __future__ import annotations

import sys
from types import ModuleType

from chainrule.configurable import Description
from chainrule.explain.comparing.compare import Comparison, compare
from chainrule.explain.errors import CannotExplainError
from chainrule.explain.formulas.document import latex
from chainrule.explain.tracing.trace import Trace, trace
from chainrule.explain.unrolling.network import unroll
from chainrule.explain.unrolling.program import Program
from chainrule.losses import Loss
from chainrule.network import Network
from chainrule.optimizers import Optimizer

__all__ = [
    "CannotExplainError",
    "Comparison",
    "Program",
    "Trace",
    "compare",
    "latex",
    "trace",
    "unroll",
]


class _Explain(ModuleType):
    """A module that can be called: ``cr.explain(net)`` is ``cr.explain.unroll(net)``."""

    def __call__(
        self,
        network: Network,
        loss: Loss | Description | None = None,
        optimizer: Optimizer | Description = "adam",
    ) -> Program:
        return unroll(network, loss, optimizer)


sys.modules[__name__].__class__ = _Explain
