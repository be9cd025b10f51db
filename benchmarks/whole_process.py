"""A whole process, from the command to 97 % of MNIST's test digits: `chainrule train` and the same
as a script in PyTorch, in turn.

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
EPOCHS = 4


def chainrule(threads: int) -> list[str]:
    """The command, and where its run goes."""
    out = Path(tempfile.mkdtemp()) / "run"
    command = f"train mnist --hidden 128,64 --batch-size 128 --epochs {EPOCHS} --validation 0"
    place = ["--threads", str(threads), "--out", str(out)]
    return [sys.executable, "-m", "chainrule", *command.split(), *place]


def torch(threads: int) -> list[str]:
    return [sys.executable, "-c", TORCH.replace("EPOCHS", str(EPOCHS)), str(threads)]


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
    times: dict[str, list[float]] = {"chainrule": [], "PyTorch": []}
    for _ in range(given.repeats):
        for name, command in (("chainrule", chainrule), ("PyTorch", torch)):
            seconds, accuracy = run(command(given.threads))
            times[name].append(seconds)
            print(f"{name:10} {seconds:.2f} s   {accuracy}", flush=True)
    own, other = (statistics.median(found) for found in times.values())
    print(f"W10, {EPOCHS} epochs: chainrule {own:.2f} s, PyTorch {other / own:.2f} times as long")


if __name__ == "__main__":
    main()
