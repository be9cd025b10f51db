"""How all tests run: JAX in float64 on the CPU, Hypothesis the same way every time."""

from __future__ import annotations

import io
import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import settings
from PIL import Image

from chainrule.trainer import Trainer
from chainrule.training.runner import NumpyRunner

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_ENABLE_X64"] = "1"
os.environ["XLA_FLAGS"] = (  # compile quickly rather than well: every program runs once
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
)

# The same examples on every machine, and no deadline: JAX compiles on first use.
settings.register_profile("chainrule", derandomize=True, deadline=None, max_examples=25)
settings.register_profile("thorough", settings.get_profile("chainrule"), max_examples=300)
settings.load_profile("chainrule")

# Tests send Ctrl-C, which a shell has its background jobs ignore.
signal.signal(signal.SIGINT, signal.default_int_handler)

pytest.register_assert_rewrite("conformance")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine", choices=["auto", "numpy"], default="auto", help="what networks run in"
    )


@pytest.fixture(autouse=True)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``--engine numpy``, all networks run layer by layer. The engine's own tests are left
    out then."""
    if request.config.getoption("--engine") == "numpy":
        monkeypatch.setattr("chainrule.trainer.Trainer._choose_runner", numpy_runner)
        monkeypatch.setattr(
            "chainrule.network.Network._prepare_engine", lambda network: lambda network, x: None
        )


def numpy_runner(trainer: Trainer) -> NumpyRunner:
    """What `Trainer` chooses where NumPy is asked for."""
    return NumpyRunner(trainer.network, trainer.loss, trainer.optimizer, trainer.state.optimizer)


UNDRAWN = Path(__file__).parent / "undrawn"
collect_ignore = [UNDRAWN.name]


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs draw no learning curves, which takes longer than all else in a short one, also in
    processes that the test starts; here reports have a dot for every picture."""
    dot = io.BytesIO()
    Image.new("1", (1, 1)).save(dot, "png")
    monkeypatch.setattr("chainrule.experiments.runner.draw", lambda *of_a_run: None)
    monkeypatch.setenv("PYTHONPATH", str(UNDRAWN), prepend=os.pathsep)
    monkeypatch.setattr(
        "chainrule.experiments.document.as_picture", lambda *figure, **options: dot.getvalue()
    )


@pytest.fixture
def unspawned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of comparisons and trials of searches are trained in threads of this process: another
    one takes longer to start than a short training takes."""

    @contextmanager
    def threads(count: int) -> Iterator[ThreadPoolExecutor]:
        with ThreadPoolExecutor(count) as pool:
            yield pool

    monkeypatch.setattr("chainrule.parallel.executors.worker_processes", threads)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    left_out = config.getoption("--engine") == "numpy" and collection_path.name == "engine"
    return True if left_out and collection_path.parent.name == "tests" else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how long the tests of each folder took, in all processes together."""
    seconds: Counter[str] = Counter()
    for report in chain.from_iterable(terminalreporter.stats.values()):
        if isinstance(report, pytest.TestReport):
            seconds["/".join(Path(report.location[0]).parts[:-1][:2])] += report.duration
    if each := [f"{name} {round(taken)}" for name, taken in seconds.most_common() if taken >= 1]:
        terminalreporter.write_line(f"seconds of each folder: {', '.join(each)}")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the real MNIST and emnist47."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("CHAINRULE_DATA", beside))
    if not folder.is_dir():
        message = f"no real data in {folder}: name the folder with CHAINRULE_DATA"
        if "CI" in os.environ:
            pytest.fail(message)
        pytest.skip(message)
    return folder
