"""A whole process, from the command to 97 % of MNIST's test digits: `chainrule train` and the same
as scripts in PyTorch and in JAX, in turn.

    python benchmarks/whole_process.py [--repeats 7] [--threads 2]
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

TORCH = """
import sys
import numpy as np, torch
from torch import nn
from chainrule.datasets import load  # the same reader of the same files

torch.manual_seed(0)
torch.set_num_threads(int(sys.argv[1]))
mnist = load("mnist")
x, y = torch.from_numpy(mnist.x_train.reshape(-1, 784)), torch.from_numpy(mnist.y_train)
model = nn.Sequential(
    nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
)
optimizer, criterion = torch.optim.Adam(model.parameters()), nn.CrossEntropyLoss()
for epoch in range(EPOCHS):
    for batch in torch.randperm(len(x)).split(128):
        optimizer.zero_grad(set_to_none=True)
        criterion(model(x[batch]), y[batch]).backward()
        optimizer.step()
with torch.inference_mode():
    found = model(torch.from_numpy(mnist.x_test.reshape(-1, 784))).argmax(1).numpy()
print(f"accuracy {100 * (found == mnist.y_test).mean():.2f} %")
"""
JAX = """
import sys
import jax, jax.numpy as jnp, numpy as np
from chainrule.datasets import load

rng = np.random.default_rng(0)
mnist = load("mnist")
x, y = jnp.asarray(mnist.x_train.reshape(-1, 784)), jnp.asarray(mnist.y_train)
sizes = [784, 128, 64, 10]
weights = [
    (rng.standard_normal(shape).astype("f") * np.float32((2 / shape[0]) ** 0.5),
     np.zeros(shape[1], "f"))
    for shape in zip(sizes, sizes[1:])
]

def outputs(weights, x):
    for W, b in weights[:-1]:
        x = jax.nn.relu(x @ W + b)
    return x @ weights[-1][0] + weights[-1][1]

def loss(weights, x, y):
    logits = jax.nn.log_softmax(outputs(weights, x))
    return -jnp.take_along_axis(logits, y[:, None], 1).mean()

@jax.jit
def step(weights, m, v, t, batch):
    gradients = jax.grad(loss)(weights, x[batch], y[batch])
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, gradients)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, gradients)
    weights = jax.tree.map(
        lambda w, m, v: w - 0.001 * m / (1 - 0.9**t) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8),
        weights, m, v,
    )
    return weights, m, v

m = v = jax.tree.map(jnp.zeros_like, weights)
t = 0
for epoch in range(EPOCHS):
    order = rng.permutation(len(x))
    for start in range(0, len(x), 128):
        t += 1
        weights, m, v = step(weights, m, v, float(t), order[start : start + 128])
found = np.asarray(outputs(weights, jnp.asarray(mnist.x_test.reshape(-1, 784))).argmax(1))
print(f"accuracy {100 * (found == mnist.y_test).mean():.2f} %")
"""
EPOCHS = 4


SCRIPTS = {"PyTorch": TORCH, "JAX": JAX}


def chainrule(threads: int) -> list[str]:
    """The command, and where its run goes."""
    out = Path(tempfile.mkdtemp()) / "run"
    command = f"train mnist --hidden 128,64 --batch-size 128 --epochs {EPOCHS} --validation 0"
    place = ["--threads", str(threads), "--out", str(out)]
    return [sys.executable, "-m", "chainrule", *command.split(), *place]


def script(text: str, threads: int) -> list[str]:
    return [sys.executable, "-c", text.replace("EPOCHS", str(EPOCHS)), str(threads)]


def run(command: list[str]) -> tuple[float, str]:
    """Seconds, and the line with the test accuracy."""
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - began
    lines = [line for line in done.stdout.splitlines() if "accuracy" in line]
    if "--out" in command:
        shutil.rmtree(Path(command[-1]).parent)
    return seconds, lines[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    times: dict[str, list[float]] = {"chainrule": [], "PyTorch": [], "JAX": []}
    for _ in range(given.repeats):
        for name, found in times.items():
            command = chainrule if name == "chainrule" else partial(script, SCRIPTS[name])
            seconds, accuracy = run(command(given.threads))
            found.append(seconds)
            print(f"{name:10} {seconds:.2f} s   {accuracy}", flush=True)
    own, *others = (statistics.median(found) for found in times.values())
    ratios = [f"{name} {other / own:.2f}" for name, other in zip(SCRIPTS, others, strict=True)]
    print(f"W10, {EPOCHS} epochs: chainrule {own:.2f} s, {', '.join(ratios)} times as long")


if __name__ == "__main__":
    main()
