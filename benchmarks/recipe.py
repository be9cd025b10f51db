"""The recipe `best` on emnist47 beside the same recipe in PyTorch: the time until a network reads
88, 89 and 90 % of the validation images.

    python benchmarks/recipe.py [--threads 2] [--epochs 12] [--seed 0] [--out FOLDER]

Both train the same network on the same images, in turn: an epoch of the one, then an epoch of the
other, each with its validation, so that what else the machine does slows both alike. PyTorch warps
a whole batch at once, with `grid_sample`, draws its own random numbers, and averages weights by
`AveragedModel`. Prints a line for each epoch and writes `recipe.json`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from copy import deepcopy
from itertools import accumulate
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from rich.console import Console
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

import chainrule as cr
from chainrule.data.splits import split
from chainrule.labs.emnist.networks import CLASSES, NORMALIZED, RECIPE
from options import folder
from surroundings import machine

HELD_OUT, SMOOTHING, DECAY = 8_000, 0.1, 0.999
SHIFT, ROTATION, SCALE, SHEAR = 1, math.radians(10), 0.1, math.radians(10)
MARKS = (0.88, 0.89, 0.90)


class InPyTorch:
    """The recipe in PyTorch, an epoch at a time."""

    def __init__(self, x: Any, y: Any, validation: tuple[Any, Any], epochs: int, seed: int) -> None:
        torch.manual_seed(seed)
        self.x = torch.from_numpy(np.asarray(x, np.float32)).permute(0, 3, 1, 2).contiguous()
        self.y = torch.from_numpy(np.asarray(y, np.int64))
        held_out, self.y_held_out = (np.asarray(part) for part in validation)
        self.held_out = torch.from_numpy(held_out.astype(np.float32)).permute(0, 3, 1, 2)
        counts = torch.bincount(self.y, minlength=CLASSES)
        self.weights = len(self.y) / (CLASSES * counts.float())
        self.network = made_network()
        self.averaged = AveragedModel(self.network, multi_avg_fn=move_averages, use_buffers=True)
        self.optimizer = torch.optim.Adam(self.network.parameters(), RECIPE.rate)
        steps = epochs * math.ceil(len(self.x) / RECIPE.batch_size)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, steps)

    def train_an_epoch(self) -> None:
        """One pass over the images."""
        self.network.train()
        for rows in torch.randperm(len(self.x)).split(RECIPE.batch_size):
            answers = self.network(warped(self.x[rows]))
            loss = F.cross_entropy(answers, self.y[rows], self.weights, label_smoothing=SMOOTHING)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.schedule.step()
            self.averaged.update_parameters(self.network)

    def validate(self) -> float:
        """The accuracy of the averaged network on the images held out."""
        network = deepcopy(self.averaged).eval()
        with torch.no_grad():
            answers = torch.cat([network(part).argmax(1) for part in self.held_out.split(1_000)])
        return float((answers.numpy() == self.y_held_out).mean())


def made_network() -> nn.Module:
    """The recipe's network, with He's weights as chainrule has them."""
    layers: list[nn.Module] = []
    for before, after in ((1, 32), (32, 64), (64, 128)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
        layers.append(nn.MaxPool2d(2))
    layers += [nn.Flatten(), nn.Linear(1_152, 256), nn.BatchNorm1d(256), nn.ReLU()]
    network = nn.Sequential(*layers, nn.Linear(256, CLASSES))
    for layer in network:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    return network


def move_averages(averages: list[Tensor], values: list[Tensor], count: Tensor) -> None:
    """m <- d m + (1 - d) w, with a smaller d in the first steps, as `ema` has it; what counts
    batches is not averaged."""
    step = int(count) + 1
    if averages[0].is_floating_point():
        torch._foreach_lerp_(averages, values, 1 - min(DECAY, (1 + step) / (10 + step)))


def warped(x: Tensor) -> Tensor:
    """Images shifted, turned, scaled and sheared at random, each by itself."""
    count, side = len(x), x.shape[-1]
    angle, scale, slant = (
        reach * (2 * torch.rand(count) - 1) for reach in (ROTATION, SCALE, SHEAR)
    )
    cos, sin = torch.cos(angle) / (1 + scale), torch.sin(angle) / (1 + scale)
    slant = torch.tan(slant)
    shifts = 2 / side * torch.randint(-SHIFT, SHIFT + 1, (count, 2))
    across = torch.stack([cos, sin + cos * slant, shifts[:, 0]], dim=1)
    down = torch.stack([-sin, cos - sin * slant, shifts[:, 1]], dim=1)
    places = F.affine_grid(torch.stack([across, down], dim=1), list(x.shape), align_corners=False)
    return F.grid_sample(x, places, padding_mode="border", align_corners=False)


class InTurn(cr.Callback):
    """After each epoch of chainrule's, one of PyTorch's; notes what both reached."""

    def __init__(self, peer: InPyTorch, console: Console) -> None:
        self.peer, self.console = peer, console
        self.seconds: dict[str, list[float]] = {"chainrule": [], "PyTorch": []}
        self.accuracy: dict[str, list[float]] = {"chainrule": [], "PyTorch": []}

    def epoch_ends(self, training: Any) -> None:
        record = training.history[-1]
        self.seconds["chainrule"].append(record["seconds"])
        self.accuracy["chainrule"].append(record["validation_accuracy"])
        began = time.perf_counter()
        self.peer.train_an_epoch()
        self.accuracy["PyTorch"].append(self.peer.validate())
        self.seconds["PyTorch"].append(time.perf_counter() - began)
        cells = [
            f"{name} {self.seconds[name][-1]:6.1f} s {100 * self.accuracy[name][-1]:6.2f} %"
            for name in self.seconds
        ]
        self.console.print(f"epoch {len(training.history):2}   {'   '.join(cells)}")


def seconds_to(mark: float, seconds: list[float], accuracy: list[float]) -> float | None:
    """Seconds of training until the epoch after which an accuracy is reached; None if never."""
    passed = accumulate(seconds)
    return next((t for t, share in zip(passed, accuracy, strict=True) if share >= mark), None)


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options.add_argument("--epochs", type=int, default=12)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--out", type=folder, default="benchmarks/results")
    given, console = options.parse_args(), Console(highlight=False)
    torch.set_num_threads(given.threads)
    emnist = cr.datasets.load("emnist47")
    (x, y), validation = split(emnist.x_train, emnist.y_train, HELD_OUT)
    turns = InTurn(InPyTorch(x, y, validation, given.epochs, given.seed), console)
    train_with_chainrule(x, y, validation, given, turns)
    found: dict[str, Any] = {"machine": machine(), "threads": given.threads}
    for name, seconds in turns.seconds.items():
        times = [seconds_to(mark, seconds, turns.accuracy[name]) for mark in MARKS]
        marks = ", ".join(
            f"{100 * mark:.0f} % {'never' if t is None else f'after {t:.0f} s'}"
            for mark, t in zip(MARKS, times, strict=True)
        )
        console.print(f"{name}: {marks}; {sum(seconds):.0f} s in all")
        found[name] = {"seconds": seconds, "validation_accuracy": turns.accuracy[name]}
    (given.out / "recipe.json").write_text(json.dumps(found, indent=1) + "\n")


def train_with_chainrule(
    x: Any, y: Any, validation: tuple[Any, Any], given: argparse.Namespace, turns: InTurn
) -> None:
    """The recipe, as `chainrule train --recipe best` trains."""
    network = cr.Network(NORMALIZED(), x.shape[1:], seed=given.seed)
    network.fit(
        x,
        y,
        augment=RECIPE.augment,
        loss=RECIPE.loss,
        class_weights=RECIPE.class_weights,
        average=RECIPE.average,
        optimizer=cr.Adam(RECIPE.rate),
        schedule=RECIPE.schedule,
        epochs=given.epochs,
        batch_size=RECIPE.batch_size,
        validation=validation,
        metrics=["accuracy"],
        callbacks=[turns],
        quiet=True,
    )


if __name__ == "__main__":
    main()
