"""Causes: what each means, and the check of a test that would have noticed it."""

from __future__ import annotations

CODES = {
    "batch-scale": "the factor of the batch size is wrong",
    "constant-scale": "off by a constant factor",
    "missing-factor": "a factor of the forward pass is missing",
    "sign": "the sign is wrong",
    "transposed": "a matrix is the wrong way round (transposed)",
    "wrong-axis": "summed over the wrong axes",
    "missing-activation-derivative": "the derivative of the activation is left out",
    "derivative-at-wrong-point": "the derivative is taken at the wrong point",
    "wrong-activation-derivative": "the derivative of another activation",
    "extra-activation-derivative": "multiplied by a derivative that does not belong there",
    "missing-bias-gradient": "the bias receives no gradient",
    "missing-gradient": "no gradient is computed",
    "wrong-variable": "computed from another array than the formula says",
    "missing-regularizer": "the regularizer's term is not that of the loss",
    "stale-weights": "the weights are already updated when the gradient is taken",
    "softmax-jacobian": "the Jacobian of the softmax is not applied correctly",
    "kernel-flip": "the kernel is the wrong way round",
    "wrong-stride": "the windows stand in other places than in the forward pass",
    "padding-crop": "the padding is cropped wrongly from the gradient",
    "partial-sum": "only a part of the sum is taken",
    "pool-ties": "where several entries are the maximum, each receives the whole gradient",
    "dropout-mask": "the backward pass does not apply the mask as the forward pass does",
    "norm-path": "a path through the normalization's statistics is missing",
    "stale-cache": "the backward pass uses what an earlier forward pass has left",
    "loss-constant": "the derivative of the loss has another constant than the loss",
    "update-rule": "the optimizer's step differs from its formula",
    "overwrites": "a gradient is overwritten where it should accumulate",
    "accumulates": "a gradient adds to that of the call before",
    "mutates-input": "an array that was handed in is changed",
    "shape-changes": "a parameter changes its shape when it is updated",
    "train-predict-mismatch": "the prediction pass computes something else than the training pass",
    "overflow": "large inputs overflow in float32",
    "not-finite": "the gradient holds NaN or infinity",
    "exception": "the code raises an exception",
    "timeout": "the code does not come to an end",
    "out-of-memory": "the code needs more memory than it may use",
    "crash": "the code ends the process",
    "unknown": "wrong in a way that the doctor does not know",
}


COMPARE = "compare {gradient} with central differences"


CHECKS = {
    "batch-scale": COMPARE + ", on a batch of two examples or more",
    "constant-scale": COMPARE + ", value by value, not only its direction",
    "missing-factor": COMPARE + ", where no factor is 1",
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
    "not-finite": "check that every entry of {gradient} is finite",
    "unknown": COMPARE + " in every entry, the last included",
}


def missing_check(code: str, gradient: str) -> str:
    """What a test must do to notice a mistake of this kind.

    >>> missing_check("batch-scale", "dW1")
    'compare dW1 with central differences, on a batch of two examples or more'
    """
    name = "every gradient" if gradient == "all" else gradient
    return CHECKS.get(code, COMPARE).format(gradient=name)
