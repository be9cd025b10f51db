"""What people call gradients: the arrays, the functions that compute them, derivatives.

Every pattern and form for such a name stands here, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache

LETTER = r"[^\W\d_]"  # of any alphabet: dγ
ARRAY = re.compile(rf"grad|error|delta|nabla|^_*[d∂]_?{LETTER}|^g_?[A-Z]|deriv|^dout$|^[δΔ∇∂]")
BESIDE_A_PARAMETER = re.compile(r"grad|^_*d[^\W\d]|^g$|delta|nabla|^[δΔ∇∂]", re.IGNORECASE)
FUNCTION = re.compile(r"backw|back_?prop|bprop|prime|deriv|grad(?!e)|delta|^d_|_d$", re.IGNORECASE)
BACKWARD = re.compile(r"backw|back_?prop|bwd|compute_grad|calc\w*_grad", re.IGNORECASE)
DERIVATIVE = re.compile(r"prime|deriv|_grad|^grad_|backward|^d_?[a-z]|_d$|der_", re.IGNORECASE)
NO_DERIVATIVES = {"dot", "diag", "divide", "dropout", "dict", "dense", "data", "delete", "dstack"}
WORD = re.compile(r"prime|deriv")
GATHERED = re.compile(  # what a loop over steps, or over words, adds gradients up in
    r"_?(d(L_?d)?(?=[A-Z_])\w+|d[wbuvh]\w{0,4}|d(weights?|bias(es)?)|d\w{0,3}_d\w+|"
    r"grads?(ients?)?([A-Z_]\w*)?|nabla_\w+|\w+_grads?)"
)
CHECKS_GRADIENTS = re.compile(r"grad.*check|check.*grad|numeric", re.IGNORECASE)
OF_AN_ACTIVATION = re.compile(r"prime|deriv|grad|^d")  # arguments of constructors
PASSES = {"forward": "backward", "fwd": "bwd"}
WITHIN = re.compile(rf"(?<=[^_]_)({'|'.join(PASSES)})(?=_[^_])")  # conv_forward_naive
ENDING = re.compile(r"_?(prime|derivative|deriv|grad|backward)$")
EXPRESSION = re.compile(r"prime|deriv|_grad\(|backward\(|1(\.0)? - |[<>]|positive|active")
FLAG = re.compile(r"deriv\w*|prime|grad|d|der|backward|back", re.IGNORECASE)

# What the gradient of a parameter is called.
FORMS = ("{}_grad", "{}_gradient", "grad_{}", "d{}", "d_{}", "{}_error")
# Words around the name of a parameter that say nothing about which one it is.
WORDS = {
    *("grad", "grads", "gradient", "gradients", "error", "errors", "delta", "deltas", "nabla"),
    *("d", "dl", "dj", "dc", "de", "dloss", "g", "loss", "cost", "self", "partial", "update"),
    *("derivative", "deriv", "wrt", "der"),
}
PREFIX = r"(dL_?d|dJ_?d|dC_?d|dE_?d|d|g|δ|Δ|∇|∂)"  # of a parameter's name
OF_INPUTS = {
    *("dx", "d_x", "x_grad", "grad_x", "input_grad", "grad_input", "input_error", "input_gradient"),
    *("da0", "dinput", "d_input", "dinputs", "d_inputs", "da_prev", "grad_inputs", "dimages"),
    *("d_images", "dx_prev", "grad_in", "din", "d_in", "gx", "input_delta", "x_gradient", "dprev"),
}
# What the derivative of a function is called.
DERIVATIVE_FORMS = (
    *("{}_derivative", "{}_prime", "{}_deriv", "{}_grad", "{}_backward", "{}_der", "{}_gradient"),
    *("d_{}", "d{}", "deriv_{}", "derivative_{}", "grad_{}", "{}_d", "{}Derivative", "{}Prime"),
    *("derivative_of_{}", "{}_derivate", "der_{}", "{}_bwd", "{}_diff", "{}_p", "prime_{}"),
)


@cache
def looks_like_a_gradient(name: str) -> bool:
    """True if a name says that it is a gradient: `dW1`, `weights_error`, `grad_out`."""
    return bool(ARRAY.search(name))


@cache
def may_hold_a_gradient(name: str) -> bool:
    """True if an array, or what holds it, may be a gradient by its name, where a parameter of that
    name lies beside it: `g`, `Nabla`."""
    return looks_like_a_gradient(name) or bool(BESIDE_A_PARAMETER.search(name))


def is_input_gradient(name: str) -> bool:
    """True if a name says that it is the gradient of the input."""
    return name.lower().strip("_") in OF_INPUTS


def gradient_names(parameter: str) -> list[str]:
    """What the gradient of a parameter may be called.

    >>> gradient_names("W")
    ['W_grad', 'W_gradient', 'grad_W', 'dW', 'd_W', 'W_error']
    """
    return [form.format(parameter) for form in FORMS]


def is_about_gradients(function: str) -> bool:
    """True if a function's name says that it computes gradients: `backward`, `sigmoid_prime`."""
    return bool(FUNCTION.search(function))


def names_backward_pass(function: str) -> bool:
    """True if a function is the backward pass of a network by its name: `nn_backprop`."""
    return bool(BACKWARD.search(function))


def names_derivative(function: str) -> bool:
    """True if a function is a derivative of another one by its name."""
    return function not in NO_DERIVATIVES and bool(DERIVATIVE.search(function))


def is_derivative_flag(argument: str) -> bool:
    """True if an argument asks a function for its derivative: ``sigmoid(x, derivative=True)``."""
    return bool(FLAG.fullmatch(argument))


def says_derivative(argument: str) -> bool:
    """True if an argument can be nothing but a derivative: `fprime`."""
    return bool(WORD.search(argument))


def is_derivative_argument(argument: str) -> bool:
    """True if an argument about an activation stands for its derivative: `activation_prime`."""
    return bool(OF_AN_ACTIVATION.search(argument))


def without_ending(function: str) -> str:
    """What a derivative is the derivative of: ``sigmoid`` for ``sigmoid_prime``."""
    return ENDING.sub("", function)


def seems_to_take_a_derivative(code: str) -> bool:
    """True if an expression looks like the derivative of an activation: ``1 - a**2``, ``z > 0``."""
    return bool(EXPRESSION.search(code))


def pairs_among(functions: Collection[str]) -> list[tuple[str, str]]:
    """Names of functions with those of their derivatives.

    >>> pairs_among(["sigmoid", "sigmoid_prime", "cost"])
    [('sigmoid', 'sigmoid_prime')]
    >>> pairs_among(["conv_forward_naive", "conv_backward_naive"])
    [('conv_forward_naive', 'conv_backward_naive')]
    """
    found, known = [], set(functions)
    for name in functions:
        for base in (name, re.sub(r"_?(forward|fwd|function|loss|fn)$", "", name)):
            turned = WITHIN.sub(lambda found: PASSES[found[0]], name)
            forms = (*(form.format(base) for form in DERIVATIVE_FORMS), turned)
            derivative = next((form for form in forms if form in known), None)
            if base and derivative and derivative != name:
                found.append((name, derivative))
                break
    return found
