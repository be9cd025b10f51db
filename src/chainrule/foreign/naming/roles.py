"""What methods and arguments stand for, by what people call them."""

from __future__ import annotations

import dis
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from chainrule.foreign.naming.gradient_names import (
    looks_like_a_gradient,
    names_backward_pass,
    pairs_among,
)

FORWARD_FUNCTIONS = (
    *("forward", "forward_propagation", "forward_pass", "forward_prop", "forwardpropagation"),
    *(
        "forwardpass",
        "feedforward",
        "feed_forward",
        "propagate",
        "forward_propagate",
        "fprop",
        "__call__",
    ),
    *("fwd", "fwd_prop", "for_prop", "forward_batch", "predict", "query", "activate"),
)
FORWARD_METHODS = (*FORWARD_FUNCTIONS, "compute", "model", "net")
BACKWARD_METHODS = (
    *("backward", "backward_propagation", "backward_pass", "backprop", "back_prop", "bprop"),
    *("backpropagation", "back_propagation", "backpropagate", "back_propagate", "backward_prop"),
    *("backwardpropagation", "backward_propagate", "compute_gradients", "gradients", "gradient"),
    *(
        "backwardpass",
        "backpass",
        "compute_gradient",
        "grad",
        "compute_grads",
        "get_gradients",
        "calc_gradients",
        "grads",
        "bwd",
        "back",
        "backwards",
        "backward_step",
        "backprop_step",
    ),
)
FORWARD = re.compile(r"forward|feed_?f|fwd", re.IGNORECASE)
ABOUT_A_PASS = re.compile(r"test|check|example|print|plot", re.IGNORECASE)
TRAINING_METHODS = (
    *("train_step", "train_on_batch", "train_batch", "update_mini_batch", "fit", "train", "step"),
)
JOINT_METHODS = (  # that give the loss and the gradients together
    *("loss", "loss_and_grads", "loss_and_gradients", "compute_loss_and_grads"),
    *("loss_and_grad", "loss_and_gradient", "forward_backward", "compute_loss"),
)
LOSS_NAMES = (
    *("loss", "compute_loss", "cost", "compute_cost", "loss_function", "loss_fn", "criterion"),
    *("calculate_loss", "get_loss", "loss_func", "error", "mse_loss", "MSE_loss", "mse", "MSE"),
    *("cross_entropy", "cross_entropy_loss", "binary_cross_entropy", "calc_loss"),
)
NAMES_CROSS_ENTROPY = re.compile(r"entropy|nll|likelihood")
NAMES_LOSS = re.compile(r"loss|cost|entropy|mse|(^|_)error|(^|_)nll|(^|_)ce$|(^|_)sse")

# What a dictionary is called that a backward pass is handed, and fills.
GRADIENTS_TO_FILL = ("grads", "model_grads", "param_grads", "grads_dict")

ROLES: dict[str, tuple[str, ...]] = {
    "x": (
        *("x", "input", "inputs", "x_in", "input_data", "data", "x_train", "images", "inp", "a0"),
        *("features", "x_batch", "xb", "image", "input_", "x_data", "batch_x", "a_prev", "input_x"),
        *(
            "inputarray",
            "inputlist",
            "xn",
            "xi",
            "activation_prev",
            "prev_activation",
            "layer_input",
            "previous_activation",
        ),
    ),
    "y": (
        *("y", "y_true", "target", "targets", "label", "labels", "t", "y_train", "expected"),
        *("truth", "ytrue", "true", "y_batch", "yb", "ground_truth", "actual", "desired"),
        *("y_onehot", "one_hot", "onehot", "y_data", "batch_y", "y_one_hot", "true_labels", "tgt"),
        *(
            "yn",
            "yi",
            "expected_output",
            "desired_output",
            "y_actual",
            "y_real",
            "target_output",
            "ys",
        ),
    ),
    "parameters": (
        *("params", "parameters", "weights", "theta", "p", "param", "model", "net", "network"),
        *("weights_and_biases", "parms", "prm", "param_values", "w_dict", "theta_dict"),
    ),
    "output": (
        *("y_pred", "y_hat", "yhat", "output", "outputs", "out", "pred", "preds", "prediction"),
        *("predictions", "a", "al", "probs", "probabilities", "y_out", "logits", "predicted"),
        *("ypred", "y_predicted", "o", "scores", "p", "y_prob", "activation", "probas", "proba"),
    ),
    "rate": (
        *("learning_rate", "lr", "rate", "eta", "alpha", "step_size", "learn_rate", "l_rate"),
        *("learningrate", "learning_rate_", "taxa_aprendizagem", "taxa_de_aprendizagem"),
        *("taxa_aprendizado", "taxa_de_aprendizado", "tasa_aprendizaje", "tasa_de_aprendizaje"),
        *("lernrate", "taux_apprentissage", "taux_d_apprentissage"),
    ),
    "cache": (
        *("cache", "caches", "memory", "context", "ctx", "saved", "tape", "cached", "mem"),
        *("activations", "layer_outputs"),
    ),
    "training": ("training", "train", "is_training", "is_train", "train_mode", "istraining"),
    "epochs": ("epochs", "n_epochs", "num_epochs", "iterations", "n_iter", "num_iterations"),
    "batch": ("batch_size", "batchsize", "minibatch_size", "mini_batch_size", "bs"),
    "count": ("m", "n", "n_samples", "num_examples", "n_examples", "num_samples"),
    "grads": (*GRADIENTS_TO_FILL, "gradients"),
}

BEGINNINGS = {
    "x": re.compile(r"(inputs?|x)_"),
    "y": re.compile(r"(targets?|labels?|y)_(?!pred|hat|out|prob)"),
    "parameters": re.compile(r"(params|parameters)_?"),
    "output": re.compile(
        r"(outputs?|predict(ed|ions?)|final|network|model)_(pred|hat|outputs?|prob|values?$|activation|softmax|sigmoid)"
    ),
}


def method_among(thing: Any, names: Iterable[str]) -> str | None:
    """The first of the names that is a method of an object, however it is spelt: feedForward; one
    for use within, _forward, where there is no other."""
    within = {_plain(name): name for name in dir(thing) if re.match("_[^_]", name)}
    own = within | {_plain(name): name for name in dir(thing) if not name.startswith("_")}
    spelt = (name if hasattr(thing, name) else own.get(_plain(name), name) for name in names)
    found = next((name for name in spelt if callable(getattr(thing, name, None))), None)
    return (
        "__call__" if found and "__call__" in names and _is_begun_by_call(thing, found) else found
    )


def _is_begun_by_call(thing: Any, name: str) -> bool:
    """True if calling an object keeps something, and then calls a method: ``layer(x)`` is the
    forward pass where ``layer.forward(x)`` keeps nothing for the backward pass."""
    kind = thing if isinstance(thing, type) else type(thing)
    calls = next(
        (vars(base)["__call__"] for base in kind.__mro__ if "__call__" in vars(base)), None
    )
    code = getattr(calls, "__code__", None)
    if code is None or name == "__call__" or name not in code.co_names:
        return False
    return any(each.opname == "STORE_ATTR" for each in dis.get_instructions(code))


def is_spelt_like(name: str, names: Iterable[str]) -> bool:
    """True if a name is one of some, however it is spelt.

    >>> is_spelt_like("backProp", ["backprop"])
    True
    """
    return _plain(name) in set(map(_plain, names))


def is_forward_pass(function: str) -> bool:
    """True if a function is a forward pass by its name: `nn_forward`, and not its test case."""
    named = is_spelt_like(function, FORWARD_FUNCTIONS) or FORWARD.search(function)
    return bool(named) and not ABOUT_A_PASS.search(function)


def is_backward_pass(function: str) -> bool:
    """True if a function is a backward pass by its name: `nn_backprop`, and not its test case."""
    named = is_spelt_like(function, BACKWARD_METHODS) or names_backward_pass(function)
    return named and not ABOUT_A_PASS.search(function)


def passes_named_alike(thing: Any) -> tuple[str, str] | None:
    """The methods of an object, or a class, that are its passes, if two alone are called so and
    alike: ``conv2d_forward`` and ``conv2d_backward``."""
    methods = [n for n in dir(thing) if not n.startswith("_") and callable(getattr(thing, n, None))]
    found = [
        (forward, backward)
        for forward, backward in pairs_among(methods)
        if is_forward_pass(forward) and is_backward_pass(backward)
    ]
    return found[0] if len(found) == 1 else None


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def role_of(argument: str) -> str | None:
    """What an argument stands for, by its name alone.

    >>> role_of("X_train"), role_of("lr"), role_of("output_error")
    ('x', 'rate', None)
    """
    return next(iter(roles_named(argument)), None)


@cache
def roles_named(argument: str) -> tuple[str, ...]:
    """All that an argument may stand for, the likeliest first.

    >>> roles_named("p"), roles_named("expectedOutput")
    (('parameters', 'output'), ('y',))
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", argument).lower().strip("_")
    spellings = {argument.lower().strip("_"), words}
    exact = tuple(role for role, names in ROLES.items() if spellings.intersection(names))
    if exact or looks_like_a_gradient(argument):
        return exact
    return tuple(role for role, pattern in BEGINNINGS.items() if pattern.match(words))


def result_name(function: str) -> str:
    """What to call the array that a function returns: a layer's is the gradient of its input.

    >>> result_name("Linear.backward"), result_name("sigmoid_prime")
    ('dx', 'sigmoid_prime()')
    """
    owner, _, name = function.rpartition(".")
    return "dx" if owner and name in BACKWARD_METHODS else f"{name}()"
