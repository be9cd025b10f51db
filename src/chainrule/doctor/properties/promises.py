"""What chainrule's own layers promise besides right gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.doctor.findings import Finding
from chainrule.foreign.running.randomness import random_like

NOISE = 1e-10


def own_behaviours(subject: Any) -> list[Finding]:
    """What a chainrule layer promises besides right gradients: they add up, nothing that was
    handed in changes, and a cache belongs to its own forward pass.

    Args:
        subject: a `ChainruleNetwork`.
    """
    findings = []
    output, caches = subject.forward(subject.values)
    dy = random_like(output, "behaviour")
    network = subject.network
    network.gradients.flat[:] = 0
    handed = dy.copy()
    network.backward(handed, caches)
    if not np.array_equal(handed, dy):
        text = "after the backward pass `dy` holds other numbers than before"
        findings.append(_promise("dy", "mutates-input", text))
    once = {name: network.gradients[name].copy() for name in network.gradients}
    network.backward(dy.copy(), caches)
    names = subject.names()
    for name, gradient in once.items():
        if np.abs(gradient).max() < NOISE:
            continue  # a bias before a normalization has no gradient
        if np.allclose(network.gradients[name], gradient, rtol=1e-12, atol=0):
            text = "the second backward pass wipes out what the first one found"
            findings.append(_promise(names[name], "overwrites", text, "add with `+=`"))
    x = subject.values["x"].copy()
    network.forward(x, training=True)
    if not np.array_equal(x, subject.values["x"]):
        text = "after the forward pass `x` holds other numbers than before"
        findings.append(_promise("x", "mutates-input", text))
    network.gradients.flat[:] = 0
    _, caches = subject.forward(subject.values)
    subject.forward({**subject.values, "x": -subject.values["x"]})
    dx = network.backward(dy.copy(), caches)
    network.gradients.flat[:] = 0
    _, caches = subject.forward(subject.values)
    if not np.allclose(dx, network.backward(dy.copy(), caches), rtol=1e-9, atol=1e-12):
        text = "another forward pass in between changes the gradient: something is kept on self"
        findings.append(_promise("dx", "stale-cache", text, "return it with the cache"))
    return findings


def _promise(
    gradient: str,
    code: str,
    evidence: str,
    advice: str = "compute into a new array, or copy it first",
) -> Finding:
    return Finding(gradient, code, True, evidence, None, advice)
