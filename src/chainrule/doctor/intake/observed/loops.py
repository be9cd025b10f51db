"""A training loop in which everything is written out, as a program: its body up to the first update
is the forward pass, the whole body a training step."""

from __future__ import annotations

import ast
import copy
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, cast

import numpy as np

from chainrule.doctor.intake.cases import Case
from chainrule.doctor.intake.usual.losses import (
    examine_with_conventions,
    say_not_followed,
    with_assumed_loss,
)
from chainrule.doctor.numbers.examination import examine
from chainrule.doctor.numbers.examined import Examination
from chainrule.doctor.search.subject_diagnosis import SEARCHING, diagnose_subject
from chainrule.doctor.subjects.program import Pass, Program
from chainrule.doctor.subjects.subject import Answer, Subject
from chainrule.foreign.calls.conventions import Code
from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.naming.parameter_names import is_parameter
from chainrule.foreign.naming.roles import role_of
from chainrule.foreign.objects import state as states
from chainrule.foreign.objects.gradients import Found
from chainrule.foreign.objects.names import Names
from chainrule.foreign.objects.state import Path, Values
from chainrule.foreign.objects.targets import fitting, spread_in_words
from chainrule.foreign.observed.loops import (
    STEP,
    Compared,
    Loop,
    SeenLoop,
    add_forward,
    add_step,
    differences,
    evaluated,
    examples_of,
    has_regularizer,
    hides_gradients,
    is_numbers,
    losses,
    named_outputs,
    names_used,
    rate_of,
)
from chainrule.foreign.observed.observing import Observed
from chainrule.foreign.running.randomness import Randomness, random_like
from chainrule.types import Array, Shape

OUTPUT, LOSS = "output_of_loop", "loss_of_loop"


class LoopProgram(Program):
    """A loop's body: it has its batch among its names, and cannot be given another one."""

    runs_once = True

    def backward(self, done: Pass, values: Values) -> Answer:
        """A whole step, from the state before it: the forward pass has moved velocities already."""
        return super().backward(replace(done, state=self.fresh_state(values)), values)

    def _find_parameters(self, first: Pass) -> None:
        """Only what the loop moves has a gradient; the data in it has none."""
        super()._find_parameters(first)
        state = self.fresh_state(self.values)
        with suppress(Exception), np.errstate(all="ignore"):  # found again in the backward pass
            vars(state)[STEP]()
        for name, path in list(self.paths.items()):
            is_same = np.array_equal(self.values[name], states.read(state, path))
            if is_same and not is_parameter(name):
                del self.paths[name], self.values[name]

    def _without_influence(self) -> list[Path]:
        """Not what an update keeps under the name of each parameter, such as its moments."""
        moved = {path[-1] for path in self.paths.values()}
        return [path for path in super()._without_influence() if path[-1] not in moved]

    def narrowed(self, examples: int) -> Subject | None:
        return None

    def only(self, example: int) -> None:
        return None


class LoopThatHidesGradients(LoopProgram):
    """A loop whose updates do not show the gradients, as those of Adam: they are found by their
    names alone."""

    def _complete(self) -> None:
        for name in self._missing() or []:
            self.made_elsewhere[name] = (
                f"{name}: its update does not show the gradient, and no array is named after it"
            )
            del self.values[name]
        self.notes.append("the gradients are those that their names say; the update is not checked")

    def _answer(self, found: Found, done: Pass, values: Values) -> Answer:
        return super()._answer(replace(found, before={}), done, values)


def loop_case(seen: SeenLoop, observed: Observed) -> Case:
    """The case of a loop.

    Raises:
        CannotCheckError: nothing in it tells its loss.
    """
    add_step(seen)
    _let_numbers_move(vars(seen.names))
    _let_inputs_tell(seen)
    program = _followed(seen)
    program.is_guessed = True
    again = "was run again" if seen.is_single else "was run again, from its first round"
    program.notes.append(f"{seen.name} {again}")
    return Case(program, {"x": program.x}, observed.loaded.module)


def _followed(seen: SeenLoop) -> Program:
    """The program whose loss the gradients follow: the loop's own, or else a usual one."""
    own, reason = _examined(_by_loss(seen))
    if own and not own[-1].wrong:
        return _program_of(own[-1])
    others, other_reason = _examined(_by_output(seen))
    if not own and not others:
        raise (
            other_reason
            or reason
            or CannotCheckError(
                "neither a loss (a number called loss or cost) nor the difference between an "
                "output and its targets was found in it"
            )
        )
    best = min([*own, *others], key=lambda found: len(found.wrong))
    program = _program_of(best)
    if program.code.loss is None:
        return program
    if best.wrong and has_regularizer(seen.node):
        raise CannotCheckError(
            "its updates hold the term of a regularizer, and it computes no loss that has one: "
            "compute the loss in it, as loss = …"
        )
    if not own:
        return program
    held = min(own, key=lambda found: len(found.wrong))
    return _own_or_another(held, program, losses(seen.node)[0])


def _examined(
    makes: Iterable[Callable[[], Program]],
) -> tuple[list[Examination], CannotCheckError | None]:
    """Programs with gradients to compare, up to the first of which all are right, and why the last
    of the others has none."""
    examined, reason = [], None
    for make in makes:
        try:
            found = examine_with_conventions(make())
        except CannotCheckError as error:
            reason = error
            continue
        if found.truths and found.error is None:
            examined.append(found)
            if not found.wrong:
                break
    return examined, reason


def _program_of(found: Examination) -> Program:
    return cast("Program", found.subject)


def _own_or_another(held: Examination, other: Program, name: str) -> Program:
    """What is believed of gradients that follow another loss than the loop computes.

    Losses are often computed to be looked at alone, in another unit or of another kind. But where a
    mistake explains the difference, that loss may be meant: it is, if some of its gradients are
    right; and if none is, nobody but the author knows.

    Args:
        held: with the loop's own loss, called `name`.
        other: with the one that the gradients follow.
    """
    say_not_followed(other, name)
    own = _program_of(held)
    findings = diagnose_subject(own.copied(), search=SEARCHING // 6).findings
    if not findings or any(finding.code == "unknown" for finding in findings):
        return other
    if len(held.wrong) < len(held.truths):
        return own
    mistake = findings[0]
    place = "" if mistake.line is None else f" in line {mistake.line}"
    other.unchecked = [
        *other.unchecked,
        f"{name}, as the loop computes it, has other gradients than those: if it is what training "
        f"is to make small, {mistake.gradient} is wrong{place}: {mistake.suggestion}",
    ]
    return other


def _let_numbers_move(held: dict[str, Any]) -> None:
    """Make parameters that begin as whole numbers, ``b = 0``, such that they can be moved."""
    for name, value in held.items():
        if type(value) is int and is_parameter(name):
            held[name] = float(value)
        elif isinstance(value, list) and is_parameter(name):
            held[name] = _as_numbers(value)
        elif hasattr(value, "__dict__") and not isinstance(value, states.OPAQUE):
            inner = vars(value)
            inner |= {n: float(v) for n, v in inner.items() if type(v) is int and is_parameter(n)}


def _let_inputs_tell(seen: SeenLoop) -> None:
    """Move examples all of whose numbers are the same, as the first one of XOR: weights that are
    multiplied by zeros alone would have no influence. They stay where the code takes no others."""
    before, after = vars(seen.names), vars(_after(seen, moved=False))
    given = examples_of(seen.node)
    told = {
        name: _telling_rows(value)
        for name in names_used(seen.node)
        if isinstance(value := before.get(name), np.ndarray) and _is_input(name, value)
        if name in given or np.array_equal(value, np.asarray(after.get(name)))
    }
    trial = copy.deepcopy(seen.names)
    vars(trial).update(told)
    with suppress(Exception), np.errstate(all="ignore"), Randomness([]).frozen():
        vars(trial)[STEP]()
        before.update(told)


def _is_input(name: str, value: Array) -> bool:
    is_row = value.ndim in (1, 2) and value.dtype.kind in "iuf" and value.shape[-1] > 1
    return is_row and not is_parameter(name) and role_of(name) != "y"


def _telling_rows(x: Array) -> Array:
    """Rows of which none is the same number throughout."""
    rows = np.atleast_2d(x).astype(np.float64)
    same = np.ptp(rows, axis=1) == 0
    if not same.any():
        return x
    moved = rows + 0.2 * random_like(rows, "input")
    return np.where(same[:, None], moved, rows).reshape(x.shape)


def _as_numbers(value: list[Any]) -> Any:
    """Numbers in lists of lists as an array, which is read and changed in the same way."""
    with suppress(ValueError, TypeError):
        made = np.array(value)
        return made.astype(np.float64) if made.dtype.kind in "fiu" else value
    return value


def _by_loss(seen: SeenLoop) -> Iterator[Callable[[], Program]]:
    """Programs of which the loop's own loss is followed."""
    for name in dict.fromkeys(losses(seen.node)):

        def make(name: str = name) -> Program:
            add_forward(seen, LOSS, ast.parse(name, mode="eval").body)
            code = _code(seen, LOSS)
            value = vars(copy.deepcopy(seen.names))[LOSS]()
            if np.size(value) != 1:
                raise CannotCheckError(f"{name} is not a number")
            return _with_fitting_targets(seen, code) or _program(seen, code, None)

        yield make


def _with_fitting_targets(seen: SeenLoop, code: Code) -> Program | None:
    """The program whose loss takes the targets entry by entry; None unless it spreads them over the
    output as it stands."""
    spread: list[tuple[Shape, Shape]] = []

    def forward(state: Any) -> Callable[..., Any]:
        plain = vars(state)[LOSS]

        @functools.wraps(plain)
        def loss() -> Any:
            for name, value in vars(state).items():
                if role_of(name) == "y" and isinstance(value, np.ndarray):
                    vars(state)[name] = fitting(value, spread)
            return np.asarray(plain())

        return loss

    with suppress(Exception):  # the code may look at the type of its targets
        forward(copy.deepcopy(seen.names))()
    if not spread:
        return None
    program = _program(seen, replace(code, forward=forward), None)
    program.unchecked = [*program.unchecked, spread_in_words(spread)]
    return program


def _by_output(seen: SeenLoop) -> Sequence[Callable[[], Program]]:
    """Programs with the usual loss that fits what the loop takes the difference of; else that of
    what is called output and targets."""
    compared = [partial(_with_usual_loss, seen, *each) for each in _outputs(seen, differences)]
    return compared or [partial(_by_names, seen, *each) for each in _outputs(seen, named_outputs)]


def _by_names(seen: SeenLoop, statement: ast.stmt, output: ast.expr, target: Array) -> Program:
    """The program with the usual loss of what is called output and targets.

    Raises:
        CannotCheckError: none of its gradients speaks for that.
    """
    program = _with_usual_loss(seen, statement, output, target)
    found = examine(program)
    if len(found.wrong) == len(found.truths):
        raise CannotCheckError(
            f"with none of the usual losses of {ast.unparse(output)} do its gradients agree: "
            "compute the loss in it, as loss = …"
        )
    return program


def _with_usual_loss(
    seen: SeenLoop, statement: ast.stmt, output: ast.expr, target: Array
) -> Program:
    """The program of a loop up to a statement, with the usual loss that fits best."""
    add_forward(seen, OUTPUT, output, until=statement)

    def made(code: Code, y: Any) -> Program:
        return _program(seen, code, y)

    return with_assumed_loss(made, _code(seen, OUTPUT), np.zeros((), int), target)


def _program(seen: SeenLoop, code: Code, y: Any) -> Program:
    made = vars(_after(seen, moved=False))  # the rate, where the body sets it
    names = Names({**made, **vars(seen.names)}, names_used(seen.node))
    rate = rate_of(seen.node, names)
    kind = LoopThatHidesGradients if hides_gradients(seen.node, seen.names) else LoopProgram
    return kind(seen.name, code, np.zeros((), int), y, rate=rate, randomness=Randomness([]))


def _code(seen: SeenLoop, forward: str) -> Code:
    return Code(seen.names, lambda state: vars(state)[forward], lambda state: vars(state)[STEP])


def _outputs(
    seen: SeenLoop, pairs: Callable[[Loop], Iterator[Compared]]
) -> Iterator[tuple[ast.stmt, ast.expr, Array]]:
    """Of pairs of expressions those of which one depends on what the loop moves, and the other may
    be its targets."""
    here, there = _after(seen, moved=False), _after(seen, moved=True)
    for statement, left, right in pairs(seen.node):
        for output, target in ((left, right), (right, left)):
            p, moved_p = evaluated(output, here), evaluated(output, there)
            y, moved_y = (_as_classes(evaluated(target, names), p) for names in (here, there))
            is_formula = isinstance(target, ast.Constant)  # as in 1 - a**2
            if is_formula or not (is_numbers(y) and is_numbers(p)) or not _belong(y, p):
                continue
            if np.array_equal(y, moved_y) and not np.array_equal(p, moved_p):
                y = _as_classes(_at(seen, statement, target, y), p)
                targets = np.reshape(y, np.shape(p)) if np.size(y) == 1 else y
                yield statement, output, np.array(targets)


def _at(seen: SeenLoop, statement: ast.stmt, target: ast.expr, after: Any) -> Any:
    """The targets where a statement compares them, ``t[count]``, before a round counts on; as they
    are after it, where they cannot be told."""
    add_forward(seen, OUTPUT, target, until=statement)
    with suppress(Exception), np.errstate(all="ignore"), Randomness([]).frozen():
        there = vars(copy.deepcopy(seen.names))[OUTPUT]()
        return there if np.shape(there) == np.shape(after) else after
    return after


def _as_classes(y: Any, p: Any) -> Any:
    """A column of class numbers as a vector, beside outputs with a column for each class."""
    is_column = np.ndim(p) == 2 and np.shape(y) == (len(p), 1) and np.shape(p)[1] > 1
    if not is_column or not np.isin(np.asarray(y), range(np.shape(p)[1])).all():
        return y
    return np.asarray(y).ravel().astype(int)


def _belong(y: Any, p: Any) -> bool:
    """True if targets may belong to an output: in its shape, or a class number for each row."""
    if np.shape(y) == np.shape(p) or np.size(y) == np.size(p) == 1:
        return True
    are_classes = np.ndim(y) == 1 and np.asarray(y).dtype.kind in "iu"
    return are_classes and np.ndim(p) == 2 and len(y) == len(p)


def _after(seen: SeenLoop, moved: bool) -> Names:
    """The names after a round, from parameters as they were, or others; with the random numbers
    that every run of the loop's program begins with, so that it takes the same examples."""
    names = copy.deepcopy(seen.names)
    updated = copy.deepcopy(seen.names)
    frozen = Randomness([]).frozen
    with suppress(Exception), np.errstate(all="ignore"), frozen():  # it may raise anything
        vars(updated)[STEP]()
    for path, array in states.arrays(names).items() if moved else ():
        after = states.read(updated, path)
        if after is not None and not np.array_equal(array, after):
            states.write(names, path, array + 0.1 * random_like(array, "dependence"))
    with suppress(Exception), np.errstate(all="ignore"), frozen():
        vars(names)[STEP]()
    return names
