"""Everything that is held against code besides its gradients at one point."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from chainrule.doctor.findings import Finding
from chainrule.doctor.properties.mutation import mutated
from chainrule.doctor.properties.overflow import overflow
from chainrule.doctor.properties.prediction import prediction
from chainrule.doctor.properties.repeated_calls import second_call
from chainrule.doctor.properties.shapes_and_ties import shapes, ties
from chainrule.doctor.subjects.program import Program
from chainrule.doctor.subjects.subject import Subject


def behaviours(subject: Subject, example: dict[str, Any]) -> list[Finding]:
    """Everything wrong that gradients at one point do not show."""
    checks: list[Callable[[], list[Finding]]] = [partial(overflow, subject)]
    if subject.is_own:
        from chainrule.doctor.properties.promises import own_behaviours

        checks = [partial(own_behaviours, subject)]
    if isinstance(subject, Program):
        checks += [partial(check, subject) for check in (mutated, second_call, shapes, ties)]
        if "predict" in example:
            checks.append(partial(prediction, subject, example["predict"]))
    found: list[Finding] = []
    for check in checks:
        with suppress(Exception):  # code may refuse what a check runs it on: that is no finding
            found += check()
    return found
