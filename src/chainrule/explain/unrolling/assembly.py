"""The program as one text: imports, functions, what a first call needs, and the step itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from itertools import groupby

from chainrule.explain.unrolling.layout import docstring, function_text
from chainrule.explain.unrolling.names import resolve
from chainrule.explain.unrolling.program import Program
from chainrule.explain.unrolling.session import Session
from chainrule.explain.unrolling.symbols import BATCH, Symbol, shape_text
from chainrule.explain.unrolling.update import STATE, Update
from chainrule.explain.unrolling.writer import Line, several
from chainrule.losses import Loss
from chainrule.optimizers import Optimizer
from chainrule.seeding import generator

PARAMETERS, BUFFERS, STREAMS = "params", "buffers", "rngs"  # dictionaries that the step is given
STEP = "train_step"


def assemble(
    session: Session,
    loss: Loss,
    optimizer: Optimizer,
    update: Update,
    outputs: Symbol,
    value: Symbol,
) -> Program:
    """The finished program."""
    network, writer, helpers = session.network, session.writer, session.helpers
    given = [PARAMETERS]
    given += [BUFFERS] if network.buffers else []
    given += [STATE] if update.slots or update.counters else []
    given += [STREAMS] if session.streams else []
    writer.lines[:0] = list(_unpacked(session))
    writer.lines.append(_returned(session, outputs, value))
    if session.streams:
        helpers.copy(generator)
    reserved = {BATCH, "np", STEP, "first_state", "random_streams", *given, *helpers.functions}
    names = resolve(writer.variables, reserved)
    rate = optimizer.learning_rate
    signature = f"{', '.join(given)}, x, y, learning_rate={rate!r}"
    step = function_text(STEP, writer, _doc(session, given), signature, reserved)
    functions = []
    if STATE in given:
        functions.append(_first_state(optimizer, update))
    if session.streams:
        functions.append(_random_streams(session, names))
    functions = [*helpers.texts("\n".join([*functions, step])), *functions, step]
    imports = ["\n".join(sorted(helpers.imports)), "import numpy as np"]
    opening = "\n\n".join([_title(session), *filter(None, imports)])
    source = "\n\n\n".join([opening, *functions]) + "\n"
    keys = {key: names[_id(symbol)] for key, symbol in session.arrays.items()}
    return Program(source, loss, optimizer, keys, tuple(given))


def _unpacked(session: Session) -> Iterator[Line]:
    """The lines that give each layer's arrays their names."""
    arrays = {**session.arrays, **session.streams}
    titles = session.titles()
    owners = {key: _owner(session, key) for key in arrays}
    for (position, owner), keys in groupby(arrays, lambda k: (_position(k), owners[k])):
        symbols = [arrays[key] for key in keys]
        rows = [[symbol] for symbol in symbols] if owner == BUFFERS else [symbols]
        for row in rows:
            line = _taken_from(owner, row)
            line.title = titles[position]
            yield line


def _taken_from(owner: str, symbols: list[Symbol]) -> Line:
    """``W1, b1 = params["W1"], params["b1"]``."""
    given = ast.Name(owner, ast.Load())
    items = [ast.Subscript(given, ast.Constant(_id(s)), ast.Load()) for s in symbols]
    shape = ", ".join(shape_text(symbol.trials) for symbol in symbols)
    return several([symbol.code for symbol in symbols], items, shape)


def _owner(session: Session, key: str) -> str:
    """The dictionary that holds an array or a stream of random numbers."""
    if key in session.streams:
        return STREAMS
    return PARAMETERS if key in session.network.parameters else BUFFERS


def _returned(session: Session, outputs: Symbol, value: Symbol) -> Line:
    gradients = ast.Dict(
        [ast.Constant(_id(weights)) for weights in session.parameters().values()],
        [session.gradients[key].code for key in session.parameters()],
    )
    result = ast.Tuple([outputs.code, value.code, gradients], ast.Load())
    return Line(ast.Return(result))


def _id(symbol: Symbol) -> str:
    return ast.unparse(symbol.code)


def _title(session: Session) -> str:
    layers = ", ".join(map(repr, session.network.layers)).replace("'", '"')
    text = f"One training step, written out by chainrule.\n\n{layers}"
    return "\n".join(docstring(text, indent=""))


def _doc(session: Session, given: list[str]) -> str:
    changed = [name for name in given if name != STREAMS]
    shape = f"(N, {', '.join(map(str, session.network.input_shape))})"
    listed = " and ".join([", ".join(changed[:-1]), changed[-1]] if changed[1:] else changed)
    return (
        f"Forward, loss, backward and update for a batch x of shape {shape}.\n\n"
        f"Changes {listed} in place; returns the outputs, the loss and the gradients."
    )


def _first_state(optimizer: Optimizer, update: Update) -> str:
    slots = dict.fromkeys(update.slots, "{name: np.zeros_like(w) for name, w in params.items()}")
    counters = {name: repr(value) for name, value in update.counters.items()}
    doc = f"What {type(optimizer).__name__} remembers before the first step."
    return _dictionary("first_state", PARAMETERS, doc, counters | slots)


def _random_streams(session: Session, names: Mapping[str, str]) -> str:
    streams = {
        names[_id(symbol)]: f'generator({session.network.seed}, "layer {_position(key)}", epoch)'
        for key, symbol in session.streams.items()
    }
    doc = "The random numbers of an epoch, layer by layer."
    return _dictionary("random_streams", "epoch", doc, streams)


def _dictionary(name: str, argument: str, doc: str, entries: Mapping[str, str]) -> str:
    """A function that returns a dictionary."""
    lines = [f'        "{key}": {text},' for key, text in entries.items()]
    head = [f"def {name}({argument}):", f'    """{doc}"""', "    return {"]
    return "\n".join([*head, *lines, "    }"])


def _position(key: str) -> str:
    """The position of the layer that an array belongs to."""
    return key.rpartition(".")[0]
