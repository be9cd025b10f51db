"""Which of several corrections that work is reported, for which cause, and how certainly."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from types import CodeType

from chainrule.doctor.findings import Finding
from chainrule.doctor.numbers.evidence import Signature
from chainrule.doctor.numbers.examined import Examination
from chainrule.doctor.numbers.in_words import describe
from chainrule.doctor.search.causes import cause_of, common_ratio, names_another_array
from chainrule.foreign.naming.parameter_names import is_bias
from chainrule.foreign.reading.expressions import factors, text
from chainrule.rewrites.edits import Edit
from chainrule.rewrites.factors import count_advice

KNOWN_BY_NUMBERS = {"norm-path", "softmax-jacobian", "shape-changes", "dropout-mask"}
FACTORS = {"loss-constant", "constant-scale", "batch-scale"}
NEVER_CERTAIN = {"extra-activation-derivative", "wrong-variable"}
NO_CAUSE = {"unknown", ""}


@dataclass(frozen=True)
class Correction:
    """A change that makes gradients right.

    Args:
        edit: the change.
        mended: the gradients that it makes right.
        code: the function's code with the change.
    """

    edit: Edit
    mended: tuple[str, ...]
    code: CodeType


class Choice:
    """Chooses among the corrections of an examination.

    Args:
        found: what is known of the gradients.
        order: which line of which file runs first.
    """

    def __init__(self, found: Examination, order: dict[tuple[str, int], int]) -> None:
        self.found, self.order = found, order

    def is_expected(self, correction: Correction) -> bool:
        """True if the numbers suggest the same cause."""
        if correction.edit.sort in ("scale", "factor", "sign") and common_ratio(
            correction.mended, self.found
        ):
            return True
        code = cause_of(correction.edit, correction.mended, self.found)
        return any(s.code == code for n in correction.mended for s in self.found.signatures_of(n))

    def best(self, corrections: list[Correction]) -> tuple[Correction, Finding]:
        """The correction that mends most; among equals the one that the numbers expect, then the
        first. It is certain if the numbers agree, or if all corrections give the same cause."""
        most = max(len(correction.mended) for correction in corrections)
        best = [correction for correction in corrections if len(correction.mended) == most]
        codes = [cause_of(correction.edit, correction.mended, self.found) for correction in best]
        if "derivative-at-wrong-point" in codes:  # the smaller change of the two
            codes = ["" if c == "wrong-activation-derivative" else c for c in codes]
        expected = [i for i, correction in enumerate(best) if self.is_expected(correction)]
        known = [i for i, code in enumerate(codes) if code not in NO_CAUSE]
        chosen = min(expected or known or range(len(best)), key=lambda i: self._rank(best[i]))
        # a factor put in front fits at many lines: what is only mended so tells no other story
        natural = [c for r, c in zip(best, codes, strict=True) if not r.edit.in_front]
        others = set(natural) - NO_CAUSE - {codes[chosen]}
        by_numbers = chosen in expected and not others & FACTORS
        certain = (
            (by_numbers or not others)
            and codes[chosen] not in NO_CAUSE | NEVER_CERTAIN
            and not _leaves_doubt(best[chosen].edit, chosen in expected)
        )
        return best[chosen], self._finding(best[chosen], codes[chosen], certain)

    def _rank(self, correction: Correction) -> tuple[bool, int]:
        """Changes of what is there before things put in front; then what runs first."""
        edit = correction.edit
        return edit.in_front, self.order.get((edit.source.file, edit.line), len(self.order))

    def _finding(self, correction: Correction, code: str, certain: bool) -> Finding:
        named = nearest_to_the_loss(correction.mended)
        seen = self.found.signatures_of(named)
        signature = next((s for s in seen if s.code == code or _may_be(s, code)), None)
        evidence = signature.evidence if signature else describe(self.found, named)
        others = [self.found.shown(n) for n in correction.mended if n != named]
        if others:
            evidence += f"; the same mends {', '.join(others)}"
        sure = next((s for s in seen if s.alone), None)
        if sure is not None and sure.code != code and sure.code in KNOWN_BY_NUMBERS:
            code, certain, evidence = sure.code, False, sure.evidence
        if code in NO_CAUSE and names_another_array(correction.edit):
            code = "wrong-variable"
        advice = f"{self._advice(correction, code)}: then the gradient is right"
        edit = correction.edit
        return Finding(
            self.found.shown(named),
            code,
            certain,
            evidence,
            edit.line,
            advice,
            file=edit.source.file,
        )

    def _advice(self, correction: Correction, code: str) -> str:
        """What to do: where a number mends the gradient that is the number of examples, with the
        expression that the code has for it."""
        edit, count = correction.edit, self.found.subject.batch
        ratio = common_ratio(correction.mended, self.found)
        if code != "batch-scale" or not edit.in_front or not count or not ratio:
            return edit.advice
        return count_advice(ratio, count, edit.source) or edit.advice


def nearest_to_the_loss(names: Sequence[str]) -> str:
    """The gradient to name among several that share a cause: the last of a weight."""
    weights = [name for name in names if not is_bias(name)]
    return (weights or names)[-1]


def _may_be(signature: Signature, code: str) -> bool:
    """True if a signature is a constant factor, and the code a cause that shows as one."""
    shows_as_one = ("loss-constant", "batch-scale", "dropout-mask", "missing-factor")
    return signature.ratio is not None and code in shows_as_one


def _leaves_doubt(edit: Edit, is_expected: bool) -> bool:
    """True if an edit that works may stand for more than one cause."""
    return (
        (edit.sort == "sign" and not is_expected)  # a sign within: it may be another formula
        or _completes_a_product(edit)  # half a derivative: missing, or another function's
        or (edit.sort == "loop" and not stands_in_loop(edit))
    )


def _completes_a_product(edit: Edit) -> bool:
    """True if an edit puts a whole product where one of its factors stood."""
    if edit.sort != "exchanged" or edit.removed is None or edit.added is None:
        return False
    parts = [text(factor) for factor in factors(edit.added)]
    return len(parts) > 1 and text(edit.removed) in parts


def stands_in_loop(edit: Edit) -> bool:
    """True if an edit's statement stands in a loop."""
    statement = edit.changes[0][0].node
    loops = (n for n in ast.walk(edit.source.node) if isinstance(n, (ast.For, ast.While)))
    return any(node is statement for loop in loops for node in ast.walk(loop))
