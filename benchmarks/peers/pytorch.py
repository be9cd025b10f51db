"""PyTorch, step by step."""

from __future__ import annotations

import itertools
import re
from typing import Any

import torch

from peers.base import Peer
from peers.pytorch_layers import as_tensor, model_of, optimizer_of
from workload import SQUARES, Workload


class Torch(Peer):
    """PyTorch as it comes ("eager")."""

    def __init__(self, workload: Workload, threads: int) -> None:
        super().__init__(workload, threads)
        torch.set_num_threads(threads)
        self.model = model_of(workload.network())
        self.optimizer = optimizer_of(workload.made_optimizer, self.model.parameters())
        squares = workload.loss == SQUARES
        self.criterion = torch.nn.MSELoss() if squares else torch.nn.CrossEntropyLoss()
        batches = itertools.islice(self.batches(), self.laid_out)
        self.cycle = itertools.cycle([(as_tensor(x), torch.from_numpy(y)) for x, y in batches])

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

    def kernels(self) -> str:
        about = torch.__config__.show()
        mkl = re.search(r"Math Kernel Library Version (\S+?)-", about)
        onednn = re.search(r"MKL-DNN v(\S+)", about)
        libraries = f"MKL {mkl and mkl[1]}, oneDNN {onednn and onednn[1]}"
        return f"ATen {torch.backends.cpu.get_cpu_capability()}, {libraries}"


class TorchCompiled(Torch):
    """PyTorch with `torch.compile`."""

    def __init__(self, workload: Workload, threads: int) -> None:
        super().__init__(workload, threads)
        self.model = torch.compile(self.model)
