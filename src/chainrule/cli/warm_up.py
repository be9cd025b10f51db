"""``chainrule warm-up``: compile the engine ahead of its first use."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Annotated

import typer

from chainrule.presentation.display import say


def warm_up(
    dtype: Annotated[
        str, typer.Option("--dtype", metavar="TYPE", help="float32, float64 or both.")
    ] = "both",
) -> None:
    """Compile the engine now, so that the first training need not. Where its kernels came with the
    wheel, there is nothing to compile.

    What was compiled is kept for all later runs on this machine; damaged files are compiled anew.
    The command says in which folder, which can be deleted at any time: uninstalling chainrule
    leaves it behind. To have another folder, set CHAINRULE_CACHE.

    \b
    Examples:
      chainrule warm-up
      chainrule warm-up --dtype float32
    """
    from chainrule.arguments import choice
    from chainrule.engine.codegen.llvm import has_compiler
    from chainrule.engine.codegen.processor import VECTORS
    from chainrule.engine.program.obstacles import NoKernels
    from chainrule.engine.running.built import built_kernels
    from chainrule.engine.running.code_cache import code_folder
    from chainrule.engine.running.compiling import ELSEWHERE, HOW_LONG, compile_all, missing
    from chainrule.errors import ChainruleError, OutputError
    from chainrule.presentation.display import counted, format_seconds, waiting

    choice(dtype, "dtype", ["both", "float32", "float64"])
    if built_kernels():
        say(f"kernels from the wheel, {VECTORS.name}: there is nothing to compile")
        say_where_the_cache_is()
        return
    if not has_compiler():
        raise ChainruleError(f"the engine is off: {NoKernels()}")
    began, compiled = time.perf_counter(), 0
    for one in ["float32", "float64"] if dtype == "both" else [dtype]:
        new = missing(one)
        if not new:
            continue
        with waiting(f"compiling {counted(len(new), 'function')} for {one}: {HOW_LONG}"):
            try:
                compile_all(one)
            except OutputError as problem:
                raise OutputError(f"{problem}; {ELSEWHERE}") from None
        compiled += len(new)
    took = format_seconds(time.perf_counter() - began)
    say(f"{counted(compiled, 'function')} compiled in {took}, kept in {code_folder()}")
    say_where_the_cache_is()


def say_where_the_cache_is() -> None:
    """Say which folder an uninstallation leaves behind, where there is one."""
    from chainrule.errors import OutputError
    from chainrule.files import cache_folder

    with suppress(OutputError):
        say(f"{cache_folder()} has compiled code and downloads; it can be deleted at any time")
