"""What the doctor says: findings, each with a code that programs can read, and the diagnosis that
holds them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chainrule.types import Array

CODES = {
    "batch-scale": "divided by the batch size where it should not be, twice, or not at all",
    "constant-scale": "off by a constant factor",
    "sign": "the sign is wrong",
    "transposed": "transposed, or a factor of the product is",
    "wrong-axis": "summed over the wrong axis, or over none",
    "missing-activation-derivative": "the derivative of the activation is left out",
    "derivative-at-wrong-point": "the derivative is taken at another point: of the output in place "
    "of the input, or the reverse",
    "wrong-activation-derivative": "the derivative of another activation",
    "extra-activation-derivative": "multiplied by a derivative that does not belong there",
    "missing-bias-gradient": "the bias receives no gradient",
    "missing-gradient": "a parameter, or the input, receives no gradient",
    "wrong-variable": "computed from another array than the formula says",
    "missing-regularizer": "the regularizer's term is left out, or has another factor",
    "stale-weights": "the weights are already updated when the gradient is taken",
    "softmax-jacobian": "the Jacobian of the softmax is missing, incomplete or applied twice",
    "kernel-flip": "the kernel is not turned round, or should not be",
    "wrong-stride": "the windows stand in other places than in the forward pass",
    "padding-crop": "the padding is not cropped from the gradient, or on the wrong side",
    "partial-sum": "only a part of the examples, patches or paths is summed",
    "pool-ties": "where several entries are the maximum, each receives the whole gradient",
    "dropout-mask": "the mask, or its scale, is missing in the backward pass",
    "norm-path": "the path through the mean or the variance is missing",
    "stale-cache": "the backward pass uses what an earlier forward pass has left",
    "loss-constant": "the derivative of the loss has another constant than the loss",
    "update-rule": "the optimizer's step differs from its formula",
    "overwrites": "a gradient is overwritten where it should accumulate",
    "accumulates": "a gradient adds to that of the call before",
    "mutates-input": "an array that was handed in is changed",
    "shape-changes": "a parameter changes its shape when it is updated",
    "train-predict-mismatch": "the prediction pass computes something else than the training pass",
    "overflow": "large inputs overflow in float32",
    "exception": "the code raises an exception",
    "timeout": "the code does not come to an end",
    "out-of-memory": "the code needs more memory than it may use",
    "crash": "the code ends the process",
    "unknown": "wrong in a way that the doctor does not know",
}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Args:
        gradient: the gradient's name in the code that was checked.
        code: the cause, one of `CODES`.
        certain: whether nothing else explains the numbers.
        evidence: what was seen.
        line: where in the file, if known.
        suggestion: what to do.
    """

    gradient: str
    code: str
    certain: bool
    evidence: str
    line: int | None = None
    suggestion: str = ""

    def as_json(self) -> dict[str, Any]:
        """The finding as `--json` prints it."""
        return dict(vars(self))


def endless(name: str, error: Exception, line: int | None) -> Finding:
    """The finding for code that does not come to an end."""
    advice = "look for a loop that does not end; if it is only long, check a smaller example"
    return Finding(name, "timeout", True, str(error), line, advice)


@dataclass(frozen=True)
class Comparison:
    """One gradient beside the true one; entries that were not looked at are NaN in `true`."""

    name: str
    right: bool
    given: Array | None = None
    true: Array | None = None


@dataclass
class Diagnosis:
    """What the doctor found.

    >>> Diagnosis("Dense").ok
    True
    """

    subject: str
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def as_json(self) -> dict[str, Any]:
        """The diagnosis as `--json` prints it."""
        return {
            "ok": self.ok,
            "findings": [finding.as_json() for finding in self.findings],
            "subject": self.subject,
            "gradients": {each.name: each.right for each in self.comparisons},
            "notes": self.notes,
        }

    def __str__(self) -> str:
        if self.ok:
            return f"{self.subject}: no mistake found"
        lines = [
            f"{each.gradient}: {each.code}{'' if each.certain else '?'}, {each.evidence}"
            for each in self.findings
        ]
        return "\n".join([f"{self.subject}:", *lines])
