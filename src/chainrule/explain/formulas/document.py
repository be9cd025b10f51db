"""A network's training step as a LaTeX document."""

from __future__ import annotations

import ast
from itertools import groupby

from chainrule.configurable import Description
from chainrule.explain.formulas.statements import Row, Rows, Section, plain
from chainrule.explain.unrolling.network import unroll
from chainrule.losses import Loss
from chainrule.network import Network
from chainrule.optimizers import Optimizer

OPENING = r"""\documentclass[a4paper]{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage{amsmath,amssymb}
\usepackage[margin=15mm]{geometry}
\setlength{\parindent}{0pt}
\allowdisplaybreaks
\begin{document}
\section*{One training step}
Layer by layer, for a batch of $N$ examples $x$ with targets $y$. $\odot$ multiplies entry by
entry, $[\,\cdot\,]$ is 1 where the condition holds and 0 elsewhere, and a bias is added to
every row.
"""
CLOSING = "\\end{document}\n"
EVERY = r"For every parameter $w$, with $g = \frac{\partial L}{\partial w}$:"
LEFT_OUT = ("train_step", "first_state", "random_streams", "generator")


def latex(
    network: Network,
    loss: Loss | Description | None = None,
    optimizer: Optimizer | Description = "adam",
) -> str:
    """The derivation of a network as a LaTeX document: forward, loss, backward, update.

    The formulas are those of the program that `unroll` writes, with the same names.

    Args and errors: see `unroll`.

    >>> from chainrule.layers import Dense, ReLU
    >>> text = latex(Network([Dense(8), ReLU(), Dense(3)], input_shape=4), optimizer="sgd")
    >>> text.splitlines()[0]
    '\\\\documentclass[a4paper]{article}'
    """
    return document(unroll(network, loss, optimizer).source)


def document(source: str) -> str:
    """A program's source as a document."""
    lines = source.splitlines()
    functions = {f.name: f for f in ast.parse(source).body if isinstance(f, ast.FunctionDef)}
    given, *sections = Rows(functions["train_step"], lines).sections()
    parts = [Section("parameters", [_as_given(row) for row in given.rows if row.left != "N"])]
    rules = {name: Rows(f, lines).all() for name, f in functions.items() if name not in LEFT_OUT}
    texts = [_section(section, rules) for section in (*parts, *sections)]
    if rules:
        texts += [r"\subsection*{The functions above}", *map(_aligned, rules.values())]
    return "\n".join([OPENING, *texts, CLOSING])


def _section(section: Section, rules: dict[str, list[Row]]) -> str:
    """A heading and its formulas; calls that do the same for every parameter are written once,
    with the rule that they follow, which is taken out of `rules`."""
    heading = rf"\subsection*{{{plain(section.heading[:1].upper() + section.heading[1:])}}}"
    texts = [heading]
    for name, rows in groupby(section.rows, key=lambda row: row.rule):
        texts += [EVERY, _aligned(rules.pop(name))] if name in rules else [_aligned([*rows])]
    return "\n".join(texts)


def _aligned(rows: list[Row]) -> str:
    return "\n".join([r"\begin{align*}", " \\\\\n".join(map(str, rows)), r"\end{align*}"])


def _as_given(row: Row) -> Row:
    """A name with its shape alone."""
    return Row(row.left, "", row.shape, row.title)
