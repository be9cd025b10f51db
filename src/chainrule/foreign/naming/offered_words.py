"""The words with which code lets somebody choose an activation, or a loss."""

from __future__ import annotations

import ast
import re
from typing import Any

ACTIVATION = re.compile(
    r"(leaky|p|r)?_?relu6?|tanh|sigmoid|logistic|elu|selu|gelu|swish|silu|soft(plus|sign|max)|"
    r"linear|identity|none|sin|sine|gauss(ian)?|hard_?(tanh|sigmoid)|mish|step|leaky_?relu",
    re.IGNORECASE,
)
LOSS = re.compile(r"m[sa]e|.*entropy.*|bce|cce|hinge|huber|.*squared.*|l1|l2|nll", re.IGNORECASE)


def is_a_choice(word: object) -> bool:
    """True if a word names an activation or a loss."""
    is_word = isinstance(word, str)
    return is_word and bool(ACTIVATION.fullmatch(str(word)) or LOSS.fullmatch(str(word)))


def is_about_words(condition: str) -> bool:
    """True if a condition asks which activation, or loss, has been chosen."""
    return any(map(is_a_choice, re.findall(r"['\"](\w+)['\"]", condition)))


def words_compared(source: str) -> list[str]:
    """All words that something is compared with in a file."""
    compared = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Compare)]
    words = [word for node in compared for each in node.comparators for word in _constants(each)]
    return [word for word in dict.fromkeys(words) if isinstance(word, str)]


def words_beside(source: str, name: str, word: str) -> list[str]:
    """The other words that a file knows in the place of one: what the same name is compared with,
    the other keys of a dictionary, the activations among its functions.

    Args:
        name: of the argument that holds the word.

    >>> words_beside("if kind == 'relu': a\\nelif kind in ('tanh', 'elu'): b", "kind", "relu")
    ['tanh', 'elu']
    """
    groups: dict[str, list[Any]] = {}
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Compare(left=left, comparators=[value]):
                groups.setdefault(_last_name(left), []).extend(_constants(value))
            case ast.Dict(keys=keys):
                groups[f"dictionary in line {node.lineno}, {node.col_offset}"] = [
                    key.value for key in keys if isinstance(key, ast.Constant)
                ]
            case ast.Match(subject=subject, cases=cases):
                patterns = [value for case in cases for value in _constants(case.pattern)]
                groups.setdefault(_last_name(subject), []).extend(patterns)
            case ast.FunctionDef(name=function) if ACTIVATION.fullmatch(function):
                groups.setdefault("functions, for getattr(self, word)", []).append(function)
    found = [w for key, words in groups.items() if word in words or key == name for w in words]
    return [w for w in dict.fromkeys(found) if isinstance(w, str) and w != word]


def _last_name(node: ast.expr) -> str:
    """``activation`` of ``self.activation.lower()``, and of ``activations[i]``."""
    named = (getattr(each, "attr", getattr(each, "id", "")) for each in ast.walk(node))
    plain = (name for name in named if name not in ("", "self", "lower", "strip", "upper"))
    return next(plain, ast.unparse(node))


def _constants(node: ast.AST) -> list[Any]:
    return [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
