"""Statements of the program as the rows of an alignment."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from chainrule.explain.formulas.expressions import Formulas
from chainrule.explain.formulas.letters import letter

COMMENT = re.compile(r"  # (?P<shape>as \w+|\(.*?\)(?:, \(.*?\))*)?(?:  +(?P<title>\d.*))?$")
GIVEN_NUMBERS = ("N", "learning_rate", "rate", "t", "momentum_product", "loss", "norm")


@dataclass(frozen=True)
class Row:
    """One formula: what stands left and right of the sign, the shape, and the layer; for a call
    that updates a parameter, the function it calls."""

    left: str
    right: str
    shape: str = ""
    title: str = ""
    rule: str = ""

    def __str__(self) -> str:
        layer = rf"\text{{\footnotesize {plain(self.title)}}}" if self.title else ""
        return f"{self.left} & {self.right} && {space(self.shape)} && {layer}".rstrip(" &")


@dataclass(frozen=True)
class Section:
    """Formulas under a heading."""

    heading: str
    rows: list[Row]


class Rows:
    """Translates the statements of one function."""

    def __init__(self, function: ast.FunctionDef, lines: list[str]) -> None:
        self.function = function
        self.lines = lines
        assigned = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}
        self.known = assigned | {argument.arg for argument in function.args.args}
        numbers = {name for name in self.known if self._is_number(name)}
        self.formulas = Formulas(self.known, numbers | set(GIVEN_NUMBERS))

    def _is_number(self, name: str) -> bool:
        """True if a variable's comment says that it is a single number."""
        return any(re.match(rf" *{name} = .*  # \(\)", line) for line in self.lines)

    def sections(self) -> list[Section]:
        """The function's rows under the comments that open its sections."""
        marks = [
            (number, match[1])
            for number in range(self.function.lineno, (self.function.end_lineno or 0) + 1)
            if (match := re.match(r"    # (.+)", self.lines[number - 1]))
        ]
        sections = [Section("given", []), *(Section(heading, []) for _, heading in marks)]
        for statement in self.function.body[:-1]:  # what is returned is said already
            place = sum(number < statement.lineno for number, _ in marks)
            rows = [row for row in self.rows(statement) if row.right != f"= {row.left}"]
            sections[place].rows.extend(rows)
        return sections

    def all(self) -> list[Row]:
        """All rows."""
        return [row for statement in self.function.body for row in self.rows(statement)]

    def rows(self, node: ast.stmt, turns: str = "") -> Iterator[Row]:
        """The rows of a statement; `turns` says which loops it stands in."""
        shape, title = self._comment(node)
        write = self.formulas.write
        if isinstance(node, ast.For):
            yield from self._loop(node, turns)
        elif isinstance(node, ast.If):
            for inner in node.body:
                yield from self.rows(inner, turns + rf"\quad \text{{if }} {write(node.test)}")
        elif isinstance(node, ast.Assign):
            (target,) = node.targets
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                yield from self._pairs(target, node.value, shape, title)
            else:
                yield Row(self._target(target), f"= {write(node.value)}{turns}", shape, title)
        elif isinstance(node, ast.AugAssign):
            total = self.formulas.combine(node.op, node.target, node.value).text
            changed = self._target(node.target)
            yield Row(changed, rf"\leftarrow {total}{turns}", shape, title)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield self._effect(node.value, shape, title)
        elif isinstance(node, ast.Return) and node.value is not None:
            given = ", ".join(letter(a.arg) for a in self.function.args.args)
            name = rf"\operatorname{{{self.function.name.replace('_', chr(92) + '_')}}}"
            yield Row(rf"{name}\left({given}\right)", f"= {write(node.value)}", shape, title)

    def _loop(self, node: ast.For, turns: str) -> Iterator[Row]:
        ends = (
            [ast.unparse(end) for end in node.iter.args] if isinstance(node.iter, ast.Call) else []
        )
        start, stop = ends[:2] if ends[1:] else ("0", ends[0])
        last = str(int(stop) - 1) if stop.isdigit() else f"{stop} - 1"
        turn = rf"\quad {self.formulas.write(node.target)} = {start}, \ldots, {last}"
        turn += rf"\text{{ in steps of {ends[2]}}}" if ends[2:] else ""
        for inner in node.body:
            yield from self.rows(inner, turns + turn)

    def _pairs(
        self, targets: ast.Tuple, values: ast.Tuple, shape: str, title: str
    ) -> Iterator[Row]:
        shapes = re.findall(r"\(.*?\)", shape) or [shape] * len(targets.elts)
        for target, value, one in zip(targets.elts, values.elts, shapes, strict=True):
            yield Row(self._target(target), f"= {self.formulas.write(value)}", one, title)
            title = ""

    def _target(self, node: ast.expr) -> str:
        """What is assigned to; of an entry for each example, row n and its class."""
        if isinstance(node, ast.Subscript) and "np.arange(N)" in ast.unparse(node.slice):
            owner = self.formulas.formula(node.value).text
            return rf"{{{owner}}}_{{n, y_n}}"
        return self.formulas.write(node)

    def _effect(self, node: ast.Call, shape: str, title: str) -> Row:
        """A call that changes one of its arguments."""
        name = ast.unparse(node.func)
        if name == "np.put_along_axis":
            array, places, values = (self.formulas.write(a) for a in node.args[:3])
            return Row(rf"{{{array}}}_{{[{places}]}}", f"= {values}", shape, title)
        if len(node.args) > 1 and not name.startswith("np."):
            return Row("", self.formulas.write(node), shape, title, rule=name)
        out = [word.value for word in node.keywords if word.arg == "out"]
        changed = self.formulas.write(out[0] if out else node.args[0])
        return Row(changed, rf"\leftarrow {self.formulas.write(node)}", shape, title)

    def _comment(self, node: ast.stmt) -> tuple[str, str]:
        match = COMMENT.search(self.lines[(node.end_lineno or 1) - 1])
        return (match["shape"] or "", match["title"] or "") if match else ("", "")


def space(shape: str) -> str:
    """``(N, 128)`` as ℝ^{N × 128}."""
    if not shape.startswith("(") or "), (" in shape:
        return ""
    sizes = [size.strip() for size in shape.strip("()").split(",") if size.strip()]
    power = r" \times ".join(sizes)
    return rf"\in \mathbb{{R}}^{{{power}}}" if power else r"\in \mathbb{R}"


def plain(words: str) -> str:
    """Words with LaTeX's own signs made harmless."""
    return re.sub(r"([_#%&$])", r"\\\1", words)
