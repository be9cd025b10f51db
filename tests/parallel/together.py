"""What several processes do in the tests of MPI: `mpiexec -n N python together.py WHAT FOLDER`.

Each fails with an error of its own where something is not as in a single process.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI

import chainrule as cr
from chainrule.errors import ArgumentError, ClusterError, DataError
from chainrule.system import processes

COMM = MPI.COMM_WORLD
TOLERANCES = {"float64": 1e-12, "float32": 2e-5}
RNG = np.random.default_rng(0)
X, IMAGES = RNG.normal(size=(103, 5)), RNG.normal(size=(103, 8, 8, 1))
Y, WEIGHTS = RNG.integers(0, 3, 103), RNG.random(103)
SGD = cr.SGD(0.1, momentum=0.9)  # Adam would divide noise by noise before batch norm

# Layers, and what `fit` is given beside the data.
NETWORKS: dict[str, tuple[Callable[[], list[cr.Layer]], dict[str, Any]]] = {
    "dropout twice, a last batch of 7": (
        lambda: [
            cr.Dense(8), cr.Tanh(), cr.Dropout(0.3), cr.Dense(6), cr.Dropout(0.5), cr.Dense(3),
        ],
        {"metrics": ["accuracy"], "validation": (X[:10], Y[:10])},
    ),
    "batch norm, a penalty, clipped by norm, a last batch of one": (
        lambda: [cr.Dense(8), cr.BatchNorm(), cr.ReLU(), cr.Dense(3, regularizer="l2(rate=0.01)")],
        {"optimizer": cr.SGD(0.1, clip_norm=0.5), "batch_size": 17, "metrics": ["accuracy"]},
    ),
    "weights of examples and classes": (
        lambda: [cr.Dense(8), cr.ReLU(), cr.Dense(3)],
        {"weights": WEIGHTS, "class_weights": [1, 0, 3], "optimizer": SGD, "batch_size": 18},
    ),
    "all examples in a step": (
        lambda: [cr.Dense(8), cr.ReLU(), cr.Dense(3, regularizer="weight_decay(rate=0.01)")],
        {"batch_size": "full", "epochs": 10},
    ),
    "two threads in each, which wait together": (
        lambda: [
            cr.Dense(256), cr.BatchNorm(), cr.ReLU(), cr.Dropout(0.3), cr.Dense(128), cr.Dense(3),
        ],
        {"batch_size": "full", "threads": 2, "optimizer": SGD},
    ),
    "images, a last batch of one": (
        lambda: [
            cr.Conv2D(4, 3), cr.BatchNorm(), cr.ReLU(), cr.SpatialDropout2D(0.2), cr.MaxPool2D(2),
            cr.Flatten(), cr.Dropout(0.2), cr.Dense(3),
        ],
        {"validation": 22, "optimizer": SGD, "augment": cr.Affine(shift=1)},
    ),
    "random samples, early stopping": (
        lambda: [cr.Dense(8), cr.LayerNorm(), cr.SiLU(), cr.Dense(3)],
        {
            "samples_per_epoch": 52, "validation": 0.3, "epochs": 8,
            "callbacks": [cr.EarlyStopping(2)], "optimizer": cr.SGD(2.0),
        },
    ),
}  # fmt: skip


def inputs(name: str) -> np.ndarray:
    return IMAGES if name.startswith("images") else X


def network(name: str, dtype: str, engine: str) -> cr.Network:
    layers = NETWORKS[name][0]()
    return cr.Network(layers, inputs(name).shape[1:], 1, dtype, engine)


def fit(net: cr.Network, name: str, **more: Any) -> cr.History:
    x = inputs(name).astype(net.dtype)
    settings = {"epochs": 3, "batch_size": 16, "quiet": True, **NETWORKS[name][1], **more}
    return net.fit(x, Y, **settings)


def check_equal(name: str, one: cr.Network, many: cr.Network) -> None:
    tolerance = TOLERANCES[str(one.dtype)]
    for array in ("parameters", "buffers"):
        expected, found = getattr(one, array).flat, getattr(many, array).flat
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance, err_msg=name)


def check_histories(name: str, one: cr.History, many: cr.History, tolerance: float) -> None:
    assert len(one) == len(many), name
    assert (one.stopped, one.warnings) == (many.stopped, many.warnings), name
    for expected, found in zip(one, many, strict=True):
        assert list(expected) == list(found), name
        for key in expected.keys() - {"seconds"}:
            np.testing.assert_allclose(
                found[key], expected[key], rtol=tolerance, atol=tolerance, err_msg=f"{name}: {key}"
            )


def networks(folder: Path) -> None:
    """Every network, as in one process."""
    for number, (name, dtype, engine) in enumerate(cases()):
        title = f"{name}, {dtype}, {engine}"
        alone = None
        if number % COMM.size == COMM.rank:
            net = network(name, dtype, engine)
            alone = net, fit(net, name)
        one, history = COMM.bcast(alone, number % COMM.size)
        many = network(name, dtype, engine)
        check_histories(title, history, fit(many, name, comm=COMM), TOLERANCES[dtype])
        check_equal(title, one, many)


def cases() -> Iterator[tuple[str, str, str]]:
    """Both ways in float64, and the engine in float32; of four processes the first of them."""
    ways = [("float64", "compiled"), ("float64", "numpy"), ("float32", "compiled")]
    for name in NETWORKS:
        for dtype, engine in ways[: 1 if COMM.size > 2 else 3]:
            yield name, dtype, engine


class Interrupt(cr.Callback):
    """Ctrl-C after some steps, in the first process alone."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def step_ends(self, training: Any) -> None:
        self.left -= 1
        if not self.left:
            signal.raise_signal(signal.SIGINT)


def local(folder: Path) -> None:
    """Steps of each process by itself. With a mean after each step of SGD and shares of one size
    they are those of one process, masks included; with fewer means the processes agree, and learn
    as well. In NumPy they are the same, also where a last batch leaves a process without."""
    x, y = np.repeat(X[:96], 4, axis=0), np.repeat(Y[:96], 4)
    for engine in ("compiled", "numpy"):
        made = []
        for every, comm in ((None, MPI.COMM_SELF), (1, COMM), (5, COMM)):
            layers = [cr.Dense(16), cr.Tanh(), cr.Dropout(0.2), cr.Dense(3)]
            net = cr.Network(layers, 5, 1, "float64", engine)
            settings = {"optimizer": SGD, "batch_size": 32, "epochs": 10, "metrics": ["accuracy"]}
            history = net.fit(x, y, quiet=True, comm=comm, local_steps=every, **settings)
            made.append((net, history))
        (one, expected), (many, found), (seldom, learnt) = made
        check_equal(engine, one, many)
        check_histories(engine, expected, found, 1e-10)
        for flat in COMM.allgather(seldom.parameters.flat):
            np.testing.assert_array_equal(flat, seldom.parameters.flat)
        assert not np.allclose(seldom.parameters.flat, one.parameters.flat)
        assert learnt["loss"][-1] < 1.1 * expected["loss"][-1], (learnt, expected)
    name = "images, a last batch of one"
    compiled, in_numpy = (network(name, "float64", engine) for engine in ("compiled", "numpy"))
    for net in (compiled, in_numpy):
        fit(net, name, comm=COMM, local_steps=3)
    check_equal(name, compiled, in_numpy)
    with pytest.raises(ArgumentError, match="take average='swa'"):
        fit(network(name, "float32", "compiled"), name, comm=COMM, local_steps=3, average="ema")


def checkpoints(folder: Path) -> None:
    """What several began one goes on with, and the other way round."""
    name = "dropout twice, a last batch of 7"
    whole = network(name, "float64", "compiled")
    fit(whole, name)
    for begins, goes_on in ((COMM, MPI.COMM_SELF), (MPI.COMM_SELF, COMM)):
        place = folder / f"{begins.size}-{goes_on.size}"
        if COMM.rank == 0 or begins is COMM:
            cut = network(name, "float64", "compiled")
            history = fit(cut, name, comm=begins, checkpoint=place, callbacks=[Interrupt(10)])
            assert history.stopped == "interrupted"
            assert len(history) == 1
        COMM.barrier()
        if COMM.rank == 0 or goes_on is COMM:
            rest = network(name, "float64", "compiled")
            fit(rest, name, comm=goes_on, checkpoint=place, resume=True)
            check_equal(f"{begins.size} to {goes_on.size}", whole, rest)


class Watched:
    """Examples on a disk, as it were: which of them were read is noted."""

    def __init__(self, x: np.ndarray) -> None:
        self.x, self.shape, self.dtype, self.ndim = x, x.shape, x.dtype, x.ndim
        self.read: set[int] = set()

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: Any) -> np.ndarray:
        self.read |= set(np.arange(len(self.x))[index].ravel().tolist())
        return self.x[index]


def reading(folder: Path) -> None:
    """Each process reads its own examples, and of the others those few that a set is known by."""
    x = Watched(RNG.normal(size=(8_000, 5)))
    own = set(range(8_000)[processes.MpiProcesses(COMM).share(8_000)])
    for engine in ("numpy", "compiled"):
        x.read.clear()
        net = cr.Network([cr.Dense(3)], 5, dtype="float64", engine=engine)
        net.fit(x, np.resize(Y, 8_000), epochs=1, batch_size="full", quiet=True, comm=COMM)
        assert own <= x.read, engine
        assert len(x.read - own) <= 1_256, engine


def looking(folder: Path) -> None:
    """Each looks for numbers that are none in its own examples; what one finds, all are told."""
    x = np.zeros((100, 3))
    x[90, 1] = np.nan
    np.savez(folder / f"{COMM.rank}.npz", x=x, y=np.resize(Y, 100))
    own = processes.MpiProcesses(COMM)
    load = partial(cr.datasets.load, folder / f"{COMM.rank}.npz", processes=own)
    with nullcontext() if COMM.rank == 0 else pytest.raises(DataError):
        load()
    with pytest.raises(DataError, match=r"example 90 of x in .* holds NaN"):
        own.each(load)


def refusals(folder: Path) -> None:
    """All processes are told the same, and go on."""
    expect("epochs is 3 in process 0 and 4 in process", epochs=3 + (COMM.rank == 1))
    expect("batches of 1 cannot be shared", ArgumentError, batch_size=1)
    if COMM.rank == 1:
        cr.__version__ = "0.0.1"
    expect("in process 0 and 0.0.1 in process 1")


def expect(message: str, error: type[Exception] = ClusterError, **settings: Any) -> None:
    name = "all examples in a step"
    with pytest.raises(error, match=message):
        fit(network(name, "float64", "numpy"), name, comm=COMM, **settings)


class Slow(cr.Callback):
    """Says that training has begun, then takes its time."""

    def step_ends(self, training: Any) -> None:
        if training.moment.step == 0:
            print("training", flush=True)
        time.sleep(0.01)


def long(folder: Path) -> None:
    """A training that does not end by itself; each process leaves its number in a file."""
    (folder / str(COMM.rank)).write_text(str(os.getpid()))
    COMM.barrier()
    name = "all examples in a step"
    fit(network(name, "float64", "numpy"), name, comm=COMM, epochs=10**6, callbacks=[Slow()])


class Failing(cr.Callback):
    def epoch_ends(self, training: Any) -> None:
        raise DataError("the disk is full")


def failing(folder: Path) -> None:
    """An error in the first process alone."""
    processes.SECONDS_TO_FAIL = 0.5
    name = "all examples in a step"
    fit(network(name, "float64", "numpy"), name, comm=COMM, callbacks=[Failing()])


if __name__ == "__main__":
    for what in sys.argv[2:]:
        globals()[what](Path(sys.argv[1]))
    if COMM.rank == 0:
        print("all as in one process")
