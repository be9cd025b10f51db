"""From wrong gradients to findings: corrections of the source are tried out, and what they say is
held against what the numbers say."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from time import process_time
from types import CodeType

from chainrule.check.answers import is_factor, line_of_error, same_gradient, second_point
from chainrule.check.causes import cause_of, common_ratio
from chainrule.check.corrections import FIRST_FOR, GENERATORS
from chainrule.check.description import describe
from chainrule.check.doctor import Examination
from chainrule.check.edit_facts import completes_a_product, stands_in_loop
from chainrule.check.edits import Edit, fresh, right_hand_sides
from chainrule.check.evidence import Evidence, Signature
from chainrule.check.findings import Finding
from chainrule.check.program import Program
from chainrule.check.signatures import signatures
from chainrule.check.source import FunctionSource, backward_sources, files_of, order_of_lines
from chainrule.check.source_lines import line_assigning_or_returning
from chainrule.check.subject import Answer, EndsProgramError, Subject

MISSING = {"missing-bias-gradient", "missing-gradient"}
KNOWN_BY_NUMBERS = {"norm-path", "softmax-jacobian", "shape-changes", "dropout-mask"}
FACTORS = {"loss-constant", "constant-scale", "batch-scale"}
NEVER_CERTAIN = ("extra-activation-derivative", "wrong-variable")
SECOND_LOOK = 0.5  # seconds in which, after a repair is found, others are looked for


@dataclass(frozen=True)
class Repair:
    """A change that makes gradients right."""

    edit: Edit
    mended: tuple[str, ...]
    code: CodeType


class Treatment:
    """Tries corrections out, one after the other, and keeps those that help."""

    def __init__(self, found: Examination, deadline: float) -> None:
        self.found, self.deadline = found, deadline
        self.subject = found.subject
        self.remaining = list(found.wrong)
        self.second = second_point(found)
        self.loss = self.subject.loss(self.subject.values)
        self.sources = self._sources()
        self.order = order_of_lines(
            lambda: self.subject.gradients(self.subject.values), files_of(self.subject.functions())
        )

    def _sources(self) -> list[FunctionSource]:
        subject = self.subject
        is_joint = isinstance(subject, Program) and subject.code.joint is not None
        return backward_sources(
            lambda: None if is_joint else subject.loss(subject.values),
            lambda: subject.gradients(subject.values),
            files_of(subject.functions()),
        )

    def findings(self) -> list[Finding]:
        """A finding for each repair, then for what none was found for."""
        findings = []
        with ExitStack() as kept:
            self._remember(kept)
            while self.remaining and process_time() < self.deadline:
                repairs = self._repairs()
                if not repairs:
                    break
                repair, cause = self._best(repairs)
                findings.append(cause)
                repair.edit.make()
                kept.enter_context(repair.edit.source.running(repair.code))
                self.remaining = [n for n in self.remaining if n not in repair.mended]
                self._look_again()
            findings += self._unmended()
        return findings

    def _remember(self, kept: ExitStack) -> None:
        """Run forward only once at either point, where no joint function does both."""
        for subject in (self.subject, *([self.second[0]] if self.second else [])):
            if isinstance(subject, Program) and subject.code.joint is None:
                kept.enter_context(subject.remembering())

    # --- trying out -------------------------------------------------------------------------

    def _repairs(self) -> list[Repair]:
        """All single changes that make gradients right and break none; once there is one, only
        a little longer is looked for others that tell another story."""
        repairs: list[Repair] = []
        deadline = self.deadline
        self.influence = self._influences()
        for edit in self._edits():
            if process_time() > deadline:
                break
            if not self._may_help(edit):
                continue
            repair = self._try(edit)
            if repair is None:
                continue
            deadline = min(deadline, process_time() + SECOND_LOOK)
            repairs.append(repair)
            if len(repair.mended) == len(self.remaining) and self._is_expected(repair):
                break
        return repairs

    def _influences(self) -> dict[tuple[int, int], set[str]]:
        """Which gradients each assignment changes, seen by multiplying it by a number."""
        found: dict[tuple[int, int], set[str]] = {}
        now = self._answer(self.subject)
        if now is None:
            return found
        for source in self.sources:
            for place in right_hand_sides(source):
                change = ast.BinOp(fresh(place.node), ast.Mult(), ast.Constant(1.37))
                line = place.statement.lineno
                edit = Edit("probe", source, ((place, change),), line, "")
                answer = self._with(edit)
                if answer is None:
                    found[id(source), line] = set(self.found.truths)
                    continue
                changed = {n for n in self.found.truths if not same_gradient(now, answer, n)}
                found.setdefault((id(source), line), set()).update(changed)
        return found

    def _may_help(self, edit: Edit) -> bool:
        """Whether an edit stands where wrong gradients come from, and no right ones."""
        if edit.kind == "order":
            return True
        changed = None
        for place, _ in edit.changes:
            statement = place.statement
            changed = self.influence.get((id(edit.source), statement.lineno))
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
        ratios = sorted(
            {s.ratio for n in self.remaining for s in self._signatures(n) if s.ratio is not None}
        )
        codes = {s.code for n in self.remaining for s in self._signatures(n)}
        first = [name for code in codes for name in FIRST_FOR.get(code, [])]
        if self.remaining and all(self._is_clear(name) for name in self.remaining):
            order = list(dict.fromkeys(first))
        else:
            order = [*dict.fromkeys(first), *(name for name in GENERATORS if name not in first)]
        for name in order:
            for source in self.sources:
                yield from GENERATORS[name](source, ratios)

    def _try(self, edit: Edit) -> Repair | None:
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
        return Repair(edit, mended, code)

    def _answer(self, subject: Subject) -> Answer | None:
        try:
            return subject.gradients(subject.values)
        except Exception:
            return None

    def _is_right(self, answer: Answer, name: str) -> bool:
        return self.found.truths[name].agrees(answer.gradients.get(name))

    def _keeps_the_rest(self, answer: Answer) -> bool:
        others = [n for n in self.found.truths if n not in self.remaining]
        return all(self._is_right(answer, name) for name in others)

    def _holds_elsewhere(self, names: tuple[str, ...]) -> bool:
        """Whether the gradients are right at a second point, too."""
        if self.second is None:
            return True
        subject, truths = self.second
        answer = self._answer(subject)
        return answer is not None and all(
            truths[name].agrees(answer.gradients.get(name)) for name in names if name in truths
        )

    # --- choosing ---------------------------------------------------------------------------

    def _signatures(self, name: str) -> list[Signature]:
        return self.found.signatures.get(name, [])

    def _is_clear(self, name: str) -> bool:
        """Whether the numbers alone name the cause."""
        if self.found.given(name) is not None:  # zeros may come from a mistake further up
            return any(s.alone and s.code not in MISSING for s in self._signatures(name))
        return any(signature.alone for signature in self._signatures(name))

    def _is_expected(self, repair: Repair) -> bool:
        if repair.edit.kind in ("scale", "sign") and common_ratio(repair.mended, self.found):
            return True
        code = cause_of(repair.edit, repair.mended, self.found)
        return any(s.code == code for n in repair.mended for s in self._signatures(n))

    def _best(self, repairs: list[Repair]) -> tuple[Repair, Finding]:
        """The repair that mends most; among equals the one that the numbers expect, then the
        first. It is certain if the numbers agree, or if all repairs give the same cause."""
        most = max(len(repair.mended) for repair in repairs)
        best = [repair for repair in repairs if len(repair.mended) == most]
        codes = [cause_of(repair.edit, repair.mended, self.found) for repair in best]
        if "derivative-at-wrong-point" in codes:  # the smaller change of the two
            codes = ["" if c == "wrong-activation-derivative" else c for c in codes]
        expected = [i for i, repair in enumerate(best) if self._is_expected(repair)]
        known = [i for i, code in enumerate(codes) if code not in ("unknown", "")]
        chosen = min(expected or known or range(len(best)), key=lambda i: self._rank(best[i]))
        others = self._other_codes(best, codes, chosen)
        by_numbers = chosen in expected and not (others & FACTORS)
        certain = codes[chosen] not in ("unknown", *NEVER_CERTAIN) and (by_numbers or not others)
        edit = best[chosen].edit
        if (
            (edit.kind == "sign" and chosen not in expected)  # of which formula is not known
            or completes_a_product(edit)  # half a derivative: missing, or another function's
            or (edit.kind == "loop" and not stands_in_loop(edit))
        ):
            certain = False
        return best[chosen], self._finding(best[chosen], codes[chosen], certain)

    def _other_codes(self, best: list[Repair], codes: list[str], chosen: int) -> set[str]:
        """The causes that other repairs, as natural as the chosen one, stand for."""
        rank = self._rank(best[chosen])[0]
        natural = (c for r, c in zip(best, codes, strict=True) if self._rank(r)[0] <= rank)
        if rank:  # a factor put in fits at many lines: the first of them counts
            natural = (c for r, c in zip(best, codes, strict=True) if not self._rank(r)[0])
        return {code for code in natural if code not in ("unknown", "")} - {codes[chosen]}

    def _rank(self, repair: Repair) -> tuple[bool, int]:
        """Changes of what is there before things put in front; then what runs first."""
        edit = repair.edit
        first = self.order.get((edit.source.file, edit.line), len(self.order))
        return edit.in_front, first

    def _finding(self, repair: Repair, code: str, certain: bool) -> Finding:
        named = self._nearest_to_the_loss(repair.mended)
        signature = next(
            (s for s in self._signatures(named) if s.code == code or is_factor(s, code)), None
        )
        sure = next((s for s in self._signatures(named) if s.alone), None)
        evidence = signature.evidence if signature else describe(self.found, named)
        others = [self.found.shown(n) for n in repair.mended if n != named]
        if others:
            evidence += f"; the same mends {', '.join(others)}"
        if sure is not None and sure.code != code and sure.code in KNOWN_BY_NUMBERS:
            code, certain, evidence = sure.code, certain and sure.code == code, sure.evidence
        advice = f"{repair.edit.advice}: then the gradient is right"
        return Finding(self.found.shown(named), code, certain, evidence, repair.edit.line, advice)

    def _nearest_to_the_loss(self, names: tuple[str, ...]) -> str:
        from chainrule.check.naming import is_bias

        weights = [name for name in names if not is_bias(name)]
        return (weights or list(names))[-1]

    # --- what is left -----------------------------------------------------------------------

    def _look_again(self) -> None:
        """After a repair: what the numbers say of the gradients that are still wrong."""
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
        groups: dict[tuple[str, float | None], list[str]] = {}
        for name in self.remaining:
            signature = next(iter(self._signatures(name)), None)
            code = signature.code if signature else "unknown"
            ratio = (
                None
                if signature is None or signature.ratio is None
                else (round(signature.ratio, 4))
            )
            key = (code, ratio) if ratio is not None or code == "unknown" else (code, hash(name))
            groups.setdefault(key, []).append(name)
        return [self._from_numbers(names) for names in groups.values()]

    def _from_numbers(self, names: list[str]) -> Finding:
        named = self._nearest_to_the_loss(tuple(names))
        signature = next(iter(self._signatures(named)), None)
        others = [self.found.shown(n) for n in names if n != named]
        tail = f"; likewise {', '.join(others)}" if others else ""
        line = line_assigning_or_returning(self.found.shown(named), self.sources)
        if signature is None or signature.code == "unknown":
            known = f"{signature.evidence}; " if signature else ""
            evidence = known + describe(self.found, named)
            advice = "derive this gradient again, entry by entry"
            return Finding(self.found.shown(named), "unknown", False, evidence + tail, line, advice)
        return Finding(
            self.found.shown(named),
            signature.code,
            signature.alone,
            signature.evidence + tail,
            line,
            signature.suggestion,
        )


def treat(found: Examination, deadline: float) -> list[Finding]:
    """The findings of an examination."""
    ended = {MemoryError: "out-of-memory", EndsProgramError: "crash"}
    for kind, code in ended.items():
        if isinstance(found.error, kind):
            text = f"the backward pass ends with {kind.__name__}: {found.error}"
            return [Finding(found.subject.name, code, True, text, line_of_error(found))]
    treatment = Treatment(found, deadline)
    if found.error is not None and found.answer is None:
        return with_exception(treatment)
    return treatment.findings()


def with_exception(treatment: Treatment) -> list[Finding]:
    """A backward pass that raises: what mends it is the cause, else the exception is."""
    found = treatment.found
    error, line = found.error, line_of_error(found)
    repairs = treatment._repairs()
    raised = f"the backward pass raises {type(error).__name__}: {error}"
    if repairs:
        repair, finding = treatment._best(repairs)
        repair.edit.make()
        evidence = f"{raised}; {repair.edit.advice}, and it gives the true gradient"
        return [
            Finding(
                finding.gradient,
                finding.code,
                finding.certain and finding.code == "transposed",
                evidence,
                finding.line,
                finding.suggestion,
            )
        ]
    name = found.subject.name
    return [Finding(name, "exception", True, raised, line, "make it run, then check it again")]
