"""Training that goes on after a signal, a crash or an earlier `fit`, to the same bits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.checkpoint import Checkpoint
from chainrule.errors import ArgumentError, CheckpointError, TrainingError

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 5)).astype(np.float32)
Y = (X[:, 0] > X[:, 1]).astype(int)
OPTIONS: dict[str, Any] = {
    "epochs": 4, "batch_size": 16, "metrics": ["accuracy"], "validation": 0.2, "quiet": True,
}  # fmt: skip


def network(engine: str = "auto", dtype: str = "float32") -> cr.Network:
    layers = [cr.Dense(8), cr.BatchNorm(), cr.ReLU(), cr.Dropout(0.3), cr.Dense(2)]
    return cr.Network(layers, 5, seed=1, engine=engine, dtype=dtype)


class SignalAt(cr.Callback):
    """Sends this process a signal after so many steps."""

    def __init__(self, step: int, number: int = signal.SIGINT) -> None:
        self.step, self.number, self.count = step, number, 0

    def step_ends(self, training: cr.Training) -> None:
        self.count += 1
        if self.count == self.step:
            signal.raise_signal(self.number)


class OneByOne(cr.Callback):
    """Looks at every step and does nothing."""

    def step_ends(self, training: cr.Training) -> None:
        pass


def numbers(history: cr.History) -> list[dict[str, float]]:
    """The records without the seconds, which are another run's own."""
    return [{k: v for k, v in record.items() if k != "seconds"} for record in history]


def assert_same(one: cr.Network, other: cr.Network) -> None:
    np.testing.assert_array_equal(one.parameters.flat, other.parameters.flat)
    np.testing.assert_array_equal(one.buffers.flat, other.buffers.flat)


STEPS = [1, 2, 3, 4, 7, 8, 11]  # of 12: within the first epoch, at its end, in others


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
@pytest.mark.parametrize("step", STEPS)
def test_an_interrupted_training_ends_in_the_same_bits(
    engine: str, step: int, tmp_path: Path
) -> None:
    whole, broken, resumed = network(engine), network(engine), network(engine)
    expected = whole.fit(X, Y, **OPTIONS, callbacks=[OneByOne()])
    at = {"checkpoint": tmp_path}
    history = broken.fit(X, Y, **OPTIONS, **at, callbacks=[SignalAt(step)])
    assert history.stopped == "interrupted"
    assert len(history) == step // 3
    found = resumed.fit(X, Y, **OPTIONS, **at, resume=True, callbacks=[OneByOne()])
    assert found.stopped is None
    assert numbers(found) == numbers(expected)
    assert_same(resumed, whole)


@pytest.mark.parametrize(
    "options",
    [
        *[{"optimizer": name} for name in cr.optimizers.OPTIMIZERS],
        {"optimizer": "sgd(momentum=0.9, nesterov=True, clip_norm=1)"},
        {"schedule": "cosine"},
        {"schedule": "reduce_on_plateau(patience=1)"},
        {"batch_size": 1, "epochs": 2},
        {"batch_size": "full", "epochs": 12},
        {"samples_per_epoch": 40},
        {"metrics": [], "validation": None, "batch_size": "full", "epochs": 12},
        {"weights": np.linspace(0, 1, 60), "validation": None},
        {"loss": "softmax_cross_entropy(class_weights=(1, 3))"},
        {"on_nan": "roll_back"},
    ],
    ids=str,
)
def test_whatever_decides_a_training_goes_on(options: dict[str, Any], tmp_path: Path) -> None:
    options = {**OPTIONS, **options}
    whole, broken, resumed = network(), network(), network()
    expected = whole.fit(X, Y, **options)
    broken.fit(X, Y, **options, checkpoint=tmp_path, callbacks=[SignalAt(5)])
    found = resumed.fit(X, Y, **options, checkpoint=tmp_path, resume=True)
    assert numbers(found) == numbers(expected)
    assert_same(resumed, whole)


def test_fresh_data_goes_on(tmp_path: Path) -> None:
    def draw(epoch: int) -> tuple[Any, Any]:
        x = np.random.default_rng(epoch).standard_normal((40, 5))
        return x, (x[:, 0] > 0).astype(int)

    options = {**OPTIONS, "validation": None}
    whole, broken, resumed = network(), network(), network()
    whole.fit(draw, **options)
    broken.fit(draw, **options, checkpoint=tmp_path, callbacks=[SignalAt(5)])
    resumed.fit(draw, **options, checkpoint=tmp_path, resume=True)
    assert_same(resumed, whole)


def test_early_stopping_remembers_the_best_weights(tmp_path: Path) -> None:
    options = {**OPTIONS, "epochs": 40, "optimizer": "adam(0.1)"}
    whole, broken, resumed = network(), network(), network()
    expected = whole.fit(X, Y, **options, callbacks=[cr.EarlyStopping(3)])
    broken.fit(X, Y, **options, checkpoint=tmp_path, callbacks=[cr.EarlyStopping(3), SignalAt(10)])
    found = resumed.fit(
        X, Y, **options, checkpoint=tmp_path, resume=True, callbacks=[cr.EarlyStopping(3)]
    )
    assert expected.stopped is not None
    assert found.stopped == expected.stopped
    assert numbers(found) == numbers(expected)
    assert_same(resumed, whole)


def test_a_training_interrupted_many_times_ends_in_the_same_bits(tmp_path: Path) -> None:
    whole, resumed = network(), network()
    expected = whole.fit(X, Y, **OPTIONS)
    for _ in range(20):
        resumed = network()
        found = resumed.fit(
            X, Y, **OPTIONS, checkpoint=tmp_path, resume=True, callbacks=[SignalAt(2)]
        )
        if found.stopped is None:
            break
    assert numbers(found) == numbers(expected)
    assert_same(resumed, whole)


def test_a_finished_training_is_not_trained_again(tmp_path: Path) -> None:
    network().fit(X, Y, **OPTIONS, checkpoint=tmp_path)
    again = network()
    history = again.fit(X, Y, **OPTIONS, checkpoint=tmp_path, resume=True, callbacks=[SignalAt(1)])
    assert (len(history), history.stopped) == (4, None)


# --- which checkpoints there are ----------------------------------------------------------


def test_checkpoints_are_written_after_so_many_epochs_and_the_last_ones_kept(
    tmp_path: Path,
) -> None:
    checkpoints = cr.Checkpoints(tmp_path, seconds=1e9, epochs=2, keep=2)
    network().fit(X, Y, **{**OPTIONS, "epochs": 7}, checkpoint=checkpoints)
    names = sorted(path.name for path in tmp_path.glob("*.safetensors"))
    assert names == ["checkpoint-00007-000000.safetensors", "checkpoint-00008-000000.safetensors"]


def test_checkpoints_are_written_after_so_many_seconds(tmp_path: Path) -> None:
    checkpoints = cr.Checkpoints(tmp_path, seconds=0, keep=100)
    network().fit(X, Y, **OPTIONS, checkpoint=checkpoints, callbacks=[OneByOne()])
    assert len(list(tmp_path.glob("*.safetensors"))) == 4 * 3


def test_checkpoints_that_take_long_are_written_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the time, writing takes at most a hundredth."""
    now = 0.0
    monkeypatch.setattr("chainrule.checkpoint.time.monotonic", lambda: now)

    def write_slowly(path: Path, *content: Any) -> None:
        nonlocal now
        now += 3

    monkeypatch.setattr("chainrule.checkpoint.write_tensors", write_slowly)
    checkpoints, obeying = cr.Checkpoints(tmp_path), cr.Checkpoints(tmp_path, seconds=1)
    now = 60
    assert checkpoints.is_due(0)
    for each in (obeying, checkpoints):
        each.write(Checkpoint({}, {}, {}, {}), 1, 0)
    now += 299
    assert obeying.is_due(0)
    assert not checkpoints.is_due(0)
    now += 1
    assert checkpoints.is_due(0)


def test_a_damaged_checkpoint_is_passed_over_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = network()
    whole.fit(X, Y, **OPTIONS)
    network().fit(
        X, Y, **OPTIONS, callbacks=[SignalAt(8)],
        checkpoint=cr.Checkpoints(tmp_path, epochs=1, keep=5),
    )  # fmt: skip
    newest = max(tmp_path.glob("*.safetensors"))
    content = bytearray(newest.read_bytes())
    content[-20] ^= 4  # a bit of some weight
    newest.write_bytes(content)
    resumed = network()
    resumed.fit(X, Y, **{**OPTIONS, "quiet": False}, checkpoint=tmp_path, resume=True)
    shown = capsys.readouterr().out
    assert f"passed over: {newest} is damaged" in shown
    assert "going on with epoch 3" in shown
    assert_same(resumed, whole)


def test_checkpoints_that_are_all_damaged_are_left_where_they_are(tmp_path: Path) -> None:
    network().fit(X, Y, **OPTIONS, checkpoint=tmp_path)
    for path in tmp_path.glob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="none of the 1 checkpoints"):
        network().fit(X, Y, **OPTIONS, checkpoint=tmp_path, resume=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 8}, "batch_size was 16, is now 8"),
        ({"optimizer": "sgd"}, r"optimizer was Adam\(\), is now SGD\(\)"),
        ({"epochs": 9}, "epochs was 4, is now 9"),
        ({"loss": "softmax_cross_entropy(label_smoothing=0.1)"}, "loss was"),
        ({"validation": None}, "data was .* validation was"),
    ],
)
def test_another_training_is_not_gone_on_with(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    network().fit(X, Y, **OPTIONS, checkpoint=tmp_path)
    with pytest.raises(CheckpointError, match=message):
        network().fit(X, Y, **{**OPTIONS, **change}, checkpoint=tmp_path, resume=True)


def test_other_data_is_not_gone_on_with(tmp_path: Path) -> None:
    network().fit(X, Y, **OPTIONS, checkpoint=tmp_path)
    with pytest.raises(CheckpointError, match="data was"):
        network().fit(X + 1, Y, **OPTIONS, checkpoint=tmp_path, resume=True)


def test_a_new_training_leaves_old_checkpoints_alone(tmp_path: Path) -> None:
    network().fit(X, Y, **OPTIONS, checkpoint=tmp_path)
    with pytest.raises(CheckpointError, match="holds checkpoints already"):
        network().fit(X, Y, **OPTIONS, checkpoint=tmp_path)


def test_two_trainings_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        cr.Checkpoints(tmp_path).claimed(),
        pytest.raises(CheckpointError, match="another process is working on"),
    ):
        network().fit(X, Y, **OPTIONS, checkpoint=tmp_path)


def test_another_environment_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    network().fit(X, Y, **OPTIONS, checkpoint=tmp_path, callbacks=[SignalAt(5)])
    monkeypatch.setattr("chainrule.trainer.processor", lambda: "another")
    network().fit(X, Y, **{**OPTIONS, "quiet": False}, checkpoint=tmp_path, resume=True)
    assert "the last digits may differ from an uninterrupted run: processor was" in (
        capsys.readouterr().out
    )


# --- signals ------------------------------------------------------------------------------

SCRIPT = """
import signal, sys, numpy as np, chainrule as cr
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whatever the tests run under, such as nohup
rng = np.random.default_rng(0)
x, y = rng.standard_normal((500, 8)).astype(np.float32), rng.integers(0, 3, 500)
net = cr.Network([cr.Dense(16), cr.ReLU(), cr.Dense(3)], 8)
net.predict(x)
print("ready", flush=True)
history = net.fit(x, y, epochs=1_000_000, checkpoint=sys.argv[1], quiet=True)
print(history.stopped, flush=True)
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_leaves_a_checkpoint(name: str, tmp_path: Path) -> None:
    number = getattr(signal, name)
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        while not (tmp_path / ".lock").exists():  # training has begun
            os.sched_yield()
        signal_after_some_steps(process, number)
        output, _ = process.communicate(timeout=120)
    assert list(tmp_path.glob("checkpoint-*.safetensors"))
    if name == "SIGINT":  # the script goes on with what was learnt
        assert (output, process.returncode) == ("interrupted\n", 0)
    else:
        assert (output, process.returncode) == ("", -number)


def signal_after_some_steps(process: subprocess.Popen[str], number: int) -> None:
    """A moment later, whatever that is on this machine: any moment will do."""
    signal.sigtimedwait([], 0.3)
    process.send_signal(number)


# --- a second fit goes on -----------------------------------------------------------------


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
@pytest.mark.parametrize("optimizer", ["adam", "nadam", "sgd(momentum=0.9)"])
def test_two_fits_are_one(engine: str, optimizer: str) -> None:
    whole, parts = network(engine), network(engine)
    options = {**OPTIONS, "optimizer": optimizer, "schedule": "step(2)"}
    expected = whole.fit(X, Y, **{**options, "epochs": 5})
    parts.fit(X, Y, **{**options, "epochs": 2}, warm_start=True)
    found = parts.fit(X, Y, **{**options, "epochs": 3}, warm_start=True)
    assert numbers(found) == numbers(expected)
    assert_same(parts, whole)


def test_an_interrupted_fit_goes_on() -> None:
    whole, parts = network(), network()
    whole.fit(X, Y, **OPTIONS, callbacks=[OneByOne()])
    first = parts.fit(X, Y, **OPTIONS, callbacks=[SignalAt(5)])
    assert len(first) == 1
    parts.fit(X, Y, **{**OPTIONS, "epochs": 3}, warm_start=True)
    assert_same(parts, whole)


def test_a_cold_start_begins_with_fresh_memory() -> None:
    net = network()
    net.fit(X, Y, **OPTIONS)
    history = net.fit(X, Y, **OPTIONS)
    assert history["epoch"] == [1, 2, 3, 4]


def test_the_memory_of_another_optimizer_is_of_no_use() -> None:
    net = network()
    net.fit(X, Y, **OPTIONS)
    with pytest.raises(ArgumentError, match="of no use to SGD"):
        net.fit(X, Y, **OPTIONS, optimizer="sgd", warm_start=True)


# --- numbers that are not finite ----------------------------------------------------------


def test_the_last_good_weights_stay() -> None:
    class Remember(cr.Callback):
        def epoch_ends(self, training: cr.Training) -> None:
            self.weights = training.network.parameters.flat.copy()

    net, remember = cr.Network([cr.Dense(4), cr.Dense(1)], 5), Remember()
    options = {"loss": "mean_squared_error", "optimizer": "sgd(0.4)", "quiet": True}
    with pytest.raises(TrainingError):
        net.fit(100 * X, X[:, :1], **options, epochs=200, callbacks=[remember])
    assert np.isfinite(net.parameters.flat).all()
    assert net.evaluate(100 * X, X[:, :1])["loss"] < 1e6


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_weights_lost_in_the_very_last_step_are_noticed(engine: str) -> None:
    net = cr.Network([cr.Dense(1)], 5, engine=engine)
    before = net.parameters.flat.copy()
    with pytest.raises(TrainingError, match=r"W of layer 0 \(Dense\) holds infinity after epoch 1"):
        net.fit(1e4 * X[:16], X[:16, :1], loss="mean_squared_error", optimizer="sgd(1e35)",
                epochs=1, batch_size=16, quiet=True)  # fmt: skip
    np.testing.assert_array_equal(net.parameters.flat, before)


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_rolling_back_finds_a_rate_that_learns(engine: str) -> None:
    options = {"loss": "mean_squared_error", "optimizer": "sgd(50)", "batch_size": 10}
    options |= {"epochs": 60, "quiet": True}
    y = X @ np.ones((5, 1), np.float32)
    with pytest.raises(TrainingError):
        cr.Network([cr.Dense(1)], 5, engine=engine).fit(X, y, **options)
    net = cr.Network([cr.Dense(1)], 5, engine=engine)
    history = net.fit(X, y, **options, on_nan="roll_back")
    assert history["loss"][-1] < 1e-3
    assert all("at half the learning rate" in warning for warning in history.warnings)
    assert history["learning_rate"][-1] == 50 / 2 ** len(history.warnings)


def test_data_that_is_not_finite_is_not_tried_again() -> None:
    x = X.copy()
    x[3, 2] = np.nan
    with pytest.raises(cr.errors.DataError, match="has NaN in x"):
        network().fit(x, Y, **{**OPTIONS, "validation": None}, on_nan="roll_back")
