"""`chainrule compare`: what it prints, what it leaves, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command

pytestmark = pytest.mark.usefixtures("undrawn", "unspawned")
QUICK = ("--epochs", "2", "--hidden", "8", "--workers", "1")


def test_a_comparison_says_what_differs(chainrule: Command) -> None:
    rates = ("--vary", "learning_rate=1e-9,0.01", "--seeds", "2", "--target", "0.5")
    answer = chainrule("compare", "digits", *QUICK, *rates, "--out", "out")

    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert "learning_rate=0.01, seed 1: done" in lines
    assert any(line.startswith("variant") and "test accuracy (%)" in line for line in lines)
    assert any(line.startswith("± is the standard deviation") for line in lines)
    assert any(line.startswith("learning_rate=0.01: ") for line in lines)
    assert {path.name for path in Path("out").iterdir()} - {".lock"} == {
        "comparison.toml",
        "results.csv",
        "results.json",
        "runs",
    }


def test_a_finished_comparison_is_only_read_again(chainrule: Command) -> None:
    options = ("compare", "digits", *QUICK, "--vary", "optimizer=sgd,adam", "--seeds", "1")
    first = chainrule(*options, "--out", "out")
    again = chainrule(*options, "--out", "out")
    assert again.code == 0
    assert "done" in first.out
    assert "done" not in again.out


def test_a_comparison_from_a_file(chainrule: Command) -> None:
    Path("rates.toml").write_text(
        'data = "linear"\nepochs = 1\nseeds = [3]\n[vary]\noptimizer = ["sgd", "lion"]\n'
    )
    answer = chainrule("compare", "rates.toml", "--workers", "1", "--quiet")
    assert (answer.code, answer.out) == (0, "")
    assert len(list(Path("comparisons/rates-1/runs").glob("*/seed-3/summary.json"))) == 2


CASES = {
    "nothing varies": (["digits"], "nothing to compare"),
    "an unknown option": (["digits", "--vary", "epoch=1,2"], "'epochs'"),
    "no values": (["digits", "--vary", "epochs"], "write --vary NAME=A,B"),
    "an unknown optimizer": (["digits", "--vary", "optimizer=sgd,adm"], "did you mean 'adam'?"),
    "a value that cannot be": (["digits", "--vary", "epochs=1,0"], "received 0"),
    "a seed": (["digits", "--vary", "seed=0,1"], "--seeds N"),
    "an option twice": (["digits", "--vary", "epochs=1", "--vary", "epochs=2"], "varies twice"),
    "a value twice": (["digits", "--vary", "epochs=1,1"], "the same value stands twice"),
    "half a list": (["digits", "--vary", "hidden=[32],[64"], "write --vary NAME=A,B"),
    "no such file": (["none.toml"], "none.toml cannot be read"),
    "no such data": (["digit", "--vary", "epochs=1,2"], "did you mean 'digits'?"),
}


@pytest.mark.parametrize(("arguments", "message"), CASES.values(), ids=CASES.keys())
def test_compare_refuses(chainrule: Command, arguments: list[str], message: str) -> None:
    answer = chainrule("compare", *arguments, "--workers", "1", "--seeds", "1")
    assert answer.code == 2
    assert message in answer.err
    assert "Traceback" not in answer.err
    assert list(Path().iterdir()) == []
