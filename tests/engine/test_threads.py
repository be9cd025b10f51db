"""The engine's threads: all begin or none, signals wait for them, and forks go on without them."""

from __future__ import annotations

import _thread
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.engine.plan import assembly
from chainrule.engine.running import session
from chainrule.engine.running.session import run_threads
from chainrule.engine.running.threads import interrupts_afterwards, run_together
from chainrule.errors import DataError, ThreadError

SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


def run(code: str, ends_with: int = 0) -> Any:
    """A process of its own."""
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=280, check=False
    )
    assert ran.returncode == ends_with, (ran.returncode, ran.stdout, ran.stderr)
    return ran


# --- beginning together ---------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("seconds", [0, 0.05])
def test_all_work_at_the_same_time_the_first_in_this_thread(
    threads: int, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the system takes to start them."""

    def start(*arguments: Any, start: Any = _thread.start_new_thread) -> None:
        start(*arguments)
        time.sleep(seconds)

    monkeypatch.setattr(_thread, "start_new_thread", start)
    barrier, seen = threading.Barrier(threads), {}

    def work(thread: int) -> None:
        barrier.wait(timeout=100)
        seen[thread] = threading.get_ident()

    run_together(work, threads)
    assert sorted(seen) == list(range(threads))
    assert len(set(seen.values())) == threads
    assert seen[0] == threading.get_ident()


@pytest.mark.parametrize("started", [0, 1, 3])
def test_where_a_thread_does_not_start_none_works(
    monkeypatch: pytest.MonkeyPatch, started: int
) -> None:
    ended, worked = [], []

    def start(function: Any, arguments: Any, start: Any = _thread.start_new_thread) -> None:
        if len(ended) == started:
            raise RuntimeError("can't start new thread")
        event = threading.Event()
        ended.append(event)
        start(lambda: (function(*arguments), event.set()), ())

    monkeypatch.setattr(_thread, "start_new_thread", start)
    with pytest.raises(ThreadError, match=r"asked for 5 threads, .* use fewer, down to threads=1"):
        run_together(worked.append, 5)
    for event in ended:
        assert event.wait(100)
    assert not worked


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit is Linux's")
def test_a_network_with_more_threads_than_there_is_room_for_says_so_and_lives_on() -> None:
    ran = run("""
import resource, threading
import numpy as np, chainrule as cr
from chainrule.engine.plan import assembly
assembly.WORTH_THREADS = 0
x, y = np.ones((256, 20), np.float32), np.zeros(256, int)
def train(threads):
    net = cr.Network([cr.Dense(8), cr.ReLU(), cr.Dense(3)], 20, threads=threads)
    return net.fit(x, y, epochs=2, quiet=True).engine
train(1)
threading.stack_size(1 << 28)
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + (3 << 28)  # room for two or three
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for _ in range(3):
    try:
        train(16)
    except cr.errors.ThreadError as error:
        print(error)
print(train(1))
""")
    *errors, last = ran.stdout.splitlines()
    assert len(errors) == 3
    assert all(error.startswith("asked for 16 threads, but the system") for error in errors)
    assert last.startswith("compiled, 1 thread,")


# --- shares ---------------------------------------------------------------------------------------


def train(threads: int = 3) -> np.ndarray:
    """The weights and losses of a training with all kinds of phases: threads wait for each other
    within the forward pass and for the norm of all gradients, and the last batch is smaller."""
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((50, 6)), rng.integers(0, 3, 50)
    layers = [cr.Dense(16, regularizer=cr.L2(0.1)), cr.BatchNorm(), cr.ReLU(), cr.Dense(3)]
    net = cr.Network(layers, 6, dtype="float64", engine="compiled", threads=threads)
    optimizer = cr.Adam(clip_norm=0.5)
    history = net.fit(x, labels, optimizer=optimizer, epochs=3, batch_size=12, quiet=True)
    assert history.engine.startswith(f"compiled, {threads} threads")
    return np.concatenate([net.parameters.flat, history["loss"], net.predict(x).ravel()])


def in_turn(*order: int) -> Callable[[Callable[[int], object], int], None]:
    """In the place of `run_together`: some of the threads, one after the other."""

    def run(work: Callable[[int], object], threads: int) -> None:
        for thread in order:
            work(thread)

    return run


def late(work: Callable[[int], object], threads: int) -> None:
    """In the place of `run_together`: threads that begin when the first is at work, or done."""

    def begin_late(thread: int) -> None:
        time.sleep(0.002 * thread)
        work(thread)

    run_together(begin_late, threads)


@pytest.mark.parametrize(
    "run", [in_turn(0), in_turn(2), in_turn(1, 0, 2), in_turn(0, 1, 2), late],
    ids=["the first alone", "the last alone", "one by one", "in order", "late"],
)  # fmt: skip
def test_the_bits_are_the_same_whoever_does_a_share(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the system does with the others, none is waited for; and one that comes when all is
    done changes nothing."""
    monkeypatch.setattr(assembly, "WORTH_THREADS", 0)
    together = train()
    monkeypatch.setattr(session, "run_together", run)
    np.testing.assert_array_equal(train(), together)


@pytest.mark.parametrize("stops", [0, 3])
def test_a_loss_that_is_not_finite_stops_all_threads_alike(
    stops: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assembly, "WORTH_THREADS", 0)
    x, y = np.ones((5, 2)), np.ones((5, 1))
    y[stops] = np.inf

    def weights() -> np.ndarray:
        net = cr.Network([cr.Dense(1)], 2, dtype="float64", engine="compiled", threads=2)
        with pytest.raises(DataError, match=f"step {stops + 1}"):
            net.fit(
                x, y, loss="mean_absolute_error", optimizer="sgd", epochs=1, batch_size=1,
                quiet=True,
            )  # fmt: skip
        return net.parameters.flat.copy()

    together = weights()
    monkeypatch.setattr(session, "run_together", in_turn(0, 1))
    np.testing.assert_array_equal(weights(), together)


# --- signals --------------------------------------------------------------------------------------


class ArrivedError(Exception):
    """What the handlers of these tests raise."""


@pytest.fixture
def handlers() -> Iterator[list[int]]:
    """Every signal is noted, and raises an exception."""
    arrived: list[int] = []

    def handler(number: int, frame: object) -> None:
        arrived.append(number)
        raise ArrivedError(number)

    before = {number: signal.signal(number, handler) for number in SIGNALS}
    yield arrived
    for number, handler_before in before.items():
        assert signal.getsignal(number) is handler
        signal.signal(number, handler_before)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_waits_until_all_threads_are_done(handlers: list[int], number: int) -> None:
    ended = []

    def work(context: int, thread: int, like: float) -> None:
        if thread == 0:
            signal.raise_signal(number)
        else:
            time.sleep(0.3)
        ended.append(thread)

    with pytest.raises(ArrivedError):
        run_threads(SimpleNamespace(context_address=0, threads=3, begin_run=int), work)
    assert sorted(ended) == [0, 1, 2]
    assert handlers == [number]


@pytest.mark.parametrize("number", [number for number in SIGNALS if number != signal.SIGINT])
def test_a_signal_in_the_midst_of_training(number: int) -> None:
    """Training in two threads, at whose memory a third looks before the signal acts. (Ctrl-C ends
    training by itself.)"""
    ran = run(f"""
import os, signal, threading, time
import numpy as np, chainrule as cr
from chainrule.engine.plan import assembly
from chainrule.engine.running import session
assembly.WORTH_THREADS = 0
at_work = []
def watched(work, threads, run_together=session.run_together):
    def count(thread):
        at_work.append(thread)
        work(thread)
        at_work.remove(thread)
    assert threads == 2
    run_together(count, threads)
session.run_together = watched
def handler(number, frame):
    print("at work:", at_work)
    raise SystemExit(7)
signal.signal({int(number)}, handler)
def send():
    time.sleep(0.5)
    while len(at_work) < 2:
        pass
    os.kill(os.getpid(), {int(number)})
threading.Thread(target=send, daemon=True).start()
x, y = np.ones((100, 8), np.float32), np.zeros(100, int)
net = cr.Network([cr.Dense(16), cr.ReLU(), cr.Dense(3)], 8, threads=2)
net.fit(x, y, epochs=100_000_000, batch_size="full", quiet=True)
""", ends_with=7)  # fmt: skip
    assert ran.stdout == "at work: []\n"


def test_several_signals_all_act(handlers: list[int]) -> None:
    def send() -> None:
        with interrupts_afterwards():
            for number in [*SIGNALS, SIGNALS[0]]:
                signal.raise_signal(number)
            assert handlers == []

    with pytest.raises(ArrivedError):
        send()
    assert handlers == [*SIGNALS, SIGNALS[0]]


def test_a_signal_acts_where_the_work_fails(handlers: list[int]) -> None:
    def fail() -> None:
        with interrupts_afterwards():
            signal.raise_signal(signal.SIGTERM)
            raise MemoryError

    with pytest.raises(ArrivedError) as caught:
        fail()
    assert isinstance(caught.value.__context__, MemoryError)
    assert handlers == [signal.SIGTERM]


def test_a_signal_while_handlers_are_put_back_leaves_none_behind(
    handlers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its exception cuts the putting back short; the handlers still act."""
    set_handler, calls = signal.signal, []

    def cut_short(number: int, handler: Any) -> Any:
        calls.append(number)
        if len(calls) == len(SIGNALS) + 2:
            signal.raise_signal(SIGNALS[0])
        return set_handler(number, handler)

    handler = signal.getsignal(SIGNALS[0])
    monkeypatch.setattr(signal, "signal", cut_short)
    with pytest.raises(ArrivedError), interrupts_afterwards():
        pass
    assert handlers == [SIGNALS[0]]
    for number in SIGNALS[1:]:
        with pytest.raises(ArrivedError):
            signal.raise_signal(number)
    for number in SIGNALS:
        set_handler(number, handler)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_ends_a_process_without_asking_python_still_does(number: int) -> None:
    ran = run(f"""
import signal
from chainrule.engine.running.threads import interrupts_afterwards
signal.signal({int(number)}, signal.SIG_DFL)  # whatever the tests run under, such as nohup
with interrupts_afterwards():
    signal.raise_signal({int(number)})
    print("lives on", flush=True)
""", ends_with=-number)  # fmt: skip
    assert ran.stdout == ""


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with interrupts_afterwards():
            signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


# --- several at once, and forks -------------------------------------------------------------------


def dense(threads: int) -> Any:
    """The weights after training a small dense network."""
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((256, 20)).astype(np.float32), rng.integers(0, 5, 256)
    net = cr.Network([cr.Dense(32), cr.ReLU(), cr.Dropout(0.2), cr.Dense(5)], 20, threads=threads)
    net.fit(x, y, epochs=20, batch_size=32, quiet=True)
    return net.parameters.flat.copy()


def convolutional(threads: int) -> Any:
    """And a convolutional one, in float64."""
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((96, 8, 8, 2)), rng.integers(0, 3, 96)
    layers = [
        cr.Conv2D(4, 3),
        cr.BatchNorm(),
        cr.Tanh(),
        cr.MaxPool2D(2),
        cr.Flatten(),
        cr.Dense(3),
    ]
    net = cr.Network(layers, (8, 8, 2), threads=threads, dtype="float64")
    net.fit(x, y, epochs=20, batch_size=16, optimizer="adam", quiet=True)
    return net.parameters.flat.copy()


@pytest.mark.parametrize("threads", [1, 2])
def test_two_trainings_at_once_give_the_bits_of_each_alone(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assembly, "WORTH_THREADS", 0)
    trainings = (dense, convolutional)
    alone = [train(threads) for train in trainings]
    for _ in range(5):
        with ThreadPoolExecutor(2) as pool:
            together = list(pool.map(lambda train: train(threads), trainings))
        for found, expected in zip(together, alone, strict=True):
            np.testing.assert_array_equal(found, expected)


FORK = """
import os, signal, sys, threading, time, warnings
import numpy as np, chainrule as cr
from chainrule.engine.plan import assembly
from chainrule.engine.running import compiled
warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads: what is tested here
assembly.WORTH_THREADS = 0
x, y = np.random.default_rng(0).standard_normal((96, 8, 8, 2)), np.arange(96) % 3
def weights(dtype="float32", threads=2):
    layers = [cr.Conv2D(4, 3), cr.Tanh(), cr.MaxPool2D(2), cr.Flatten(), cr.Dense(3)]
    net = cr.Network(layers, (8, 8, 2), threads=threads, dtype=dtype)
    net.fit(x, y, epochs=3, batch_size=16, quiet=True)
    return net.parameters.flat.tobytes(), net.predict(x).tobytes()
def in_child(*expected, **options):
    child = os.fork()
    if child == 0:
        signal.alarm(100)  # if it waits for what never comes
        os._exit(0 if weights(**options) in expected or not expected else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks on Windows")
def test_a_fork_after_use_works_as_its_parent() -> None:
    run(FORK + """
expected = weights()
in_child(expected)
in_child(dtype="float64")  # whose code is loaded in the child
child = os.fork()
if child == 0:  # and a fork of a fork
    in_child(expected)
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert weights() == expected
""")  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks on Windows")
def test_a_fork_while_other_threads_train_works() -> None:
    run(FORK + """
expected = weights()
stop = []
def train_on():
    while not stop:
        assert weights() == expected
others = [threading.Thread(target=train_on) for _ in range(2)]
for other in others:
    other.start()
for _ in range(10):
    in_child(expected)
stop.append(True)
for other in others:
    other.join()
""")  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks on Windows")
def test_a_fork_while_another_thread_loads_code_works() -> None:
    run(FORK + """
loading, load = threading.Event(), compiled.load
def load_slowly(code, symbol):
    loading.set()
    time.sleep(0.3)
    return load(code, symbol)
compiled.load = load_slowly
other = threading.Thread(target=weights)
other.start()
assert loading.wait(100)
compiled.load = load
in_child()
other.join()
""")  # fmt: skip
