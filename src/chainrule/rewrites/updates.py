"""What a statement does to gradients: it computes them, or it moves something by them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from chainrule.foreign.reading.backward_code import FunctionInFile, gradients_in, targets
from chainrule.rewrites.text_edits import TextEdit, parenthesized


@dataclass(frozen=True)
class Value:
    """A gradient that is computed: ``dW`` of ``dW = x.T @ dy``.

    Args:
        node: the expression.
        statement: where it stands.
    """

    node: ast.expr
    statement: ast.stmt

    def opposite(self) -> TextEdit:
        """With the opposite sign."""
        return self.scaled("-{}")

    def scaled(self, form: str) -> TextEdit:
        """In another size: ``2 * {}``."""
        return TextEdit(self.node, form.replace("{}", parenthesized(self.node)))

    def may_be_scaled(self, function: FunctionInFile) -> bool:
        """True if another size is a mistake of the gradient."""
        return True

    def lost(self) -> TextEdit:
        """Zeros in its place."""
        return self.scaled("0 * {}")


@dataclass(frozen=True)
class Update:
    """A statement that adds to what is there: ``W -= step``, ``db += part``, ``W = W - step``.

    Args:
        statement: the whole of it.
        target: what it adds to.
        sign: ``+`` or ``-``.
        step: what it adds or subtracts.
    """

    statement: ast.Assign | ast.AugAssign
    target: str
    sign: str
    step: ast.expr

    @property
    def is_in_place(self) -> bool:
        """True for ``W -= step``, false for ``W = W - step``."""
        return isinstance(self.statement, ast.AugAssign)

    def opposite(self) -> TextEdit:
        """A step the other way."""
        return self._edit("-" if self.sign == "+" else "+", parenthesized(self.step))

    def scaled(self, form: str) -> TextEdit:
        """A step of another size."""
        return self._edit(self.sign, form.replace("{}", parenthesized(self.step)))

    def may_be_scaled(self, function: FunctionInFile) -> bool:
        """True if it computes its gradient, and does not only apply one computed before."""
        return function.batch_size() is not None and any(
            isinstance(node, ast.Call)
            or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult))
            for node in ast.walk(self.step)
        )

    def lost(self) -> TextEdit:
        """No step."""
        return TextEdit(self.statement, "")

    def _edit(self, sign: str, step: str) -> TextEdit:
        if self.is_in_place:
            return TextEdit(self.statement, f"{self.target} {sign}= {step}")
        return TextEdit(self.statement, f"{self.target} = {self.target} {sign} {step}")


def update_of(statement: ast.stmt) -> Update | None:
    """A statement as an update, if it is one."""
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, (ast.Add, ast.Sub)):
        sign = "+" if isinstance(statement.op, ast.Add) else "-"
        return Update(statement, ast.unparse(statement.target), sign, statement.value)
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.BinOp):
        target, value = ast.unparse(statement.targets[0]), statement.value
        if isinstance(value.op, (ast.Add, ast.Sub)) and ast.unparse(value.left) == target:
            sign = "+" if isinstance(value.op, ast.Add) else "-"
            return Update(statement, target, sign, value.right)
    return None


def updates(statement: ast.stmt) -> Iterator[Update]:
    """The statement, if it is an update and does not only count, ``t += 1``."""
    update = update_of(statement)
    if update is not None and not isinstance(update.step, ast.Constant):
        yield update


def gradients(statement: ast.stmt) -> Iterator[Value | Update]:
    """What a statement computes, or moves."""
    if update_of(statement) is None:
        yield from (Value(node, statement) for node in gradients_in(statement))
    yield from updates(statement)


def first_target(part: Value | Update) -> str:
    """The first name that the statement assigns to; "" for none."""
    return next(iter(targets(part.statement)), "")
