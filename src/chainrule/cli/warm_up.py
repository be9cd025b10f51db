"""``chainrule warm-up``: compile the engine ahead of its first use."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from chainrule.display import say


def warm_up(
    dtype: Annotated[
        str, typer.Option("--dtype", metavar="TYPE", help="float32, float64 or both.")
    ] = "both",
) -> None:
    """Compile the engine, so that the first training need not. Where its kernels came with the
    wheel, there is nothing to compile.

    What was compiled is kept for all later runs on this machine, and damaged files are made anew.
    To keep it elsewhere, name a folder with CHAINRULE_CACHE.

    \b
    Examples:
      chainrule warm-up
      chainrule warm-up --dtype float32
    """
    from chainrule.arguments import choice
    from chainrule.display import format_seconds, waiting
    from chainrule.engine.codegen.llvm import has_compiler
    from chainrule.engine.codegen.processor import VECTORS
    from chainrule.engine.program.obstacles import NoKernels
    from chainrule.engine.running.built import built_kernels
    from chainrule.engine.running.code_cache import code_folder
    from chainrule.engine.running.compiling import ELSEWHERE, compile_all, missing
    from chainrule.errors import ChainruleError, OutputError

    choice(dtype, "dtype", ["both", "float32", "float64"])
    if built_kernels():
        say(f"kernels from the wheel, {VECTORS.name}: there is nothing to compile")
        return
    if not has_compiler():
        raise ChainruleError(f"the engine is off: {NoKernels()}")
    began, compiled = time.perf_counter(), 0
    for one in ["float32", "float64"] if dtype == "both" else [dtype]:
        new = missing(one)
        with waiting(f"compiling {len(new)} functions for {one}"):
            try:
                compile_all(one)
            except OutputError as problem:
                raise OutputError(f"{problem}; {ELSEWHERE}") from None
        compiled += len(new)
    took = format_seconds(time.perf_counter() - began)
    say(f"{compiled} functions compiled in {took}; they are in {code_folder()}")
