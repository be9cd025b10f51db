"""What people call parameters, and which parameter a name is about."""

from __future__ import annotations

import re
from functools import cache

from chainrule.foreign.naming.gradient_names import LETTER, PREFIX, WORDS

CANONICAL = {
    **dict.fromkeys(("weight", "weights", "kernel", "kernels", "filters", "filter", "w"), "w"),
    **dict.fromkeys(("theta", "ws", "coef", "wt", "coefficients", "θ", "ω"), "w"),
    **dict.fromkeys(("bias", "biases", "b", "bs", "intercept"), "b"),
    **dict.fromkeys(("gamma", "gammas", "scale", "γ"), "gamma"),
    **dict.fromkeys(("beta", "betas", "shift", "β"), "beta"),
}


UNTRAINED = re.compile(
    r"running|moving|(^|_)mean|(^|_)var|velocit|moment|mask|cache|history|^eps|last_|_avg|"
    r"prev_(?![ahcs]$)"  # prev_h is the state of a recurrent cell
)
# The parameters of recurrent cells: from what to what, Wxh, W_hh, by; or of which gate, Wf, bf.
RECURRENT = re.compile(
    r"(?P<w>[WU]_?([xhay]{1,2}|[fiocguzrv])|weights?_(ih|hh))|(?P<b>b_?[hayfiocguzrv]|bias_(ih|hh))"
)


@cache
def stem(name: str) -> str:
    """The parameter that a name is about, in one spelling: `dW1`, `W1_grad`, `weights_error`.

    >>> stem("dW1"), stem("dE_dW1"), stem("weights_error"), stem("weight"), stem("nabla_b")
    ('w1', 'w1', 'w', 'w', 'b')
    """
    of_loss = re.sub(r"^d(L|J|C|E|Loss|Cost)_?(?=d)", "", name)  # dE_dW1 is dW1
    words = [w for w in re.split(r"[_.\s]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", of_loss)) if w]
    kept = [word for word in words if word.lower() not in WORDS] or words
    if not kept:
        return ""
    first = kept[0]
    if re.match(rf"{PREFIX}{LETTER}", first) and _base(first) not in CANONICAL:
        shorter = re.sub(f"^{PREFIX}", "", first)
        if _base(shorter) in CANONICAL or len(shorter) <= 2 or first.startswith("d"):
            kept[0] = shorter
    plain = "".join(kept).lower()
    letters = _base(plain)
    return CANONICAL.get(letters, letters) + plain[len(letters) :]


def _base(word: str) -> str:
    """A word without its number."""
    return re.sub(r"\d+$", "", word).lower()


def is_bias(name: str) -> bool:
    """True if a parameter is a bias."""
    return _letters(name) == "b"


def is_weight(name: str) -> bool:
    """True if a name is one that nothing but parameters have: weights, biases, scales, shifts."""
    return _letters(name) in set(CANONICAL.values())


def is_from_state(name: str) -> bool:
    """True if weights go from the state of a recurrent cell to its next state, by their name."""
    return bool(re.fullmatch(r"_*[WU]_?(h|a|hh|aa)|weights?_hh", name))


def is_scale_or_shift(name: str) -> bool:
    """True if a name is that of the scale or the shift of a normalization, and nothing else's."""
    return name.lower().strip("_") in {"gamma", "beta", "γ", "β"}


def is_factor(name: str) -> bool:
    """True if a number of this name may be a constant as well as a parameter."""
    return name.rpartition(".")[2].lower().strip("_") in {"scale", "shift"}


def is_parameter(name: str) -> bool:
    """True if a name is one that parameters have."""
    return _letters(name) in {*CANONICAL.values(), "u", "v", "h"}


def is_untrained(name: str) -> bool:
    """True if an array is no parameter by its name: a running mean, a mask, a velocity."""
    return bool(UNTRAINED.search(name.lower()))


def _letters(name: str) -> str:
    """The stem of the last word of a path, without its number: ``w`` for ``layers.0.W1`` and for
    ``weights.0``."""
    words = [word for word in name.split(".") if not word.isdigit()] or [name]
    if found := RECURRENT.fullmatch(words[-1].lstrip("_")):
        return str(found.lastgroup)
    return re.sub(r"\d+$", "", stem(words[-1]))


def stem_of(name: str) -> str:
    """`stem` for a name that may have its place in a list: ``nabla_w.0``."""
    base, _, index = name.partition(".")
    return f"{stem(base)}.{index}" if index else stem(base)
