"""Mistakes within an expression: a factor, a term, an axis, a transpose, another variable."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from chainrule.foreign.backward_code import Scope, expressions, is_batch_size, named, statements
from chainrule.foreign.gradient_names import looks_like_a_gradient
from chainrule.foreign.roles import BACKWARD_METHODS, role_of
from chainrule.rewrites.text_edits import Edit, Mistake, parenthesized

DERIVATIVE = re.compile(r"prime|deriv|_grad\(|backward\(|1(\.0)? - |[<>]|positive|active")
ACTIVATIONS = "prime|deriv|relu|sigmoid|tanh|activ"
STRIDE = re.compile(r"^(self\.)?(s|st|stride|strides|step|sh|sw)$")
PADDING = re.compile(r"^(self\.)?(p|pad|padding|ph|pw|border)$")
RATE = re.compile(r"^(self\.)?(learning_rate|lr|rate|eta|alpha)$")
PENALTY = re.compile(r"lambda|lam(bd)?\b|reg|decay|l2|LAMBDA", re.I)
SUMS = ("sum", "mean")
PRODUCTS = ("dot", "matmul", "outer")


def mistakes(statement: ast.stmt, scope: Scope) -> Iterator[Mistake]:
    """Everything that can go wrong in the expressions of one statement."""
    if isinstance(statement, ast.For):
        return
    places = {id(part) for node in expressions(statement) for part in _index_of(node)}
    for node in expressions(statement):
        rules = ABOUT_PLACES if id(node) in places else (*ABOUT_PLACES, *ABOUT_VALUES)
        for rule in rules:
            for edit, code in rule(node, scope):
                yield edit, _in_its_place(code, statement, scope)


def _in_its_place(code: str, statement: ast.stmt, scope: Scope) -> str:
    """The cause, given where the mistake stands."""
    if scope.is_optimizer and code != "sign":
        return "update-rule"
    takes_a_derivative = DERIVATIVE.search(ast.unparse(statement)) or scope.is_about(ACTIVATIONS)
    if code == "derivative-at-wrong-point" and not takes_a_derivative:
        return "wrong-variable"
    return code


def _index_of(node: ast.AST) -> Iterator[ast.AST]:
    """What stands in the brackets: places in an array, not values."""
    if isinstance(node, ast.Subscript):
        yield from ast.walk(node.slice)


def _left_out_stride(node: ast.AST, scope: Scope) -> Iterator[Mistake]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        for factor, other in ((node.left, node.right), (node.right, node.left)):
            if STRIDE.search(ast.unparse(factor)):
                yield Edit(node, ast.unparse(other)), "wrong-stride"


def _left_out_factor(node: ast.AST, scope: Scope) -> Iterator[Mistake]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)):
        kept = [(node.left, node.right)]
        if isinstance(node.op, ast.Mult):
            kept.append((node.right, node.left))
        for value, left_out in kept:
            if not (_is_trivial(left_out) or _is_a_number(value) or _comes_in(left_out, scope)):
                yield Edit(node, ast.unparse(value)), _code_of_factor(left_out, scope)


def _comes_in(factor: ast.expr, scope: Scope) -> bool:
    """Whether a factor is the gradient that comes from above: nobody leaves that out."""
    if is_batch_size(factor):
        return False
    names = {
        named(node) for node in ast.walk(factor) if isinstance(node, (ast.Name, ast.Attribute))
    }
    is_backward = scope.function.name in BACKWARD_METHODS
    given = [name for name in scope.arguments if is_backward and role_of(name) is None]
    return any(looks_like_a_gradient(name) or name in given for name in names)


def _code_of_factor(factor: ast.expr, scope: Scope) -> str:
    """What it is to leave out this factor."""
    text = ast.unparse(factor)
    if is_batch_size(factor):
        return "batch-scale"
    if isinstance(factor, ast.Constant):
        return (
            "loss-constant" if scope.is_about(r"loss|entropy|mse|cost|error") else "constant-scale"
        )
    if RATE.search(text):
        return "constant-scale"
    if scope.is_about("drop") or re.search(r"mask|keep|drop", text):
        return "dropout-mask" if scope.is_about("drop") else "missing-activation-derivative"
    if scope.is_about("norm"):
        return "norm-path"
    if scope.is_about("softmax"):
        return "softmax-jacobian"
    if DERIVATIVE.search(text) or scope.is_about(ACTIVATIONS):
        return "missing-activation-derivative"
    return "missing-regularizer" if PENALTY.search(text) else "wrong-variable"


def _left_out_term(node: ast.AST, scope: Scope) -> Iterator[Mistake]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        yield Edit(node, ast.unparse(node.left)), _code_of_term(node.right, scope)
        if not isinstance(node.left, ast.Constant):
            sign = "-" if isinstance(node.op, ast.Sub) else ""
            yield Edit(node, sign + parenthesized(node.right)), _code_of_term(node.left, scope)
        other = "-" if isinstance(node.op, ast.Add) else "+"
        swapped = f"{ast.unparse(node.left)} {other} {parenthesized(node.right)}"
        yield Edit(node, swapped), _code_of_term(node.right, scope)


def _code_of_term(term: ast.expr, scope: Scope) -> str:
    if PENALTY.search(ast.unparse(term)):
        return "missing-regularizer"
    if scope.is_about("norm"):
        return "norm-path"
    if scope.is_about("softmax"):
        return "softmax-jacobian"
    if scope.is_about(ACTIVATIONS) or isinstance(term, ast.Constant):
        return "wrong-activation-derivative"
    return "wrong-variable"


def _other_power(node: ast.AST, scope: Scope) -> Iterator[Mistake]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        code = "norm-path" if scope.is_about("norm") else "wrong-activation-derivative"
        yield Edit(node, ast.unparse(node.left)), code


def _no_minus(node: ast.AST, scope: Scope) -> Iterator[Mistake]:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        if isinstance(node.operand, ast.Constant) and isinstance(node.operand.value, int):
            return  # an axis, a place
        yield Edit(node, ast.unparse(node.operand)), "sign"


def _reversed_comparison(node: ast.AST, scope: Scope) -> Iterator[Mistake]:
    opposite = {ast.Gt: "<=", ast.Lt: ">=", ast.GtE: "<", ast.LtE: ">", ast.Eq: "!="}
    if isinstance(node, ast.Compare) and type(node.ops[0]) in opposite:
        sides = ast.unparse(node.left), ast.unparse(node.comparators[0])
        text = f"{sides[0]} {opposite[type(node.ops[0])]} {sides[1]}"
        yield Edit(node, text), "wrong-activation-derivative"


def _transposed_product(node: ast.AST, scope: Scope) -> Iterator[Mistake]:
    is_product = (isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)) or (
        isinstance(node, ast.Call) and named(node.func) in PRODUCTS
    )
    if is_product and isinstance(node, ast.expr):
        yield Edit(node, f"{parenthesized(node)}.T"), "transposed"
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield Edit(node, ast.unparse(node.value)), "transposed"
    if isinstance(node, ast.Call) and named(node.func) == "einsum":
        formula = node.args[0]
        if isinstance(formula, ast.Constant) and isinstance(formula.value, str):
            inputs, arrow, output = formula.value.partition("->")
            if len(output) == 2:
                yield Edit(formula, repr(f"{inputs}{arrow}{output[::-1]}")), "transposed"


def _mean_for_sum(node: ast.AST, scope: Scope) -> Iterator[Mistake]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        name = node.func.attr
        if name in SUMS:
            other = SUMS[1 - SUMS.index(name)]
            changed = ast.Attribute(node.func.value, other, ast.Load())
            yield Edit(node.func, ast.unparse(changed)), "batch-scale"


def _other_axis(node: ast.AST, scope: Scope) -> Iterator[Mistake]:
    if not (isinstance(node, ast.Call) and named(node.func) in SUMS):
        return
    axis = _axis_of(node)
    if axis is not None:
        for value in _other_axes(axis):
            yield Edit(axis, value), "wrong-axis"
    for keyword in node.keywords:
        if keyword.arg == "keepdims":
            yield Edit(keyword.value, "False"), "shape-changes"


def _axis_of(call: ast.Call) -> ast.expr | None:
    """The axis argument of a sum, by name or by place."""
    for keyword in call.keywords:
        if keyword.arg == "axis":
            return keyword.value
    is_function = isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "np"
    places = call.args[1:] if is_function else call.args
    return places[0] if places else None


def _other_axes(axis: ast.expr) -> Iterator[str]:
    yield "None"
    if isinstance(axis, ast.Tuple):
        for left_out in axis.elts:
            kept = [element for element in axis.elts if element is not left_out]
            yield ast.unparse(ast.Tuple(kept, ast.Load()))
    elif isinstance(axis, ast.Constant) and isinstance(axis.value, int):
        yield str(1 - axis.value)
    else:
        yield "0"


def _wrong_slice(node: ast.AST, scope: Scope) -> Iterator[Mistake]:
    if not isinstance(node, ast.Subscript):
        return
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    slices = [part for part in parts if isinstance(part, ast.Slice)]
    for part in slices:
        if part.step is not None and ast.unparse(part.step) == "-1":
            yield Edit(part, ":"), "kernel-flip"
        elif part.lower is not None and part.upper is not None:
            start, end = ast.unparse(part.lower), ast.unparse(part.upper)
            if PADDING.search(start):
                yield Edit(part, f":{end} - {start}"), "padding-crop"


def _unflipped(node: ast.AST, scope: Scope) -> Iterator[Mistake]:
    if isinstance(node, ast.Call) and named(node.func) in ("flip", "rot90", "fliplr", "flipud"):
        yield Edit(node, ast.unparse(node.args[0])), "kernel-flip"


def _exchanged_branches(node: ast.AST, scope: Scope) -> Iterator[Mistake]:
    if isinstance(node, ast.Call) and named(node.func) == "where" and len(node.args) == 3:
        condition, first, second = map(ast.unparse, node.args)
        text = f"{ast.unparse(node.func)}({condition}, {second}, {first})"
        yield Edit(node, text), "wrong-activation-derivative"


def _other_memory(node: ast.AST, scope: Scope) -> Iterator[Mistake]:
    """Another array that forward has kept: the output for the input, S1 for A1."""
    if not isinstance(node, (ast.Attribute, ast.Subscript)):
        return
    kept, own = _kept_by_forward(scope, type(node)), ast.unparse(node)
    if own in kept:
        layer = re.sub(r"\D", "", own)
        others = [other for other in kept if other != own and re.sub(r"\D", "", other) == layer]
        for other in others[:1]:
            yield Edit(node, other), "derivative-at-wrong-point"


def _kept_by_forward(scope: Scope, kind: type[ast.expr]) -> list[str]:
    return [
        ast.unparse(target)
        for function in scope.forward_functions()
        for statement in statements(function)
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, kind)
    ]


def _function_for_derivative(node: ast.AST, scope: Scope) -> Iterator[Mistake]:
    if isinstance(node, ast.Call):
        name = named(node.func)
        plain = re.sub(r"_?(prime|derivative|deriv|grad|backward)$", "", name)
        known = {n.name for n in scope.tree.body if isinstance(n, ast.FunctionDef)}
        is_own = isinstance(node.func, ast.Attribute)
        if plain not in ("", name) and (plain in known or is_own):
            text = ast.unparse(node.func).removesuffix(name) + plain
            yield Edit(node.func, text), "wrong-activation-derivative"


def _is_trivial(node: ast.expr) -> bool:
    """A factor that need not be there, 1, or one with a rule of its own."""
    is_one = isinstance(node, ast.Constant) and node.value in (1, 1.0)
    return is_one or bool(STRIDE.search(ast.unparse(node)))


def _is_a_number(node: ast.expr) -> bool:
    """What cannot be a gradient alone: a constant, the learning rate, a stride."""
    text = ast.unparse(node)
    return isinstance(node, ast.Constant) or bool(RATE.search(text) or STRIDE.search(text))


Rule = Callable[[ast.AST, Scope], Iterator[Mistake]]

ABOUT_PLACES: tuple[Rule, ...] = (_left_out_stride, _wrong_slice, _unflipped)
ABOUT_VALUES: tuple[Rule, ...] = (
    _left_out_factor,
    _left_out_term,
    _other_power,
    _no_minus,
    _reversed_comparison,
    _transposed_product,
    _mean_for_sum,
    _other_axis,
    _exchanged_branches,
    _other_memory,
    _function_for_derivative,
)
