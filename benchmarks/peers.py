"""The same training in chainrule and its peers, from the same weights on the same batches.

Each peer has `losses(count)`, those of the first steps, and `run(steps)`, which trains on. Peers
other than chainrule find their batches laid out ready; chainrule shuffles and gathers its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from workloads import SQUARES, Array, Workload

import chainrule as cr
from chainrule.data.training import Plan


class Peer:
    """The base: weights to begin with, and batches in chainrule's order."""

    def __init__(self, workload: Workload, threads: int) -> None:
        self.workload, self.threads = workload, threads
        self.x, self.y = workload.data()

    def batches(self) -> Iterator[tuple[Array, Array]]:
        """The batches of the first epoch as chainrule deals them, again and again."""
        size = self.workload.batch_size
        plan = Plan(1, size)
        order = plan.order(len(self.x), 1, 0)
        if order is None:  # one batch of all
            return itertools.cycle([(self.x, self.y)])
        parts = [order[i : i + size] for i in range(0, len(order), size)]
        return itertools.cycle([(self.x[part], self.y[part]) for part in parts])

    def unit(self) -> int:
        """The least number of steps that it makes at a time."""
        return 1

    def losses(self, count: int) -> list[float]:
        raise NotImplementedError

    def run(self, steps: int) -> None:
        raise NotImplementedError


class Chainrule(Peer):
    """`Network.fit` with the compiled engine."""

    engine = "compiled"

    def __init__(self, workload: Workload, threads: int) -> None:
        super().__init__(workload, threads)
        self.network = self.first_network()

    def first_network(self) -> cr.Network:
        return self.workload.network(engine=self.engine, threads=self.threads)

    @property
    def in_epoch(self) -> int:
        return -(-len(self.x) // self.workload.batch_size)

    def unit(self) -> int:
        return self.in_epoch

    def fit(self, epochs: int, callbacks: Sequence[cr.Callback] = ()) -> None:
        workload = self.workload
        self.network.fit(
            self.x,
            self.y,
            loss=workload.loss,
            optimizer=workload.optimizer,
            epochs=epochs,
            batch_size=workload.batch_size,
            callbacks=callbacks,
            quiet=True,
        )

    def losses(self, count: int) -> list[float]:
        found: list[float] = []

        class Watch(cr.Callback):
            def step_ends(self, trainer: Any) -> None:
                found.append(trainer.step_loss)
                if len(found) == count:
                    raise KeyboardInterrupt

        self.fit(epochs=-(-count // self.in_epoch), callbacks=[Watch()])
        self.network = self.first_network()
        return found

    def run(self, steps: int) -> None:
        self.fit(steps // self.in_epoch)


class ChainruleNumpy(Chainrule):
    """The layers themselves, without the engine."""

    engine = "numpy"


class Torch(Peer):
    """PyTorch, step by step."""

    compiled = False

    def __init__(self, workload: Workload, threads: int) -> None:
        super().__init__(workload, threads)
        import torch

        torch.set_num_threads(threads)
        self.torch = torch
        self.model = torch_model(torch, workload)
        self.optimizer = torch_optimizer(torch, workload.optimizer, self.model.parameters())
        squares = workload.loss == SQUARES
        self.criterion = torch.nn.MSELoss() if squares else torch.nn.CrossEntropyLoss()
        first = itertools.islice(self.batches(), -(-len(self.x) // workload.batch_size))
        laid_out = [(self.tensor(x), torch.from_numpy(y)) for x, y in first]
        self.cycle = itertools.cycle(laid_out)
        if self.compiled:
            self.model = torch.compile(self.model)

    def tensor(self, x: Array) -> Any:
        if x.ndim == 4:  # channels first, as its convolutions are fastest with
            return self.torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))
        return self.torch.from_numpy(x)

    def step(self) -> Any:
        x, y = next(self.cycle)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.criterion(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss

    def losses(self, count: int) -> list[float]:
        return [float(self.step().detach()) for _ in range(count)]

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.step()


class TorchCompiled(Torch):
    """PyTorch with `torch.compile`."""

    compiled = True


def torch_model(torch: Any, workload: Workload) -> Any:
    """The same layers with the same weights."""
    nn, parts = torch.nn, []
    network = workload.network()
    shape, before = network.input_shape, None
    for layer, after in zip(network.layers, network.root.output_shapes, strict=True):
        part: Any
        if isinstance(layer, cr.Dense):
            part = nn.Linear(shape[0], layer.out_features)
            with torch.no_grad():
                part.weight.copy_(torch.from_numpy(from_flattened(layer.W, before).T.copy()))
                part.bias.copy_(torch.from_numpy(layer.b.copy()))
        elif isinstance(layer, cr.Conv2D):
            padding = 0 if layer.padding == "valid" else layer.windows.before
            part = nn.Conv2d(shape[2], layer.out_channels, layer.kernel_size, padding=padding)
            with torch.no_grad():
                part.weight.copy_(torch.from_numpy(layer.W.transpose(3, 2, 0, 1).copy()))
                part.bias.copy_(torch.from_numpy(layer.b.copy()))
        elif isinstance(layer, cr.BatchNorm):
            part = nn.BatchNorm2d(shape[2])
        else:
            simple = {
                cr.ReLU: nn.ReLU, cr.Sigmoid: nn.Sigmoid, cr.Tanh: nn.Tanh,
                cr.Flatten: nn.Flatten, cr.MaxPool2D: lambda: nn.MaxPool2d(2),
            }  # fmt: skip
            part = simple[type(layer)]()
        before = shape if isinstance(layer, cr.Flatten) else None
        parts.append(part)
        shape = after
    return nn.Sequential(*parts)


def from_flattened(W: Array, image: tuple[int, ...] | None) -> Array:
    """Weights behind Flatten, in the order of channels first."""
    if image is None or len(image) != 3:
        return W
    return W.reshape(*image, -1).transpose(2, 0, 1, 3).reshape(W.shape)


def torch_optimizer(torch: Any, text: str, parameters: Any) -> Any:
    """PyTorch's optimizer of the same name and settings."""
    if text == "adam":
        return torch.optim.Adam(parameters, lr=1e-3)
    settings = dict(part.strip().split("=") for part in text[4:-1].split(","))
    return torch.optim.SGD(
        parameters, lr=float(settings["learning_rate"]),
        momentum=float(settings.get("momentum", 0)),
    )  # fmt: skip


class Jax(Peer):
    """JAX with `jit`, step by step."""

    def __init__(self, workload: Workload, threads: int) -> None:
        super().__init__(workload, threads)
        import jax
        import jax.numpy as jnp

        self.jax, self.jnp = jax, jnp
        self.network = workload.network()
        self.state = self.first_state()
        self.update = jax.jit(self.make_update(), donate_argnums=(0,))
        count = -(-len(self.x) // workload.batch_size)
        self.laid_out = [
            (jnp.asarray(x), jnp.asarray(y)) for x, y in itertools.islice(self.batches(), count)
        ]
        self.cycle = itertools.cycle(self.laid_out)

    def first_state(self) -> Any:
        tree = {name: self.jnp.asarray(w.copy()) for name, w in self.network.parameters.items()}
        zeros = {name: self.jnp.zeros_like(w) for name, w in tree.items()}
        more = {name: self.jnp.zeros_like(w) for name, w in tree.items()}
        return tree, zeros, more, self.jnp.zeros(())

    def forward(self, w: Any, x: Any) -> Any:
        jax, jnp = self.jax, self.jnp
        for i, layer in enumerate(self.network.layers):
            if isinstance(layer, cr.Dense):
                x = x @ w[f"{i}.W"] + w[f"{i}.b"]
            elif isinstance(layer, cr.Conv2D):
                x = jax.lax.conv_general_dilated(
                    x, w[f"{i}.W"], (1, 1), layer.padding.upper(),
                    dimension_numbers=("NHWC", "HWIO", "NHWC"),
                ) + w[f"{i}.b"]  # fmt: skip
            elif isinstance(layer, cr.BatchNorm):
                mean = x.mean((0, 1, 2))
                variance = ((x - mean) ** 2).mean((0, 1, 2))
                x = (x - mean) / jnp.sqrt(variance + 1e-5) * w[f"{i}.gamma"] + w[f"{i}.beta"]
            elif isinstance(layer, cr.MaxPool2D):
                x = jax.lax.reduce_window(
                    x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"
                )
            elif isinstance(layer, cr.Flatten):
                x = x.reshape(len(x), -1)
            else:
                functions: dict[type[cr.Layer], Callable[[Any], Any]] = {
                    cr.ReLU: jax.nn.relu, cr.Sigmoid: jax.nn.sigmoid, cr.Tanh: jnp.tanh,
                }  # fmt: skip
                x = functions[type(layer)](x)
        return x

    def loss(self, w: Any, x: Any, y: Any) -> Any:
        out = self.forward(w, x)
        if self.workload.loss == SQUARES:
            return ((out - y) ** 2).mean()
        log_p = self.jax.nn.log_softmax(out)
        return -self.jnp.take_along_axis(log_p, y[:, None], 1).mean()

    def make_update(self) -> Callable[..., Any]:
        jax, jnp, text = self.jax, self.jnp, self.workload.optimizer
        rate, momentum = rate_and_momentum(text)

        def update(state: Any, x: Any, y: Any) -> Any:
            w, m, v, t = state
            value, g = jax.value_and_grad(self.loss)(w, x, y)
            t = t + 1
            each = jax.tree_util.tree_map
            if text == "adam":
                m = each(lambda m, g: 0.9 * m + 0.1 * g, m, g)
                v = each(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
                c1, c2 = 1 - 0.9**t, 1 - 0.999**t
                w = each(lambda w, m, v: w - rate * (m / c1) / (jnp.sqrt(v / c2) + 1e-8), w, m, v)
            elif momentum:
                m = each(lambda m, g: momentum * m + g, m, g)
                w = each(lambda w, m: w - rate * m, w, m)
            else:
                w = each(lambda w, g: w - rate * g, w, g)
            return (w, m, v, t), value

        return update

    def losses(self, count: int) -> list[float]:
        found = []
        for _ in range(count):
            self.state, value = self.update(self.state, *next(self.cycle))
            found.append(float(value))
        return found

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.state, value = self.update(self.state, *next(self.cycle))
        value.block_until_ready()


class JaxScan(Jax):
    """JAX with `lax.scan` over all batches of an epoch."""

    def __init__(self, workload: Workload, threads: int) -> None:
        super().__init__(workload, threads)
        jax, jnp = self.jax, self.jnp
        update = self.make_update()

        def epoch(state: Any, xs: Any, ys: Any) -> Any:
            return jax.lax.scan(lambda state, batch: update(state, *batch), state, (xs, ys))

        self.epoch = jax.jit(epoch, donate_argnums=(0,))
        self.all = tuple(jnp.stack(parts) for parts in zip(*self.laid_out, strict=True))

    def unit(self) -> int:
        return len(self.laid_out)

    def run(self, steps: int) -> None:
        for _ in range(steps // len(self.laid_out)):
            self.state, values = self.epoch(self.state, *self.all)
        values.block_until_ready()


class LabNumpy(Peer):
    """Dense layers in plain NumPy, forward and backward by hand, as the labs write them."""

    def __init__(self, workload: Workload, threads: int) -> None:
        super().__init__(workload, threads)
        network = workload.network()
        self.activations = [
            type(layer).__name__ for layer in network.layers if not isinstance(layer, cr.Dense)
        ]
        self.W = [layer.W.copy() for layer in network.layers if isinstance(layer, cr.Dense)]
        self.b = [layer.b.copy() for layer in network.layers if isinstance(layer, cr.Dense)]
        self.rate, self.momentum = rate_and_momentum(workload.optimizer)
        self.slots = [[np.zeros_like(p), np.zeros_like(p)] for p in (*self.W, *self.b)]
        self.t = 0
        self.cycle = self.batches()

    def step(self) -> float:
        x, y = next(self.cycle)
        outputs = [x]
        for i, (W, b) in enumerate(zip(self.W, self.b, strict=True)):
            z = np.dot(outputs[-1], W) + b
            outputs.append(activate(self.activations[i], z) if i < len(self.activations) else z)
        out = outputs[-1]
        if self.workload.loss == SQUARES:
            loss, dz = ((out - y) ** 2).mean(), 2 * (out - y) / out.size
        else:
            e = np.exp(out - out.max(axis=1, keepdims=True))
            p = e / e.sum(axis=1, keepdims=True)
            rows = np.arange(len(y))
            loss, dz = -np.log(p[rows, y]).mean(), p
            dz[rows, y] -= 1
            dz /= len(y)
        dW, db = [], []
        for i in reversed(range(len(self.W))):
            if i < len(self.activations):
                dz = dz * slope(self.activations[i], outputs[i + 1])
            dW.insert(0, np.dot(outputs[i].T, dz))
            db.insert(0, dz.sum(axis=0))
            dz = np.dot(dz, self.W[i].T)
        self.t += 1
        for p, g, slots in zip((*self.W, *self.b), (*dW, *db), self.slots, strict=True):
            self.update(p, g, slots)
        return float(loss)

    def update(self, p: Array, g: Array, slots: list[Array]) -> None:
        if self.workload.optimizer == "adam":
            slots[0] = 0.9 * slots[0] + 0.1 * g
            slots[1] = 0.999 * slots[1] + 0.001 * g * g
            m, v = slots[0] / (1 - 0.9**self.t), slots[1] / (1 - 0.999**self.t)
            p -= self.rate * m / (np.sqrt(v) + 1e-8)
        elif self.momentum:
            slots[0] = self.momentum * slots[0] + g
            p -= self.rate * slots[0]
        else:
            p -= self.rate * g

    def losses(self, count: int) -> list[float]:
        return [self.step() for _ in range(count)]

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.step()


def activate(name: str, z: Array) -> Array:
    """An activation function."""
    if name == "ReLU":
        return np.maximum(z, 0)
    return np.tanh(z) if name == "Tanh" else 1 / (1 + np.exp(-z))


def slope(name: str, y: Array) -> Array:
    """Its derivative, from its output."""
    if name == "ReLU":
        return y > 0
    return 1 - y * y if name == "Tanh" else y * (1 - y)


class ScikitLearn(Peer):
    """scikit-learn's MLPClassifier, which draws weights of its own."""

    def __init__(self, workload: Workload, threads: int) -> None:
        super().__init__(workload, threads)
        from sklearn.neural_network import MLPClassifier

        network = workload.network()
        sizes = [layer.out_features for layer in network.layers if isinstance(layer, cr.Dense)]
        rate, momentum = rate_and_momentum(workload.optimizer)
        self.model = MLPClassifier(
            sizes[:-1],
            solver="adam" if workload.optimizer == "adam" else "sgd",
            learning_rate_init=rate,
            momentum=momentum,
            nesterovs_momentum=False,
            alpha=0.0,
            batch_size=workload.batch_size,
        )
        self.cycle = self.batches()
        self.classes = np.arange(sizes[-1])

    def losses(self, count: int) -> list[float]:
        return []

    def run(self, steps: int) -> None:
        for _ in range(steps):
            x, y = next(self.cycle)
            self.model.partial_fit(x, y, classes=self.classes)


class Floor(Peer):
    """The matrix products of a step alone, at NumPy's BLAS speed: forward, for the weights, and
    for what lies before, but for the first layer."""

    def __init__(self, workload: Workload, threads: int) -> None:
        super().__init__(workload, threads)
        network, rows = workload.network(), workload.batch_size
        self.products: list[tuple[Array, Array, Array]] = []
        for layer in network.layers:
            if isinstance(layer, (cr.Dense, cr.Conv2D)):
                depth, columns = layer.W.size // layer.W.shape[-1], layer.W.shape[-1]
                count = rows
                if isinstance(layer, cr.Conv2D):
                    count *= layer.windows.positions[0] * layer.windows.positions[1]
                self.add(count, depth, columns)
                self.add(depth, count, columns)
                if len(self.products) > 2:
                    self.add(count, columns, depth)

    def add(self, rows: int, depth: int, columns: int) -> None:
        rng = np.random.default_rng(0)
        a = rng.random((rows, depth), dtype=np.float32)
        b = rng.random((depth, columns), dtype=np.float32)
        self.products.append((a, b, np.empty((rows, columns), np.float32)))

    def losses(self, count: int) -> list[float]:
        return []

    def run(self, steps: int) -> None:
        for _ in range(steps):
            for a, b, c in self.products:
                np.matmul(a, b, out=c)


def rate_and_momentum(optimizer: str) -> tuple[float, float]:
    """The learning rate and momentum in an optimizer's short form."""
    if optimizer == "adam":
        return 1e-3, 0.0
    settings = dict(part.strip().split("=") for part in optimizer[4:-1].split(","))
    return float(settings["learning_rate"]), float(settings.get("momentum", 0))


PEERS: dict[str, type[Peer]] = {
    "chainrule": Chainrule,
    "PyTorch": Torch,
    "torch.compile": TorchCompiled,
    "JAX": Jax,
    "JAX scan": JaxScan,
    "scikit-learn": ScikitLearn,
    "NumPy by hand": LabNumpy,
    "chainrule in NumPy": ChainruleNumpy,
    "products alone": Floor,
}
