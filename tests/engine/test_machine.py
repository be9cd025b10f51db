"""The engine as a machine: the same bits every time, no growth, threads, caches, the clock."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.special

import chainrule as cr
from chainrule.engine.running import code_cache
from chainrule.engine.running.session import run_threads
from chainrule.engine.running.threads import available_threads, one_thread

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((256, 20)).astype(np.float32), RNG.integers(0, 5, 256)


def network(**options: Any) -> cr.Network:
    layers = [cr.Dense(32), cr.ReLU(), cr.Dropout(0.2), cr.Dense(5)]
    return cr.Network(layers, 20, **options)


def weights_after(threads: int, **options: Any) -> Any:
    net = network(threads=threads)
    net.fit(X, Y, epochs=3, batch_size=64, quiet=True, **options)
    return net.parameters.flat


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_the_same_seed_and_threads_give_the_same_bits(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chainrule.engine.plan import assembly

    monkeypatch.setattr(assembly, "WORTH_THREADS", 0)
    first = weights_after(threads)
    for _ in range(3):
        np.testing.assert_array_equal(weights_after(threads), first)


def test_running_one_step_at_a_time_changes_no_bit() -> None:
    class LooksAtEveryStep(cr.Callback):
        def step_ends(self, trainer: Any) -> None:
            self.seen = trainer.moment.step

    watcher = LooksAtEveryStep()
    np.testing.assert_array_equal(weights_after(2, callbacks=[watcher]), weights_after(2))
    assert watcher.seen == 11


def test_epochs_run_ahead_as_they_run_one_by_one() -> None:
    class LooksAtEpochs(cr.Callback):
        def epoch_ends(self, trainer: Any) -> None:
            self.weights = trainer.network.parameters.flat.copy()

    histories = []
    for callbacks in ([], [LooksAtEpochs()]):
        net = cr.Network([cr.Dense(4), cr.Sigmoid(), cr.Dense(5)], 20)
        history = net.fit(X, Y, epochs=500, batch_size="full", schedule="cosine",
                          callbacks=callbacks, quiet=True)  # fmt: skip
        histories.append((history, net.parameters.flat))
    (ahead, weights), (singly, same_weights) = histories
    np.testing.assert_array_equal(weights, same_weights)
    for name in ("epoch", "loss", "learning_rate"):
        assert ahead[name] == singly[name]


def test_networks_run_at_once_in_several_python_threads() -> None:
    expected = weights_after(2)
    found: list[Any] = []
    workers = [threading.Thread(target=lambda: found.append(weights_after(2))) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(found) == 4
    for weights in found:
        np.testing.assert_array_equal(weights, expected)


def test_one_network_predicts_in_several_python_threads() -> None:
    net = network()
    expected, wrong = net.predict(X), []

    def predict() -> None:
        for _ in range(50):
            if not np.array_equal(net.predict(X), expected):
                wrong.append(1)

    workers = [threading.Thread(target=predict) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_copies_have_programs_of_their_own() -> None:
    net = network()
    before = net.predict(X)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        other.fit(X, Y, epochs=1, quiet=True)
        assert not np.array_equal(other.predict(X), before)
        np.testing.assert_array_equal(net.predict(X), before)


def test_memory_does_not_grow_over_ten_thousand_steps() -> None:
    code = """
import resource, numpy as np, chainrule as cr
x, y = np.ones((100, 8), np.float32), np.zeros(100, int)
net = cr.Network([cr.Dense(16), cr.ReLU(), cr.Dense(3)], 8)
net.fit(x, y, epochs=20, batch_size=10, quiet=True)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
net.fit(x, y, epochs=1000, batch_size=10, quiet=True)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 3_000  # kilobytes


def test_ctrl_c_ends_training_long_before_its_end() -> None:
    code = """
import numpy as np, chainrule as cr
x, y = np.ones((100, 8), np.float32), np.zeros(100, int)
net = cr.Network([cr.Dense(16), cr.ReLU(), cr.Dense(3)], 8)
net.fit(x, y, epochs=1, batch_size="full", quiet=True)  # what is to be compiled is compiled now
print("ready", flush=True)
print(net.fit(x, y, epochs=10**10, batch_size="full", quiet=True).stopped)
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        at_last = threading.Timer(600, process.kill)  # all epochs take longer than that
        at_last.start()
        output = process.stdout
        assert output is not None
        assert output.readline() == "ready\n"
        time.sleep(0.3)
        process.send_signal(2)
        assert output.readline() == "interrupted\n"
        at_last.cancel()


def test_ctrl_c_waits_for_the_other_threads_whose_memory_it_would_free() -> None:
    ended = []

    def run(context: int, thread: int, like: float) -> None:
        if thread == 0:
            signal.raise_signal(signal.SIGINT)
        else:
            time.sleep(0.3)
        ended.append(thread)

    with pytest.raises(KeyboardInterrupt):
        run_threads(SimpleNamespace(context_address=0, threads=3, begin_run=int), run)
    assert sorted(ended) == [0, 1, 2]


def test_a_limit_holds_for_the_engine() -> None:
    with one_thread():
        assert available_threads() == 1
        net = cr.Network([cr.Dense(2000)], 300)
        history = net.fit(np.ones((99, 300)), np.zeros(99, int), epochs=1, quiet=True)
    assert "1 thread," in history.engine
    assert available_threads() == len(os.sched_getaffinity(0))


@pytest.mark.long
def test_two_processes_compile_into_one_folder_at_once(tmp_path: Path) -> None:
    workers = [
        threading.Thread(target=lambda: outputs.append(run_with_cache(tmp_path))) for _ in range(2)
    ]
    outputs: list[str] = []
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert outputs == ["[1.5]\n"] * 2
    assert not list(tmp_path.rglob("*.part"))
    assert (
        run_with_cache(tmp_path, "; assert 'numba' not in __import__('sys').modules") == "[1.5]\n"
    )
    other = "; cr.Network([cr.Conv2D(2, 3), cr.BatchNorm(), cr.Tanh()], (8, 8, 1)).predict(x)"
    run_with_cache(tmp_path, f"{other}; assert 'numba' not in __import__('sys').modules")


def run_with_cache(place: Path, more: str = "") -> str:
    """What a process prints that predicts with one small layer."""
    code = (
        "import numpy as np, chainrule as cr; x = np.ones((40, 8, 8, 1)); "
        "net = cr.Network([cr.LeakyReLU(0.5)], 1, engine='compiled'); "
        f"print(net.predict(np.array([[1.5]]))[0]){more}"
    )
    environment = {**os.environ, "CHAINRULE_CACHE": str(place)}
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return run.stdout


def test_another_version_of_the_source_has_another_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    before = code_cache.source_hash.__wrapped__()
    monkeypatch.setattr(Path, "read_bytes", lambda self: b"changed")
    assert code_cache.source_hash.__wrapped__() != before


def test_a_notice_says_why_a_network_runs_in_numpy(capsys: pytest.CaptureFixture[str]) -> None:
    class Own(cr.ReLU):
        pass

    net = cr.Network([cr.Dense(5), Own()], 20)
    net.fit(X, Y, epochs=1)
    shown = capsys.readouterr().out
    assert "running in NumPy, since the layer Own has no compiled form" in shown


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_functions_are_exact_to_the_last_digits(dtype: str) -> None:
    """Sigmoid, tanh and the others against NumPy and SciPy in more digits."""
    x = np.concatenate([np.linspace(-90, 90, 20001), np.logspace(-9, 2, 999), [0.0, -1e4, 1e4]])
    x = x.astype(dtype).reshape(-1, 1)
    wide = x.astype(np.longdouble)
    expected: dict[type[cr.Layer], Any] = {
        cr.Sigmoid: 1 / (1 + np.exp(-wide)),
        cr.Tanh: np.tanh(wide),
        cr.ELU: np.where(wide > 0, wide, np.expm1(np.minimum(wide, 0))),
        cr.Softplus: np.logaddexp(wide, 0),
    }
    for layer, values in expected.items():
        found = cr.Network([layer()], 1, dtype=dtype, engine="compiled").predict(x)
        normal = np.abs(values) > 4 * np.finfo(dtype).tiny  # what is smaller may be held to be 0
        apart = np.abs(found - values)[normal] / np.abs(values)[normal]
        assert apart.max() <= 4 * np.finfo(dtype).eps, layer


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gelu_is_exact_far_out_too(dtype: str) -> None:
    """Beside SciPy, whose own error there is 150 times the last digit of a float64."""
    x = np.linspace(-12, 12, 20001).astype(dtype).reshape(-1, 1)
    expected = x.astype(float) * scipy.special.ndtr(x.astype(float))
    found = cr.Network([cr.GELU()], 1, dtype=dtype, engine="compiled").predict(x)
    np.testing.assert_allclose(found, expected, rtol=max(1e-13, 8 * np.finfo(dtype).eps))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_silu_and_mish_are_exact_to_the_last_digits(dtype: str) -> None:
    """Each is x times a step, and a step below the smallest normal number may be held to be 0."""
    x = np.linspace(-120, 120, 24001).astype(dtype).reshape(-1, 1)
    wide = x.astype(np.longdouble)
    steps = {cr.SiLU: 1 / (1 + np.exp(-wide)), cr.Mish: np.tanh(np.logaddexp(wide, 0))}
    for layer, step in steps.items():
        found = cr.Network([layer()], 1, dtype=dtype, engine="compiled").predict(x)
        allowed = np.abs(wide) * (4 * np.finfo(dtype).eps * step + 4 * np.finfo(dtype).tiny)
        assert (np.abs(found - wide * step) <= allowed).all(), layer


def test_nan_and_infinity_pass_through() -> None:
    for layer in (cr.Sigmoid, cr.Tanh, cr.ELU, cr.GELU, cr.Mish, cr.LeakyReLU):
        net = cr.Network([layer()], 1, engine="compiled")
        assert np.isnan(net.predict(np.array([[np.nan]]))).all(), layer
        assert np.isfinite(net.predict(np.array([[-1e30]]))).all() or layer is cr.LeakyReLU
    images = RNG.standard_normal((50, 6, 6, 2))
    images[RNG.random(images.shape) < 0.1] = np.nan
    compiled, plain = (
        cr.Network([cr.MaxPool2D(2)], (6, 6, 2), engine=engine).predict(images)
        for engine in ("compiled", "numpy")
    )
    assert np.isnan(plain).any()
    np.testing.assert_array_equal(compiled, plain)


@pytest.mark.parametrize("threads", [1, 2])
def test_denormal_numbers_are_zero_while_a_program_runs_and_not_afterwards(threads: int) -> None:
    layers = [cr.Dense(1000, bias=False), cr.Dense(1, bias=False)]
    net = cr.Network(layers, 1000, dtype="float32", engine="compiled", threads=threads)
    first, second = net.layers
    first.W[...] = 0
    first.W[0], second.W[...] = 1e-30, 1e20
    x = np.zeros((100, 1000), np.float32)
    x[:, 0] = 1e-10
    assert np.all(net.predict(x) == 0)
    assert np.all(x @ first.W @ second.W > 0)
