"""Which cause a correction that works stands for."""

from __future__ import annotations

import ast

import numpy as np

from chainrule.doctor.numbers.evidence import CLOSE
from chainrule.doctor.numbers.examined import Examination
from chainrule.doctor.numbers.finite_differences import Precision, probe
from chainrule.doctor.numbers.signatures import of_ratio
from chainrule.doctor.subjects.subject import Subject
from chainrule.foreign.naming.gradient_names import may_hold_a_gradient
from chainrule.foreign.naming.roles import roles_named
from chainrule.foreign.objects.state import items
from chainrule.foreign.reading.derivative_forms import family_of, same_family
from chainrule.foreign.reading.expressions import factors, text
from chainrule.rewrites.edits import Edit

# Where the gradients that an edit mends are off by no constant factor: a scale is then a factor
# that is no number, or only of one term.
NOT_CONSTANT = {"sign": "sign", "axis": "wrong-axis", "scale": "unknown", "extra": "unknown"}
DRAWN = {"derivative", "mask", "renamed", "extra"}  # what mends a random layer's mask


def cause_of(edit: Edit, mended: tuple[str, ...], found: Examination) -> str:
    """The code for an edit that makes the gradients `mended` right."""
    if edit.sort in DRAWN and found.subject.is_random():
        return "dropout-mask"
    if edit.sort in NOT_CONSTANT:
        return _of_factor(edit, mended, found)
    if edit.sort == "factor":
        return _of_missing_factor(edit, mended, found)
    if edit.sort == "exchanged":
        return _of_exchange(edit)
    if edit.sort == "renamed":
        return _of_renaming(edit)
    return edit.cause or "unknown"


def _of_factor(edit: Edit, mended: tuple[str, ...], found: Examination) -> str:
    """A constant factor; fewer examples show if it goes with the batch size."""
    if _takes_a_derivative_away(edit):
        return _of_derivative_taken_away(found)
    ratio = common_ratio(mended, found)
    if ratio is None:
        return NOT_CONSTANT[edit.sort]
    if ratio < 0:
        return "sign"
    if found.subject.is_random() and _is_of_dropout(ratio, found.subject):
        return "dropout-mask"
    code = of_ratio(ratio, found.subject).code
    name = next(n for n in mended if common_ratio((n,), found) == ratio)
    grows = _goes_with_batch(name, ratio, found)
    if grows is not None:
        code = "batch-scale" if grows else "constant-scale"
    if code == "constant-scale" and _concerns_the_loss(edit, mended, found):
        return "loss-constant"
    return code


def _of_missing_factor(edit: Edit, mended: tuple[str, ...], found: Examination) -> str:
    """A factor of the forward pass: what says more than a number, of the loss for example, goes
    before."""
    if common_ratio(mended, found) is None:
        return edit.cause
    code = _of_factor(edit, mended, found)
    return edit.cause if code in ("constant-scale", "sign") else code


def common_ratio(mended: tuple[str, ...], found: Examination) -> float | None:
    """The factor between gradients and true ones, where it is the same in all that have one
    (with a regularizer's term beside it, some have none)."""
    ratios = []
    for name in mended:
        own = [s.ratio for s in found.signatures_of(name) if s.ratio is not None]
        ratios += own[:1]
    if not ratios:
        return None
    nearest = min(ratios, key=lambda ratio: abs(np.log(abs(ratio))))
    if all(_is_power(ratio, nearest) for ratio in ratios):
        return nearest
    return None


def _is_power(ratio: float, base: float) -> bool:
    """True if a factor is another one, to the power of how often it was met on the way down."""
    return any(abs(ratio / base**power - 1) < CLOSE * 10 for power in (1, 2, 3, 4))


def _goes_with_batch(name: str, ratio: float, found: Examination) -> bool | None:
    """True if the factor changes with the number of examples."""
    batch = found.subject.batch
    fewer = found.subject.narrowed(batch - 1) if batch and batch > 1 else None
    if fewer is None:
        return None
    try:
        truth = probe(fewer.loss, fewer.values, name, Precision(), 1)
        given = fewer.gradients(fewer.values).gradients.get(name)
    except Exception:  # user code: it may not take fewer examples
        return None
    if given is None or not truth.slopes or np.shape(given) != truth.shape:
        return None
    slope = float(np.sum(truth.directions[0] * given))
    if not truth.slopes[0]:
        return None
    return abs(slope / truth.slopes[0] / ratio - 1) > 10 * CLOSE


def _concerns_the_loss(edit: Edit, mended: tuple[str, ...], found: Examination) -> bool:
    """True if a factor stands before everything: in the derivative of the loss itself, where the
    targets are met."""
    if "y_pred" in found.subject.values:
        return True
    is_network = getattr(found.subject, "dy", None) is None
    if not is_network or not set(mended) >= set(found.truths) or len(mended) < 2:
        return False
    statement = edit.changes[0][0].statement
    names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(statement) if isinstance(node, ast.Attribute)}
    return any("y" in roles_named(name) for name in names)


def _is_of_dropout(ratio: float, subject: Subject) -> bool:
    """True if a factor is made of a probability that the layer keeps, or is given."""
    state = getattr(getattr(subject, "code", None), "state", None)
    known = [*(v for _, v in items(state)), *getattr(subject, "extra", {}).values()]
    kept = [v for v in known if isinstance(v, float) and 0 < v < 1]
    made = [m for v in kept for m in (v, 1 - v, 1 / v, 1 / (1 - v))]
    return any(abs(ratio / each - 1) < CLOSE * 10 for each in made)


def _of_exchange(edit: Edit) -> str:
    """One derivative in the place of another."""
    if edit.removed is None or edit.added is None:
        return "unknown"
    family = same_family(edit.removed, edit.added)
    if family is None:
        return "wrong-activation-derivative" if family_of(edit.removed) else _by_names(edit)
    return "derivative-at-wrong-point" if family else "wrong-activation-derivative"


def _by_names(edit: Edit) -> str:
    """Of an expression in no known form: the same one at another point, or another one."""
    if edit.removed is None or edit.added is None:
        return "unknown"
    calls = [node for node in (edit.removed, edit.added) if isinstance(node, ast.Call)]
    if len(calls) == 2 and text(calls[0].func) != text(calls[1].func):
        return "wrong-activation-derivative"
    one, other = _skeleton(edit.removed), _skeleton(edit.added)
    return "derivative-at-wrong-point" if one == other else "wrong-activation-derivative"


def _skeleton(node: ast.expr) -> str:
    """An expression with its names left out, calls of one argument too."""
    return "".join(c for c in text(node) if not c.isalnum() and c not in "_.()[]'\" ")


def _takes_a_derivative_away(edit: Edit) -> bool:
    return edit.removed is not None and family_of(edit.removed) is not None


def _of_derivative_taken_away(found: Examination) -> str:
    return "softmax-jacobian" if _ends_in_softmax(found) else "extra-activation-derivative"


def _ends_in_softmax(found: Examination) -> bool:
    """True if the outputs are positive and sum to one."""
    output = found.answer.output if found.answer else None
    if output is None or output.ndim < 1 or output.size < 2:
        return False
    sums = [np.sum(output, axis=axis) for axis in range(output.ndim)]
    return bool((output > 0).all()) and any(np.allclose(total, 1, rtol=1e-6) for total in sums)


def _of_renaming(edit: Edit) -> str:
    """Another name in its place: a delta before its derivative, a point of a derivative."""
    removed, added = edit.removed, edit.added
    if removed is None or added is None:
        return "unknown"
    if _is_product_of(added, removed, edit):
        return "missing-activation-derivative"
    if _stands_in_derivative(edit):
        return "derivative-at-wrong-point"
    return "unknown"


def names_another_array(edit: Edit) -> bool:
    """True if an edit replaces an array by another one that the forward pass has left. That is
    reported as the cause only if nothing else explains the mistake."""
    if edit.sort != "renamed" or edit.removed is None or edit.added is None:
        return False
    names = [text(each).rpartition(".")[2] for each in (edit.removed, edit.added)]
    return not any(map(may_hold_a_gradient, names))


def _is_product_of(result: ast.expr, part: ast.expr, edit: Edit) -> bool:
    """True if `result` is assigned a product in which `part` is a factor."""
    for node in ast.walk(edit.source.node):
        if isinstance(node, ast.Assign) and text(node.targets[0]) == text(result):
            names = [text(factor) for factor in factors(node.value)]
            if isinstance(node.value, ast.Call):  # dZ = relu_backward(dA, Z)
                names += ["", *(text(argument) for argument in node.value.args)]
            if len(names) > 1 and text(part) in names:
                return True
    return False


def _stands_in_derivative(edit: Edit) -> bool:
    """True if what an edit changes is a part of an activation's derivative."""
    place, _ = edit.changes[0]
    return any(
        isinstance(node, ast.expr)
        and family_of(node) is not None
        and any(inner is place.node for inner in ast.walk(node))
        for node in ast.walk(place.statement)
    )
