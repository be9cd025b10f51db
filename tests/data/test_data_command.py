from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from chainrule.cli.data import app
from chainrule.datasets import names
from chainrule.errors import ChainruleError, DataError, OutputError, UnknownNameError


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=True)


def test_list_has_a_line_for_every_set() -> None:
    lines = [" ".join(line.split()) for line in run("list").output.splitlines()]
    assert [line.partition(" ")[0] for line in lines] == ["name", *names()]
    assert "xor-line 2-D points 21 + 21 2 drawn from a formula" in lines
    assert "digits 8x8 images 1,437 + 360 10 bundled" in lines
    assert "mnist 28x28 images 60,000 + 10,000 10 not here" in lines
    assert "emnist47 28x28 images 92,952 + 6,157 47 not here" in lines


def test_list_tells_where_sets_are(shared_data: Path) -> None:
    output = run("list", "--data-dir", str(shared_data)).output
    assert f"found in {shared_data / 'mnist'}" in output


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("digits", ["1,437 for training, 360 for testing", "CC BY 4.0", "bundled"]),
        (
            "EMNIST_letters",
            ["emnist-letters", "26: A, B,", "not here", "chainrule data get emnist-letters"],
        ),
        ("linear", ["y = [x2 > x1]", "drawn from a formula"]),
    ],
)
def test_info(name: str, expected: list[str]) -> None:
    output = run("info", name).output
    assert all(text in output for text in expected)


def test_get(shared_data: Path) -> None:
    assert run("get", "digits").output.endswith("there is nothing to download\n")
    output = run("get", "mnist", "--data-dir", str(shared_data)).output
    assert output == f"mnist is in {shared_data / 'mnist'}\n"


def test_export(tmp_path: Path) -> None:
    path = tmp_path / "test.csv"
    export = ["export", "digits", "--csv", str(path), "--part", "test"]
    assert run(*export).output == f"the test part of digits is in {path}\n"
    assert path.read_text().startswith("label,pixel0")
    assert isinstance(run(*export).exception, OutputError)
    run(*export, "--force", "--no-labels")
    assert path.read_text().startswith("pixel0")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["info", "mnits"], UnknownNameError),
        (["get", "emnist47"], ChainruleError),
        (["list", "--data-dir", "nowhere"], DataError),
        (["export", "digits", "--csv", "nowhere/a.csv"], OutputError),
        (["export", "digits", "--csv", "a.csv", "--part", "tset"], ChainruleError),
    ],
)
def test_errors_are_left_to_the_command_line(
    arguments: list[str], error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert isinstance(run(*arguments).exception, error)
    assert list(tmp_path.iterdir()) == []
