"""What stands before every command: the version, help, completion."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import chainrule as cr
from tests.cli.conftest import Command

COMMANDS = [
    *[
        "",
        "train",
        "compare",
        "tune",
        "evaluate",
        "predict",
        "summary",
        "report",
        "explain",
        "grade",
    ],
    *["export", "export-notebook", "check", "warm-up", "assignment", "assignment new"],
    *["data", "data list", "data export", "lab", "lab run"],
]


def test_the_version(chainrule: Command) -> None:
    answer = chainrule("--version")
    assert (answer.code, answer.out) == (0, f"chainrule {cr.__version__}\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_flags_by_their_names_alone(chainrule: Command, command: str) -> None:
    long, short = (chainrule(*command.split(), option) for option in ("--help", "-h"))
    assert long == short
    assert long.code == 0
    assert f"Usage: chainrule {command}".rstrip() in long.out
    assert "bool" not in long.out.lower()


def test_an_option_that_takes_a_value_says_which(chainrule: Command) -> None:
    lines = chainrule("train", "--help").out.splitlines()
    shown = next(line for line in lines if "--validation,--val" in line)
    assert "PART" in shown


def test_help_is_folded_for_the_terminal(
    chainrule: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = chainrule("grade", "-h").out
    assert "one mistake in its backward code. A variant" in " ".join(shown.split())
    assert "pip install 'chainrule[grade]'." in " ".join(shown.split())  # no style of rich's
    assert "<" not in shown  # a type
    monkeypatch.setenv("COLUMNS", "40")
    for option, command in {"--install-completion": "", "--subject SOLUTION.py": "grade"}.items():
        narrow = chainrule(*command.split(), "-h").out
        assert option in narrow
        assert "│" not in narrow


def run(command: list[str], **environment: str) -> str:
    """What a command prints in a process of its own."""
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("chainrule tr", "train"),
        ("chainrule train --weight", "--weight-decay"),
        ("chainrule data ex", "export"),
    ],
)
def test_a_shell_is_told_how_a_word_goes_on(words: str, completed: str) -> None:
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    mode = {"_CHAINRULE_COMPLETE": "complete_bash"}
    assert run([sys.executable, "-m", "chainrule"], **asked, **mode).split() == [completed]


def test_completion_is_shown_for_the_shell_in_use() -> None:
    command = f"{sys.executable} -m chainrule --show-completion; exit $?"
    assert "complete -o default -F _chainrule_completion chainrule" in run(["bash", "-c", command])
