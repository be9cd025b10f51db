"""A backward pass that raises an exception: which correction makes it run, and what is wrong behind
that."""

from __future__ import annotations

from dataclasses import replace

from chainrule.doctor.findings import Finding
from chainrule.doctor.numbers.examined import Examination
from chainrule.doctor.numbers.finite_differences import Precision, probe
from chainrule.doctor.search.choice import Correction, nearest_to_the_loss, stands_in_loop
from chainrule.doctor.search.correcting import CorrectionSearch
from chainrule.errors import ParameterError
from chainrule.foreign.errors import words_of


def findings_where_it_raises(
    found: Examination, error: Exception, effort_left: int
) -> list[Finding]:
    """What makes a backward pass run is the cause, else the exception is. Then what is wrong in
    the code that runs; `found.corrected` says of it which gradients are due."""
    search = CorrectionSearch(_with_dx(found), effort_left)
    corrections = search.corrections()
    if not corrections:
        return [exception(found, error)]
    correction, finding = search.choice.best(corrections)
    with search.once_it_runs(correction) as corrected:
        found.corrected = corrected
        names = search.coming_from(correction.edit) or list(correction.mended)
        code = _cause(finding, correction)
        first = replace(
            finding,
            gradient=corrected.shown(nearest_to_the_loss(names)),
            code=code,
            certain=_is_certain(finding, code, error),
            evidence=_raised(error),
            raises=True,
        )
        return [first, *search.findings()]


def _with_dx(found: Examination) -> Examination:
    """The examination with the gradient of the input among those to be mended: a layer that raises
    an exception does not show whether it hands one on."""
    subject = found.subject
    if getattr(subject, "dy", None) is None or "x" in found.truths or "x" not in subject.values:
        return found
    truth = probe(subject.loss, subject.values, "x", Precision())
    if not truth.is_known or truth.scale <= truth.floor:
        return found
    return replace(found, truths={"x": truth, **found.truths}, wrong=["x", *found.wrong])


def _cause(finding: Finding, correction: Correction) -> str:
    """The cause: outside a loop, what is assigned instead of added is no part of a sum."""
    is_assigned = correction.edit.sort == "loop" and not stands_in_loop(correction.edit)
    return "overwrites" if is_assigned else finding.code


def _is_certain(finding: Finding, code: str, error: Exception) -> bool:
    """True if only one cause explains that an exception is raised: arrays that do not fit, or an
    array of a layer that is not to be replaced."""
    if code == "overwrites":
        return isinstance(error, ParameterError)
    return finding.certain and code == "transposed"


def exception(found: Examination, error: Exception) -> Finding:
    """The finding for an exception that no correction explains."""
    advice = "make it run, then check it again"
    line = found.line_of_error()
    return Finding(found.subject.name, "exception", True, _raised(error), line, advice, raises=True)


def _raised(error: Exception) -> str:
    return f"the backward pass raises {words_of(error)}"
