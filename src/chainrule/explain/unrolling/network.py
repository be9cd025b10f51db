"""A network, its loss and its optimizer as one straight-line function over NumPy.

The lines are those of the layers' own `forward` and `backward`, of the loss's `formulas` and of
the optimizer's `update`, followed one by one, so that they cannot drift from what the network
does. Before a program is handed over it is run beside the network, and must give the same bits.
"""

from __future__ import annotations

import ast
from types import SimpleNamespace
from typing import Any

import numpy as np

from chainrule.configurable import Description, build
from chainrule.explain.examples import example_batch, usual_loss
from chainrule.explain.unrolling.arithmetic import binary
from chainrule.explain.unrolling.assembly import assemble
from chainrule.explain.unrolling.program import Program, verify
from chainrule.explain.unrolling.session import Session
from chainrule.explain.unrolling.symbols import TRIAL_SIZES, TRIALS, Symbol
from chainrule.explain.unrolling.update import Update
from chainrule.explain.unrolling.writer import Writer
from chainrule.losses import LOSSES, Loss
from chainrule.network import Network
from chainrule.optimizers import OPTIMIZERS, Optimizer


def unroll(
    network: Network,
    loss: Loss | Description | None = None,
    optimizer: Optimizer | Description = "adam",
) -> Program:
    """The training step of a network as a program of plain NumPy.

    Args:
        network: any network of layers whose code is Python with a source.
        loss: the one it was trained with unless given; for a network that was not trained,
            cross-entropy where it has several outputs, else the squared error.
        optimizer: an object, or its name.
    Raises:
        CannotExplainError: a layer that does not turn into straight lines; the message names
            it and says why.

    >>> from chainrule.layers import Dense, ReLU
    >>> network = Network([Dense(8), ReLU(), Dense(3)], input_shape=4)
    >>> lines = unroll(network, optimizer="sgd").source.splitlines()
    >>> start = lines.index("    # forward")
    >>> print("\\n".join(lines[start : start + 4]))
        # forward
        z1 = x @ W1 + b1                            # (N, 8)        0 Dense
        a1 = np.maximum(z1, 0)                      # (N, 8)        1 ReLU
        z2 = a1 @ W2 + b2                           # (N, 3)        2 Dense
    """
    chosen = build(loss, LOSSES, "loss") if loss is not None else usual_loss(network)
    with np.errstate(all="ignore"):
        program = _Unroller(network, chosen, build(optimizer, OPTIMIZERS, "optimizer")).program()
        verify(program, network)
    return program


class _Unroller:
    """Writes the sections of the program, in the order in which they run."""

    def __init__(self, network: Network, loss: Loss, optimizer: Optimizer) -> None:
        self.network, self.loss, self.optimizer = network, loss, optimizer
        self.writer = Writer()
        self.session = Session(network, self.writer)
        batches = [example_batch(network, loss, count) for count in TRIAL_SIZES]
        self.x = self.writer.parameter("x", tuple(x for x, _ in batches))
        self.y = self.writer.parameter("y", tuple(y for _, y in batches))
        rates = (optimizer.learning_rate,) * len(TRIALS)
        self.rate = self.writer.parameter("learning_rate", rates)

    def program(self) -> Program:
        session, writer = self.session, self.writer
        writer.remark("forward", opens_section=True)
        outputs, kept = session.forward(self.network.root, self.x, True)
        session.declare_rest()
        session.number = None
        scale = self.network.target_scale
        of = "" if scale is None else f", of targets y that are {scale.describe()}"
        writer.remark(f"loss: {self.loss!r}{of}", opens_section=True)
        value, dy = self._loss(outputs)
        writer.remark("backward", opens_section=True)
        session.backward(self.network.root, dy, kept)
        session.number = None
        for key in session.parameters():
            if key not in session.gradients:
                session.zero_gradient(key)
        for key, regularizer in self.network.state.regularizers.items():
            session.follow(
                type(regularizer).add_gradient,
                [regularizer, session.arrays[key], session.gradients[key]],
                {},
            )
        writer.remark(f"update: {self.optimizer!r}", opens_section=True)
        update = Update(session, self.optimizer, self.rate)
        update.write()
        return assemble(session, self.loss, self.optimizer, update, outputs, value)

    def _loss(self, outputs: Symbol) -> tuple[Symbol, Any]:
        """Write the loss, penalties included; it, and the gradient that backward begins with."""
        session, loss = self.session, self.loss
        given = [loss, outputs, self.y]
        with session.at("the loss"):
            value, cache = session.follow(type(loss).forward, given, {})
            stand = SimpleNamespace(state=self.network.state, parameters=session.parameters())
            penalty = session.follow(Network.penalty, [stand], {})
            total = session.assign("loss", binary(ast.Add(), value, penalty))
            return total, session.follow(type(loss).backward, [loss, cache], {})
