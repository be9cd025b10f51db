"""How weights move, given their gradient.

An optimizer holds only its settings. What it remembers from step to step is an
`OptimizerState`, made by `start` and handed back to `step`, as a layer's cache is: one
optimizer can serve many networks, and a checkpoint has everything in one place.

Each `update` is written as in its paper, for any stretch w of the flat vector with its
gradient g. Defaults are PyTorch's, but for the learning rates of SGD, RMSprop and Lion: with
PyTorch's, a training as long as `fit` makes it by default learns too little, or swings.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from chainrule.arguments import number
from chainrule.configurable import Configurable
from chainrule.errors import ArgumentError
from chainrule.types import Array

__all__ = [
    "SGD",
    "AMSGrad",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Lion",
    "NAdam",
    "Optimizer",
    "RMSprop",
]

CHUNK = 16_384  # numbers updated at a time: all arrays of an update then stay in the cache


@dataclass
class OptimizerState:
    """What an optimizer remembers: the number of steps made, one vector for each slot; and what an
    average of the weights does, where there is one."""

    step: int
    slots: dict[str, Array]
    momentum_product: float = 1.0  # NAdam alone
    average: dict[str, Array] = field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class Optimizer(Configurable):
    """The base of every optimizer.

    Args:
        learning_rate: the size of a step, above 0.
        clip_value: hold each number of the gradient within [-clip_value, clip_value], or within
            a pair (low, high).
        clip_norm: scale the whole gradient down to this Euclidean norm where it is longer.

    >>> w, optimizer = np.array([1.0, 2.0]), SGD(learning_rate=0.1)
    >>> state = optimizer.start(w)
    >>> optimizer.step(w, np.array([1.0, -1.0]), state)
    >>> w
    array([0.9, 2.1])
    """

    learning_rate: float = 0.01
    clip_value: float | tuple[float, float] | None = field(default=None, kw_only=True)
    clip_norm: float | None = field(default=None, kw_only=True)

    slots: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        number(self.learning_rate, "learning_rate", "(0, inf)")
        if self.clip_norm is not None:
            number(self.clip_norm, "clip_norm", "(0, inf)")
        if self.clip_value is not None:
            pair = self.clip_value if isinstance(self.clip_value, tuple) else (0, self.clip_value)
            ends = [number(end, "clip_value", "[-inf, inf]") for end in pair]
            if len(ends) != 2 or not ends[0] < ends[1]:
                raise ArgumentError(
                    f"clip_value is a number above 0 or a pair (low, high) with low < high; "
                    f"received {self.clip_value}"
                )

    @property
    def clip_range(self) -> tuple[float, float]:
        """The (low, high) that `clip_value` stands for."""
        if isinstance(self.clip_value, tuple):
            return self.clip_value
        limit = math.inf if self.clip_value is None else self.clip_value
        return -limit, limit

    def start(self, values: Array) -> OptimizerState:
        """The state before the first step, for a flat vector like `values`."""
        return OptimizerState(0, {slot: np.zeros_like(values) for slot in self.slots})

    def step(
        self,
        values: Array,
        gradients: Array,
        state: OptimizerState,
        learning_rate: float | None = None,
    ) -> None:
        """Move `values` once, in place; `learning_rate` is the schedule's, where there is one.

        Clipping changes `gradients` in place.
        """
        rate = self.learning_rate if learning_rate is None else learning_rate
        self.clip(gradients)
        self.count_step(state)
        for start in range(0, len(values), CHUNK):
            part = slice(start, start + CHUNK)
            slots = {name: slot[part] for name, slot in state.slots.items()}
            self.update(values[part], gradients[part], slots, rate, state)

    def clip(self, gradients: Array) -> None:
        """Clip by value, then by norm, in place."""
        if self.clip_value is not None:
            np.clip(gradients, *self.clip_range, out=gradients)
        if self.clip_norm is not None:
            norm = float(np.linalg.norm(gradients))
            if norm > self.clip_norm:
                gradients *= self.clip_norm / norm

    def count_step(self, state: OptimizerState) -> None:
        """Note that a step begins."""
        state.step += 1

    @abstractmethod
    def update(
        self, w: Array, g: Array, slots: dict[str, Array], rate: float, state: OptimizerState
    ) -> None:
        """Change `w` and the slots in place; `state.step` is t, counted from 1."""


@dataclass(frozen=True, repr=False)
class SGD(Optimizer):
    """v <- μ v + g;  w <- w - rate · v,  or with Nesterov  w <- w - rate · (g + μ v).

    Source: Polyak (1964); Sutskever et al., On the importance of initialization and momentum in
        deep learning (2013); in the form of PyTorch's SGD.
    """

    momentum: float = 0.0
    nesterov: bool = False

    slots: ClassVar[tuple[str, ...]] = ("v",)

    def __post_init__(self) -> None:
        super().__post_init__()
        number(self.momentum, "momentum", "[0, 1)")
        if self.nesterov and not self.momentum:
            raise ArgumentError("nesterov=True needs a momentum above 0, such as 0.9")

    def start(self, values: Array) -> OptimizerState:
        return super().start(values) if self.momentum else OptimizerState(0, {})

    def update(
        self, w: Array, g: Array, slots: dict[str, Array], rate: float, state: OptimizerState
    ) -> None:
        if not self.momentum:
            w -= rate * g
            return
        v = slots["v"]
        v *= self.momentum
        v += g
        w -= rate * (g + self.momentum * v if self.nesterov else v)


@dataclass(frozen=True, repr=False)
class Adagrad(Optimizer):
    """s <- s + g²;  w <- w - rate · g / (√s + ε).

    Source: Duchi, Hazan & Singer, Adaptive Subgradient Methods (2011), figure 1.
    """

    epsilon: float = 1e-10

    slots: ClassVar[tuple[str, ...]] = ("s",)

    def update(
        self, w: Array, g: Array, slots: dict[str, Array], rate: float, state: OptimizerState
    ) -> None:
        s = slots["s"]
        s += g * g
        w -= rate * g / (np.sqrt(s) + self.epsilon)


@dataclass(frozen=True, repr=False)
class Adadelta(Optimizer):
    """s <- ρ s + (1 - ρ) g²;  Δ = g √(u + ε) / √(s + ε);  u <- ρ u + (1 - ρ) Δ²;
    w <- w - rate · Δ.

    Source: Zeiler, ADADELTA (2012), algorithm 1.
    """

    learning_rate: float = 1.0
    rho: float = 0.9
    epsilon: float = 1e-6

    slots: ClassVar[tuple[str, ...]] = ("s", "u")

    def __post_init__(self) -> None:
        super().__post_init__()
        number(self.rho, "rho", "[0, 1)")

    def update(
        self, w: Array, g: Array, slots: dict[str, Array], rate: float, state: OptimizerState
    ) -> None:
        s, u = slots["s"], slots["u"]
        s *= self.rho
        s += (1 - self.rho) * g * g
        change = g * np.sqrt(u + self.epsilon) / np.sqrt(s + self.epsilon)
        u *= self.rho
        u += (1 - self.rho) * change * change
        w -= rate * change


@dataclass(frozen=True, repr=False)
class RMSprop(Optimizer):
    """s <- ρ s + (1 - ρ) g²;  w <- w - rate · g / (√s + ε).

    Source: Tieleman & Hinton, Lecture 6.5 of Neural Networks for Machine Learning (2012).
    """

    learning_rate: float = 1e-3
    rho: float = 0.99
    epsilon: float = 1e-8

    slots: ClassVar[tuple[str, ...]] = ("s",)

    def __post_init__(self) -> None:
        super().__post_init__()
        number(self.rho, "rho", "[0, 1)")

    def update(
        self, w: Array, g: Array, slots: dict[str, Array], rate: float, state: OptimizerState
    ) -> None:
        s = slots["s"]
        s *= self.rho
        s += (1 - self.rho) * g * g
        w -= rate * g / (np.sqrt(s) + self.epsilon)


@dataclass(frozen=True, repr=False)
class Adam(Optimizer):
    """m <- β₁ m + (1 - β₁) g;  v <- β₂ v + (1 - β₂) g²;
    w <- w - rate · m̂ / (√v̂ + ε), with m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ).

    Source: Kingma & Ba, Adam (2015), algorithm 1.

    >>> w, adam = np.array([1.0]), Adam(learning_rate=0.1)
    >>> adam.step(w, np.array([5.0]), adam.start(w))  # the first step has the size of the rate
    >>> w.round(6)
    array([0.9])
    """

    learning_rate: float = 1e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    slots: ClassVar[tuple[str, ...]] = ("m", "v")

    def __post_init__(self) -> None:
        super().__post_init__()
        number(self.beta_1, "beta_1", "[0, 1)")
        number(self.beta_2, "beta_2", "[0, 1)")

    def moments(self, g: Array, slots: dict[str, Array]) -> tuple[Array, Array]:
        """The running means of g and of g², brought up to date."""
        m, v = slots["m"], slots["v"]
        m *= self.beta_1
        m += (1 - self.beta_1) * g
        v *= self.beta_2
        v += (1 - self.beta_2) * g * g
        return m, v

    def update(
        self, w: Array, g: Array, slots: dict[str, Array], rate: float, state: OptimizerState
    ) -> None:
        m, v = self.moments(g, slots)
        m_hat = m / (1 - self.beta_1**state.step)
        v_hat = v / (1 - self.beta_2**state.step)
        w -= rate * m_hat / (np.sqrt(v_hat) + self.epsilon)


@dataclass(frozen=True, repr=False)
class AMSGrad(Adam):
    """Adam with the largest v so far in the place of v: u <- max(u, v);
    w <- w - rate · m̂ / (√û + ε).

    Source: Reddi, Kale & Kumar, On the Convergence of Adam and Beyond (2018), algorithm 2, with
        the bias corrections of PyTorch's Adam(amsgrad=True).
    """

    slots: ClassVar[tuple[str, ...]] = ("m", "v", "u")

    def update(
        self, w: Array, g: Array, slots: dict[str, Array], rate: float, state: OptimizerState
    ) -> None:
        m, v = self.moments(g, slots)
        u = slots["u"]
        np.maximum(u, v, out=u)
        m_hat = m / (1 - self.beta_1**state.step)
        u_hat = u / (1 - self.beta_2**state.step)
        w -= rate * m_hat / (np.sqrt(u_hat) + self.epsilon)


@dataclass(frozen=True, repr=False)
class AdamW(Adam):
    """w <- (1 - rate · λ) w, then a step of Adam. λ is `weight_decay`, for all parameters;
    to decay some layers alone, give them the WeightDecay regularizer.

    Source: Loshchilov & Hutter, Decoupled Weight Decay Regularization (2019), algorithm 2.
    """

    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        number(self.weight_decay, "weight_decay", "[0, inf)")

    def update(
        self, w: Array, g: Array, slots: dict[str, Array], rate: float, state: OptimizerState
    ) -> None:
        w *= 1 - rate * self.weight_decay
        super().update(w, g, slots, rate, state)


@dataclass(frozen=True, repr=False)
class NAdam(Adam):
    """Adam with Nesterov momentum, whose weight μ_t = β₁ (1 - 0.96^(ψ t) / 2) grows with t:
    w <- w - rate · (μ_{t+1} m / (1 - Π_{i≤t+1} μ_i) + (1 - μ_t) g / (1 - Π_{i≤t} μ_i))
    / (√v̂ + ε). ψ is `momentum_decay`.

    Source: Dozat, Incorporating Nesterov Momentum into Adam (2016), section 3; as PyTorch's.
    """

    learning_rate: float = 2e-3
    momentum_decay: float = 4e-3

    def mu(self, step: int) -> float:
        """The weight of the momentum at this step."""
        return self.beta_1 * (1 - 0.5 * 0.96 ** (step * self.momentum_decay))

    def count_step(self, state: OptimizerState) -> None:
        super().count_step(state)
        state.momentum_product *= self.mu(state.step)

    def update(
        self, w: Array, g: Array, slots: dict[str, Array], rate: float, state: OptimizerState
    ) -> None:
        m, v = self.moments(g, slots)
        mu, mu_next, product = self.mu(state.step), self.mu(state.step + 1), state.momentum_product
        ahead = mu_next / (1 - product * mu_next) * m + (1 - mu) / (1 - product) * g
        v_hat = v / (1 - self.beta_2**state.step)
        w -= rate * ahead / (np.sqrt(v_hat) + self.epsilon)


@dataclass(frozen=True, repr=False)
class Lion(Optimizer):
    """w <- (1 - rate · λ) w - rate · sign(β₁ m + (1 - β₁) g);  m <- β₂ m + (1 - β₂) g.

    Source: Chen et al., Symbolic Discovery of Optimization Algorithms (2023), program 1.
    """

    learning_rate: float = 3e-4
    beta_1: float = 0.9
    beta_2: float = 0.99
    weight_decay: float = 0.0

    slots: ClassVar[tuple[str, ...]] = ("m",)

    def __post_init__(self) -> None:
        super().__post_init__()
        number(self.beta_1, "beta_1", "[0, 1)")
        number(self.beta_2, "beta_2", "[0, 1)")
        number(self.weight_decay, "weight_decay", "[0, inf)")

    def update(
        self, w: Array, g: Array, slots: dict[str, Array], rate: float, state: OptimizerState
    ) -> None:
        m = slots["m"]
        w *= 1 - rate * self.weight_decay
        w -= rate * np.sign(self.beta_1 * m + (1 - self.beta_1) * g)
        m *= self.beta_2
        m += (1 - self.beta_2) * g


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "adagrad": Adagrad,
    "adadelta": Adadelta,
    "rmsprop": RMSprop,
    "adam": Adam,
    "amsgrad": AMSGrad,
    "adamw": AdamW,
    "nadam": NAdam,
    "lion": Lion,
}
