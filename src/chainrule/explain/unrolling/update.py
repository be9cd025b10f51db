"""The optimizer's step as lines of the program."""

from __future__ import annotations

import ast
import copy
import math
import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from chainrule.explain.unrolling.layout import function_text
from chainrule.explain.unrolling.session import Session
from chainrule.explain.unrolling.source import opening_of_doc
from chainrule.explain.unrolling.spelling import call
from chainrule.explain.unrolling.symbols import TRIALS, Stand, Symbol, shape_text
from chainrule.explain.unrolling.writer import Line, Writer, several
from chainrule.network import Network
from chainrule.optimizers import Optimizer

STATE = "state"  # what the program calls the optimizer's memory
LIKE_WEIGHTS = "as w"  # the shape of every array of an update
COUNTERS = {"step": "t", "momentum_product": "momentum_product"}  # and their names in formulas


class Update:
    """Writes weight decay, clipping and the update of every parameter.

    `slots` and `counters` are what the program keeps in its state from step to step.
    """

    def __init__(self, session: Session, optimizer: Optimizer, rate: Symbol) -> None:
        self.session = session
        self.writer = session.writer
        self.optimizer = optimizer
        self.rate = rate
        initial = optimizer.start(np.zeros(1))
        self.slots = tuple(initial.slots)
        self.rule, self.lines = self._rule()
        used = {name for line in self.lines for name in _names(line, self.rule)}
        self.used = [name for name in self.rule.parameters if name in used]
        self.counters = {
            name: getattr(initial, name) for name, letter in COUNTERS.items() if letter in used
        }

    def write(self) -> None:
        """Write all of it, in the order of the training loop."""
        parameters = self.session.parameters()
        network = SimpleNamespace(state=self.session.network.state, parameters=parameters)
        self.session.follow(Network.decay_weights, [network, self.rate], {})
        if self.optimizer.clip_value is not None or self.optimizer.clip_norm is not None:
            self._clip(parameters)
        memory = {**self._slots(), **self._count(), "rate": self.rate.code}
        name = "" if len(self.lines) == 1 else self._function()
        for key, weights in parameters.items():
            given = {**memory, "w": weights.code, "g": self.session.gradients[key].code}
            for slot in self.slots:
                given[slot] = _item(memory[slot], self._variable_id(weights))
            if not name:
                self._write_in_line(given, weights)
                continue
            called = ast.Call(ast.Name(name, ast.Load()), [given[p] for p in self.used], [])
            self.writer.run(Symbol(called, weights.trials), shape_text(weights.trials))

    def _rule(self) -> tuple[Writer, list[Line]]:
        """The lines of the optimizer's `update`, for one array w with its gradient g."""
        writer = Writer()
        arrays = {
            name: writer.parameter(name, tuple(np.ones(2 + trial) for trial in TRIALS))
            for name in ("w", "g", *self.slots)
        }
        counted = self.optimizer.start(np.zeros(1))
        self.optimizer.count_step(counted)
        counters = {
            name: writer.parameter(letter, (getattr(counted, name),) * len(TRIALS))
            for name, letter in COUNTERS.items()
        }
        rate = writer.parameter("rate", self.rate.trials)
        slots = {name: arrays[name] for name in self.slots}
        with self.session.writing(writer):
            self.session.follow(
                type(self.optimizer).update,
                [self.optimizer, arrays["w"], arrays["g"], slots, rate, Stand(**counters)],
                {},
            )
        lines = [line for line in writer.lines if isinstance(line, Line)]
        for line in lines:
            line.shape = LIKE_WEIGHTS if line.shape not in ("", "()") else line.shape
        return writer, lines

    def _function(self) -> str:
        """The rule as a function above the program; its name."""
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(self.optimizer).__name__).lower()
        doc = opening_of_doc(type(self.optimizer))
        self.session.helpers.functions[name] = function_text(
            name, self.rule, doc, signature=", ".join(self.used)
        )
        return name

    def _write_in_line(self, given: Mapping[str, ast.expr], weights: Symbol) -> None:
        """A rule of one line stands in the program itself."""
        letters = {id_: given[v.name] for id_, v in self.rule.variables.items() if v.name in given}
        statement = _Replaced(letters).visit(copy.deepcopy(self.lines[0].statement))
        self.writer.lines.append(Line(statement, shape_text(weights.trials)))

    def _slots(self) -> dict[str, ast.expr]:
        """Give the dictionaries of the state the letters that formulas have for their arrays."""
        state = ast.Name(STATE, ast.Load())
        whole = [Symbol(_item(state, slot), ({}, {})) for slot in self.slots]
        letters = [self.writer.variable(slot, ({}, {})).code for slot in self.slots]
        if whole:
            self.writer.lines.append(several(letters, [w.code for w in whole], "as params"))
        return dict(zip(self.slots, letters, strict=True))

    def _count(self) -> dict[str, ast.expr]:
        """Count the step, and give the counters the letters that formulas have for them."""
        state = ast.Name(STATE, ast.Load())
        kept = {name: Symbol(_item(state, name), (1, 1)) for name in COUNTERS}
        before = len(self.writer.lines)
        self.session.follow(type(self.optimizer).count_step, [self.optimizer, Stand(**kept)], {})
        if not self.counters:
            del self.writer.lines[before:]
        return {
            letter: self.writer.assign(letter, kept[name]).code
            for name, letter in COUNTERS.items()
            if name in self.counters
        }

    def _clip(self, parameters: Mapping[str, Symbol]) -> None:
        """Clip all gradients as one vector, and cut it up again."""
        gradients = [self.session.gradients[key] for key in parameters]
        rows = [
            Symbol(
                ast.Call(ast.Attribute(gradient.code, "ravel", ast.Load()), [], []),
                tuple(trial.ravel() for trial in gradient.trials),
            )
            for gradient in gradients
        ]
        trials = tuple(np.concatenate([row.trials[t] for row in rows]) for t in TRIALS)
        vector = self.writer.assign("gradients", Symbol(call("np.concatenate", [rows]), trials))
        writer = Writer()
        inner = writer.parameter("gradients", trials)
        with self.session.writing(writer):
            self.session.follow(type(self.optimizer).clip, [self.optimizer, inner], {})
        doc = opening_of_doc(type(self.optimizer).clip)
        self.session.helpers.functions["clip"] = function_text("clip", writer, doc)
        self.writer.run(Symbol(call("clip", [vector]), trials), shape_text(trials))
        start = 0
        for gradient in gradients:
            shape = gradient.trials[0].shape
            stop = start + math.prod(shape)
            reshaped = "" if len(shape) == 1 else f".reshape({shape})"
            part = ast.parse(f"v[{start}:{stop}]{reshaped}", mode="eval").body
            target = ast.Name(ast.unparse(gradient.code), ast.Store())
            part = _Replaced({"v": vector.code}).visit(part)
            line = Line(ast.Assign([target], part, lineno=0), shape_text(gradient.trials))
            self.writer.lines.append(line)
            start = stop

    def _variable_id(self, symbol: Symbol) -> str:
        return ast.unparse(symbol.code)  # replaced by the variable's name in the end


class _Replaced(ast.NodeTransformer):
    """Other expressions in the place of names."""

    def __init__(self, expressions: Mapping[str, Any]) -> None:
        self.expressions = expressions

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in self.expressions:
            return node
        replaced = copy.deepcopy(self.expressions[node.id])
        replaced.ctx = node.ctx
        return replaced


def _item(owner: ast.expr, key: str) -> ast.expr:
    return ast.Subscript(owner, ast.Constant(key), ast.Load())


def _names(line: Line, writer: Writer) -> set[str]:
    ids = {node.id for node in ast.walk(line.statement) if isinstance(node, ast.Name)}
    return {writer.variables[id_].name for id_ in ids if id_ in writer.variables}
