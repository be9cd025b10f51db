"""Expressions of the program as formulas."""

from __future__ import annotations

import ast
from collections.abc import Collection
from typing import NamedTuple

from chainrule.explain.formulas.letters import letter

SUM, PRODUCT, POWER, ATOM = range(4)  # how strongly a formula holds together
# Example, row, column; row and column in a window; the last axis.
AXES = {0: "n", 1: "r", 2: "c", 3: "i", 4: "j", -1: "k"}

FUNCTIONS = {  # of NumPy, with {0} in the place of the first argument
    "exp": r"e^{{{0}}}",
    "expm1": r"\left(e^{{{0}}} - 1\right)",
    "log": r"\log {0}",
    "log1p": r"\log\left(1 + {0}\right)",
    "sqrt": r"\sqrt{{{0}}}",
    "abs": r"\left|{0}\right|",
    "square": r"{{{0}}}^{{2}}",
    "sign": r"\operatorname{{sign}}\left({0}\right)",
    "tanh": r"\tanh\left({0}\right)",
    "sin": r"\sin\left({0}\right)",
    "cos": r"\cos\left({0}\right)",
    "maximum": r"\max\left({0},\, {1}\right)",
    "minimum": r"\min\left({0},\, {1}\right)",
    "max": r"\max\left({0},\, {1}\right)",
    "min": r"\min\left({0},\, {1}\right)",
    "float": "{0}",
    "where": r"\begin{{cases}} {1} & \text{{if }} {0} \\ {2} & \text{{else}} \end{{cases}}",
    "zeros": "0",
    "zeros_like": "0",
    "full": "{1}",
    "empty": r"\text{{to be filled}}",
    "empty_like": r"\text{{to be filled}}",
    "broadcast_to": "{0}",
    "expand_dims": "{0}",
    "normal_cdf": r"\Phi\left({0}\right)",
}
IN_BRACKETS = ("log", "square")  # functions whose argument stands in brackets, if it must
REDUCTIONS = {
    "sum": r"\sum",
    "mean": r"\operatorname*{mean}",
    "var": r"\operatorname*{var}",
    "max": r"\max",
    "argmax": r"\operatorname*{arg\,max}",
    "argmin": r"\operatorname*{arg\,min}",
}
OF_STATE = {"step": "t"}  # what formulas call the entries of the optimizer's state
UNCHANGED = ("astype", "copy", "ravel")  # methods that leave the numbers as they are
COMPARED: dict[type[ast.cmpop], str] = {
    ast.Gt: ">",
    ast.GtE: r"\geq",
    ast.Lt: "<",
    ast.LtE: r"\leq",
    ast.Eq: "=",
    ast.NotEq: r"\neq",
}


# Over examples, rows and columns; over examples and steps.
OVER_POSITIONS = ("([0, 1, 2], [0, 1, 2])", "([0, 1], [0, 1])")


class Formula(NamedTuple):
    """LaTeX, and how strongly it holds together."""

    text: str
    strength: int = ATOM

    def within(self, strength: int) -> str:
        """The text as a part of something that holds so strongly, in brackets if it must be."""
        return self.text if self.strength >= strength else rf"\left({self.text}\right)"


class Formulas(ast.NodeVisitor):
    """Translates expressions.

    Args:
        known: names of variables, whose gradients are derivatives.
        numbers: names of those that are single numbers.
    """

    def __init__(self, known: Collection[str], numbers: Collection[str]) -> None:
        self.known = known
        self.numbers = numbers

    def write(self, node: ast.AST) -> str:
        """The LaTeX of an expression."""
        return self.formula(node).text

    def formula(self, node: ast.AST) -> Formula:
        """The formula of an expression; of what has none, its code."""
        made: Formula | None = self.visit(node)
        return made if made is not None else Formula(code(ast.unparse(node)))

    def visit_Name(self, node: ast.Name) -> Formula:
        text = letter(node.id, self.known)
        return Formula(text, PRODUCT if " " in text and text.startswith(r"\log") else ATOM)

    def visit_Constant(self, node: ast.Constant) -> Formula:
        if isinstance(node.value, float):
            return _number(node.value)
        return Formula(code(str(node.value)) if isinstance(node.value, str) else str(node.value))

    def visit_Attribute(self, node: ast.Attribute) -> Formula | None:
        if node.attr == "T":
            return Formula(rf"{self.formula(node.value).within(ATOM)}^{{\top}}", POWER)
        if ast.unparse(node) == "np.inf":
            return Formula(r"\infty")
        return None

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Formula:
        sign = "-" if isinstance(node.op, ast.USub) else r"\neg "
        return Formula(sign + self.formula(node.operand).within(PRODUCT), SUM)

    def visit_BinOp(self, node: ast.BinOp) -> Formula:
        return self.combine(node.op, node.left, node.right)

    def combine(self, op: ast.operator, left: ast.expr, right: ast.expr) -> Formula:
        """``left op right``."""
        if (
            isinstance(op, ast.Mult)
            and self.is_number(right)
            and not isinstance(left, ast.Constant)
        ):
            left, right = right, left  # numbers stand before what they multiply
        a, b = self.formula(left), self.formula(right)
        if isinstance(op, ast.Add):
            return Formula(f"{a.within(SUM)} + {b.within(SUM)}", SUM)
        if isinstance(op, ast.Sub):
            return Formula(f"{a.within(SUM)} - {b.within(PRODUCT)}", SUM)
        if isinstance(op, ast.Div):
            return Formula(rf"\frac{{{a.text}}}{{{b.text}}}", ATOM)
        if isinstance(op, ast.Pow):
            return Formula(f"{{{a.within(ATOM)}}}^{{{b.text}}}", POWER)
        if isinstance(op, ast.MatMult):
            return Formula(rf"{a.within(PRODUCT)}\, {b.within(POWER)}", PRODUCT)
        between = self._times(left, right) if isinstance(op, ast.Mult) else r"\circ"
        return Formula(f"{a.within(PRODUCT)} {between} {b.within(POWER)}", PRODUCT)

    def _times(self, left: ast.expr, right: ast.expr) -> str:
        """The sign between two factors; arrays are multiplied entry by entry."""
        if isinstance(right, ast.Constant):
            return r"\cdot"
        return r"\," if self.is_number(left) else r"\odot"

    def is_number(self, node: ast.expr) -> bool:
        """True if an expression is a single number."""
        if isinstance(node, ast.Constant):
            return True
        if isinstance(node, ast.Name):
            return node.id in self.numbers
        if isinstance(node, ast.BinOp):
            return self.is_number(node.left) and self.is_number(node.right)
        return isinstance(node, ast.UnaryOp) and self.is_number(node.operand)

    def visit_Compare(self, node: ast.Compare) -> Formula | None:
        sign = COMPARED.get(type(node.ops[0]))
        if sign is None:
            return None
        left, right = self.formula(node.left), self.formula(node.comparators[0])
        return Formula(rf"\left[{left.text} {sign} {right.text}\right]")

    def visit_Subscript(self, node: ast.Subscript) -> Formula:
        owner = self.formula(node.value)
        index = ast.unparse(node.slice)
        if ast.unparse(node.value) == "state":
            return Formula(OF_STATE.get(ast.literal_eval(index), letter(ast.literal_eval(index))))
        if "None" in index:  # an axis of size one, for what it is combined with
            return owner
        text = index.removeprefix("(").removesuffix(")")
        return Formula(rf"{{{owner.within(ATOM)}}}_{{[{code(text)}]}}", POWER)

    def visit_Tuple(self, node: ast.Tuple) -> Formula:
        return self._row(node.elts)

    def visit_List(self, node: ast.List) -> Formula:
        return self._row(node.elts)

    def _row(self, items: list[ast.expr]) -> Formula:
        return Formula(rf"\left({', '.join(map(self.write, items))}\right)")

    def visit_Call(self, node: ast.Call) -> Formula | None:
        if isinstance(node.func, ast.Attribute) and not _is_numpy(node.func):
            return self._method(node.func.value, node.func.attr, node)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        if name == "tensordot":
            return self._contraction(node)
        if name in FUNCTIONS:
            parts = [self.write(argument) for argument in node.args]
            if name in IN_BRACKETS:
                parts[0] = self.formula(node.args[0]).within(ATOM)
            return Formula(FUNCTIONS[name].format(*parts), POWER if name in IN_BRACKETS else ATOM)
        arguments = ", ".join(self.write(argument) for argument in node.args)
        return Formula(rf"\operatorname{{{_operator(name)}}}\left({arguments}\right)")

    def _method(self, owner: ast.expr, name: str, node: ast.Call) -> Formula:
        array = self.formula(owner)
        if name in UNCHANGED:
            return array
        if name in REDUCTIONS:
            below = _axes(node)
            sign = REDUCTIONS[name] + (f"_{{{below}}}" if below else "")
            return Formula(rf"{sign} {array.within(PRODUCT)}", PRODUCT)
        if name == "reshape":
            sizes = node.args[0].elts if isinstance(node.args[0], ast.Tuple) else node.args
            shape = r" \times ".join(
                r"\cdot" if ast.unparse(s) == "-1" else self.write(s) for s in sizes
            )
            return Formula(rf"\operatorname{{reshape}}_{{{shape}}}\left({array.text}\right)")
        arguments = ", ".join(self.write(argument) for argument in node.args)
        return Formula(
            rf"{array.within(ATOM)}\mathrm{{.{_operator(name)}}}\left({arguments}\right)"
        )

    def _contraction(self, node: ast.Call) -> Formula:
        """A sum over axes that two arrays share, as a product of matrices."""
        a, b = (self.formula(argument).within(POWER) for argument in node.args[:2])
        axes = ast.unparse(node.keywords[0].value) if node.keywords else "2"
        if axes in OVER_POSITIONS:
            a = rf"{a}^{{\top}}"
        elif axes == "(-1, -1)":
            b = rf"{b}^{{\top}}"
        return Formula(rf"{a} \cdot {b}", PRODUCT)


def code(text: str) -> str:
    """Code within a formula."""
    escaped = "".join(f"\\{c}" if c in "_{}%&#$" else c for c in text)
    return rf"\mathtt{{{escaped.replace(' ', '')}}}"


def _is_numpy(function: ast.Attribute) -> bool:
    return ast.unparse(function.value) in ("np", "np.linalg")


def _operator(name: str) -> str:
    return name.replace("_", r"\_")


def _number(value: float) -> Formula:
    """``1e-08`` as 10⁻⁸; a whole number without its point."""
    mantissa, _, exponent = f"{value:g}".partition("e")
    if not exponent:
        return Formula(f"{value:.15g}")
    power = f"10^{{{int(exponent)}}}"
    return Formula(power if mantissa == "1" else rf"{mantissa} \cdot {power}", POWER)


def _axes(node: ast.Call) -> str:
    """Which axes a sum goes over: letters for those of the batch, a dot for others."""
    words = {word.arg: word.value for word in node.keywords}
    if "axis" not in words:
        return ""
    value = ast.literal_eval(words["axis"])
    axes = value if isinstance(value, tuple) else (value,)
    return ",".join(AXES.get(axis, f"({axis})") for axis in axes)
