"""How people call things in code written by hand: arguments, parameters and their gradients."""

from __future__ import annotations

import re
from collections.abc import Collection

FORWARD_FUNCTIONS = (
    *("forward", "forward_propagation", "forward_pass", "forward_prop", "forwardpropagation"),
    *("feedforward", "feed_forward", "propagate", "forward_propagate", "fprop", "__call__"),
    *("predict", "query", "activate"),
)
FORWARD_METHODS = (*FORWARD_FUNCTIONS, "compute", "model", "net")
BACKWARD_METHODS = (
    *("backward", "backward_propagation", "backward_pass", "backprop", "back_prop", "bprop"),
    *("backpropagation", "back_propagation", "backpropagate", "back_propagate", "backward_prop"),
    *("backwardpropagation", "backward_propagate", "compute_gradients", "gradients", "gradient"),
    *("compute_gradient", "grad", "compute_grads", "get_gradients", "calc_gradients"),
)
TRAINING_METHODS = (
    *("train_step", "train_on_batch", "train_batch", "update_mini_batch", "fit", "train", "step"),
)
JOINT_METHODS = (  # that give the loss and the gradients together
    *("loss", "loss_and_grads", "loss_and_gradients", "compute_loss_and_grads"),
    *("loss_and_grad", "loss_and_gradient", "forward_backward", "compute_loss"),
)
LOSS_NAMES = (
    *("loss", "compute_loss", "cost", "compute_cost", "loss_function", "loss_fn", "criterion"),
    *("calculate_loss", "get_loss", "loss_func", "error"),
)

ROLES: dict[str, tuple[str, ...]] = {
    "x": (
        *("x", "input", "inputs", "x_in", "input_data", "data", "x_train", "images", "inp", "a0"),
        *("features", "x_batch", "xb", "image", "input_", "x_data", "batch_x", "a_prev", "input_x"),
    ),
    "y": (
        *("y", "y_true", "target", "targets", "label", "labels", "t", "y_train", "expected"),
        *("truth", "ytrue", "true", "y_batch", "yb", "ground_truth", "actual", "desired"),
        *("y_onehot", "one_hot", "onehot", "y_data", "batch_y", "y_one_hot", "true_labels", "tgt"),
        *("expected_output", "desired_output", "y_actual", "y_real", "target_output", "ys"),
    ),
    "parameters": (
        *("params", "parameters", "weights", "theta", "p", "param", "model", "net", "network"),
        *("weights_and_biases", "parms", "prm", "param_values", "w_dict", "theta_dict"),
    ),
    "output": (
        *("y_pred", "y_hat", "yhat", "output", "outputs", "out", "pred", "preds", "prediction"),
        *("predictions", "a", "al", "probs", "probabilities", "y_out", "logits", "predicted"),
        *("ypred", "y_predicted", "o", "scores", "p", "y_prob", "activation"),
    ),
    "rate": (
        *("learning_rate", "lr", "rate", "eta", "alpha", "step_size", "learn_rate", "l_rate"),
        *("learningrate", "learning_rate_"),
    ),
    "cache": ("cache", "caches", "memory", "context", "ctx", "saved", "tape", "cached", "mem"),
    "training": ("training", "train", "is_training", "is_train", "train_mode", "istraining"),
    "epochs": ("epochs", "n_epochs", "num_epochs", "iterations", "n_iter", "num_iterations"),
    "batch": ("batch_size", "batchsize", "minibatch_size", "mini_batch_size", "bs"),
    "count": ("m", "n", "n_samples", "num_examples", "n_examples", "num_samples"),
    "grads": ("grads", "gradients"),
}

BEGINNINGS = {
    "x": re.compile(r"(inputs?|x)_"),
    "y": re.compile(r"(targets?|labels?|y)_(?!pred|hat|out|prob)"),
    "parameters": re.compile(r"(params|parameters)_?"),
}

CANONICAL = {
    **dict.fromkeys(("weight", "weights", "kernel", "kernels", "filters", "filter", "w"), "w"),
    **dict.fromkeys(("theta", "ws", "coef", "wt", "coefficients"), "w"),
    **dict.fromkeys(("bias", "biases", "b", "bs", "intercept"), "b"),
    **dict.fromkeys(("gamma", "gammas", "scale"), "gamma"),
    **dict.fromkeys(("beta", "betas", "shift"), "beta"),
}
NOISE = {
    *("grad", "grads", "gradient", "gradients", "error", "errors", "delta", "deltas", "nabla"),
    *("d", "dl", "dj", "dc", "de", "dloss", "g", "loss", "cost", "self", "partial", "update"),
    *("derivative", "deriv", "wrt", "der"),
}
GRADIENT_MARK = re.compile(r"grad|error|delta|nabla|^d_?[A-Za-z]|^g_?[A-Z]|deriv|^dout$")
INPUT_GRADIENTS = {
    *("dx", "d_x", "x_grad", "grad_x", "input_grad", "grad_input", "input_error", "input_gradient"),
    *("da0", "dinput", "d_input", "dinputs", "d_inputs", "da_prev", "grad_inputs", "dimages"),
    *("d_images", "dx_prev", "grad_in", "din", "d_in", "gx", "input_delta", "x_gradient", "dprev"),
}
DERIVATIVE_FORMS = (
    *("{}_derivative", "{}_prime", "{}_deriv", "{}_grad", "{}_backward", "{}_der", "{}_gradient"),
    *("d_{}", "d{}", "deriv_{}", "derivative_{}", "grad_{}", "{}_d", "{}Derivative", "{}Prime"),
    *("derivative_of_{}", "{}_derivate", "der_{}", "{}_bwd", "{}_diff", "{}_p", "prime_{}"),
)
NOT_PARAMETERS = re.compile(
    r"running|moving|(^|_)mean|(^|_)var|velocit|moment|mask|cache|history|^eps|last_|prev_|_avg"
)


def role_of(argument: str) -> str | None:
    """What an argument stands for, by its name alone.

    >>> role_of("X_train"), role_of("lr"), role_of("output_error")
    ('x', 'rate', None)
    """
    return next(iter(roles_named(argument)), None)


def roles_named(argument: str) -> list[str]:
    """All that an argument may stand for, the likeliest first.

    >>> roles_named("p")
    ['parameters', 'output']
    """
    plain = argument.lower().strip("_")
    exact = [role for role, names in ROLES.items() if plain in names]
    if exact or looks_like_a_gradient(argument):
        return exact
    return [role for role, pattern in BEGINNINGS.items() if pattern.match(plain)]


def looks_like_a_gradient(name: str) -> bool:
    """Whether a name says that it is a gradient: `dW1`, `weights_error`, `grad_out`."""
    return bool(GRADIENT_MARK.search(name))


def is_input_gradient(name: str) -> bool:
    """Whether a name says that it is the gradient of the input."""
    return name.lower().strip("_") in INPUT_GRADIENTS


def result_name(function: str) -> str:
    """What to call the array that a function returns: a layer's is the gradient of its input.

    >>> result_name("Linear.backward"), result_name("sigmoid_prime")
    ('dx', 'sigmoid_prime()')
    """
    owner, _, name = function.rpartition(".")
    return "dx" if owner and name in BACKWARD_METHODS else f"{name}()"


def stem(name: str) -> str:
    """The parameter that a name is about, in one spelling: `dW1`, `W1_grad`, `weights_error`.

    >>> stem("dW1"), stem("W1_grad"), stem("weights_error"), stem("weight"), stem("nabla_b")
    ('w1', 'w1', 'w', 'w', 'b')
    """
    words = [w for w in re.split(r"[_.\s]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)) if w]
    kept = [word for word in words if word.lower() not in NOISE] or words
    first = kept[0]
    if re.match(r"(dL_?d|dJ_?d|dC_?d|dE_?d|d|g)[A-Za-z]", first) and _base(first) not in CANONICAL:
        shorter = re.sub(r"^(dL_?d|dJ_?d|dC_?d|dE_?d|d|g)", "", first)
        if _base(shorter) in CANONICAL or len(shorter) <= 2 or first.startswith("d"):
            kept[0] = shorter
    plain = "".join(kept).lower()
    letters = _base(plain)
    return CANONICAL.get(letters, letters) + plain[len(letters) :]


def _base(word: str) -> str:
    """A word without its number."""
    return re.sub(r"\d+$", "", word).lower()


def is_bias(name: str) -> bool:
    """Whether a parameter is a bias."""
    return _letters(name) == "b"


def is_parameter(name: str) -> bool:
    """Whether a name is one that parameters have."""
    return _letters(name) in {*CANONICAL.values(), "u", "v", "h"}


def _letters(name: str) -> str:
    """The stem of the last word of a path, without its number: ``w`` for ``layers.0.W1``."""
    return re.sub(r"\d+$", "", stem(name.split(".")[-1]))


def pairs_among(functions: Collection[str]) -> list[tuple[str, str]]:
    """Names of functions with those of their derivatives.

    >>> pairs_among(["sigmoid", "sigmoid_prime", "cost"])
    [('sigmoid', 'sigmoid_prime')]
    """
    found, known = [], set(functions)
    for name in functions:
        for base in (name, re.sub(r"_?(forward|fwd|function|loss|fn)$", "", name)):
            derivative = next(
                (f.format(base) for f in DERIVATIVE_FORMS if f.format(base) in known), None
            )
            if base and derivative and derivative != name:
                found.append((name, derivative))
                break
    return found
