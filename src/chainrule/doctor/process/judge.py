"""Decides what is said of a file, in a process that the file's code never enters.

A worker examines the file and claims what it found: that is where the search for causes runs, next
to the code, which could write its own diagnosis there. So nothing is called right on a worker's
word. The judge asks for plain numbers, outputs from one worker and gradients from a second one, at
places and for upstream gradients that it draws itself and keeps to itself, and compares them.
"""

from __future__ import annotations

import copy
import secrets
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.doctor.findings import Diagnosis, belonging
from chainrule.doctor.intake.request import Request
from chainrule.doctor.numbers.examination import examine, measure_wrong
from chainrule.doctor.optimizers.formulas import Settings
from chainrule.doctor.optimizers.steps import follow_a_formula, gradients_of_steps
from chainrule.doctor.process.endings import as_error, as_finding, is_out_of_time
from chainrule.doctor.process.reaching import reaching_in
from chainrule.doctor.process.remote import (
    CodeRaisesError,
    Described,
    RemoteSubject,
    asked,
    named,
    opened,
)
from chainrule.doctor.process.report import unpacked
from chainrule.doctor.properties.repeated_calls import alike
from chainrule.doctor.subjects.subject import Answer
from chainrule.errors import CheckError
from chainrule.foreign.errors import CannotCheckError, words_of
from chainrule.foreign.objects.state import Values
from chainrule.foreign.running.loading import places_of_imports
from chainrule.sandbox.confinement import Confinement
from chainrule.sandbox.fork_server import Start, starter
from chainrule.sandbox.limits import Limits
from chainrule.sandbox.messages import MessageError
from chainrule.sandbox.worker import Worker, WorkerEndedError, WorkerError
from chainrule.types import Array

MODULE = "chainrule.doctor.process.worker"
MOST_NUMBERS = 10_000_000  # drawn at a worker's word
MOVED = 0.3  # times the size of the numbers: how far the second place lies from the first

Called = Callable[[str], str]
"""What a gradient of a subject is called among those of all."""


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


def judge_file(
    request: Request,
    limits: Limits,
    with_arrays: bool = False,
    solution: Path | None = None,
    start: Start | None = None,
) -> Judgement:
    """What is said of a file.

    Args:
        with_arrays: true if the gradients that are wrong are wanted, too.
        solution: a file that is right; what the code computes forward must be what it does.
        start: starts the processes of workers, where several files share what does.
    Raises:
        CheckError: it cannot be checked, or not within the limits.
    """
    file = Path(str(request.file))
    readable = folders_of(file)
    with ExitStack() as stack:
        begin = start or stack.enter_context(starter(MODULE))

        def started(folders: list[Path]) -> Worker:
            return stack.enter_context(Worker(begin, limits, folders, folder=folders[0]))

        first, second = started(readable), started(readable)
        third = None if solution is None else started(folders_of(solution))
        try:
            confinement = _confinement(first)
            claimed = _claimed(first, request, limits, with_arrays)
        except WorkerError as error:
            if isinstance(error, WorkerEndedError) and not is_out_of_time(error):
                return Judgement(as_finding(error, request.file_name), confinement)
            raise as_error(error, file, limits) from None
        if any(each.right for each in claimed.comparisons) or not claimed.findings:
            judge = Judge(request, first, second, third, solution)
            claimed = judge.held_against_numbers(claimed)
        places = reaching_in(file) if solution is None else []  # held to it, code cannot pretend
        return Judgement(_left_to_a_reader(claimed, places), confinement)


def _confinement(worker: Worker) -> Confinement:
    """What a worker is kept from. Where it did not get so far, that is no fault of the code.

    Raises:
        WorkerError: its time was over before.
    """
    try:
        return worker.confinement
    except WorkerError as error:
        if is_out_of_time(error):
            raise
        raise CheckError(f"the sandbox does not start: {error}. {error.said[-500:]}") from None


def folders_of(file: Path) -> list[Path]:
    """The folders that code in a file may read: its own, the one above, where imports from beside
    its package lie, and the one that holds that package; never a home, nor what holds homes."""
    home = Path.home().resolve()
    folder, *others = places_of_imports(file)
    return [folder, *(other for other in others if not home.is_relative_to(other))]


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


def _left_to_a_reader(diagnosis: Diagnosis, places: list[str]) -> Diagnosis:
    """The diagnosis, with nothing right in it where the source reaches into its process."""
    if not places:
        return diagnosis
    wrong = [each for each in diagnosis.comparisons if not each.right]
    reason = (
        f"{', '.join(places[:3])}: that reaches into the process that runs it, so that what "
        "answers there need not be the code that stands here; read it, or give --solution"
    )
    return replace(diagnosis, comparisons=wrong, unchecked=[*diagnosis.unchecked, reason])


# --- held against numbers -------------------------------------------------------------------


@dataclass
class Judge:
    """Compares what workers answer.

    Args:
        request: what was asked to be checked.
        forward, backward: the workers that run the code.
        right: the one that runs the solution, where there is one.
        solution: its file.
    """

    request: Request
    forward: Worker
    backward: Worker
    right: Worker | None
    solution: Path | None

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(secrets.randbits(128))  # none of the workers can know
        self.stale: set[str] = set()  # gradients that depend on an earlier call

    def held_against_numbers(self, claimed: Diagnosis) -> Diagnosis:
        """The claim, with nothing right in it but what the numbers of the workers agree in."""
        confirmed: list[str] = []
        expected = {each.name for each in claimed.comparisons if each.right}
        reason = "two runs, forward in one process and backward in another, do not agree in it"
        try:
            cases = self._cases()
            subjects = [str(described.body["name"]) for described in cases]
            for number, described in enumerate(cases):
                called = partial(belonging, subject=subjects[number], subjects=subjects)
                try:
                    confirmed += self._confirmed(number, described, expected, called)
                except CannotCheckError as error:
                    reason = f"not confirmed, {error}"
        except (CannotCheckError, WorkerError) as error:
            reason = f"not confirmed, {error}"
        except Exception as error:  # a worker may answer anything, so that anything may fail here
            said = words_of(error)
            reason = f"not confirmed, what its process answers makes no sense ({said[:200]})"
        held = replace(claimed, comparisons=[], unchecked=list(claimed.unchecked))
        claims_stale = any(finding.code == "stale-cache" for finding in claimed.findings)
        for each in claimed.comparisons:
            if not each.right:
                held.comparisons.append(each)
            elif each.name in confirmed:
                confirmed.remove(each.name)
                held.comparisons.append(each)
            elif claims_stale and each.name in self.stale:
                held.comparisons.append(replace(each, right=False))
            else:
                held.unchecked.append(f"{each.name}: {reason}")
        return held

    def _cases(self) -> list[Described]:
        """What the file has to be examined, if both workers see the same in it."""
        asked_for = _as_json(self.request)
        cases, others = opened(self.forward, asked_for), opened(self.backward, asked_for)
        if len(cases) != len(others) or not all(map(Described.is_like, cases, others)):
            raise CodeRaisesError("the file has other things to examine each time it runs")
        return cases

    def _confirmed(
        self, number: int, described: Described, expected: set[str], called: Called
    ) -> list[str]:
        """What the gradients that are right are called."""
        if "settings" in described.body:
            return list(map(called, self._confirmed_steps(number, described)))
        file = Path(str(self.request.file)).resolve()
        workers = self.forward, self.backward
        subject = RemoteSubject(number, described, file, *workers, self.rng)
        other = self._elsewhere(subject)
        if self.right is not None:
            self._expect_like_solution([subject, other], described)
        right = self._right_at(subject, expected, called)
        with suppress(CodeRaisesError):  # code may refuse other numbers: then one place must do
            elsewhere = self._right_at(other, expected, called)
            right = {name: each for name, each in right.items() if name in elsewhere}
        stale = set() if described.body["is_random"] else self._stale(subject, other)
        self.stale |= {each for name, each in right.items() if name in stale}
        return [each for name, each in right.items() if name not in stale]

    def _right_at(
        self, subject: RemoteSubject, expected: set[str], called: Called
    ) -> dict[str, str]:
        """What the gradients that are right are called, by the value each belongs to."""
        found = examine(subject, int(self.rng.integers(2**63)))
        if any(called(found.shown(name)) in expected for name in found.wrong):
            measure_wrong(found)  # to see whether it is a convention, or a kink
        if not any(truth.scale for truth in found.truths.values()):
            raise CodeRaisesError(f"nothing that {subject.name} is given changes its output")
        right = [name for name in found.truths if name not in found.wrong]
        return {name: called(found.shown(name)) for name in right}

    def _elsewhere(self, subject: RemoteSubject) -> RemoteSubject:
        """The same code with other numbers."""
        other = copy.copy(subject)
        other.values = {name: self._moved(name, value) for name, value in subject.values.items()}
        if subject.dy is not None:
            other.dy = subject.drawn_dy(subject.dy.shape, self.rng)
        return other

    def _moved(self, name: str, value: Array) -> Array:
        noise = MOVED * self.rng.standard_normal(value.shape)
        if name == "y_pred":  # probabilities remain
            return np.asarray(value * (1 + 0.1 * noise))
        size = float(np.abs(value).mean()) if value.size else 0.0
        return np.asarray(value + noise * (size or 1.0))

    def _stale(self, subject: RemoteSubject, other: RemoteSubject) -> set[str]:
        """The values whose gradients depend on what a call with another input has left; those that
        add up over calls do not."""
        values = dict(subject.values)
        call = self._earlier_call(subject, other)
        if call is None:
            return set()
        before, earlier = call
        alone, used = subject.gradients(values), subject.again(values, before)
        stale = set()
        for name, right in alone.gradients.items():
            one, two = earlier.gradients[name], used.gradients[name]
            if right is None or one is None or two is None or right.shape != two.shape:
                continue
            added = one.shape == right.shape and alike(two, right + one)
            if not alike(two, right) and not added:
                stale.add(name)
        return stale

    def _earlier_call(
        self, subject: RemoteSubject, other: RemoteSubject
    ) -> tuple[Values, Answer] | None:
        """A call with the same parameters and another input that the code takes, and its answer.
        The input is of the opposite sign if the code takes that, so that a mask kept from it does
        not happen to be the right one."""
        values = dict(subject.values)
        if "x" not in values:
            return values, subject.gradients(values)
        for x in (self._moved("x", -values["x"]), other.values["x"]):
            before = {**values, "x": x}
            with suppress(CodeRaisesError):
                answer = subject.gradients(before)
                given = answer.gradients.values()
                if all(each is None or np.isfinite(each).all() for each in given):
                    return before, answer
        return None

    def _confirmed_steps(self, number: int, described: Described) -> list[str]:
        """The parameters of an optimizer, if its steps on other numbers follow a formula."""
        settings = Settings(**described.body["settings"])
        sizes = [int(size) for size in described.body["sizes"]]
        if not 0 < max(sizes) <= MOST_NUMBERS:
            raise CodeRaisesError(f"it claims to have {max(sizes):,} parameters")
        start, grads = map(self.rng.standard_normal, sizes)
        arrays = {"params": start, "grads": grads}
        given = asked(self.backward, "steps", {"case": number}, arrays)
        moved = [given.arrays[str(step)] for step in range(len(given.arrays))]
        wanted = gradients_of_steps(grads)
        follows = len(moved) == len(wanted) and follow_a_formula(start, wanted, settings, moved)
        return [str(name) for name in described.body["names"]] if follows else []

    # --- the solution ---------------------------------------------------------------------------

    @cached_property
    def _solved(self) -> dict[str, tuple[int, Described]]:
        """What the solution has to be examined, by name."""
        if self.right is None or self.solution is None:
            return {}
        cases = opened(self.right, _as_json(replace(self.request, file=self.solution)))
        return {str(each.body.get("name")): (number, each) for number, each in enumerate(cases)}

    def _expect_like_solution(self, places: list[RemoteSubject], described: Described) -> None:
        """What code computes forward must be what the solution does: else its gradients may be
        right, but of something else."""
        name = str(described.body["name"])
        number, theirs = self._solved.get(name, (0, None))
        if self.right is None or theirs is None or not theirs.is_like(described):
            raise CodeRaisesError(f"the solution has no {name} with the same parameters")
        for subject in places:
            given = asked(self.right, "output", {"case": number}, named("value", subject.values))
            wanted, ours = given.arrays["output"], subject.output(subject.values)
            if np.shape(wanted) != ours.shape or not np.allclose(wanted, ours, rtol=1e-4):
                raise CodeRaisesError(f"{name} computes something else forward than the solution")
