"""What handlers call and do not contain: tiles, packing and transforms, a module of LLVM's for each
type of number."""

from __future__ import annotations

from functools import partial
from typing import Any

from chainrule.engine.codegen.emitter import INT, declared, define
from chainrule.engine.codegen.kernel import intrinsic, ir, types
from chainrule.engine.codegen.packing import all_packs, emit_pack
from chainrule.engine.codegen.tiles import all_tiles, emit_tile
from chainrule.engine.codegen.winograd_transforms import all_transforms, emit_transform

LIBRARY = "library.run"
ITEMS = {"float32": 4, "float64": 8}


def library_source(dtype: str) -> str:
    """The module: all tiles, packs and transforms, and `run`, which calls the one whose number
    comes first in the task that it is given."""
    module, signature = ir.Module("library"), task_function()
    bodies = [
        *((tile.name, partial(emit_tile, tile)) for tile in all_tiles()),
        *((pack.name, partial(emit_pack, pack)) for pack in all_packs()),
        *((one.name, partial(emit_transform, one)) for one in all_transforms()),
    ]
    functions = [ir.Function(module, signature, name) for name, _ in bodies]
    for function, (_, body) in zip(functions, bodies, strict=True):
        function.linkage = "internal"
        define(function, ITEMS[dtype], body)
    table = ir.GlobalVariable(module, ir.ArrayType(signature.as_pointer(), len(bodies)), "table")
    table.global_constant, table.linkage = True, "internal"
    table.initializer = ir.Constant(table.value_type, functions)
    function = ir.Function(module, signature, symbol(LIBRARY, dtype))
    builder = ir.IRBuilder(function.append_basic_block())
    (task,) = function.args
    number = builder.load(builder.inttoptr(task, INT.as_pointer()))
    builder.call(builder.load(builder.gep(table, [INT(0), number])), [task], tail=True)
    builder.ret_void()
    return str(module)


def task_function() -> Any:
    """The type of all functions, which are given the address of a task."""
    return ir.FunctionType(ir.VoidType(), [INT])


def symbol(name: str, dtype: str) -> str:
    """What a function, given as module and name, is called in its object file."""
    return f"chainrule_{name.replace('.', '_')}_{dtype}"


@intrinsic
def run(typing_context: Any, task: Any, like: Any) -> Any:
    """Carry out a task, given its address."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        function = declared(builder.module, symbol(LIBRARY, str(like)), task_function())
        builder.call(function, given[:1])
        return context.get_dummy_value()

    return types.void(types.int64, like), generate
