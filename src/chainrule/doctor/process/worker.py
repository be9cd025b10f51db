"""The process in which code is examined: ``python -m chainrule.doctor.process.worker``.

It can be asked for a diagnosis, which the judge takes as a claim, and for plain numbers, with which
the judge holds the claim against calculus: what comes out forward, and which gradients backward.
"""

from __future__ import annotations

import copy
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from chainrule.doctor.diagnosis import diagnose_request
from chainrule.doctor.failure import DoctorError, failed
from chainrule.doctor.findings import Diagnosis, Finding
from chainrule.doctor.intake.cases import Case, Example
from chainrule.doctor.intake.request import Request, find
from chainrule.doctor.optimizers.steps import (
    flat,
    gradients_of,
    name_of,
    parameter_names,
    refilled,
    run,
    settings_of,
)
from chainrule.doctor.process.report import packed
from chainrule.doctor.properties.repeated_calls import again
from chainrule.doctor.subjects.pairs import ActivationPair
from chainrule.doctor.subjects.program import Program
from chainrule.doctor.subjects.subject import Answer, Subject
from chainrule.foreign.errors import CannotCheckError, words_of
from chainrule.foreign.objects.state import Values
from chainrule.foreign.running.randomness import Randomness
from chainrule.sandbox.messages import Message
from chainrule.sandbox.serving import Call, serve
from chainrule.types import Array


def diagnose(message: Message) -> Message:
    """The diagnosis, or why there is none."""
    request, megabytes = _request(message.body["request"]), message.body["megabytes"]
    try:
        return packed(diagnose_request(request), message.body["with_arrays"])
    except (CannotCheckError, DoctorError) as error:
        return Message({"error": str(error)})
    except MemoryError as error:
        finding = _out_of_memory(request.file_name, megabytes, error)
        return packed(Diagnosis(request.file_name, [finding]), with_arrays=False)
    except SystemExit as error:
        return Message({"error": f"{request.file_name} ends the program itself: exit({error})"})
    except Exception as error:  # whatever fails here is no mistake in the code under examination
        return Message({"error": str(failed(error, request.file_name))})


def _out_of_memory(name: str, megabytes: int, error: MemoryError) -> Finding:
    evidence = f"more than {megabytes} MB are asked for ({error})"
    advice = "use smaller arrays, or give more with --memory-limit"
    return Finding(name, "out-of-memory", True, evidence, None, advice)


def _request(given: dict[str, Any]) -> Request:
    """The request that `asdict` has taken apart."""
    fields = {**given, "file": Path(given["file"])}
    for name in ("shape", "functions"):
        fields[name] = None if given[name] is None else tuple(given[name])
    return Request(**fields)


class Cases:
    """The code of one request, to be asked for numbers."""

    def __init__(self) -> None:
        self.cases: list[Case] = []

    def open(self, message: Message) -> Message:
        """Run the file anew; what it has to be examined, each with the numbers it starts from."""
        with Randomness([]).frozen():  # two processes begin alike
            self.cases = find(_request(message.body["request"]))
        described, arrays = [], {}
        for number, case in enumerate(self.cases):
            if case.subject is None:
                described.append(_optimizer(case.example))
                continue
            described.append(_described(case.subject))
            for name, value in case.subject.values.items():
                arrays[f"{number}:{name}"] = np.asarray(value, np.float64)
        return Message({"cases": described}, arrays)

    def output(self, message: Message) -> Message:
        """What the forward pass gives: its output, or the loss where that is what is followed."""
        output = _output(self._subject(message), _values(message, "value"))
        return Message({}, {"output": np.asarray(output, np.float64)})

    def gradients(self, message: Message) -> Message:
        """What the backward pass gives for ``dy``, the gradient of the output."""
        subject = self._subject(message)
        return _answered(subject.gradients(_values(message, "value")))

    def again(self, message: Message) -> Message:
        """The same, on an object that has run both passes on other numbers before."""
        subject, values = self._subject(message), _values(message, "value")
        if not isinstance(subject, Program) or subject.runs_once:
            return _answered(subject.gradients(values))
        before = _values(message, "before")
        state = subject.fresh_state(before)
        again(subject, state, before)
        return _answered(again(subject, state, values))

    def steps(self, message: Message) -> Message:
        """How far several steps of an optimizer move given parameters."""
        example = self.cases[message.body["case"]].example
        optimizer = example["optimizer"]
        params = refilled(example["params"], message.arrays["params"])
        grads = refilled(gradients_of(example), message.arrays["grads"])
        moved = run(copy.deepcopy(optimizer), params, grads, settings_of(optimizer, example))
        return Message({}, {str(number): step for number, step in enumerate(moved)})

    def _subject(self, message: Message) -> Subject:
        """The code that is meant, with the gradient of its output that is handed in."""
        subject = self.cases[message.body["case"]].subject
        if subject is None:
            raise CannotCheckError("an optimizer has neither an output nor gradients")
        if "dy" in message.arrays:
            vars(subject)["dy"] = message.arrays["dy"]
        return subject


def _described(subject: Subject) -> dict[str, Any]:
    return {
        "name": subject.name,
        "has_dy": getattr(subject, "dy", None) is not None,
        "is_random": subject.is_random(),
        "is_guessed": subject.is_guessed,
        "has_cross_entropy": subject.has_cross_entropy,
        "classes": subject.classes,
        "runs_once": subject.runs_once,
        "batch": subject.batch,
    }


def _optimizer(example: Example) -> dict[str, Any]:
    optimizer = example["optimizer"]
    sizes = [flat(each).size for each in (example["params"], gradients_of(example))]
    return {
        "name": name_of(optimizer),
        "settings": asdict(settings_of(optimizer, example)),
        "names": parameter_names(example["params"]),
        "sizes": sizes,
    }


def _values(message: Message, which: str) -> Values:
    """The arrays of a message that begin with ``value:``, or ``before:``."""
    parts = {name: name.partition(":") for name in message.arrays}
    return {end: message.arrays[name] for name, (start, _, end) in parts.items() if start == which}


def _output(subject: Any, values: Values) -> Array:
    if getattr(subject, "dy", None) is not None:
        if isinstance(subject, Program):
            return subject.followed(subject.run(values))
        if isinstance(subject, ActivationPair):
            return subject.output(values["x"])
        if subject.is_own:
            return subject.forward(values)[0]
    return np.array(subject.loss(values))


def _answered(answer: Answer) -> Message:
    arrays = {
        f"gradient:{name}": np.asarray(gradient, np.float64)
        for name, gradient in answer.gradients.items()
        if gradient is not None
    }
    if answer.output is not None:
        arrays["output"] = np.asarray(answer.output)
    return Message({"names": answer.names, "updated": sorted(answer.updated)}, arrays)


def _or_why_not(call: Call) -> Call:
    """A call that answers with what the code raises, where it raises something."""

    def answer(message: Message) -> Message:
        try:
            return call(message)
        except (Exception, SystemExit) as error:  # the code may raise anything
            return Message({"raised": words_of(error)[:500]})

    return answer


def main() -> NoReturn:
    """Answer the judge."""
    cases = Cases()
    asked = (cases.open, cases.output, cases.gradients, cases.again, cases.steps)
    serve({"diagnose": diagnose, **{call.__name__: _or_why_not(call) for call in asked}})


if __name__ == "__main__":
    main()
