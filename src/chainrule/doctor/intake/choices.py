"""Words that code lets somebody choose: each activation is tried, not the usual one alone, so that
its derivative is compared; and what of the backward code has still not run is said."""

from __future__ import annotations

import types
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from chainrule.doctor.intake.cases import KEYS, Case, Example
from chainrule.doctor.intake.examples import object_case
from chainrule.doctor.intake.meanings import as_meant
from chainrule.doctor.properties.repeated_calls import again
from chainrule.doctor.subjects.program import Program
from chainrule.doctor.subjects.subject import Subject
from chainrule.foreign.calls.calling import optional
from chainrule.foreign.naming.offered_words import ACTIVATION, words_beside
from chainrule.foreign.reading.branches import Branch, Place, branches_in
from chainrule.foreign.reading.notebooks import is_notebook, read_notebook
from chainrule.foreign.reading.source import source_of
from chainrule.foreign.running.effort import LIBRARIES
from chainrule.foreign.running.places_run import places_run

OTHERWISE = {"relu", "sigmoid", "softmax"}  # for words that code does not compare with


def all_choices(cases: list[Case], file: Path, is_told: bool) -> list[Case]:
    """The cases, and those that show another branch of their code by another word; the first one
    says which branches none of them runs.

    Args:
        file: that is to be checked.
        is_told: true if somebody has said what of it.
    """
    ran: set[Place] = set()
    for case in cases:
        ran |= _places_run_by(case)
    others: list[Case] = []
    for case in cases:
        for other in _with_other_words(case):
            new = _places_run_by(other) - ran
            if any(
                not each.has_run(ran) and each.has_run(ran | new) for each in _branches([other])
            ):
                others.append(replace(other, newly_run=frozenset(new)))
                ran |= new
    cases[0].unchecked.extend(_not_run(_branches(cases, file), ran, is_told))
    return [*cases, *others]


def _branches(cases: Collection[Case], *files: Path) -> list[Branch]:
    """The branches of the author's own files that cases use, and of others."""
    used = {file for case in cases if case.subject for file in case.subject.files()}
    own = {*(file for file in used if not file.startswith(LIBRARIES)), *map(str, files)}
    return [branch for file in sorted(own) for branch in branches_in(file, source_of(file))]


def _places_run_by(case: Case) -> set[Place]:
    subject = case.subject
    return set() if subject is None else places_run(lambda: _run_twice(subject))


def _run_twice(subject: Subject) -> None:
    """Both passes, and both again: the second time gradients may be added to what is there."""
    if not isinstance(subject, Program) or subject.runs_once:
        subject.gradients(subject.values)
        return
    state = subject.fresh_state(subject.values)
    for _ in range(2):
        again(subject, state, subject.values)


# --- other words ----------------------------------------------------------------------------


def _with_other_words(case: Case) -> Iterator[Case]:
    """The case with other words for an activation, one after the other."""
    for name, word in _words(case):
        sources = map(source_of, _files(case))
        known = {new for source in sources for new in words_beside(source, name, word)}
        for new in sorted({*filter(ACTIVATION.fullmatch, known), *OTHERWISE} - {word}):
            with suppress(Exception):  # the code may raise anything for a word not meant here
                other = _made_again(case, _example_with(case, name, word, new))
                other.choice = f"{name} = {new!r}"
                yield other


def _files(case: Case) -> list[str]:
    module = [] if case.module is None else [str(case.module.__file__)]
    return [*(sorted(case.subject.files()) if case.subject else []), *module]


def _words(case: Case) -> Iterator[tuple[str, str]]:
    """The words with which a case was made, and its passes are called, with their names."""
    passes = case.subject.functions() if isinstance(case.subject, Program) else []
    defaults = {name: value for each in passes for name, value in optional(each).items()}
    for name, value in {**defaults, **case.example}.items():
        if isinstance(value, str) and name not in KEYS:
            yield name, value
    if case.made is not None:
        yield from case.made.words()


def _example_with(case: Case, name: str, word: str, new: str) -> Example:
    """The example of a case with another word, for its object or its passes."""
    if case.made is not None and (name, word) in case.made.words():
        return {**case.example, "layer": case.made.other(name, word, new)}
    return {**case.example, name: new}


def _made_again(case: Case, example: Example) -> Case:
    """The case of an example, if the code runs on it.

    Raises:
        Exception: what the code raises.
    """
    module = case.module or types.ModuleType("none")
    other = object_case(module, example)
    subject = other.subject
    if subject is not None and case.subject is not None:
        subject.is_guessed = case.subject.is_guessed
        subject.gradients(subject.values)
    return as_meant(other) if "layer" in example else other


# --- what has not run -----------------------------------------------------------------------


def _not_run(branches: list[Branch], ran: set[Place], is_told: bool) -> list[str]:
    """What is said of the branches that have not run, those within others not by themselves."""
    missed: list[Branch] = []
    for branch in sorted(
        branches, key=lambda each: (each.file, each.start, [-e for e in each.end])
    ):
        is_asked = branch.is_beside_what_runs(ran) or (
            branch.is_function and branch.owner == (0, 0) and not is_told
        )
        if is_asked and not branch.has_run(ran) and not any(o.holds(branch) for o in missed):
            missed.append(branch)
    return [_in_words(branch) for branch in missed]


def _in_words(branch: Branch) -> str:
    line = branch.start[0]
    place = f"{branch.function}, line {line}" if branch.function else f"line {line}"
    if is_notebook(Path(branch.file)):
        cell, inside = read_notebook(Path(branch.file)).place(line)
        place = f"{branch.function or 'the notebook'}, cell {cell}, line {inside}"
    if not branch.condition:
        return f"{place}: nothing has called it, so it was not compared"
    when = "for" if branch.is_function else "if"  # a word among those of a dictionary, or a test
    return f"{place}: did not run, so it was not compared (it runs {when} {branch.condition})"
