"""From layers to instructions.

To lower a layer is to write down the instructions of its forward pass and to return what writes
down those of its backward pass: a function from dy to dx. So a network is lowered as the chain rule
reads, and containers need no instructions of their own but copies and sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from chainrule import layers
from chainrule.engine.program.exchange import Exchange
from chainrule.engine.program.instructions import Code, Instruction, Tensor, Wait
from chainrule.engine.program.obstacles import Unlowerable
from chainrule.engine.program.registry import LOWERINGS, operation_of
from chainrule.layers.base import Layer
from chainrule.layers.convolution import Convolution
from chainrule.types import Array, Shape

Pullback = Callable[[Tensor], Tensor | None]
Lowered = tuple[Tensor, Pullback]


@dataclass
class RandomLayer:
    """A layer that draws random numbers: the state of its generator in the machine's form, how
    many numbers an example takes, and the instructions that draw them."""

    state: Array
    drawn: int = 0
    uses: list[Instruction] = field(default_factory=list)


@dataclass
class Lowering:
    """Collects the instructions of a network.

    Args:
        training: True if there will be a backward pass, and layers act as in training.
        small_steps: True if steps have so few examples that weights are not worth arranging.
        sharing_threads: how many threads share out the weights of large dense layers, since steps
            have few examples; 1 if they share out the examples.
        interleaving: how many examples may be interleaved; 1 where steps have too few.
        transposed: True if tensors are transposed, see `operations.dense_transposed`.
        steps_at_once: True if dense weights are moved as their gradient is found.
        exchange: what gives other processes what this one has; None where it trains alone.
    """

    training: bool
    small_steps: bool = False
    sharing_threads: int = 1
    interleaving: int = 1
    transposed: bool = False
    steps_at_once: bool = False
    exchange: Exchange | None = None

    def __post_init__(self) -> None:
        self.code = Code()
        self.interleaved = 1  # how many examples are, where the lowering is now
        self.needs_whole_batch = False
        self.moved: set[int] = set()  # addresses of weights that are moved at once
        self.begun: set[int] = set()  # gradients that something has been written to
        self.arranged: dict[Any, Array] = {}  # copies of weights in another order
        self.random_layers: dict[Layer, RandomLayer] = {}

    def lower(self, layer: Layer, x: Tensor, shape: Shape) -> Lowered:
        """Write down a layer's forward pass for inputs of this shape."""
        try:
            lower = LOWERINGS[type(layer)]
        except KeyError:
            raise Unlowerable(f"the layer {type(layer).__name__}") from None
        lowered: Lowered = lower(self, layer, x, shape)
        return lowered

    def forward(self, operands: Any) -> None:
        """Write down an instruction of the forward pass."""
        self._over_examples(self.code.forward, operands)

    def backward(self, operands: Any) -> None:
        """Write down an instruction of the backward pass."""
        self._over_examples(self.code.backward, operands)

    def _over_examples(self, part: list[Instruction], operands: Any) -> None:
        """Write down an instruction; where every share of it takes all examples, of which threads
        have worked out some each, they wait for each other before and after it."""
        instruction = Instruction(operands, self.interleaved)
        if operation_of(instruction).takes_all:
            self.wait(part)
            part.append(instruction)
            self.wait(part)
        else:
            part.append(instruction)

    def shared(self, operands: Any) -> None:
        """Write down an instruction that sums a gradient over all examples."""
        self.code.shared.append(Instruction(operands))

    def gather(self, operands: Any) -> None:
        """Write down an instruction that sums what threads have added up of a gradient."""
        self.code.gather.append(Instruction(operands))

    def finish(self, operands: Any) -> None:
        """Write down an instruction that completes a gradient."""
        self.code.finish.append(Instruction(operands))

    def wait(self, part: list[Instruction]) -> None:
        """Have all threads wait for each other."""
        part.append(Instruction(Wait()))

    @contextmanager
    def interleave(self) -> Iterator[None]:
        """Lower what is within for interleaved examples."""
        self.interleaved = self.interleaving
        yield
        self.interleaved = 1

    def output(self, x: Tensor, size: int, learns: bool = False) -> Tensor:
        """A new tensor, for the next operation to do with as it likes."""
        return Tensor(size, wants_gradient=x.wants_gradient or learns, owned=True)

    def begins(self, gradient: Array) -> bool:
        """True if nothing has been added to this gradient yet."""
        new = id(gradient) not in self.begun
        self.begun.add(id(gradient))
        return new

    def arrange(self, key: Any, copy: Array, operands: Any) -> Array:
        """A copy of weights in another order, kept up to date by this operation."""
        if key not in self.arranged:
            self.code.arrange.append(Instruction(operands))
            self.arranged[key] = copy
        return self.arranged[key]


def multiplications(layer: Layer) -> int:
    """Those of a layer's forward pass for one example."""
    if isinstance(layer, layers.Dense):
        return int(layer.W.size)
    if isinstance(layer, Convolution):
        return int(layer.W.size) * math.prod(layer.windows.positions)
    return 0


def rows_and_width(parameter: Array) -> tuple[int, int]:
    """A parameter as a matrix, whose rows are shared out among the threads."""
    width = parameter.shape[-1] if parameter.ndim > 1 else 1
    return parameter.size // width, width
