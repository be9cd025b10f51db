"""`chainrule train`: what the run folder holds, and that it repeats."""

from __future__ import annotations

import csv
import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from tests.cli.conftest import Command

FILES = {
    *("config.toml", "metrics.jsonl", "layers.jsonl", "model.safetensors"),
    *("curves.png", "summary.json"),
}
QUICK = ("--epochs", 2, "--hidden", 16)


def test_a_folder_in_which_a_process_was_killed_before_its_first_file_is_taken_over(
    chainrule: Command,
) -> None:
    Path("run").mkdir()
    for name in (".lock", ".config.toml.0123456789abcdef.part"):
        (Path("run") / name).touch()
    assert chainrule("train", "xor", "--epochs", 1, "--out", "run", "--quiet").code == 0
    assert not list(Path("run").glob(".*"))
    Path("other").mkdir()
    (Path("other") / "notes.part").touch()
    assert "already exists" in chainrule("train", "xor", "--out", "other").err


def test_a_run_folder_holds_all_there_is_to_know(chainrule: Command) -> None:
    answer = chainrule("train", "digits", *QUICK, "--out", "run")

    assert answer.code == 0
    assert {path.name for path in Path("run").iterdir()} == FILES
    assert len(Path("run/metrics.jsonl").read_text().splitlines()) == 2
    summary = json.loads(Path("run/summary.json").read_text())
    assert summary["seed"] == 0
    assert summary["versions"].keys() == {"chainrule", "numpy", "python"}
    assert f"accuracy {100 * summary['test']['accuracy']:.2f} %" in answer.out


@pytest.mark.usefixtures("undrawn")
def test_where_nothing_is_held_out_the_end_says_so(chainrule: Command) -> None:
    rows = "".join(
        f"{number},{number % 7},{'no' if number % 3 else 'yes'}\n" for number in range(30)
    )
    Path("small.csv").write_text("a,b,kind\n" + rows)
    small = ("train", "small.csv", "--label-column", "kind", "--epochs", 1)
    assert "nothing was held out: " in chainrule(*small, "--out", "all").out
    for part in ("--test", "--validation"):
        assert "nothing was held out" not in chainrule(*small, part, 0.2, "--out", part[2:]).out


@pytest.mark.usefixtures("undrawn")
def test_the_saved_model_is_the_one_that_was_tested(chainrule: Command) -> None:
    chainrule("train", "digits", *QUICK, "--out", "run")
    digits = cr.datasets.load("digits")
    test = json.loads(Path("run/summary.json").read_text())["test"]
    assert cr.load("run/model.safetensors").evaluate(digits.x_test, digits.y_test) == test


@pytest.mark.usefixtures("undrawn")
def test_the_configuration_repeats_the_run_to_the_bit(chainrule: Command) -> None:
    chainrule("train", "digits", *QUICK, "--seed", 3, "--out", "first")
    answer = chainrule("train", "--config", "first/config.toml", "--out", "second")

    assert answer.code == 0
    for file in ("config.toml", "model.safetensors"):
        assert Path("first", file).read_bytes() == Path("second", file).read_bytes()


@pytest.mark.usefixtures("undrawn")
def test_another_seed_gives_another_network(chainrule: Command) -> None:
    for seed in (0, 1):
        chainrule("train", "digits", *QUICK, "--seed", seed, "--out", f"run{seed}")
    first, second = (cr.load(f"run{seed}/model.safetensors") for seed in (0, 1))
    assert not np.array_equal(first.parameters.flat, second.parameters.flat)


@pytest.mark.usefixtures("undrawn")
def test_options_go_before_the_configuration(chainrule: Command) -> None:
    chainrule("train", "digits", *QUICK, "--out", "first")
    chainrule("train", "--config", "first/config.toml", "--hidden", "8,4", "--out", "second")
    config = tomllib.loads(Path("second/config.toml").read_text())
    assert [layer.get("out_features") for layer in config["layers"]] == [None, 8, None, 4, None, 10]


@pytest.mark.usefixtures("undrawn")
def test_runs_without_a_name_are_numbered(chainrule: Command) -> None:
    Path("runs/xor-mlp-2").mkdir(parents=True)
    for _ in range(2):
        assert chainrule("train", "xor", *QUICK).code == 0
    runs = {path.name for path in Path("runs").iterdir() if any(path.iterdir())}
    assert runs == {"xor-mlp-1", "xor-mlp-3"}


def test_quiet_prints_nothing(chainrule: Command) -> None:
    answer = chainrule("train", "digits", *QUICK, "--quiet")
    assert (answer.code, answer.out, answer.err) == (0, "", "")


def test_many_epochs_print_few_lines(chainrule: Command) -> None:
    answer = chainrule("train", "xor", "--epochs", 1000, "--batch-size", "full")
    assert len([line for line in answer.out.splitlines() if line.startswith("epoch")]) <= 21


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("options", "last_layers"),
    [
        ([], ["Dense"]),
        (["--loss", "categorical_cross_entropy"], ["Dense", "Softmax"]),
        (["--loss", "kl_divergence"], ["Dense", "LogSoftmax"]),
        (["--loss", "binary_cross_entropy"], ["Dense"]),
        (["--loss", "binary_cross_entropy(from_logits=False)"], ["Dense", "Sigmoid"]),
        (["--loss", "hinge"], ["Dense"]),
        (["--loss", "mean_squared_error"], ["Dense"]),
    ],
)
def test_the_network_ends_as_its_loss_asks(
    chainrule: Command, options: list[str], last_layers: list[str]
) -> None:
    answer = chainrule("train", "linear", "--epochs", 1, "--out", "run", *options)
    assert answer.code == 0
    layers = cr.load("run/model.safetensors").layers
    assert [type(layer).__name__ for layer in layers[3 - 1 :]] == last_layers


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    "data",
    ["linear", "xor-line", "xor", "parabola", "spirals", "moons", "circles", "blobs", "sine"],
)
def test_every_synthetic_set_trains(chainrule: Command, data: str) -> None:
    assert chainrule("train", data, "--epochs", 2, "--quiet").code == 0


@pytest.mark.parametrize(
    "options",
    [
        ["--model", "cnn", "--hidden", "16"],
        ["--activation", "gelu", "--init", "orthogonal"],
        ["--optimizer", "sgd(momentum=0.9, nesterov=True)", "--learning-rate", "0.05"],
        ["--schedule", "one_cycle", "--optimizer", "adamw"],
        ["--batch-size", "1", "--samples-per-epoch", "50"],
        ["--batch-size", "full"],
        ["--validation", "0", "--dtype", "float64"],
        ["--validation", "200", "--early-stopping", "1", "--metrics", "accuracy,f1,top_5"],
    ],
)
def test_options_train(chainrule: Command, options: list[str]) -> None:
    answer = chainrule("train", "digits", "--epochs", 1, "--out", "run", *options)
    assert answer.code == 0, answer.err
    assert {path.name for path in Path("run").iterdir()} == FILES


@pytest.mark.usefixtures("undrawn")
def test_fresh_data_differs_from_epoch_to_epoch(chainrule: Command) -> None:
    options = ("--epochs", 3, "--samples", 50, "--learning-rate", 1e-9, "--out")
    chainrule("train", "parabola", *options, "same", "--validation", 0)
    chainrule("train", "parabola", *options, "fresh", "--fresh-data")
    losses = {
        run: {
            round(json.loads(line)["loss"], 5)
            for line in Path(run, "metrics.jsonl").read_text().splitlines()
        }
        for run in ("same", "fresh")
    }
    assert len(losses["same"]) == 1  # at a rate of nearly 0 only new points change the loss
    assert len(losses["fresh"]) == 3


@pytest.mark.usefixtures("undrawn")
def test_fresh_data_is_not_validated_on_the_test_points(chainrule: Command) -> None:
    chainrule("train", "linear", "--fresh-data", "--epochs", 1, "--out", "run")
    summary = json.loads(Path("run/summary.json").read_text())
    assert summary["last_epoch"]["validation_loss"] != summary["test"]["loss"]


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    "layers",
    [
        'layers = ["conv2d(4, 3, padding=\'same\')", "relu", "flatten", "dense(10)"]',
        '[[layers]]\ntype = "Flatten"\n[[layers]]\ntype = "Dense"\nout_features = 10',
        'layers = ["flatten", {type = "Residual", branch = ["dense(64)", "tanh"]}, "dense(10)"]',
    ],
)
def test_a_model_from_a_file(chainrule: Command, layers: str) -> None:
    Path("model.toml").write_text(f"input_shape = [8, 8, 1]\n{layers}\n")
    shown = chainrule("summary", "model.toml")
    trained = chainrule("train", "digits", "--model", "model.toml", "--epochs", 1, "--out", "run")
    assert shown.code == trained.code == 0, trained.err
    assert shown.out in trained.out
    assert shown.out == chainrule("summary", "run").out


@pytest.mark.usefixtures("undrawn")
def test_training_on_a_table(chainrule: Command) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 3))
    with Path("points.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "c", "side"])
        writer.writerows([*map(float, row), int(row.sum() > 0)] for row in x)
    options = ("--label-column", "side", "--epochs", 5, "--out", "run")
    assert chainrule("train", "points.csv", *options).code == 0
    answer = chainrule("evaluate", "run", "points.csv")
    assert answer.code == 0
    assert float(answer.out.split("accuracy ")[1].split(" %")[0]) > 90


def test_a_configuration_finds_its_data_from_anywhere(
    chainrule: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    table = "a,b,y\n" + "".join(f"{i % 7},{i % 5},{i % 2}\n" for i in range(40))
    Path("project/data").mkdir(parents=True)
    Path("project/data/t.csv").write_text(table)
    monkeypatch.chdir(tmp_path / "project")
    trained = chainrule("train", "data/t.csv", "--epochs", 1, "--out", "runs/t")
    assert trained.code == 0
    comparison = 'data = "data/t.csv"\nepochs = 1\nseeds = 1\n[vary]\nhidden = [[2], [3]]\n'
    Path("compare.toml").write_text(comparison)
    monkeypatch.chdir(tmp_path)
    for command in (
        "train --config project/runs/t/config.toml --out again",
        "compare project/compare.toml --workers 1 --out compared",
        "report project/runs/t",
    ):
        answer = chainrule(*command.split())
        assert answer.code == 0, answer.err
