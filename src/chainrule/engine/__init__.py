"""The compiled engine: a whole network, its loss and its optimizer as one program.

    lowering      layers become instructions over tensors, forward and backward
    assembly      the loss between, the optimizer behind
    program       a plan of memory, and tables
    machine       the compiled loop that runs any program; `dense`, `images`, `activations`,
                  `normalization`, `dropout`, `losses`, `updates` are what it calls
    compiling     from a kernel to machine code; `code_cache` keeps it on disk
    compiled      machine code in memory, by its addresses
    session       training and prediction

Layers know nothing of all this: their `forward` and `backward` say what is right, and every
instruction is tested against them.
"""

from chainrule.engine.operations.lowering import Unlowerable
from chainrule.engine.running.session import CompiledPredictor, CompiledRunner

__all__ = ["CompiledPredictor", "CompiledRunner", "Unlowerable"]
