"""The notebook of a run gives what the run gave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from chainrule.experiments.notebook import write_notebook
from tests.experiments.runs import train

SHARED = {"type": "Dense", "out_features": 8}
RESIDUAL = {
    "type": "Residual",
    "branch": {"type": "Sequential", "layers": [SHARED, {"type": "Tanh"}]},
}


def written(folder: Path, **options: Any) -> tuple[dict[str, float], nbformat.NotebookNode]:
    """The numbers of a run on test data, and its notebook."""
    run = train(folder / "run", **options)
    write_notebook(run, folder / "run.ipynb")
    notebook = nbformat.read(folder / "run.ipynb", as_version=4)
    nbformat.validate(notebook)
    return run.summary.test, notebook


def code(notebook: nbformat.NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def test_a_kernel_runs_it_and_comes_to_the_same_accuracy(tmp_path: Path) -> None:
    test, notebook = written(tmp_path, data="digits", epochs=2, hidden=[16])
    NotebookClient(notebook, timeout=None, shutdown_kernel="immediate").execute()

    outputs = {cell.source: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}
    evaluated = outputs["net.evaluate(data.x_test, data.y_test)"][0]["data"]["text/plain"]
    assert f"'accuracy': {test['accuracy']!r}" in evaluated
    curves = next(value for source, value in outputs.items() if "plt.show" in source)
    assert "image/png" in curves[-1]["data"]


@pytest.mark.parametrize(
    "options",
    [
        {"data": "digits", "model": "cnn", "samples_per_epoch": 64, "init": "normal(0.1)"},
        {"data": "digits", "augment": {"type": "Affine", "shift": 2}, "hidden": [8]},
        {"data": "parabola", "early_stopping": 1, "loss": {"type": "Hinge"}, "optimizer": "sgd"},
        {"data": "linear", "fresh_data": True, "samples": 100, "schedule": {"type": "Cosine"}},
        {
            "data": "blobs",
            "dropout": 0.2,
            "batch_norm": True,
            "weight_decay": 0.01,
            "class_weights": "balanced",
            "validation": 0.3,
        },
        {"data": "sine", "activation": "tanh", "validation": 0, "batch_size": "full", "seed": 3},
        {
            "data": "moons",
            "optimizer": {"type": "SGD", "momentum": 0.9},
            "learning_rate": 0.3,
            "layers": [
                SHARED,
                RESIDUAL,
                {"type": "shared", "layer": 3},
                {"type": "Dropout", "rate": 0.2},
                {"type": "Dense", "out_features": 2, "regularizer": {"type": "L2", "rate": 1e-3}},
            ],
        },
    ],
    ids=lambda options: options["data"],
)
def test_its_code_repeats_a_run_to_the_bit(tmp_path: Path, options: dict[str, Any]) -> None:
    test, notebook = written(tmp_path, epochs=2, **options)
    *training, evaluation, _ = code(notebook)
    names: dict[str, Any] = {}
    for source in training:
        exec(source, names)  # noqa: S102
    assert eval(evaluation, names) == test  # noqa: S307


def test_it_says_what_the_run_gave(tmp_path: Path) -> None:
    test, notebook = written(tmp_path, data="xor-line", epochs=1)
    assert f"accuracy {100 * test['accuracy']:.2f} %" in notebook.cells[0].source


def test_the_same_run_gives_the_same_file(tmp_path: Path) -> None:
    run = train(tmp_path / "run", data="xor", epochs=1)
    for name in ("a.ipynb", "b.ipynb"):
        write_notebook(run, tmp_path / name)
    assert (tmp_path / "a.ipynb").read_bytes() == (tmp_path / "b.ipynb").read_bytes()
