"""Decides what is said of a file, in a process that the file's code never enters.

A worker examines the file and claims what it found: that is where the search for causes runs, next
to the code, which could write its own diagnosis there. So nothing is called right on a worker's
word. The judge asks for plain numbers, outputs from one worker and gradients from a second one, at
places and for upstream gradients that it draws itself and keeps to itself, and compares them.
"""

from __future__ import annotations

import copy
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.doctor.findings import Diagnosis
from chainrule.doctor.intake.request import Request
from chainrule.doctor.numbers.examination import comparisons, examine
from chainrule.doctor.optimizers.formulas import Settings
from chainrule.doctor.optimizers.steps import follow_a_formula, gradients_of_steps
from chainrule.doctor.process.endings import as_error, as_finding, is_out_of_time
from chainrule.doctor.process.remote import (
    CodeRaisesError,
    Described,
    RemoteSubject,
    asked,
    opened,
)
from chainrule.doctor.process.report import unpacked
from chainrule.doctor.properties.repeated_calls import alike
from chainrule.errors import CheckError
from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.state import Values
from chainrule.sandbox.confinement import Confinement
from chainrule.sandbox.limits import Limits
from chainrule.sandbox.messages import MessageError
from chainrule.sandbox.worker import Worker, WorkerEndedError, WorkerError
from chainrule.types import Array

MODULE = "chainrule.doctor.process.worker"
MOVED = 0.3  # how far the second place lies from the first


@dataclass
class Judgement:
    """What is said of a file.

    Args:
        diagnosis: in it, nothing is right that the judge has not compared itself.
        confinement: what the code was kept from.
    """

    diagnosis: Diagnosis
    confinement: Confinement

    @property
    def arrays(self) -> dict[str, dict[str, Array | None]]:
        """The gradients that are wrong, beside the true ones, where they were asked for."""
        return {
            each.name: {"given": each.given, "true": each.true}
            for each in self.diagnosis.comparisons
            if each.given is not None or each.true is not None
        }

    def as_json(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        return {**self.diagnosis.as_json(), "sandbox": asdict(self.confinement)}


def judge_file(request: Request, limits: Limits, with_arrays: bool = False) -> Judgement:
    """What is said of a file; with the gradients that are wrong if asked.

    Raises:
        CheckError: it cannot be checked, or not within the limits.
    """
    file = Path(str(request.file))
    readable = folders_of(file)
    with ExitStack() as stack:
        first, second = (
            stack.enter_context(Worker(MODULE, limits, readable, folder=readable[0]))
            for _ in range(2)  # at once: each takes a while to start
        )
        try:
            claimed = _claimed(first, request, limits, with_arrays)
        except WorkerError as error:
            if isinstance(error, WorkerEndedError) and not is_out_of_time(error):
                return Judgement(as_finding(error, request.file_name), first.confinement)
            raise as_error(error, file, limits) from None
        if any(each.right for each in claimed.comparisons) or not claimed.findings:
            claimed = _held_against_numbers(claimed, request, first, second)
        return Judgement(claimed, first.confinement)


def folders_of(file: Path) -> list[Path]:
    """The folders that code in a file may read: its own, and the one above, where imports from
    beside its package lie; never a home, nor what holds homes."""
    folder = file.resolve().parent
    above = folder.parent
    holds_home = Path.home().resolve().is_relative_to(above)
    return [folder] if holds_home else [folder, above]


def _claimed(worker: Worker, request: Request, limits: Limits, with_arrays: bool) -> Diagnosis:
    """The worker's diagnosis, which is a claim."""
    given = {"megabytes": limits.megabytes, "with_arrays": with_arrays}
    message = worker.call("diagnose", {**given, "request": _as_json(request)})
    if "error" in message.body:
        raise CheckError(str(message.body["error"]))
    try:
        return unpacked(message)
    except MessageError as error:
        raise WorkerError(f"the worker's answer cannot be read: {error}") from None


def _as_json(request: Request) -> dict[str, Any]:
    return {**asdict(request), "file": str(Path(str(request.file)).resolve())}


# --- held against numbers -------------------------------------------------------------------


def _held_against_numbers(
    claimed: Diagnosis, request: Request, first: Worker, second: Worker
) -> Diagnosis:
    """The claim, with nothing right in it but what the numbers of two workers agree in."""
    try:
        confirmed = list(_confirmed(_as_json(request), first, second))
        reason = "two runs, forward in one process and backward in another, do not agree in it"
    except (CannotCheckError, WorkerError) as error:
        confirmed, reason = [], f"the run that would confirm it fails: {error}"
    except Exception:  # a worker may answer anything, so that anything may fail here
        confirmed, reason = [], "what its process answers makes no sense"
    held = replace(claimed, comparisons=[], unchecked=list(claimed.unchecked))
    for each in claimed.comparisons:
        if not each.right:
            held.comparisons.append(each)
        elif each.name in confirmed:
            confirmed.remove(each.name)
            held.comparisons.append(each)
        else:
            held.unchecked.append(f"{each.name}: {reason}")
    return held


def _confirmed(request: Mapping[str, Any], first: Worker, second: Worker) -> Iterator[str]:
    """The names of the gradients that are right."""
    cases, others = opened(first, request), opened(second, request)
    if len(cases) != len(others) or not all(map(Described.is_like, cases, others)):
        raise CodeRaisesError("the file has other things to examine each time it runs")
    rng = np.random.default_rng(secrets.randbits(128))
    for number, described in enumerate(cases):
        if "settings" in described.body:
            yield from _confirmed_steps(number, described, second, rng)
        else:
            subject = RemoteSubject(number, described, first, second, rng)
            yield from _confirmed_gradients(subject, bool(described.body["is_random"]), rng)


def _confirmed_gradients(
    subject: RemoteSubject, is_random: bool, rng: np.random.Generator
) -> list[str]:
    """The gradients of a subject that are right at two places, and on an object used before."""
    places = [subject, _elsewhere(subject, rng)]
    right = _right_at(subject, rng)
    try:
        right &= _right_at(places[1], rng)
    except CodeRaisesError:  # code may refuse other numbers: then one place must do
        del places[1]
    if not is_random:
        right -= _stale(places[-1], subject.values, rng)
    return sorted(right)


def _right_at(subject: RemoteSubject, rng: np.random.Generator) -> set[str]:
    found = examine(subject, int(rng.integers(2**63)))
    return {each.name for each in comparisons(found) if each.right}


def _elsewhere(subject: RemoteSubject, rng: np.random.Generator) -> RemoteSubject:
    """The same code with other numbers."""
    other = copy.copy(subject)
    other.values = {name: _moved(name, value, rng) for name, value in subject.values.items()}
    if subject.dy is not None:
        other.dy = rng.standard_normal(subject.dy.shape)
    return other


def _moved(name: str, value: Array, rng: np.random.Generator) -> Array:
    noise = MOVED * rng.standard_normal(value.shape)
    return value * (1 + 0.1 * noise) if name == "y_pred" else value + noise  # probabilities remain


def _stale(subject: RemoteSubject, values: Values, rng: np.random.Generator) -> set[str]:
    """The gradients that depend on what a call with another input has left, or that cannot be
    compared there; those that add up over calls do not."""
    before = dict(subject.values)
    if "x" in before:
        before["x"] = -before["x"] + MOVED * rng.standard_normal(before["x"].shape)
    alone, earlier = subject.gradients(subject.values), subject.gradients(before)
    used = subject.again(subject.values, before)
    stale = set()
    for name, right in alone.gradients.items():
        one, two = earlier.gradients[name], used.gradients[name]
        if right is None or one is None or two is None or right.shape != two.shape:
            continue
        if not alike(two, right) and not (one.shape == right.shape and alike(two, right + one)):
            stale.add(used.names.get(name, f"d{name}"))
    return stale


def _confirmed_steps(
    number: int, described: Described, worker: Worker, rng: np.random.Generator
) -> list[str]:
    """The parameters of an optimizer, if its steps on other numbers follow a formula."""
    settings = Settings(**described.body["settings"])
    start, grads = (rng.standard_normal(int(size)) for size in described.body["sizes"])
    given = asked(worker, "steps", {"case": number}, {"params": start, "grads": grads})
    moved = [given.arrays[str(step)] for step in range(len(given.arrays))]
    gradients = gradients_of_steps(grads)
    is_right = len(moved) == len(gradients) and follow_a_formula(start, gradients, settings, moved)
    return [str(name) for name in described.body["names"]] if is_right else []
