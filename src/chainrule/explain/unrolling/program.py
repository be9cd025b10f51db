"""A program that was written out, and what one does with it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.abc import InspectLoader
from types import ModuleType
from typing import Any

import numpy as np

from chainrule.errors import LayerError
from chainrule.explain.errors import CannotExplainError
from chainrule.explain.examples import example_batch
from chainrule.losses import Loss
from chainrule.network import Network
from chainrule.optimizers import Optimizer
from chainrule.types import Array

CHECKED_SIZES = (5, 1)  # examples in the batches that a program is checked with


@dataclass(frozen=True)
class Program:
    """One training step as straight-line source; printing it shows it.

    `names` says what each array of the network is called: ``{"0.W": "W1"}``.
    """

    source: str
    loss: Loss
    optimizer: Optimizer
    names: Mapping[str, str]
    given: tuple[str, ...]  # the dictionaries that the step is given before x and y

    @cached_property
    def functions(self) -> dict[str, Any]:
        """The functions of the program, ready to be called."""
        module = ModuleType("unrolled")
        _Loader(self.source).exec_module(module)
        return vars(module)

    def start(self, network: Network, epoch: int = 0) -> dict[str, Any]:
        """Copies of the network's arrays under the program's names, and all else that the step
        is given, ready for ``train_step(**start, x=x, y=y)``."""
        parameters = {self.names[key]: array.copy() for key, array in network.parameters.items()}
        made: dict[str, Callable[[], Any]] = {
            "params": lambda: parameters,
            "buffers": lambda: {self.names[k]: b.copy() for k, b in network.buffers.items()},
            "state": lambda: self.functions["first_state"](parameters),
            "rngs": lambda: self.functions["random_streams"](epoch),
        }
        return {name: made[name]() for name in self.given}

    def train_step(self, **given: Any) -> tuple[Array, float, dict[str, Array]]:
        """Run the program's step: the outputs, the loss, the gradients."""
        result: tuple[Array, float, dict[str, Array]] = self.functions["train_step"](**given)
        return result

    def __str__(self) -> str:
        return self.source

    __repr__ = __str__


class _Loader(InspectLoader):
    """Runs a text as Python runs a file."""

    def __init__(self, source: str) -> None:
        self.source = source

    def get_source(self, fullname: str) -> str:
        return self.source


def verify(program: Program, network: Network) -> None:
    """Run a program beside its network, and refuse it where a single bit differs.

    Raises:
        CannotExplainError: the program computes something else.
    """
    for size, what in differences(program, network):
        raise CannotExplainError(
            f"for {size} example{'s' if size > 1 else ''} the program gives another {what} than "
            "the network: a layer does something that its lines do not show, such as treating "
            "some sizes of batch in its own way"
        )


def differences(program: Program, network: Network) -> Iterator[tuple[int, str]]:
    """Where some steps of the program differ from those of the network: with how many examples,
    and in what. A size of batch that the network itself refuses is left out."""
    twin, optimizer = copy.deepcopy(network), program.optimizer
    state = optimizer.start(twin.parameters.flat)
    given = program.start(twin, epoch=1)
    twin.start_epoch(1)
    for size in CHECKED_SIZES:
        x, y = example_batch(network, program.loss, size)
        try:
            outputs, caches = twin.forward(x, training=True)
            value = twin.backward_from_loss(outputs, caches, y, program.loss)
        except (ArithmeticError, LayerError, ValueError):
            continue
        expected = {"output": outputs.copy(), "loss": value}
        twin.decay_weights(optimizer.learning_rate)
        optimizer.step(twin.parameters.flat, twin.gradients.flat, state)
        its_outputs, its_loss, gradients = program.train_step(**given, x=x, y=y)
        found = {"output": its_outputs, "loss": its_loss}
        for key, name in program.names.items():
            if key in twin.parameters:
                expected |= {f"gradient of {key}": twin.gradients[key], key: twin.parameters[key]}
                found |= {f"gradient of {key}": gradients[name], key: given["params"][name]}
            else:
                expected[key], found[key] = twin.buffers[key], given["buffers"][name]
        yield from ((size, what) for what in expected if not same_bits(found[what], expected[what]))


def same_bits(one: Any, other: Any) -> bool:
    """True if two arrays or numbers are equal to the last bit; 0 and -0 are the same number."""
    one, other = np.asarray(one), np.asarray(other)
    if (one.shape, one.dtype) != (other.shape, other.dtype):
        return False
    return bool(np.array_equal(one, other, equal_nan=True))
