"""The catalogue: every way in which gradients go wrong here, or are put right, once.

A rule is one entry; `docs/rules.md` says how to add one. Corrections of one family are tried out
together, place by place, in the order in which they stand.
"""

from __future__ import annotations

from chainrule.rewrites import derivatives, factors, images, loops, products, signs, sums
from chainrule.rewrites.edits import right_hand_sides
from chainrule.rewrites.rules import Rule
from chainrule.rewrites.updates import gradients, updates

WRONG_POINT, WRONG_DERIVATIVE = "derivative-at-wrong-point", "wrong-activation-derivative"
MISSING_DERIVATIVE = "missing-activation-derivative"

CATALOGUE = (
    # --- a scale
    Rule("batch-scale", "scale", factors.without_factor),
    Rule("batch-scale", "scale", factors.other_divisor),
    Rule("batch-scale", "scale", factors.other_reduction, factors.exchanged_reduction),
    Rule(WRONG_DERIVATIVE, "scale", factors.other_power, factors.lost_power),
    Rule(
        "missing-factor",
        "factor",
        factors.with_factor,
        factors.lost_factor,
        at=factors.multiplicands,
    ),
    Rule("constant-scale", "number", factors.divided, sort="scale", at=right_hand_sides),
    Rule("wrong-variable", mistake=factors.lost_term),
    # --- a sign
    Rule("sign", "sign", signs.without_minus, signs.lost_minus),
    Rule("sign", "sign", signs.turned_difference),
    Rule("sign", "sign", signs.other_sign, signs.exchanged_sign),
    Rule("sign", "sign", signs.other_update),
    Rule("sign", "sign", signs.with_minus, at=right_hand_sides),
    # --- a whole gradient, or update
    Rule("sign", mistake=signs.opposite, of=gradients),
    Rule("constant-scale", mistake=factors.twice, of=gradients),
    Rule("batch-scale", mistake=factors.averaged, of=gradients),
    Rule("overwrites", mistake=loops.overwriting, of=updates),
    Rule("missing-gradient", mistake=factors.lost, of=gradients),
    # --- products and sums
    Rule("transposed", "transposed", products.exchanged_factors, products.wrongly_transposed),
    Rule("transposed", "transposed", products.transposed, at=right_hand_sides),
    Rule("transposed", "transposed", products.other_subscripts, products.transposed_output),
    Rule("wrong-axis", "axis", sums.other_axis, sums.wrong_axis),
    Rule("shape-changes", mistake=sums.lost_axis),
    Rule("wrong-axis", "axis", sums.summed, at=right_hand_sides),
    # --- the derivative of an activation
    Rule(
        WRONG_DERIVATIVE,
        "comparison",
        derivatives.turned_comparison,
        derivatives.reversed_comparison,
    ),
    Rule(
        MISSING_DERIVATIVE,
        "missing",
        derivatives.with_derivative,
        sort="derivative",
        at=derivatives.computed,
    ),
    Rule(
        MISSING_DERIVATIVE,
        "missing",
        derivatives.with_mask,
        sort="mask",
        at=derivatives.computed,
    ),
    Rule(WRONG_DERIVATIVE, "exchanged", derivatives.other_derivative, at=derivatives.products),
    Rule(WRONG_DERIVATIVE, mistake=derivatives.exchanged_branches),
    # --- loops, and the order of statements
    Rule("partial-sum", "loops", loops.adding, sort="loop"),
    Rule("accumulates", "loops", loops.assigning, sort="assign"),
    Rule("partial-sum", "loops", loops.whole, sort="partial"),
    Rule("partial-sum", "loops", loops.whole_range, sort="partial"),
    Rule("partial-sum", "loops", loops.return_after_loop, sort="partial", at=loops.loops),
    Rule("partial-sum", mistake=loops.shortened, of=loops.for_loops),
    Rule("stale-weights", "order", loops.earlier, at=loops.bodies),
    Rule("stale-weights", mistake=loops.after_update, of=loops.functions),
    Rule("stale-cache", mistake=loops.kept_for_ever, of=loops.functions),
    # --- images
    Rule("kernel-flip", "flip", images.unturned, images.lost_turn, in_index=True),
    Rule("kernel-flip", "flip", images.turned, images.unreversed_slice, in_index=True),
    Rule("wrong-stride", "stride", images.times_stride, at=images.counters),
    Rule("wrong-stride", "stride", images.strided, at=images.ranges),
    Rule("wrong-stride", mistake=factors.lost_stride, in_index=True),
    Rule("padding-crop", "crop", images.cropped, images.wrong_crop, in_index=True),
    # --- what is tried last
    Rule("unknown", "extra", factors.fewer_factors),
    Rule(WRONG_DERIVATIVE, "word", derivatives.other_word),
    Rule(WRONG_POINT, "renamed", derivatives.other_array, derivatives.other_memory),
    Rule(WRONG_DERIVATIVE, mistake=derivatives.function_itself),
)

# The families to try first, by the code of the cause that the numbers suggest.
FIRST_FOR = {
    "sign": ["sign"],
    "batch-scale": ["scale", "factor", "number", "axis"],
    "constant-scale": ["scale", "factor", "number"],
    MISSING_DERIVATIVE: ["factor"],
    WRONG_DERIVATIVE: ["factor"],
    "transposed": ["transposed"],
    "wrong-axis": ["axis"],
    "stale-weights": ["order"],
    "partial-sum": ["loops"],
    "padding-crop": ["crop"],
    "kernel-flip": ["flip"],
}
