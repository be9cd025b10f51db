"""Layers, networks and pairs of functions as a `Subject`: forward, backward, and where in between
the gradients are found."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.doctor.subjects.subject import Answer, Subject, of_logits
from chainrule.foreign.calls.calling import call, required
from chainrule.foreign.calls.conventions import (
    Code,
    Function,
    asks_for_gradient,
    finishing_methods,
    is_handed_gradient_alone,
    learning_rate_of,
    other_update,
    starts_from_targets,
    takes_no_gradient,
    takes_targets,
)
from chainrule.foreign.calls.outputs import understood
from chainrule.foreign.errors import CannotCheckError, EndsProgramError, LossNeededError
from chainrule.foreign.naming.gradient_names import may_hold_a_gradient
from chainrule.foreign.naming.parameter_names import is_scale_or_shift, is_untrained, is_weight
from chainrule.foreign.naming.roles import (
    FORWARD_METHODS,
    GRADIENTS_TO_FILL,
    is_spelt_like,
    role_of,
)
from chainrule.foreign.objects import state as states
from chainrule.foreign.objects.gradients import Found, backward_result, match, snapshot
from chainrule.foreign.objects.state import Path, Values
from chainrule.foreign.objects.targets import are_spread, fitting, spread_in_words
from chainrule.foreign.reading.clipping import UNCLIPPED, without_clipping
from chainrule.foreign.reading.source import (
    attributes_keeping,
    compared_with_output,
    files_of,
    returned_names,
)
from chainrule.foreign.running import effort
from chainrule.foreign.running.randomness import (
    Randomness,
    nobody_else_draws,
    not_constant,
    random_like,
)
from chainrule.foreign.running.watching import counting_calls
from chainrule.types import Array, Shape

OTHER_DRAWS = (3, 4, 5)  # of random numbers: of few, one draw may be like the first


@dataclass
class Pass:
    """One run forward: the state after it, and what arguments stand for, by role and by name."""

    state: Any
    roles: dict[str, Any]
    named: dict[str, Any] = field(default_factory=dict)

    @property
    def output(self) -> Array:
        """What the forward pass gave."""
        return np.asarray(self.roles["output"])


Passes = dict[tuple[tuple[str, bytes], ...], Pass]
"""Runs forward by the numbers that they were made with."""


class Program(Subject):
    """A layer, a network or a pair of functions.

    Attributes:
        kept_by_others: attributes in which other methods keep what the forward pass returns.
        beside: functions in other files, whose source may hold the mistake, too.

    Args:
        x, y: a batch and its targets.
        rate: the learning rate for code that updates its own weights.
        batch_axis: which axis of x counts the examples.
        randomness: what is put back before each run.
        extra: further arguments by name.
    Raises:
        CannotCheckError: its output is no array of floats.
        LossNeededError: its backward pass begins with the targets, and a loss or targets are
            missing.
        Whatever the code itself raises passes through.
    """

    beside: Sequence[Function] = ()

    def __init__(
        self,
        name: str,
        code: Code,
        x: Any,
        y: Any = None,
        *,
        rate: float | None = None,
        batch_axis: int | None = None,
        randomness: Randomness | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.name, self.code = name, _with_zeros_moved(code)
        code = self.code
        _let_numbers_move(vars(code.state) if hasattr(code.state, "__dict__") else {})
        self.x, self.y = np.asarray(x), y if y is None else np.array(y)
        self.learning_rate = learning_rate_of(code) if rate is None else float(rate)
        self.batch_axis = batch_axis or 0
        self.randomness = randomness or Randomness([])
        self.extra = dict(extra or {})
        self.notes = []
        self.returned = returned_names(code.forward(code.state))
        self.kept_by_others = attributes_keeping(code.forward(code.state))
        self.paths: dict[str, Path] = {}
        self.values = {}
        self.dy: Array | None = None
        self.remembered: Pass | None = None
        self.shared: Passes | None = None
        self.handed_in: dict[str, Any] = {}  # to the last backward pass
        self.made_elsewhere: dict[str, str] = {}  # gradients, and where
        self.random_draw = 0
        self.spread: list[tuple[Shape, Shape]] = []  # targets over outputs, by the loss
        self._settle(batch_axis)

    # --- what can be moved ------------------------------------------------------------------

    @nobody_else_draws()
    def _settle(self, batch_axis: int | None) -> None:
        """Find what is an example, what the backward pass is handed, and what can be moved."""
        if self.x.dtype.kind == "f":
            self.values["x"] = self.x.astype(np.float64)
        if self.y is None and self._asks_for_targets():
            raise LossNeededError(f"{self.name} needs targets")
        first = self.run(self.values)
        if self.code.trains and self._goes_example_by_example():
            self.notes.append("it is trained example by example: one example is used")
            self.x, self.y = self.x[:1], None if self.y is None else self.y[:1]
            self.values = {"x": self.x.astype(np.float64)}
            first = self.run(self.values)
        if np.asarray(first.roles["output"]).dtype.kind not in "fc":
            raise CannotCheckError(
                f"the forward pass of {self.name} gives {type(first.roles['output']).__name__}, "
                "not an array of floats"
            )
        if not np.size(first.roles["output"]):
            raise CannotCheckError(
                f"the output of {self.name} is empty for an input of shape {self.x.shape}, so "
                "there is nothing to compare: give a larger input"
            )
        first = self._with_weights_made_by(first)
        self.batch_axis = self._axis_of_examples(first) if batch_axis is None else batch_axis
        is_one_example = self.x.ndim == 1 and (self.y is None or np.shape(self.y) != self.x.shape)
        if self.x.ndim > self.batch_axis and not is_one_example:
            self.batch = self.x.shape[self.batch_axis]
        self.dy = self._random_dy(first)
        self._find_parameters(first)
        self._widen_numbers()
        self._complete()
        idle = [
            f"{states.path_end(path)}: the output does not depend on it"
            for path in self._without_influence()
        ]
        spread = [spread_in_words(self.spread)] if self.spread else []
        self.unchecked = [*idle, *self.made_elsewhere.values(), *spread]

    def _asks_for_targets(self) -> bool:
        """True if nothing runs without the targets."""
        functions = [self.code.forward(self.code.state)]
        if self.code.trains:
            functions.append(self.code.backward(self.code.state))
        return self.code.joint is not None or any(map(takes_targets, functions))

    def _with_weights_made_by(self, first: Pass) -> Pass:
        """The forward pass from an object that has its weights, where the first one makes them."""
        if self.code.is_dictionary or "x" not in self.values:
            return first
        before = states.arrays(self.code.state)
        made = {
            path: np.array(array)
            for path, array in states.arrays(first.state).items()
            if path not in before and _is_weight(path)
        }
        if not made:
            return first
        again = self.run({"x": self.values["x"] + 1.0}, copy.deepcopy(first.state)).state
        if not any(np.array_equal(states.read(again, p), array) for p, array in made.items()):
            return first  # what was made is no weight: it goes with the input
        self.code = replace(self.code, state=first.state)
        return self.run(self.values)

    def _find_parameters(self, first: Pass) -> None:
        """Add the arrays that the loss depends on to the values."""
        arrays = states.arrays(self.code.state)
        names = states.names_of(list(arrays))
        base = self._value(first)
        for path, array in arrays.items():
            name = "x (parameter)" if names[path] == "x" else names[path]
            if is_untrained(name) or not array.size or self._holds_as_data(path):
                continue
            self.paths[name] = path
            moved = np.asarray(array, np.float64) + 0.1 * random_like(array, "dependence")
            try:
                value = self._value(self.run({**self.values, name: moved}))
                depends = not np.isclose(value, base, rtol=1e-12, atol=1e-14)
            except Exception:  # code may refuse the move: then the array is no parameter
                depends = False
            if depends:
                self.values[name] = not_constant(np.array(array, np.float64))
                base = self._value(self.run(self.values))
            else:
                del self.paths[name]

    def _holds_as_data(self, path: Path) -> bool:
        """True if an array is the input or the targets, of code that is handed neither."""
        return not self.x.ndim and role_of(states.path_end(path)) in ("x", "y")

    def _widen_numbers(self) -> None:
        """Let a number that stands for a vector be one: gamma = 1.0, whose gradient is a vector."""
        numbers = [n for n, v in self.values.items() if n in self.paths and not v.ndim]
        if not numbers:
            return
        with suppress(Exception):  # user code: what its backward pass raises is found later
            given = self.gradients(self.values).gradients
            for name in numbers:
                shape = np.shape(np.asarray(given.get(name, 0.0)))
                value = self.values[name] + 0.2 * random_like(np.empty(shape), "parameter")
                output = self.run({**self.values, name: value}).output
                if shape and output.shape == self.run(self.values).output.shape:
                    self.values[name] = value

    def _complete(self) -> None:
        """Where the backward pass leaves weights without a gradient, call the methods that make it,
        or make the update."""
        missing = self._missing() or []
        for names in finishing_methods(self.code) if missing else []:
            other = self.copied()
            other.code = replace(self.code, after=names)
            other.learning_rate = learning_rate_of(other.code)
            left = other._missing()
            if left is not None and len(left) < len(missing):
                self.code, self.learning_rate = other.code, other.learning_rate
                called = " and ".join(f"{name}()" for name in names)
                self.notes.append(f"after the backward pass, {called} was called for the gradients")
                return
        method = other_update(self.code) if missing else None
        for name in missing if method else ():
            self.made_elsewhere[name] = f"{name}: its gradient may be made in {method}()"
            del self.values[name]

    def _missing(self) -> list[str] | None:
        """The weights that the backward pass leaves without a gradient; None where it raises."""
        with suppress(Exception):  # user code: what it raises is found later
            given = self.gradients(self.values).gradients
            return [name for name in self.paths if name in self.values and given.get(name) is None]
        return None

    def _without_influence(self) -> list[Path]:
        """Weights that the output does not depend on: nothing can be said of their gradients."""
        if self.code.is_dictionary and not self.paths:
            return []  # functions that take no parameters
        return [
            path
            for path, array in states.arrays(self.code.state).items()
            if path not in self.paths.values() and array.size > 1 and _is_weight(path)
        ]

    def _goes_example_by_example(self) -> bool:
        """True if a training step calls as many more functions as there are more examples."""
        if self.x.ndim < 2 or self.y is None or len(self.y) != len(self.x) or len(self.x) < 2:
            return False
        calls = []
        for count in (1, 2):
            x, y = self.x[:count], self.y[:count]
            state = copy.deepcopy(self.code.state)
            roles = {**self._fixed_roles(), "x": x.copy(), "y": y.copy(), "batch": count}
            with np.errstate(all="ignore"), counting_calls(files_of(self.functions())) as counted:
                call(self.code.backward(state), roles, self.extra, ("x", "y"))
            calls.append(counted[0])
        return calls[1] > 1.5 * calls[0]

    def _axis_of_examples(self, first: Pass) -> int:
        """The axis that the forward pass leaves as long as it is: the first, where it can be."""
        before, after = self.x.shape, first.output.shape
        columns = len(before) == len(after) == 2 and before[0] != after[0] and before[1] == after[1]
        return int(columns)

    def _random_dy(self, first: Pass) -> Array | None:
        """The gradient to hand to a backward pass that does not begin with the targets."""
        if not first.output.ndim and not asks_for_gradient(self.code):
            return None
        if starts_from_targets(self.code, self.y, self.name):
            if self.code.loss is None:
                raise LossNeededError(
                    f"the backward pass of {self.name} begins with the targets, so its loss is "
                    'needed: give a function "loss" in example(rng)'
                )
            return None
        if self.y is None and takes_no_gradient(self.code.backward(self.code.state)):
            raise CannotCheckError(
                f"the backward pass of {self.name} is handed neither a gradient nor targets, and "
                "no targets were found that it holds"
            )
        self.code = replace(self.code, loss=None)
        return random_like(first.output, "upstream")

    # --- running ----------------------------------------------------------------------------

    def fresh_state(self, values: Values) -> Any:
        """A copy of the state that holds `values`."""
        state = copy.deepcopy(self.code.state)
        for name, path in self.paths.items():
            if name in values:
                states.write(state, path, values[name])
        return state

    def run(self, values: Values, state: Any = None) -> Pass:
        """The forward pass."""
        effort.add_copies(values)
        with np.errstate(all="ignore"), self.randomness.frozen(self.random_draw):
            return self._forward(self.fresh_state(values) if state is None else state, values)

    def _forward(self, state: Any, values: Values) -> Pass:
        roles: dict[str, Any] = {
            **self._fixed_roles(),
            "x": values["x"].copy() if "x" in values else self.x.copy(),
        }
        if self.y is not None:
            roles["y"] = self.y.copy()
        named = dict(self.extra)
        if self.code.is_dictionary:
            roles["parameters"] = state
            named.update(state)
        else:
            named = {**self._held_parameters(state), **named}
        given = call(self.code.forward(state), roles, named, ("x", "parameters", "y"))
        for attribute in self.kept_by_others:
            setattr(state, attribute, given)
        roles["output"], roles["cache"], by_name = self._understood(given, state, roles["x"])
        if self.code.is_dictionary:
            named.update(state)
        return Pass(state, roles, {**named, **by_name})

    def _held_parameters(self, state: Any) -> dict[str, Any]:
        """The parameters that an object holds under the name by which its passes ask for them:
        ``forward(x, weights)``, called as ``net.forward(x, net.weights)``."""
        passes = self.code.forward(state), self.code.backward(state)
        asked = {name for each in passes for name in required(each)}
        held = {name for name in asked if is_weight(name) or role_of(name) == "parameters"}
        return {name: getattr(state, name) for name in held if hasattr(state, name)}

    @property
    def targets_beside(self) -> Array | None:
        """What the last backward pass was handed as the targets, beside a gradient."""
        return None if self.dy is None else self.handed_in.get("y")

    def _computes_loss(self) -> bool:
        """True if the forward pass is given the targets, and the backward pass begins with them."""
        forward = self.code.forward(self.code.state)
        return takes_targets(forward) and not asks_for_gradient(self.code)

    def _fixed_roles(self) -> dict[str, Any]:
        return {"rate": self.learning_rate, "training": True, "epochs": 1, "batch": self.batch}

    def _understood(self, given: Any, state: Any, x: Array) -> tuple[Any, Any, dict[str, Any]]:
        """(output, cache, further names) from what a forward pass returned."""
        stored = state if self.code.is_dictionary else vars(state)
        if self.code.trains and _are_outputs(given, x):
            return np.array(given), given, {}
        if self.code.trains and self.y is not None and np.shape(given) == self.y.shape:
            return np.asarray(given), given, {}
        if isinstance(given, tuple) and self._computes_loss():
            loss = next((part for part in given if isinstance(part, float)), None)
            if loss is not None:
                return loss, tuple(part for part in given if part is not loss), {}
        return understood(given, stored, state, self.returned, x, self.y)

    # --- loss and gradients -----------------------------------------------------------------

    def loss(self, values: Values) -> float:
        if self.shared is None:
            return self._value(self.run(values))
        key = tuple((name, value.tobytes()) for name, value in values.items())
        if key not in self.shared:
            self.shared[key] = self.run(values)
        return self._value(self.shared[key])

    @contextmanager
    def sharing(self, passes: Passes) -> Iterator[None]:
        """Within, no forward pass is made twice, by this program and others that differ from it in
        a loss alone which neither looks at their state nor changes their outputs."""
        self.shared = passes
        try:
            yield
        finally:
            self.shared = None

    def _value(self, done: Pass) -> float:
        with np.errstate(all="ignore"):
            if self.code.loss is not None:
                return self._given_loss(self.code.loss, done)
            if self.dy is None:
                return float(np.sum(done.output))
            return float(np.sum(self.dy * self.followed(done)))

    def followed(self, done: Pass) -> Array:
        """What the gradient that is handed in belongs to: the output, or its logits, which are its
        logarithm but for a sum that the gradient of a softmax with its loss does not see."""
        return done.output if self.classes is None else np.log(done.output)

    def taking_gradient_of_logits(self, classes: int) -> Program:
        """The same code, if what is handed to its backward pass is the gradient of the logits of
        the softmax in which it ends, as p - y is."""
        other = self.copied()
        other.classes = classes
        other.dy = of_logits(np.asarray(self.dy), classes)
        return other

    def _given_loss(self, loss: Callable[[Any], Function], done: Pass) -> float:
        fill = ("y", "parameters") if self.code.is_dictionary else ("y", "output")
        roles, function = dict(done.roles), loss(done.state)
        if _calls_output_input(function):
            roles["x"] = roles["output"]
        if self.y is not None and are_spread(self.y.shape, done.output.shape):
            roles["y"] = fitting(self.y.copy(), self.spread)
        value = call(function, roles, done.named, (*fill, "output", "x"))
        if isinstance(value, tuple):
            value = value[0]
        value = np.asarray(value, np.float64)
        return float(value.sum()) if value.size > 1 else float(value.reshape(()))

    def gradients(self, values: Values) -> Answer:
        if self.remembered is not None and values is self.values:
            return self.backward(copy.deepcopy(self.remembered), values)
        return self.backward(self.run(values), values)

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """Within, backward passes at the present point start from one forward pass."""
        self.remembered = self.run(self.values)
        try:
            yield
        finally:
            self.remembered = None

    def backward(self, done: Pass, values: Values) -> Answer:
        """Run the backward pass, and find the gradients in what it leaves and returns."""
        effort.add_copies(values)
        # other numbers than in the forward pass, or the same where it runs forward itself
        draw = self.random_draw + (0 if self._runs_forward_again() else 7)
        with np.errstate(all="ignore"), self.randomness.frozen(draw), without_clipping() as clipped:
            found = self._call_backward(done)
        if clipped and UNCLIPPED not in self.notes:
            self.notes.append(UNCLIPPED)
        return self._answer(found, done, values)

    def _runs_forward_again(self) -> bool:
        """True if the backward pass computes all anew: a step, or what gives the loss, too."""
        if self.code.trains or self.runs_once or self.code.joint is not None:
            return True
        passes = self.code.forward(self.code.state), self.code.backward(self.code.state)
        return inspect.unwrap(passes[0]) is inspect.unwrap(passes[1])

    def _call_backward(self, done: Pass) -> Found:
        before = snapshot(done.state)
        function = self.code.backward(done.state)
        roles = {**done.roles, **({} if self.dy is None else {"dy": self.dy.copy()})}
        if self.dy is not None and self.y is None:
            roles["y"] = np.ones_like(self.dy)  # asked for beside dy: it makes no difference
        grads: dict[str, Any] = {}  # a dictionary to fill, where one is asked for
        is_asked = not set(GRADIENTS_TO_FILL).isdisjoint(required(function))
        if is_asked and not is_handed_gradient_alone(function):
            roles["grads"] = grads
        if self.dy is None and self.code.loss is not None and not required(function):
            self._given_loss(self.code.loss, done)  # backward() alone: the loss keeps what it needs
        fill = ("x", "y", "parameters") if self._wants_targets() else ("dy", "cache", "x")
        try:
            given = call(function, roles, {**done.named, **self._targets_by_use(function)}, fill)
            for name in self.code.after:
                call(getattr(done.state, name), roles, done.named, ("x",))
        except SystemExit as error:
            raise EndsProgramError(f"SystemExit: {error}") from None
        self.handed_in = roles
        return backward_result(given, grads, self._handed_back, before, done.state)

    def _targets_by_use(self, function: Function) -> dict[str, Any]:
        """The targets, for an argument that what a backward pass does with it alone shows to be
        them."""
        if not self._wants_targets() or self.y is None:
            return {}
        asked = set(required(function)) & set(compared_with_output(function))
        return {name: self.y.copy() for name in asked if role_of(name) is None}

    @cached_property
    def _handed_back(self) -> list[str | None]:
        """What the backward pass calls what it returns, as it stands in its file."""
        return returned_names(self.code.backward(self.code.state))

    def _wants_targets(self) -> bool:
        return self.dy is None and self.y is not None and self.code.joint is None

    def _answer(self, found: Found, done: Pass, values: Values) -> Answer:
        matched = match(found, self.paths, values, self.learning_rate, self._hands_back(done))
        gradients = {name: each.array for name, each in matched.items()}
        names = {name: each.name for name, each in matched.items()}
        updated = frozenset(name for name, each in matched.items() if each.updated)
        return Answer(gradients, names, done.output, self.dy, updated)

    def output_in(self, x: Array, kind: type[np.floating[Any]]) -> Array:
        """The output for another input, with all arrays in one type."""
        state = self.fresh_state(self.values)
        for path, array in states.arrays(state).items():
            if isinstance(states.read(state, path), np.ndarray):
                states.write(state, path, array.astype(kind))
        return self.run({**self.values, "x": x.astype(kind)}, state).output

    def _hands_back(self, done: Pass) -> bool:
        """True if what is returned is the gradient of the input: of a layer, or a loss."""
        is_alone = self.code.joint is None or not self.paths
        return self.dy is not None or (not done.output.ndim and is_alone)

    # --- other runs -------------------------------------------------------------------------

    def is_random(self) -> bool:
        try:
            first = self.loss(self.values)
            return any(self._loss_of_draw(n) != first for n in OTHER_DRAWS) or self._draws_alone()
        except Exception:  # user code: what it raises is found elsewhere
            return False
        finally:
            self.random_draw = 0

    def _loss_of_draw(self, number: int) -> float:
        """The loss with other random numbers."""
        self.random_draw = number
        return self.loss(self.values)

    def _draws_alone(self) -> bool:
        """True if the code keeps a generator and no parameters, as dropout does."""
        kept = [value for _, value in states.items(self.code.state)]
        has_generator = any(isinstance(value, np.random.Generator) for value in kept)
        return has_generator and self.values.keys() == {"x"}

    def copied(self) -> Program:
        """The same code, to be changed."""
        other = copy.copy(self)
        other.remembered = None
        return other

    def narrowed(self, examples: int) -> Subject | None:
        if self.batch is None or self.batch <= examples or examples < 1:
            return None
        other = self.copied()
        axis = self.batch_axis
        other.x = np.take(self.x, range(examples), axis)
        other.values = {
            **self.values,
            "x": np.take(self.values.get("x", self.x), range(examples), axis),
        }
        if self.y is not None and np.ndim(self.y):
            other.y = np.take(self.y, range(examples), axis if np.ndim(self.y) > axis else 0)
        if self.dy is not None:
            if self.dy.ndim <= axis or self.dy.shape[axis] != self.batch:
                return None
            other.dy = np.take(self.dy, range(examples), axis)
        other.batch = examples
        return other

    def only(self, example: int) -> Callable[[Values], float] | None:
        if self.batch is None:
            return None
        if self.dy is None:
            return self._loss_on(example)
        if self.dy.ndim <= self.batch_axis or self.dy.shape[self.batch_axis] != self.batch:
            return None
        share = np.zeros_like(self.dy)
        place = (slice(None),) * self.batch_axis + (example,)
        share[place] = self.dy[place]
        return lambda values: float(np.sum(share * self.followed(self.run(values))))

    def _loss_on(self, example: int) -> Callable[[Values], float] | None:
        """The loss of a batch that holds one example alone."""
        if self.y is None or "x" not in self.values or self.y.ndim <= self.batch_axis:
            return None
        other = self.copied()
        other.x = np.take(self.x, [example], self.batch_axis)
        other.y = np.take(self.y, [example], self.batch_axis)
        other.batch = 1
        x = other.x.astype(np.float64)
        return lambda values: other.loss({**values, "x": x})

    def functions(self) -> list[Function]:
        if self.code.joint is not None:
            return [self.code.joint, *self.beside]
        own = [self.code.backward(self.code.state), self.code.forward(self.code.state)]
        return [*map(inspect.unwrap, own), *self.beside]


def _with_zeros_moved(code: Code) -> Code:
    """Code whose weights are no longer all zeros, where those of several layers are: each would
    take their influence from the others."""
    zeros = [
        path
        for path, array in states.arrays(code.state).items()
        if array.ndim > 1 and array.dtype.kind == "f" and not array.any() and _is_weight(path)
    ]
    if len(zeros) < 2:
        return code
    state = copy.deepcopy(code.state)
    for number, path in enumerate(zeros):
        array = np.asarray(states.read(state, path))
        states.write(state, path, 0.7 * random_like(array, "weights", number))
    return replace(code, state=state)


def _let_numbers_move(held: dict[str, Any]) -> None:
    """Make a scale or a shift that begins as a whole number, ``gamma = 1``, such that it can be
    moved."""
    held |= {n: float(v) for n, v in held.items() if type(v) is int and is_scale_or_shift(n)}


def _calls_output_input(loss: Function) -> bool:
    """True if a loss of inputs and targets computes no output: ``loss(input, target)`` then means
    the input of the loss."""
    asked = [role_of(name) for name in required(loss)]
    names = getattr(getattr(loss, "__code__", None), "co_names", None)
    if names is None or "output" in asked or not {"x", "y"} <= set(asked):
        return False
    return not any(is_spelt_like(name, FORWARD_METHODS) or is_weight(name) for name in names)


def _is_weight(path: Path) -> bool:
    """True if an array is a parameter by its name, and not the gradient of one."""
    name = states.path_end(path)
    about_gradients = any(isinstance(key, str) and may_hold_a_gradient(key) for key in path)
    return is_weight(name) and not about_gradients and not is_untrained(name)


def _are_outputs(given: Any, x: Array) -> bool:
    """True if a prediction is a list with an array for each example."""
    if not isinstance(given, list) or not x.ndim or len(given) != len(x):
        return False
    return all(isinstance(part, np.ndarray) and part.dtype.kind == "f" for part in given)
