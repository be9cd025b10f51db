"""Names of the program as letters: W1 is W₁, x_hat2 is x̂₂, dW1 is ∂L/∂W₁."""

from __future__ import annotations

import re
from collections.abc import Collection

GREEK = ("alpha", "beta", "gamma", "delta", "epsilon", "lambda", "mu", "rho", "sigma", "theta")
LETTERS = {
    "N": "N",
    "loss": "L",
    "learning_rate": r"\eta",
    "rate": r"\eta",
    "values": r"\ell",
    "derivative": r"\ell'",
    "mean": r"\mu",
    "log_p": r"\log p",
}
NAME = re.compile(r"(?P<stem>[A-Za-z_]*[A-Za-z])_?(?P<number>\d*)(?P<rest>(?:_\w+)?)")


def letter(name: str, known: Collection[str] = ()) -> str:
    """A name in LaTeX; the gradient of a `known` name as a derivative.

    >>> letter("x_hat2"), letter("gamma1"), letter("running_mean1")
    ('\\\\hat{x}_{2}', '\\\\gamma_{1}', '\\\\mathrm{running\\\\ mean}_{1}')
    >>> letter("da1_branch", ["a1"])
    '\\\\left.\\\\frac{\\\\partial L}{\\\\partial a_{1}}\\\\right|_{\\\\text{branch}}'
    """
    if name.startswith("d") and (of := _differentiated(name[1:], known)):
        derivative = rf"\frac{{\partial L}}{{\partial {letter(of)}}}"
        branch = name[1 + len(of) :].strip("_").replace("_", " ")
        return rf"\left.{derivative}\right|_{{\text{{{branch}}}}}" if branch else derivative
    if name in LETTERS:
        return LETTERS[name]
    match = NAME.fullmatch(name)
    if match is None:
        return _word(name)
    marks = [match["number"], match["rest"].strip("_").replace("_", " ")]
    below = ",".join(m if m.isdigit() else rf"\text{{{m}}}" for m in marks if m)
    return _stem(match["stem"]) + (f"_{{{below}}}" if below else "")


def _differentiated(name: str, known: Collection[str]) -> str:
    """The known name that a gradient's name goes on with, the longest one."""
    fitting = [one for one in known if name == one or name.startswith(f"{one}_")]
    return max(fitting, key=len, default="")


def _stem(stem: str) -> str:
    if stem.endswith("_hat"):
        return rf"\hat{{{_stem(stem.removesuffix('_hat'))}}}"
    if stem in LETTERS:
        return LETTERS[stem]
    if stem in GREEK:
        return rf"\{stem}"
    return stem if len(stem) == 1 else _word(stem)


def _word(name: str) -> str:
    return rf"\mathrm{{{name.strip('_').replace('_', chr(92) + ' ')}}}"
