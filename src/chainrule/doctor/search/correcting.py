"""From wrong gradients to findings: corrections of the source are tried out, and what they say is
held against what the numbers say."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np

from chainrule.doctor.findings import Finding
from chainrule.doctor.numbers.evidence import Evidence
from chainrule.doctor.numbers.examination import examine, measure_wrong, second_point
from chainrule.doctor.numbers.examined import Examination
from chainrule.doctor.numbers.in_words import describe
from chainrule.doctor.numbers.signatures import signatures
from chainrule.doctor.search.choice import Choice, Correction, nearest_to_the_loss
from chainrule.doctor.subjects.lines import line_assigning_or_returning
from chainrule.doctor.subjects.program import Program
from chainrule.doctor.subjects.subject import Answer, Subject
from chainrule.foreign.reading.expressions import fresh
from chainrule.foreign.reading.source import files_of
from chainrule.foreign.running import effort
from chainrule.foreign.running.watching import order_of_lines
from chainrule.rewrites.catalogue import FIRST_FOR
from chainrule.rewrites.corrections import FAMILIES, candidates
from chainrule.rewrites.edits import Edit, right_hand_sides
from chainrule.rewrites.functions import FunctionSource, backward_sources

MISSING = {"missing-bias-gradient", "missing-gradient"}
SECOND_LOOK = 1_000_000  # lines, in which others are looked for after a correction is found
ENDLESS = 100_000  # lines more than ten times those of the code, after which a correction ends

Influence = dict[tuple[int, int], set[str]]
"""The gradients that an assignment changes, by the function it stands in and its line."""


class CorrectionSearch:
    """Tries corrections out, one after the other, and keeps those that help.

    Args:
        found: what is wrong.
        effort_left: what it may take.
    """

    def __init__(self, found: Examination, effort_left: int) -> None:
        self.found, self.end = found, effort.spent() + effort_left
        self.subject = found.subject
        self.remaining = list(found.wrong)
        self.second = second_point(found)
        self.loss = self.subject.loss(self.subject.values)
        before = effort.spent()
        self.sources = self._sources()
        self.most = ENDLESS + 10 * (effort.spent() - before)
        order = order_of_lines(
            lambda: self.subject.gradients(self.subject.values), files_of(self.subject.functions())
        )
        self.choice = Choice(found, order)

    def _sources(self) -> list[FunctionSource]:
        subject = self.subject
        is_joint = isinstance(subject, Program) and subject.code.joint is not None
        return backward_sources(
            lambda: None if is_joint else subject.loss(subject.values),
            lambda: subject.gradients(subject.values),
            files_of(subject.functions()),
        )

    def findings(self) -> list[Finding]:
        """A finding for each correction, then for what none was found for."""
        findings = []
        with ExitStack() as kept:
            self._remember(kept)
            while self.remaining and effort.spent() < self.end:
                corrections = self.corrections()
                if not corrections:
                    break
                correction, finding = self.choice.best(corrections)
                findings.append(finding)
                correction.edit.make()
                kept.enter_context(correction.edit.source.running(correction.code))
                self.remaining = [n for n in self.remaining if n not in correction.mended]
                self._look_again()
            findings += self._unmended()
        return findings

    @contextmanager
    def once_it_runs(self, correction: Correction) -> Iterator[Examination]:
        """Within, a backward pass that raised an exception runs corrected; it is examined anew, so
        that the search goes on behind that mistake."""
        correction.edit.make()
        with correction.edit.source.running(correction.code):
            self.found = self.choice.found = examine(self.subject)
            self.second = second_point(self.found)
            measure_wrong(self.found)
            self.remaining = list(self.found.wrong)
            yield self.found

    def coming_from(self, edit: Edit) -> list[str]:
        """The gradients that the statement of an edit changes."""
        changed = self._influence().get((id(edit.source), edit.line), set())
        return [name for name in self.found.truths if name in changed]

    def _remember(self, kept: ExitStack) -> None:
        """Run forward only once at either point, where no joint function does both."""
        for subject in (self.subject, *([self.second[0]] if self.second else [])):
            if isinstance(subject, Program) and subject.code.joint is None:
                kept.enter_context(subject.remembering())

    # --- trying out -------------------------------------------------------------------------

    def corrections(self) -> list[Correction]:
        """All single changes that make gradients right and break none.

        Once there is one, the search for others that tell another story goes on for a little.
        """
        corrections: list[Correction] = []
        end = self.end
        influence = self._influence()
        for edit in self._edits():
            if effort.spent() > end:
                break
            if not self._may_help(edit, influence):
                continue
            correction = self._try(edit)
            if correction is None:
                continue
            end = min(end, effort.spent() + SECOND_LOOK)
            corrections.append(correction)
            if len(correction.mended) == len(self.remaining) and self.choice.is_expected(
                correction
            ):
                break
        return corrections

    def _influence(self) -> Influence:
        """Which gradients each assignment changes, seen by multiplying it by a number."""
        found: Influence = {}
        now = self._answer(self.subject)
        if now is None:
            return found
        for source in self.sources:
            for place in right_hand_sides(source):
                change = ast.BinOp(fresh(place.node), ast.Mult(), ast.Constant(1.37))
                line = place.statement.lineno
                edit = Edit(source, ((place, change),), line, "")
                answer = self._with(edit)
                if answer is None:
                    found[id(source), line] = set(self.found.truths)
                    continue
                changed = {n for n in self.found.truths if not _same_gradient(now, answer, n)}
                found.setdefault((id(source), line), set()).update(changed)
        return found

    def _may_help(self, edit: Edit, influence: Influence) -> bool:
        """True if an edit stands where wrong gradients come from, and no right ones."""
        if edit.sort == "order":
            return True
        place, _ = edit.changes[-1]
        changed = influence.get((id(edit.source), place.statement.lineno))
        if changed is None or len(changed) == len(self.found.truths):
            return True
        return bool(changed & set(self.remaining)) and changed <= set(self.remaining)

    def _with(self, edit: Edit) -> Answer | None:
        """What the code gives with an edit made."""
        code = edit.compiled()
        if code is None:
            return None
        with edit.source.running(code):
            return self._answer(self.subject)

    def _edits(self) -> Iterator[Edit]:
        """Corrections to try: what the numbers suggest first, and alone where they are clear."""
        seen = [s for n in self.remaining for s in self.found.signatures_of(n)]
        ratios = sorted({s.ratio for s in seen if s.ratio is not None})
        names = dict.fromkeys(name for s in seen for name in FIRST_FOR.get(s.code, []))
        if not self.remaining or not all(self._is_clear(name) for name in self.remaining):
            names |= dict.fromkeys(FAMILIES)
        for name in names:
            for source in self.sources:
                yield from candidates(name, source, ratios)

    def _is_clear(self, name: str) -> bool:
        """True if the numbers alone name the cause."""
        seen = self.found.signatures_of(name)
        if self.found.given(name) is not None:  # zeros may come from a mistake further up
            return any(s.alone and s.code not in MISSING for s in seen)
        return any(signature.alone for signature in seen)

    def _try(self, edit: Edit) -> Correction | None:
        """An edit as a correction, if it is one."""
        code = edit.compiled()
        if code is None:
            return None
        with edit.source.running(code):
            answer = self._answer(self.subject)
            if answer is None:
                return None
            mended = tuple(n for n in self.remaining if self._is_right(answer, n))
            if not mended or not self._keeps_the_rest(answer):
                return None
            if self.subject.loss(self.subject.values) != self.loss:
                return None  # what changes the forward pass is no correction
            if not self._holds_elsewhere(mended):
                return None
        return Correction(edit, mended, code)

    def _answer(self, subject: Subject) -> Answer | None:
        """What the code gives, changed as it may be; None where it gives nothing."""
        try:
            with effort.at_most(self.most):
                return subject.gradients(subject.values)
        except Exception:  # changed code may raise anything
            return None

    def _is_right(self, answer: Answer, name: str) -> bool:
        return self.found.truths[name].agrees(answer.gradients.get(name))

    def _keeps_the_rest(self, answer: Answer) -> bool:
        others = [n for n in self.found.truths if n not in self.remaining]
        return all(self._is_right(answer, name) for name in others)

    def _holds_elsewhere(self, names: tuple[str, ...]) -> bool:
        """True if the gradients are right at a second point, too."""
        if self.second is None:
            return True
        subject, truths = self.second
        answer = self._answer(subject)
        return answer is not None and all(
            truths[name].agrees(answer.gradients.get(name)) for name in names if name in truths
        )

    # --- what is left -----------------------------------------------------------------------

    def _look_again(self) -> None:
        """After a correction: what the numbers say of the gradients that are still wrong."""
        answer = self._answer(self.subject)
        if answer is None:
            return
        for name in self.remaining:
            given = answer.gradients.get(name)
            evidence = Evidence(name, given, self.found.truths[name], self.subject)
            self.found.signatures[name] = signatures(evidence)
        self.found.answer = answer

    def _unmended(self) -> list[Finding]:
        """Findings from the numbers alone, one for gradients that share a cause."""
        groups: dict[tuple[str, float | None, str], list[str]] = {}
        for name in self.remaining:
            signature = next(iter(self.found.signatures_of(name)), None)
            code = signature.code if signature else "unknown"
            ratio = signature.ratio if signature else None
            rounded = None if ratio is None else round(ratio, 4)
            alone = "" if code == "unknown" or ratio is not None else name
            groups.setdefault((code, rounded, alone), []).append(name)
        return [self._from_numbers(names) for names in groups.values()]

    def _from_numbers(self, names: list[str]) -> Finding:
        named = nearest_to_the_loss(names)
        gradient = self.found.shown(named)
        signature = next(iter(self.found.signatures_of(named)), None)
        others = [self.found.shown(n) for n in names if n != named]
        tail = f"; likewise {', '.join(others)}" if others else ""
        line = line_assigning_or_returning(gradient, self.sources)
        if signature is None or signature.code == "unknown":
            known = f"{signature.evidence}; " if signature else ""
            evidence = f"{known}{describe(self.found, named)}{tail}"
            advice = "derive this gradient again, entry by entry"
            return Finding(gradient, "unknown", False, evidence, line, advice)
        evidence, advice = signature.evidence + tail, signature.suggestion
        return Finding(gradient, signature.code, signature.alone, evidence, line, advice)


def _same_gradient(one: Answer, other: Answer, name: str) -> bool:
    """True if two answers give the same for a value."""
    first, second = one.gradients.get(name), other.gradients.get(name)
    if first is None or second is None:
        return first is second
    return np.shape(first) == np.shape(second) and bool(
        np.allclose(first, second, rtol=1e-9, atol=1e-13, equal_nan=True)
    )
