"""What is wrong is one clear message and exit code 2, with nothing written and no traceback."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chainrule.errors import RunFolderError
from chainrule.files import claimed
from tests.cli.conftest import Command

CASES = {
    "no data": ([], "train on what?"),
    "unknown data": (["mnits"], "did you mean 'mnist'?"),
    "no such file": (["data/points.csv"], "data/points.csv does not exist"),
    "unknown model": (["digits", "--model", "cn"], "did you mean 'cnn'?"),
    "unknown optimizer": (["digits", "--optimizer", "adm"], "did you mean 'adam'?"),
    "unknown loss": (["digits", "--loss", "hing"], "did you mean 'hinge'?"),
    "unknown activation": (["digits", "--activation", "rleu"], "did you mean 'relu'?"),
    "unknown schedule": (["digits", "--schedule", "cosin"], "did you mean 'cosine'?"),
    "unknown init": (["digits", "--init", "glorto"], "did you mean 'glorot'?"),
    "unknown metric": (["digits", "--metrics", "acuracy"], "did you mean 'accuracy'?"),
    "unknown option of one": (["digits", "--optimizer", "sgd(mom=1)"], "options are: learning"),
    "unreadable short form": (["digits", "--optimizer", "sgd("], "cannot read 'sgd('"),
    "value out of range": (["digits", "--optimizer", "sgd(momentum=2)"], "momentum is a number in"),
    "zero epochs": (["digits", "--epochs", "0"], "epochs should be greater than or equal to 1"),
    "zero batch": (["digits", "--batch-size", "0"], "batch_size"),
    "negative size": (["digits", "--hidden", "128,-3"], "received -3"),
    "size in words": (["digits", "--hidden", "many"], "received 'many'"),
    "zero rate": (["digits", "--learning-rate", "0"], "learning_rate"),
    "rate in words": (
        ["digits", "--learning-rate", "fast"],
        "learning_rate should be a number",
    ),
    "negative seed": (["digits", "--seed", "-1"], "seed"),
    "too much held out": (["digits", "--validation", "5000"], "of 1437 examples"),
    "a fraction above 1": (["digits", "--validation", "1.5"], "a fraction between 0 and 1"),
    "unknown type": (["digits", "--dtype", "float16"], "'float32' or 'float64'"),
    "images wanted": (["parabola", "--model", "cnn"], "needs images"),
    "fresh photographs": (["digits", "--fresh-data"], "fresh_data draws new points"),
    "samples of a fixed set": (["digits", "--samples", "5"], "is for synthetic data"),
    "no configuration": (["--config", "no.toml"], "no.toml cannot be read"),
    "no model file": (["digits", "--model", "no.toml"], "no.toml cannot be read"),
    "a run without a name": (["digits", "--out", ""], "is no name for a run folder"),
    "nothing named": ([""], "name the data"),
    "a folder that cannot be made": (["digits", "--out", "/proc/run"], "cannot write"),
}


@pytest.mark.parametrize(("arguments", "message"), CASES.values(), ids=CASES.keys())
def test_train_refuses(chainrule: Command, arguments: list[str], message: str) -> None:
    answer = chainrule("train", *arguments)
    assert answer.code == 2
    assert message in " ".join(answer.err.split())
    assert "Traceback" not in answer.err
    assert list(Path().iterdir()) == []


MODELS = {
    "an unknown layer": ('layers = ["flaten"]', "did you mean 'Flatten'?"),
    "a missing option": ('[[layers]]\ntype = "Dense"', "missing a required argument"),
    "a wrong option": ('layers = ["dense(units=3)"]', "its options are: out_features"),
    "no layers": ("epochs = 3", "lists no layers"),
    "not TOML": ("layers = [", "is not a TOML file"),
    "a number for a layer": ("layers = [3]", "a layer is a name or a table"),
    "a flat layer on images": (
        'layers = ["dense(10)"]',
        "layer 0 (Dense) expects a flat input, received (8, 8, 1): put Flatten() before it",
    ),
    "too large a kernel": ('layers = ["conv2d(4, 9)"]', "layer 0 (Conv2D) has a kernel"),
    "an inner layer": (
        'layers = ["flatten", {type = "Residual", branch = ["dense(3)"]}]',
        "layer 1 (Residual) adds a branch of shape (3,) to a shortcut of shape (64,)",
    ),
    "too few outputs": ('layers = ["flatten", "dense(9)"]', "make the last layer Dense(10)"),
    "another input shape": (
        'input_shape = [9, 9, 1]\nlayers = ["flatten", "dense(10)"]',
        "the model is for examples of shape (9, 9, 1), but those of digits have shape (8, 8, 1)",
    ),
    "a negative size": ('layers = ["flatten", "dense(-9)"]', "out_features is a whole number"),
}


@pytest.mark.parametrize(("text", "message"), MODELS.values(), ids=MODELS.keys())
def test_a_model_file_that_cannot_be(chainrule: Command, text: str, message: str) -> None:
    Path("model.toml").write_text(text)
    answer = chainrule("train", "digits", "--model", "model.toml")
    assert answer.code == 2
    assert message in answer.err
    assert [path.name for path in Path().iterdir()] == ["model.toml"]


def test_a_misspelt_option_in_a_configuration(chainrule: Command) -> None:
    Path("config.toml").write_text('data = "digits"\nepoch = 3\n')
    answer = chainrule("train", "--config", "config.toml")
    assert answer.code == 2
    assert "did you mean 'epochs'?" in answer.err


def test_a_run_folder_that_exists_is_left_alone(chainrule: Command) -> None:
    Path("run").mkdir()
    Path("run/mine").touch()
    answer = chainrule("train", "digits", "--out", "run")
    assert answer.code == 2
    assert "run already exists" in answer.err
    assert [path.name for path in Path("run").iterdir()] == ["mine"]


def test_a_run_in_progress_is_left_alone(chainrule: Command) -> None:
    chainrule("train", "xor", "--epochs", 1, "--out", "run")
    Path("run/summary.json").unlink()
    before = {path: path.read_bytes() for path in Path("run").iterdir()}
    answer = chainrule("train", "digits", "--out", "run")
    assert answer.code == 2
    assert "run is an unfinished run: `chainrule train --resume run` continues it" in answer.err
    with claimed(Path("run"), RunFolderError):
        answer = chainrule("train", "--resume", "run")
    assert answer.code == 2
    assert "another process is working on run" in answer.err
    assert before.items() <= {path: path.read_bytes() for path in Path("run").iterdir()}.items()


def test_a_folder_without_permission(chainrule: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)  # whoever runs the tests may be allowed everything
    answer = chainrule("train", "digits", "--out", "run")
    assert answer.code == 2
    assert "cannot write run: Permission denied" in answer.err


def test_a_loss_that_is_no_longer_a_number_leaves_nothing(chainrule: Command) -> None:
    options = ("--loss", "mean_squared_error", "--optimizer", "sgd", "--learning-rate", 1e8)
    answer = chainrule("train", "digits", *options)
    assert answer.code == 2
    assert "lower the learning rate" in answer.err
    assert not list(Path("runs").iterdir())


@pytest.mark.parametrize("command", ["evaluate", "summary"])
def test_a_run_that_is_not_there(chainrule: Command, command: str) -> None:
    answer = chainrule(command, "nowhere")
    assert answer.code == 2
    assert "nowhere" in answer.err


def test_a_full_disk_is_one_message_and_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import resource, signal; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)); "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); import chainrule.cli; "
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", code + "chainrule.cli.main()", "train", "digits", "--quiet"],
        cwd=tmp_path,
        env={**os.environ, "MPLCONFIGDIR": str(tmp_path / "matplotlib")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "runs").iterdir())


@pytest.mark.parametrize(
    "ignored",
    [["digits"], ["--part", "1/2"], ["--workers", "2"], ["--executor", "mpi"], ["--epochs", "3"]],
    ids=lambda ignored: ignored[0],
)
def test_collect_refuses_what_it_would_ignore(chainrule: Command, ignored: list[str]) -> None:
    answer = chainrule("compare", "--collect", "--out", "rates", *ignored)
    assert answer.code == 2
    assert "runs nothing: leave out all but --out and --quiet" in " ".join(answer.err.split())
