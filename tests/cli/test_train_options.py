"""`chainrule train`: parts in files, three parts, groups, class weights, and layers on request."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.data.dataset import Dataset
from chainrule.experiments import runner
from chainrule.experiments.recipes import FOLDER
from chainrule.experiments.run_folder import read_run
from chainrule.experiments.runner import make_optimizer
from tests.cli.conftest import Command

pytestmark = pytest.mark.usefixtures("undrawn")
QUICK = ("--epochs", 3, "--hidden", 8, "--out", "run")


def points(path: str, count: int, seed: int, header: str = "a,b,who,label") -> str:
    """A table of two classes, of which one is rare; three rows in turn belong to one person."""
    rng = np.random.default_rng(seed)
    lines = [header]
    for row in range(count):
        label = "rare" if row % 10 == 0 else "usual"
        a, b = rng.normal(0 if label == "rare" else 1.5, 1, 2)
        cells = {"a": f"{a:.3f}", "b": f"{b:.3f}", "who": f"p{row // 3}", "label": label}
        lines.append(",".join(cells[name] for name in header.split(",")))
    Path(path).write_text("\n".join(lines) + "\n")
    return path


def settings() -> dict[str, object]:
    return tomllib.loads(Path("run/config.toml").read_text())


def summary() -> dict[str, object]:
    return json.loads(Path("run/summary.json").read_text())


def test_validation_and_test_in_files_of_their_own(chainrule: Command) -> None:
    train = points("train.csv", 90, 0, "a,b,label")
    later = [points(name, 30, seed, "label,b,a") for name, seed in (("v.csv", 1), ("t.csv", 2))]
    answer = chainrule("train", train, "--val", later[0], "--test", later[1], *QUICK)
    assert answer.code == 0, answer.err
    assert "train: 90 training, 30 validation and 30 test examples of shape (2,)" in answer.out
    assert "t.csv: the columns were put in the order of training, by their names" in answer.out
    assert (settings()["validation"], settings()["test"]) == ("v.csv", "t.csv")
    numbers = summary()["test"]
    told = chainrule("evaluate", "run").out
    assert told.startswith("t.csv, 30 examples: ")
    assert told.split(": ")[1] == chainrule("evaluate", "run", "t.csv").out.split(": ")[1]
    assert f"accuracy {100 * numbers['accuracy']:.2f} %" in told


def test_a_run_with_files_opens_from_elsewhere(
    chainrule: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    chainrule("train", points("train.csv", 60, 0), "--test", points("t.csv", 30, 1), *QUICK)
    told = chainrule("evaluate", "run").out
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert chainrule("evaluate", "../run").out.split(": ")[1] == told.split(": ")[1]


def test_three_parts_with_groups_repeat(chainrule: Command) -> None:
    split = ("--validation", 0.25, "--test", 0.2, "--group-column", "who")
    answer = chainrule("train", points("t.csv", 90, 0), *split, *QUICK)
    assert answer.code == 0, answer.err
    assert "t: 54 training, 18 validation and 18 test examples of shape (2,)" in answer.out
    assert "left out, as it only says what stays together: `who`" in answer.out
    again = ("train", "--config", "run/config.toml", "--out", "again")
    assert chainrule(*again).code == 0
    first, second = (Path(run, "model.safetensors").read_bytes() for run in ("run", "again"))
    assert first == second
    other = json.loads(Path("again/summary.json").read_text())
    assert other["test"] == summary()["test"]
    assert chainrule("evaluate", "run").out.startswith("t.csv (its test part), 18 examples: ")
    assert chainrule("report", "run", "--out", "report").code == 0
    assert "18 test examples" in Path("report/report.md").read_text()


def test_evaluate_notices_that_the_data_has_changed(chainrule: Command) -> None:
    chainrule("train", points("t.csv", 60, 0, "a,b,label"), "--test", 0.2, *QUICK)
    points("t.csv", 60, 1, "a,b,label")
    answer = chainrule("evaluate", "run")
    assert answer.code == 2
    assert "t.csv is not what run was trained on" in answer.err


def test_balanced_classes_find_the_rare_one(chainrule: Command) -> None:
    train, test = points("train.csv", 200, 0, "a,b,label"), points("t.csv", 200, 1, "a,b,label")
    found = {}
    for name, more in (("plain", ()), ("balanced", ("--class-weights", "balanced"))):
        options = ("--test", test, "--epochs", 20, "--learning-rate", 0.02, "--metrics", "recall")
        assert chainrule("train", train, *options, *more, "--out", name).code == 0
        found[name] = json.loads(Path(name, "summary.json").read_text())["test"]["recall"]
    assert found["balanced"] > found["plain"] + 0.1
    config = tomllib.loads(Path("balanced/config.toml").read_text())
    assert config["class_weights"] == "balanced"


def prices(path: str, count: int) -> str:
    """A table of numbers to predict, with much noise."""
    x = np.random.default_rng(0).normal(size=(count, 3))
    lines = [f"{a:.3f},{b:.3f},{1000 * (a * b + noise):.0f}" for a, b, noise in x]
    Path(path).write_text("\n".join(["a,b,price", *lines]) + "\n")
    return path


def test_of_numbers_the_best_epoch_is_kept(chainrule: Command) -> None:
    """By the part that is held out; so that steps may be longer."""
    answer = chainrule("train", prices("prices.csv", 600), "--label-column", "price", *QUICK[2:])
    assert answer.code == 0, answer.err
    assert "adam at 0.003 (cosine)" in answer.out
    assert "118 epochs, the best kept, seed 0" in answer.out
    chosen = {name: settings()[name] for name in ("learning_rate", "epochs", "early_stopping")}
    assert chosen == {"learning_rate": 0.003, "epochs": 118, "early_stopping": 118}
    records = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    losses = [record["validation_loss"] for record in records]
    assert len(losses) == 118
    assert min(losses) < losses[-1]  # noise has been learnt by heart since
    run = read_run(Path("run"))
    data = cr.datasets.load("prices.csv", label_column="price", validation=0.1)
    kept = run.network.evaluate(data.x_validation, data.y_validation)["loss"]
    assert kept == pytest.approx(min(losses), rel=1e-5)


@pytest.mark.parametrize(
    ("count", "options", "rate", "early_stopping"),
    [
        (600, ["--learning-rate", 0.001], 0.001, 3),
        (600, ["--optimizer", "adam(0.001)"], 0.001, 3),
        (600, ["--optimizer", "sgd"], 0.01, 3),
        (600, ["--early-stopping", 2], 0.003, 2),
        (600, ["--validation", 0], 0.001, None),
        (400, [], 0.001, None),
    ],
)
def test_where_numbers_are_learnt_at_the_usual_rate(
    chainrule: Command, count: int, options: list[object], rate: float, early_stopping: int | None
) -> None:
    train = prices("prices.csv", count)
    answer = chainrule("train", train, "--label-column", "price", *options, *QUICK)
    assert answer.code == 0, answer.err
    assert settings()["learning_rate"] == rate
    assert settings().get("early_stopping") == early_stopping
    assert ("the best kept" in answer.out) is (early_stopping is not None)


def layers_of(*options: object, model: str = "mlp", chainrule: Command) -> list[str]:
    arguments = ("--model", model, *options, "--epochs", 1, "--samples-per-epoch", 32)
    assert chainrule("train", "digits", *arguments, "--out", "run").code == 0
    return [repr(layer) for layer in read_run(Path("run")).network.layers]


def test_layers_on_request(chainrule: Command) -> None:
    options = ("--hidden", "8,4", "--dropout", 0.2, "--batch-norm", "--weight-decay", 0.01)
    dense = "regularizer=WeightDecay(0.01)"
    assert layers_of(*options, chainrule=chainrule) == [
        "Flatten()",
        *(f"Dense(8, {dense})", "BatchNorm()", "ReLU()", "Dropout(rate=0.2)"),
        *(f"Dense(4, {dense})", "BatchNorm()", "ReLU()", "Dropout(rate=0.2)"),
        f"Dense(10, {dense})",
    ]
    again = ("train", "--config", "run/config.toml", "--out")
    assert chainrule(*again, "again").code == 0
    assert (
        Path("run/model.safetensors").read_bytes() == Path("again/model.safetensors").read_bytes()
    )
    assert chainrule(*again, "other", "--dropout", 0.4).code == 0
    assert "Dropout(rate=0.4)" in map(repr, read_run(Path("other")).network.layers)


def test_layers_of_a_cnn_on_request(chainrule: Command) -> None:
    options = ("--hidden", 8, "--dropout", 0.2, "--batch-norm", "--weight-decay", 0.01)
    layers = layers_of(*options, model="cnn", chainrule=chainrule)
    kinds = [layer.partition("(")[0] for layer in layers]
    block = ["Conv2D", "BatchNorm", "ReLU", "MaxPool2D"]
    hidden = ["Dense", "BatchNorm", "ReLU", "Dropout"]
    assert kinds == [*block, *block, "Flatten", *hidden, "Dense"]
    assert sum("WeightDecay(0.01)" in layer for layer in layers) == 4


def test_augmented_images_repeat(chainrule: Command) -> None:
    augment = ("--augment", "affine(shift=1, rotation=10)", "--samples-per-epoch", 64)
    assert chainrule("train", "digits", *augment, *QUICK).code == 0
    assert settings()["augment"] == "affine(shift=1, rotation=10)"
    assert chainrule("train", "--config", "run/config.toml", "--out", "again").code == 0
    models = [Path(run, "model.safetensors").read_bytes() for run in ("run", "again")]
    assert models[0] == models[1]
    assert chainrule("report", "run").code == 0


REFUSED: dict[str, tuple[Sequence[object], str]] = {
    "no such file": (["digits", "--val", "none.csv"], "none.csv does not exist: check the path"),
    "a second test part": (["digits", "--test", 0.2], "digits has a test part of its own"),
    "groups of images": (["digits", "--group-column", "who"], "group_column=who is for tables"),
    "a negative part": (["digits", "--test", -1], "test should be greater than or equal to 0"),
    "an unknown weighting": (["digits", "--class-weights", "even"], "should be 'balanced'"),
    "weights of numbers": (
        ["sine", "--class-weights", "balanced"],
        "class_weights=balanced is for classes, but sine is predicted as numbers",
    ),
    "weights of fresh data": (
        ["moons", "--fresh-data", "--class-weights", "balanced"],
        "class_weights cannot be had with fresh_data",
    ),
    "moved points": (["moons", "--augment", "affine"], "Affine changes images (height, width"),
    "moved points of an ensemble": (
        ["moons", "--augment", "affine", "--ensemble", 2],
        "Affine changes images (height, width",
    ),
    "an unknown average": (["moons", "--average", "emma"], "did you mean 'ema'?"),
    "channels of none": (["digits", "--channels", 8], "channels are for convolutions"),
    "an unknown recipe": (["digits", "--recipe", "bets"], "no recipe is called 'bets'"),
    "a recipe of nothing": (["--recipe", "best"], "train on what?"),
    "two ways to train": (
        ["digits", "--recipe", "best", "--config", "run.toml"],
        "--recipe and --config both say how to train",
    ),
    "a recipe for one set": (["digits", "--recipe", "own.toml"], "a recipe is for any"),
    "an ensemble of one": (["digits", "--ensemble", 1], "ensemble should be greater than"),
    "an ensemble of draws": (
        ["moons", "--fresh-data", "--ensemble", 2],
        "an ensemble is of runs on the same data",
    ),
    "an unknown change": (["digits", "--augment", "afine"], "did you mean 'affine'?"),
    "all left out": (["digits", "--dropout", 1], "dropout should be less than 1; received 1"),
    "a negative decay": (["digits", "--weight-decay", -0.1], "greater than or equal to 0"),
    "nothing hidden": (
        ["digits", "--hidden", "[]", "--dropout", 0.1],
        "dropout is for hidden layers, and there are none: --hidden 128",
    ),
    "limited scores": (
        ["moons", "--output-activation", "sigmoid"],
        "SoftmaxCrossEntropy has the outputs it needs: leave it out",
    ),
    "an unknown output": (["moons", "--output-activation", "sigmod"], "did you mean 'sigmoid'?"),
    "limited prices": (
        ["prices.csv", "--label-column", "price", "--output-activation", "tanh"],
        "the targets of prices are standardized",
    ),
    "no test part": (
        ["prices.csv", "--label-column", "price", "--test-each-epoch"],
        "give one with test, a share",
    ),
    "a clip below zero": (["moons", "--clip", -1], "clip should be greater than 0; received -1"),
    "a file with biases": (
        ["digits", "--model", "net.toml", "--no-bias"],
        "no_bias is for the models mlp and cnn",
    ),
    "a file with layers": (
        ["digits", "--model", "net.toml", "--batch-norm"],
        "batch_norm is for the models mlp and cnn; net.toml says what the layers are",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_train_refuses(chainrule: Command, arguments: Sequence[object], message: str) -> None:
    Path("net.toml").write_text('layers = ["flatten", "dense(10)"]\n')
    Path("own.toml").write_text('data = "digits"\n')
    rows = "".join(f"{n},{n * n + 0.5}\n" for n in range(40))
    Path("prices.csv").write_text("size,price\n" + rows)
    answer = chainrule("train", *arguments, "--out", "run")
    assert answer.code == 2
    assert message in answer.err
    assert answer.err.startswith("chainrule: ")
    assert not Path("run").exists()


def test_a_network_without_biases_whose_outputs_and_gradients_are_limited(
    chainrule: Command,
) -> None:
    arguments = ("--output-activation", "sigmoid", "--no-bias", "--clip", 0.01)
    answer = chainrule("train", "xor", "--loss", "mean_squared_error", *arguments, "--out", "run")
    assert answer.code == 0, answer.err
    trained = read_run(Path("run"))
    layers = trained.network.layers
    assert [type(layer).__name__ for layer in layers] == ["Dense", "ReLU", "Dense", "Sigmoid"]
    assert not any(layers[number].bias for number in (0, 2))
    assert make_optimizer(trained.config).clip_value == 0.01
    again = chainrule("train", "--config", "run/config.toml", "--out", "again")
    assert again.code == 0, again.err
    assert read_run(Path("again")).network.parameters.flat.tolist() == (
        trained.network.parameters.flat.tolist()
    )


def test_classes_count_alike_in_python() -> None:
    x = np.random.default_rng(0).normal(size=(60, 2))
    y = np.repeat([0, 1], [50, 10])

    def trained(**options: object) -> np.ndarray:
        net = cr.Network([cr.Dense(2)], 2)
        net.fit(x, y, epochs=3, batch_size=16, quiet=True, **options)
        return net.parameters.flat.copy()

    balanced = trained(class_weights="balanced")
    np.testing.assert_array_equal(balanced, trained(weights=np.where(y == 0, 0.6, 3.0)))
    np.testing.assert_array_equal(balanced, trained(class_weights=[0.6, 3.0]))
    assert not np.array_equal(balanced, trained())
    twice = trained(class_weights="balanced", weights=np.linspace(0.5, 1, 60))
    product = np.where(y == 0, 0.6, 3.0) * np.linspace(0.5, 1, 60)
    np.testing.assert_array_equal(twice, trained(weights=product))


@pytest.mark.parametrize(
    ("y", "class_weights", "message"),
    [
        ([0, 1, 2], "equal", "no class_weights .* is called 'equal'|choose"),
        ([0, 1, 2], [1, 2], "has 2 numbers, but y has classes up to 2: give one for each class"),
        ([0, 1, 2], [1, -2, 1], "a class weight"),
        ([0.5, 1, 2], "balanced", "the label of example 0 is 0.5; classes are whole numbers"),
    ],
)
def test_class_weights_that_cannot_be(y: object, class_weights: object, message: str) -> None:
    net = cr.Network([cr.Dense(3)], 1)
    with pytest.raises(cr.errors.ChainruleError, match=message):
        net.fit(np.zeros((3, 1)), np.array(y), class_weights=class_weights, quiet=True)


def test_the_test_part_is_measured_after_every_epoch_and_chooses_nothing(
    chainrule: Command,
) -> None:
    def records(run: str) -> list[dict[str, float]]:
        return [json.loads(line) for line in Path(run, "metrics.jsonl").read_text().splitlines()]

    options = ("train", "digits", "--epochs", 2, "--hidden", 8, "--early-stopping", 1)
    assert chainrule(*options, "--out", "run").code == 0
    answer = chainrule(*options, "--out", "again", "--test-each-epoch")
    assert "the test part was measured after every epoch, and nothing was chosen" in answer.out
    alone, again = records("run"), records("again")
    measured = [{n: record.pop(f"test_{n}") for n in ("loss", "accuracy")} for record in again]
    assert measured[-1] == json.loads(Path("again/summary.json").read_text())["test"]
    assert measured[0] != measured[1]
    for record in (*alone, *again):
        del record["seconds"]
    assert alone == again
    with pytest.raises(cr.errors.ArgumentError, match="by which nothing is chosen: watch 'valid"):
        cr.Network([cr.Flatten(), cr.Dense(10)], (8, 8, 1)).fit(
            np.zeros((4, 8, 8, 1)),
            np.arange(4),
            callbacks=[cr.EarlyStopping(monitor="test_loss")],
            quiet=True,
        )
    compared = chainrule("compare", "digits", "--vary", "hidden=8,16", "--test-each-epoch")
    assert compared.code == 2
    assert "which is not looked at before a choice is made" in compared.err


# --- recipes and ensembles ----------------------------------------------------------------

SMALL_BEST = (
    *("--recipe", "best", "--channels", "4,4,4", "--hidden", 8, "--epochs", 2),
    *("--samples-per-epoch", 96, "--early-stopping", 1),
)


def lines_of(run: str) -> list[str]:
    return Path(run, "metrics.jsonl").read_text().splitlines()


def test_the_recipe_and_what_stands_beside_it(chainrule: Command) -> None:
    answer = chainrule("train", "digits", *SMALL_BEST, "--out", "run")
    assert answer.code == 0, answer.err
    recipe = tomllib.loads((FOLDER / "best.toml").read_text())
    assert settings() == {**settings(), **recipe, "channels": [4, 4, 4], "hidden": [8], "epochs": 2}
    kinds = [layer["type"] for layer in settings()["layers"]]
    assert kinds[:12] == ["Conv2D", "BatchNorm", "ReLU", "MaxPool2D"] * 3
    again = chainrule("train", "--config", "run/config.toml", "--out", "again")
    assert again.code == 0, again.err
    models = [Path(run, "model.safetensors").read_bytes() for run in ("run", "again")]
    assert models[0] == models[1]
    assert chainrule("report", "run").code == 0
    told = Path("run/report.md").read_text()
    assert "What the network saw" in told
    assert "the expected calibration error" in told


def test_the_test_part_has_no_say(chainrule: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another test part leaves every weight, and every number that something could be chosen by, as
    it was."""
    assert chainrule("train", "digits", *SMALL_BEST, "--out", "run").code == 0
    load = runner.datasets.load

    def load_with_another_test_part(*arguments: object, **options: object) -> Dataset:
        dataset = load(*arguments, **options)
        return replace(dataset, x_test=1 - dataset.x_test[::-1], y_test=dataset.y_test // 2)

    monkeypatch.setattr(runner.datasets, "load", load_with_another_test_part)
    assert chainrule("train", "digits", *SMALL_BEST, "--out", "other").code == 0
    models = [Path(run, "model.safetensors").read_bytes() for run in ("run", "other")]
    assert models[0] == models[1]
    epochs = [
        [{**json.loads(line), "seconds": 0} for line in lines_of(run)] for run in ("run", "other")
    ]
    assert epochs[0] == epochs[1]
    assert summary()["test"] != json.loads(Path("other/summary.json").read_text())["test"]


def test_an_ensemble_is_a_folder_of_runs(chainrule: Command) -> None:
    options = ("--epochs", 2, "--hidden", 8, "--ensemble", 2)
    answer = chainrule("train", "digits", *options, "--out", "both")
    assert answer.code == 0, answer.err
    together = json.loads(Path("both/ensemble.json").read_text())
    runs = [read_run(Path(f"both/member-{number}")) for number in (1, 2)]
    assert [(run.config.seed, run.config.data_seed) for run in runs] == [(0, 0), (1, 0)]
    assert together["members"] == [run.summary.test for run in runs]
    digits = runner.load_data(runs[1].config)
    ensemble = cr.Ensemble([run.network for run in runs])
    assert together["test"] == ensemble.evaluate(digits.x_test, digits.y_test)
    ensemble.calibrate(digits.x_validation, digits.y_validation)
    assert together["calibrated_test"] == ensemble.evaluate(digits.x_test, digits.y_test)
    assert f"at a temperature of {ensemble.temperature:.3f}" in answer.out
    assert "nothing left to do" in chainrule("train", "--resume", "both").out
    assert "give one of its members, such as both/member-1" in chainrule("evaluate", "both").err


def test_an_ensemble_that_was_cut_off_goes_on(chainrule: Command) -> None:
    options = ("--epochs", 2, "--hidden", 8, "--ensemble", 2)
    assert chainrule("train", "digits", *options, "--out", "both").code == 0
    whole = Path("both/ensemble.json").read_bytes()
    shutil.rmtree("both/member-2")  # as if it had ended before the second
    Path("both/ensemble.json").unlink()
    assert chainrule("train", "--resume", "both").code == 0
    assert Path("both/ensemble.json").read_bytes() == whole
