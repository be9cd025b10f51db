"""The compiled engine: a whole network, its loss and its optimizer as one program.

Layers know nothing of it: their `forward` and `backward` say what is right, and every operation is
tested against them. Five packages, of which each imports only those before it; the docstring of
each lists its files:

    program     what a program is: instructions with named operands, tables, the registry
    codegen     what operations are written with: vectors, tiles, products, functions
    operations  every operation, a file each: operands, lowering, kernel
    plan        a network becomes code, and code a plan of memory
    running     the machine, machine code on disk, threads, training and prediction

How a dense layer becomes machine code:

1. `Network.fit` makes a `running.session.CompiledRunner`, which asks `plan.assembly` for a plan.
2. `assembly` has the network lowered. For each layer, `program.lowering.Lowering.lower` looks up
   the function that `@lowers` registered; for Dense it is `operations.dense.lower_dense`. It writes
   down ``Dense(x, y, layer.W, layer.b)``, an instruction with named operands, and returns `pull`,
   which later writes down those of the backward pass: DenseDw, DenseDb, DenseDx.
3. `plan.plan.Plan` gives every tensor its place in memory, and turns the instructions into a table:
   a row for each, with a slot for each operand, see `program.operands`.
4. `running.session.load` puts the address of each instruction's handler into its row. Here it is
   `operations.dense.dense`, which `@handles` registered. `built` has its machine code, where it
   came with the wheel; else `compiled` has it in memory, or `code_cache` on disk, or `compiling`
   makes it: Numba compiles, LLVM writes an object file.
5. `running.machine.run` goes over the table and calls the handlers. `dense` has its operands read
   back by name, as addresses and numbers (`codegen.operands.read`), and calls
   `codegen.products.multiply`, which cuts y = x W + b into blocks and tiles; `codegen.tiles` sums
   each tile in the processor's registers.

To add an operation, add a file to `operations`: see docs/engine.md.
"""

from chainrule.engine.program.obstacles import Obstacle
from chainrule.engine.running.session import CompiledPredictor, CompiledRunner

__all__ = ["CompiledPredictor", "CompiledRunner", "Obstacle"]
