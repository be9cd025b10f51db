"""What the doctor says of a mistake, in other languages.

The doctor writes English, in sentences made from templates. A sentence is known again by its
template, whose translation is filled with the same words: numbers, names, code. What is not known
again stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

Gettext = Callable[[str], str]

BETWEEN = re.compile(r"; (?=(?:[^`]*`[^`]*`)*[^`]*$)")  # not within code
PLACEHOLDER = re.compile(r"\\\{(\w+)\\\}")  # as `re.escape` writes it
LONGEST = 1_000  # characters: the doctor says less, what strangers' code has it say may be more
SENTENCES_THEMSELVES = {"advice", "why"}

# The first template that fits counts: what says more stands before what says less.
TEMPLATES = (
    "{count} of {total} entries are wrong",
    "the worst is {where}: {given}, truly {true}, all of them zero",
    "the worst is {where}: {given}, truly {true}",
    "they are those with index {indices} of axis {axis}",
    "the ratio to the true entries goes from {least} to {most}",
    "it differs along random directions, though the {total} entries compared agree",
    "no gradient was found",
    "every entry is zero",
    "the true one has entries up to {size}",
    "{count} of {total} entries are NaN, where the true gradient is finite",
    "{count} of {total} entries are infinity, where the true gradient is finite",
    "the update changes its shape from {before} to {after}",
    "shape {given}, but {true} is expected: summed over axis {axis} it is the true gradient",
    "shape {given}, but {true} is expected: summed over axes {axes} it is the true gradient",
    "shape {given}, but {true} is expected: without a border of {crop} it is the true gradient",
    "shape {given}, but {true} is expected: its transpose is {ratio} times the true gradient",
    "shape {given}, but {true} is expected: its transpose is the true gradient",
    "shape {given}, but {true} is expected",
    "its sum is that of the true one: it was summed over another axis",
    "its transpose is the true gradient",
    "it has shape {shape}: subtracted from {name}, of shape {own}, it gives {after}",
    "every entry has the opposite sign of the true gradient",
    "every entry is {ratio} of the true gradient: {why}",
    "every entry is {ratio} times the true gradient: {why}",
    "every entry is {ratio} of the true gradient",
    "every entry is {ratio} times the true gradient",
    "divided by the batch size ({count}) once too often",
    "not divided by the batch size ({count})",
    "divided by the batch size ({count}) twice",
    "multiplied by the batch size ({count}) twice",
    "what is missing to the true gradient is {ratio} times the weights' signs",
    "what is missing to the true gradient is {ratio} times the weights",
    "it is the gradient of the input, not of {own}",
    "it is the gradient of {other}, not of {own}",
    "it is the gradient of example {number} alone",
    "it is the gradient of the examples {numbers}, out of {count}",
    "the Jacobian of the softmax: its diagonal y (1 - y) alone is used",
    "the Jacobian of the softmax: it is left out, and dy passed through",
    "the Jacobian of the softmax: it is applied twice",
    "the Jacobian of the softmax: the sum over the other outputs is missing",
    "the Jacobian of the softmax: only the sum over the outputs is used",
    "dy is not multiplied by what the forward pass multiplied x by, the mask with its scale",
    "dy is passed through: the derivative is taken as 1",
    "it is the derivative taken of the output, f'(f(x))",
    "it is the derivative taken of dy, not of the input",
    (
        "it is the derivative of {function} as a function of the output, given the input, or "
        "the reverse"
    ),
    "it is the derivative of {function}",
    "it is right as a function of the output, but is given the input",
    "it is right as a function of the input, but is given the output",
    "it is p - y, the derivative with respect to the logits, softmax or sigmoid included",
    "the path through the mean is missing and the path through the variance is missing",
    "the path through the mean is missing",
    "the path through the variance is missing",
    "the path through the mean has the factor {factor} in place of -1",
    "the path through the variance has the factor {factor} in place of -1",
    "the same mends {names}",
    "likewise {names}",
    "{advice}: then the gradient is right",
    "the backward pass raises {error}",
    "after the forward pass `{name}` holds other numbers than before",
    "after the backward pass `{name}` holds other numbers than before",
    "with inputs up to {size} the output in float32 holds NaN",
    "with inputs up to {size} the output in float32 holds infinity",
    "it gives shape {given}, the training pass {other}",
    "for the same input it differs from the training pass by up to {gap}",
    (
        "right after the first forward pass, wrong after the second: it still depends on what"
        " the first one left"
    ),
    (
        "the second backward pass wipes out what the first one found, although there is a "
        "method that sets gradients to zero"
    ),
    "the second backward pass wipes out what the first one found",
    "another forward pass in between changes the gradient: something is kept on self",
    "return it with the cache",
    "after a second backward pass it is twice the gradient, and nothing sets it to zero",
    (
        "where entries tie for the maximum, the gradients of the input add up to {total} in "
        "place of {true}: each of them receives the whole gradient"
    ),
    "more than {lines} lines are run without an end",
    "every step goes uphill: it is {ratio} times the right one",
    "every step is {ratio} times the right one, 1 / learning rate: the learning rate is left out",
    "every step is {ratio} times the right one",
    "multiply by `{code}`, as the forward pass does",
    "multiply `{part}` by `{code}`, as the forward pass does",
    "multiply by `{code}`",
    "write `{new}`, not `{old}`",
    "write `{new}`",
    "`{new}` in the place of `{old}`",
    '"{new}", not "{old}"',
    "leave out `{code}`, which it is divided by",
    "leave out `{code}`, which it is multiplied by",
    "leave out the factor `{code}`",
    "divide by `{code}`, as the forward pass does",
    "divide `{part}` by `{code}`, as the forward pass does",
    "divide by `{code}`",
    "divide it by the number of examples, `{code}`",
    "multiply it by the number of examples, `{code}`",
    "divide it by the number of examples",
    "multiply it by the number of examples",
    "divide it by {number}",
    "multiply it by {number}",
    "take the sum, not the mean",
    "take the mean, not the sum",
    "the power is {power}",
    "do not turn the kernel round",
    "turn the kernel round in both directions",
    "turn the kernel round, `{code}`",
    "multiply the positions by the stride, `{code}`",
    "step through the windows with the stride, `{code}`",
    "cut the padding off on both sides, `{code}`",
    "add with `+=`, do not assign",
    "assign with `=`, do not add",
    "take all of `{code}`, not `{part}`",
    "sum over all examples, `{code}`",
    "go over all, `{code}`",
    "return after the loop, not within it",
    "compute it before the weights are updated",
    "transpose it",
    'the subscripts "{subscripts}"',
    "leave out the minus",
    "put a minus before it",
    "a minus in place of the plus",
    "a plus in place of the minus",
    "sum with `{axis}`",
    "do not sum here",
    "sum it over the examples, `{axis}`",
    "sum the gradient of the layer's output over the examples",
    "compute it, and keep or return it under its usual name",
    "look for 0 / 0, for the logarithm of 0 and for exp of large numbers on the way to it",
    "subtract a gradient of the parameter's own shape: sum it, and look at keepdims",
    "exchange the factors of the product",
    "sum over axis {axis}",
    "sum over axes {axes}",
    "sum over the axis of the examples",
    "cut the padding off the result",
    "turn the sign round",
    "leave one division out",
    "divide by the number of examples",
    "add {ratio} times the weights' signs, the gradient of the regularizer",
    "add {ratio} times the weights, the gradient of the regularizer",
    "write the gradient of {name} here",
    "sum over all examples",
    "dx = y (dy - Σ dy y), the sum over the outputs of one example",
    "dx = (g - mean(g) - x̂ mean(g x̂)) / σ, with g = γ dy and means over the batch",
    "multiply dy by the mask and scale of the forward pass",
    "multiply dy by the derivative",
    "take the derivative at the input",
    "hand it what it is a function of",
    "take the derivative of the function that the forward pass applies",
    "hand it the output, or write it for the input",
    "hand it the input, or write it for the output",
    "the derivative with respect to the predictions p is -y / p",
    "derive this gradient again, entry by entry",
    "make it run, then check it again",
    "compute into a new array, or copy it first",
    "subtract the largest entry before exp, or exponentiate numbers that are never positive",
    "let both passes go through the same code",
    "store what backward needs anew in every forward pass",
    "add with `+=`",
    "assign with `=`, or set it to zero before each backward pass",
    "give the gradient the parameter's own shape: look at keepdims",
    "give the gradient to one of them, the first as argmax does",
    "subtract the step, do not add it",
    "multiply by the learning rate",
    "compare each line with the formula",
    "look for a loop that does not end",
    "if it is only long, check a smaller example",
    "its steps are those of Nesterov momentum {why}",
    "its steps are those of {optimizer} {why}",
    "look for it: {why}",
    "without its momentum",
    "without the step ahead",
    "with Nesterov's step ahead",
    "without the square root",
    "without squaring the gradient",
    "without keeping the average",
    "without the correction of both moments' bias",
    "without the correction of the first moment's bias",
    "without the correction of the second moment's bias",
    "with a count of steps that stays at 1",
    "with a count of steps that begins one too late",
    "with the two betas exchanged",
    "step {number} differs from {optimizer}: {given} in place of {true} for the first parameter",
    "its step raises {error}",
    "the process ended with exit code {code}: {said}",
    "the process ended with exit code {code}",
    "the process was ended by {signal}",
    "leave out what ends the process",
    "run the file by itself to see where",
    "the backward pass ends with {error}",
    "more than {size} MB are asked for ({error})",
    "use smaller arrays, or give more with --memory-limit",
    "with {choice}: {why}",
    "mend what this line computes, which runs with {choice}",
)


def translated(text: str, gettext: Gettext) -> str:
    """Sentences in another language.

    >>> spanish = {"likewise {names}": "igualmente {names}"}
    >>> translated("likewise dW, db", spanish.get)
    'igualmente dW, db'
    """
    if len(text) > LONGEST:
        return text
    return "; ".join(_sentence(part, gettext) for part in BETWEEN.split(text))


def is_known(text: str) -> bool:
    """True if every sentence has a template.

    >>> is_known("likewise db"), is_known("nobody says so")
    (True, False)
    """
    return all(_recognized(part) is not None for part in BETWEEN.split(text))


def _sentence(text: str, gettext: Gettext) -> str:
    found = _recognized(text)
    if found is None:
        return text
    template, words = found
    translated_words = {
        name: _sentence(each, gettext) if name in SENTENCES_THEMSELVES else each
        for name, each in words.items()
    }
    return gettext(template).format(**translated_words)


def _recognized(text: str) -> tuple[str, dict[str, str]] | None:
    """The template that a sentence is made from, and the words that it is filled with."""
    for template in TEMPLATES:
        match = _pattern(template).fullmatch(text)
        if match is not None:
            words = match.groupdict()
            inner = [each for name, each in words.items() if name in SENTENCES_THEMSELVES]
            if all(_recognized(each) is not None for each in inner):
                return template, words
    return None


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(PLACEHOLDER.sub(r"(?P<\1>.+?)", re.escape(template)), re.DOTALL)
