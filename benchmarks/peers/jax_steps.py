"""JAX with `jit`: step by step, and with a scan over an epoch."""

from __future__ import annotations

import itertools
import os
import re
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from peers.base import Peer
from peers.jax_layers import RULES, Forward, Values
from workload import SQUARES, Workload


class State(NamedTuple):
    """All that a step changes."""

    parameters: Values
    averages: Values  # running means and variances
    slots: dict[str, Values]  # what the optimizer remembers of each parameter
    step: Any
    key: Any


class Jax(Peer):
    """JAX step by step."""

    def __init__(self, workload: Workload, threads: int) -> None:
        super().__init__(workload, threads)
        jax.config.update("jax_enable_x64", workload.dtype == "float64")
        self.network = workload.network()
        self.optimizer = workload.made_optimizer
        self.state = self.first_state()
        self.compiled_update = jax.jit(self.update, donate_argnums=(0,))
        batches = itertools.islice(self.batches(), self.laid_out)
        self.ready = [(jnp.asarray(x), jnp.asarray(y)) for x, y in batches]
        self.cycle = itertools.cycle(self.ready)

    def first_state(self) -> State:
        parameters = as_values(self.network.parameters)
        slots = {
            name: {slot: jnp.zeros_like(w) for slot in self.optimizer.start(w).slots}
            for name, w in parameters.items()
        }
        averages = as_values(self.network.buffers)
        return State(parameters, averages, slots, jnp.zeros(()), jax.random.key(0))

    def loss(self, parameters: Values, state: State, x: Any, y: Any) -> Any:
        """The loss, and the averages and the key as they are afterwards."""
        root = self.network.root
        forward = Forward(root, parameters, state.averages, state.key)
        out = forward.through(root, x)
        after = forward.averages, forward.key
        if self.workload.loss == SQUARES:
            return ((out - y) ** 2).mean(), after
        log_p = jax.nn.log_softmax(out)
        return -jnp.take_along_axis(log_p, y[:, None], 1).mean(), after

    def update(self, state: State, x: Any, y: Any) -> tuple[State, Any]:
        """A step of training."""
        differentiate = jax.value_and_grad(self.loss, has_aux=True)
        (value, (averages, key)), gradients = differentiate(state.parameters, state, x, y)
        rule = partial(RULES[type(self.optimizer)], self.optimizer)
        step = state.step + 1
        moved = {
            name: rule(w, gradients[name], state.slots[name], step)
            for name, w in state.parameters.items()
        }
        parameters = {name: w for name, (w, _) in moved.items()}
        slots = {name: remembered for name, (_, remembered) in moved.items()}
        return State(parameters, averages, slots, step, key), value

    def losses(self, count: int) -> list[float]:
        found = []
        for _ in range(count):
            self.state, value = self.compiled_update(self.state, *next(self.cycle))
            found.append(float(value))
        return found

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.state, value = self.compiled_update(self.state, *next(self.cycle))
        value.block_until_ready()

    def kernels(self) -> str:
        """The widest vectors in code that XLA generates here; its products are Eigen's."""
        with tempfile.TemporaryDirectory() as folder:
            lowered = jax.jit(jnp.tanh).lower(jnp.ones(4096, jnp.float32))
            lowered.compile(compiler_options={"xla_dump_to": folder})
            code = [path.read_text() for path in Path(folder).glob("*ir-with-opt.ll")]
        lanes = [int(width) for width in re.findall(r"<(\d+) x float>", "".join(code))]
        flags = os.environ.get("XLA_FLAGS", "none")
        return f"XLA, vectors of {32 * max(lanes, default=1)} bits; flags: {flags}"


def as_values(arrays: Any) -> Values:
    """Arrays of chainrule's in JAX, copied, since a step gives their memory away."""
    return {name: jnp.array(array, copy=True) for name, array in arrays.items()}


class JaxScan(Jax):
    """JAX with `lax.scan` over all batches of an epoch."""

    def __init__(self, workload: Workload, threads: int) -> None:
        super().__init__(workload, threads)

        def epoch(state: State, xs: Any, ys: Any) -> Any:
            return jax.lax.scan(lambda state, batch: self.update(state, *batch), state, (xs, ys))

        self.epoch = jax.jit(epoch, donate_argnums=(0,))
        self.all = tuple(jnp.stack(parts) for parts in zip(*self.ready, strict=True))

    def unit(self) -> int:
        return len(self.ready)

    def run(self, steps: int) -> None:
        for _ in range(steps // len(self.ready)):
            self.state, values = self.epoch(self.state, *self.all)
        values.block_until_ready()
