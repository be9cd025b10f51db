"""The derivation as formulas: every one of them can be set, and they are the right ones."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import cache

import pytest
from matplotlib.mathtext import MathTextParser

import chainrule as cr
from chainrule.explain.formulas.expressions import Formulas
from chainrule.optimizers import OPTIMIZERS
from tests.explain.networks import (
    lenet,
    mlp,
    nested_residual,
    of_own_layers,
    recipe,
    with_dropout,
)

# matplotlib's own typesetting knows most of LaTeX; what it does not, in words that it knows.
UNKNOWN = {
    r"\operatorname*": r"\operatorname",
    r"\text{\footnotesize": r"\text{",
    r"\mathtt": r"\mathrm",
    r"\begin{cases}": "{",
    r"\end{cases}": "}",
    r"\ldots": "...",
    r"\arg\,max": "argmax",
    "\\\\": " ",
    "&": " ",
}


def formulas(text: str) -> list[str]:
    """The rows of all alignments."""
    blocks = re.findall(r"\\begin\{align\*\}\n(.*?)\n\\end\{align\*\}", text, re.DOTALL)
    return [row for block in blocks for row in re.split(r" \\\\\n", block)]


@cache
def set_in_type(formula: str) -> None:
    """Raises ValueError where a bracket, a brace or an argument is missing."""
    for unknown, known in UNKNOWN.items():
        formula = formula.replace(unknown, known)
    MathTextParser("path").parse(f"${formula}$")


@pytest.mark.parametrize(
    "make",
    [lenet, nested_residual, of_own_layers, recipe, with_dropout],
    ids=lambda make: make.__name__,
)
def test_every_formula_can_be_set(make: Callable[[], cr.Network]) -> None:
    rows = formulas(cr.explain.latex(make()))
    assert len(rows) > 20
    for row in rows:
        set_in_type(row)


@pytest.mark.parametrize("options", ["", "clip_norm=1"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_update_can_be_set(optimizer: str, options: str) -> None:
    network = cr.Network([cr.Dense(2)], 3)
    for row in formulas(cr.explain.latex(network, optimizer=f"{optimizer}({options})")):
        set_in_type(row)


@pytest.mark.parametrize("wrong", [r"\frac{a}", r"\left(a", "a_{b", "a_b_c", r"\sqrt{"])
def test_the_test_sees_a_formula_that_cannot_be_set(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"Parse|Expected|Double|missing"):
        set_in_type(wrong)


@pytest.mark.parametrize("make", [lenet, with_dropout], ids=lambda make: make.__name__)
def test_the_document_is_whole(make: Callable[[], cr.Network]) -> None:
    text = cr.explain.latex(make())
    assert text.isascii()
    opened: list[str] = []
    for what, name in re.findall(r"\\(begin|end)\{(\w+\*?)\}", text):
        if what == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert opened == []
    plain = re.sub(r"\\[{}]", "", text)
    assert plain.count("{") == plain.count("}")
    assert text.count(r"\left") - text.count(r"\leftarrow") == text.count(r"\right")
    headings = re.findall(r"\\subsection\*\{(\w+)", text)
    assert headings == ["Parameters", "Forward", "Loss", "Backward", "Update", "The"]


def test_the_blackboard() -> None:
    rows = [" ".join(row.split("&&")[0].split()) for row in formulas(cr.explain.latex(mlp()))]
    z, w = (rf"\frac{{\partial L}}{{\partial {name}_{{2}}}}" for name in "zW")
    a = r"\frac{\partial L}{\partial a_{2}}"
    assert r"z_{2} & = a_{1}\, W_{2} + b_{2}" in rows
    assert r"a_{2} & = \max\left(z_{2},\, 0\right)" in rows
    assert rf"{z} & = {a} \odot \left[z_{{2}} > 0\right]" in rows
    assert rf"{w} & = a_{{1}}^{{\top}}\, {z}" in rows
    assert r"\in \mathbb{R}^{784 \times 128}" in cr.explain.latex(mlp())


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("a @ W + b", r"a\, W + b"),
        ("a * b", r"a \odot b"),
        ("2 * a", r"2 \, a"),
        ("a * 2", r"2 \, a"),
        ("(a + b) * c", r"\left(a + b\right) \odot c"),
        ("a - (b - c)", r"a - \left(b - c\right)"),
        ("a / (b + c)", r"\frac{a}{b + c}"),
        ("-(a + b)", r"-\left(a + b\right)"),
        ("(a * b) ** 2", r"{\left(a \odot b\right)}^{2}"),
        ("(a @ b).T", r"\left(a\, b\right)^{\top}"),
        ("np.exp(a).sum(axis=-1, keepdims=True)", r"\sum_{k} e^{a}"),
        ("(a + b).sum(axis=(0, 1, 2))", r"\sum_{n,r,c} \left(a + b\right)"),
        ("np.log(a + b)", r"\log \left(a + b\right)"),
        ("a > 0", r"\left[a > 0\right]"),
        ("1e-08 + a", "10^{-8} + a"),
        ("np.tensordot(a, W, axes=3)", r"a \cdot W"),
        ("np.tensordot(a, W, axes=(-1, -1))", r"a \cdot W^{\top}"),
        ("da", r"\frac{\partial L}{\partial a}"),
        ("something_else(a)", r"\operatorname{something\_else}\left(a\right)"),
    ],
)
def test_expressions(code: str, expected: str) -> None:
    written = Formulas({"a", "b", "c", "W"}, {"N"}).write(ast.parse(code, mode="eval").body)
    assert written == expected
