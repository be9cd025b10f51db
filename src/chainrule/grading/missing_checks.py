"""For every cause, the check that would have noticed it, in a line."""

from __future__ import annotations

COMPARE = "compare {gradient} with central differences"

CHECKS = {
    "batch-scale": COMPARE + ", on a batch of two examples or more",
    "constant-scale": COMPARE + ", value by value, not only its direction",
    "sign": COMPARE + ", value by value, signs included",
    "transposed": COMPARE + ", where in and out differ in size",
    "wrong-axis": COMPARE + ", with batch size, in and out all different",
    "partial-sum": COMPARE + ", on several examples, with all places and patches in play",
    "missing-activation-derivative": COMPARE + ", where the activation is not the identity",
    "derivative-at-wrong-point": COMPARE + ", at inputs on both sides of 0",
    "wrong-activation-derivative": COMPARE + ", at inputs on both sides of 0",
    "missing-bias-gradient": "check that {gradient} is there, and "
    + COMPARE.replace(" {gradient}", " it"),
    "missing-regularizer": COMPARE + " of the whole loss, with a regularizer that is not zero",
    "stale-weights": COMPARE + ", with a learning rate that moves the weights visibly",
    "softmax-jacobian": COMPARE + ", with a random gradient from above, not one of ones",
    "kernel-flip": COMPARE + ", with a kernel that is not symmetric",
    "wrong-stride": COMPARE + ", with a stride above 1",
    "padding-crop": COMPARE + ", with padding above 0",
    "dropout-mask": COMPARE + " under a fixed mask, in training",
    "norm-path": COMPARE + ", with a random gradient from above, not one of ones",
    "stale-cache": "run forward and backward a second time, on other inputs, and check again",
    "loss-constant": COMPARE + " of the loss itself",
    "overwrites": "call backward twice, and check that {gradient} adds up",
    "shape-changes": "check that the shape of {gradient} is that of what it belongs to",
    "mutates-input": "check that backward leaves the gradient it is given as it was",
    "update-rule": "compare several steps with the formula, with a changing gradient",
    "unknown": COMPARE + " in every entry, the last included",
}


def missing_check(code: str, gradient: str) -> str:
    """What a test must do to notice a mistake of this kind.

    >>> missing_check("batch-scale", "dW1")
    'compare dW1 with central differences, on a batch of two examples or more'
    """
    name = "every gradient" if gradient == "all" else gradient
    return CHECKS.get(code, COMPARE).format(gradient=name)
