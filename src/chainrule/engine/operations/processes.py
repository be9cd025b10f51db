"""What several processes do together in a step: one share of each calls Python, which has them tell
each other what they have; the others wait."""

from __future__ import annotations

from typing import Any, NamedTuple

from chainrule.chain import Chain
from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.native import call
from chainrule.engine.codegen.operands import context_at, read
from chainrule.engine.program.instructions import Instruction
from chainrule.engine.program.lowering import Lowering
from chainrule.engine.program.records import Task
from chainrule.engine.program.registry import handles


class AddUpProcesses(NamedTuple):
    """The gradient and the loss of a step, added up over all processes."""

    function: int


def add_up_processes(to: Lowering, network: Chain) -> None:
    """Have the gradients of all processes added up, where there are several."""
    if to.exchange is not None:
        function = to.exchange.gradient_with_loss(network.gradients.flat)
        to.code.exchange.append(Instruction(AddUpProcesses(function)))


# --- kernels --------------------------------------------------------------------------------------


@kernel
def ask_processes(task: Task, function: int, numbers: int, like: Any) -> None:
    """Have numbers at an address replaced by what all processes make of them."""
    context = context_at(task.context)
    context.is_exchanging = 1
    call(function, numbers, like)
    context.is_exchanging = 0


@handles(AddUpProcesses)
def add_up(task: Task, like: Any) -> None:
    """The gradient and the loss of all processes, by the first share."""
    operands: Any = read(task, AddUpProcesses)
    if task.share == 0:
        ask_processes(task, operands.function, 0, like)
