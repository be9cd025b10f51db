"""Trainings written down with the real packages, into a folder, and read back."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import MissingPackageError, OutputError, TrainingError
from chainrule.history import History

pytestmark = pytest.mark.filterwarnings("default")  # of these packages

X = np.random.default_rng(0).standard_normal((40, 2))
Y = (X[:, 0] > 0).astype(int)
SETTINGS = {
    "layers": "Dense(3), Tanh(), Dense(2)",
    "loss": "SoftmaxCrossEntropy()",
    "optimizer": "SGD(learning_rate=0.5)",
    "schedule": "Constant()",
    "input_shape": "(2,)",
    "learning_rate": 0.5,
    "epochs": 3,
    "batch_size": 10,
    "examples": 32,
    "parameters": 17,
    "dtype": "float32",
    "seed": 7,
}


def network() -> cr.Network:
    return cr.Network([cr.Dense(3), cr.Tanh(), cr.Dense(2)], 2, seed=7)


def trained(tracker: cr.Callback, **options: Any) -> History:
    given = {"epochs": 3, "batch_size": 10, "validation": 0.2, "metrics": ["accuracy"], **options}
    return network().fit(X, Y, optimizer=cr.SGD(0.5), callbacks=[tracker], quiet=True, **given)


def diverged(tracker: cr.Callback) -> None:
    with pytest.raises(TrainingError):
        network().fit(
            1e30 * X, X, loss="mean_squared_error", optimizer=cr.SGD(1e30), callbacks=[tracker],
            quiet=True,
        )  # fmt: skip


def curves(history: History) -> dict[str, list[float]]:
    """The numbers of each epoch by name."""
    return {name: history[name] for name in history.names() if name != "epoch"}


# --- TensorBoard ------------------------------------------------------------------------------


def events(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Step and value of all points of each curve, as TensorBoard reads them."""
    module = import_module("tensorboard.backend.event_processing.event_accumulator")
    read = module.EventAccumulator(str(folder), size_guidance={"tensors": 0})
    read.Reload()
    return {
        tag: [(point.step, point.tensor_proto.float_val[0]) for point in read.Tensors(tag)]
        for tag in read.Tags()["tensors"]
    }


def test_tensorboard_reads_the_curves(tmp_path: Path) -> None:
    history = trained(cr.tracking.TensorBoard(tmp_path))
    found = events(tmp_path)
    assert set(found) == set(curves(history))
    for name, values in curves(history).items():
        assert [step for step, _ in found[name]] == [1, 2, 3]
        np.testing.assert_array_equal(np.float32(values), [value for _, value in found[name]])


def test_two_trainings_do_not_share_a_folder(tmp_path: Path) -> None:
    trained(cr.tracking.TensorBoard(tmp_path / "first"))
    with pytest.raises(OutputError, match="first has the events of another training"):
        trained(cr.tracking.TensorBoard(tmp_path / "first"))
    trained(cr.tracking.TensorBoard(tmp_path / "second"))


def test_a_training_that_goes_on_does(tmp_path: Path) -> None:
    net, options = network(), {"batch_size": 10, "quiet": True}
    for _ in range(2):
        board = cr.tracking.TensorBoard(tmp_path)
        history = net.fit(X, Y, epochs=2, callbacks=[board], warm_start=True, **options)
    expected = [(epoch, np.float32(loss)) for epoch, loss in enumerate(history["loss"], 1)]
    assert events(tmp_path)["loss"] == expected


def test_no_epoch_is_lost_where_the_engine_runs_ahead(tmp_path: Path) -> None:
    net = cr.Network([cr.Dense(2)], 2)
    board = cr.tracking.TensorBoard(tmp_path)
    history = net.fit(X, Y, epochs=500, batch_size="full", callbacks=[board], quiet=True)
    expected = [(epoch, np.float32(loss)) for epoch, loss in enumerate(history["loss"], 1)]
    assert events(tmp_path)["loss"] == expected


# --- MLflow -----------------------------------------------------------------------------------


@pytest.fixture
def mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """MLflow with its runs in a folder."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # what mlflow-skinny alone can write
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    package = import_module("mlflow")
    package.set_tracking_uri((tmp_path / "runs").as_uri())
    return package


def test_mlflow_has_settings_and_curves(mlflow: Any) -> None:
    history = trained(cr.tracking.MLflow())
    (run,) = mlflow.search_runs(output_format="list")
    assert run.data.params == {name: str(value) for name, value in SETTINGS.items()}
    assert run.info.status == "FINISHED"
    for name, values in curves(history).items():
        points = mlflow.MlflowClient().get_metric_history(run.info.run_id, name)
        assert [(point.step, point.value) for point in points] == [*enumerate(values, 1)]


def test_an_active_run_of_mlflow_is_taken_and_left_open(mlflow: Any) -> None:
    with mlflow.start_run() as run:
        trained(cr.tracking.MLflow())
        assert mlflow.active_run().info.run_id == run.info.run_id
    (only,) = mlflow.search_runs(output_format="list")
    assert "validation_accuracy" in only.data.metrics


def test_mlflow_knows_what_failed(mlflow: Any) -> None:
    diverged(cr.tracking.MLflow())
    trained(cr.tracking.MLflow(), epochs=99)
    network().fit(
        X, Y, epochs=99, quiet=True,
        callbacks=[cr.EarlyStopping(1, min_change=9), cr.tracking.MLflow()],
    )  # fmt: skip
    statuses = [run.info.status for run in mlflow.search_runs(output_format="list")]
    assert sorted(statuses) == ["FAILED", "FINISHED", "FINISHED"]
    assert mlflow.active_run() is None


# --- Weights & Biases -------------------------------------------------------------------------


@pytest.fixture
def wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Weights & Biases with its runs in a folder."""
    settings = {
        "MODE": "offline",
        "DIR": str(tmp_path),
        "SILENT": "true",
        "ERROR_REPORTING": "false",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    package = import_module("wandb")
    yield package
    package.teardown()


BLOCK = 32_768


def records(folder: Path) -> Iterator[Any]:
    """What the file of the one run holds: a log like LevelDB's, with a message in each entry."""
    import_module("wandb").teardown()  # and wait until all is written
    record = import_module("wandb.proto.wandb_internal_pb2").Record
    (path,) = folder.glob("wandb/offline-run-*/run-*.wandb")
    content, at, message = path.read_bytes(), 7, b""
    while at < len(content):
        if BLOCK - at % BLOCK < 7:  # no room for another head
            at += BLOCK - at % BLOCK
            continue
        _, size, kind = struct.unpack_from("<IHB", content, at)
        message += content[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # whole, or the last part
            yield record.FromString(message)
            message = b""


def logged(folder: Path) -> tuple[dict[str, str], list[dict[str, float]]]:
    """Settings and epochs of the one run."""
    settings: dict[str, str] = {}
    epochs = []
    for record in records(folder):
        for update in (*record.run.config.update, *record.config.update):
            settings[".".join(update.nested_key) or update.key] = update.value_json
        if record.WhichOneof("record_type") == "history":
            items = [(".".join(i.nested_key) or i.key, i.value_json) for i in record.history.item]
            epochs.append({name: float(value) for name, value in items if name[0] != "_"})
    return {name: value for name, value in settings.items() if name != "_wandb"}, epochs


def test_wandb_has_settings_and_curves(wandb: Any, tmp_path: Path) -> None:
    history = trained(cr.tracking.WandB("chainrule"))
    assert wandb.run is None, "its own run is finished"
    settings, epochs = logged(tmp_path)
    assert settings == {
        name: f'"{value}"' if isinstance(value, str) else str(value)
        for name, value in SETTINGS.items()
    }
    assert epochs == list(history)


def test_an_active_run_of_wandb_is_taken_and_left_open(wandb: Any, tmp_path: Path) -> None:
    run = wandb.init(project="mine", config={"epochs": 99, "note": 5})
    histories = [trained(cr.tracking.WandB()) for _ in range(2)]
    assert wandb.run is run
    run.finish()
    settings, epochs = logged(tmp_path)
    assert (settings["epochs"], settings["note"]) == ("3", "5")
    assert epochs == [record for history in histories for record in history]


# --- all --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("package", "make"),
    [
        ("tensorboard", lambda: cr.tracking.TensorBoard("folder")),
        ("mlflow", cr.tracking.MLflow),
        ("wandb", cr.tracking.WandB),
    ],
)
def test_without_the_package_it_is_said_what_to_install(
    package: str, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [f for f in sys.meta_path if f is not PathFinder])
    with pytest.raises(MissingPackageError, match=rf"needs {package}: pip install {package}"):
        make()
