"""`chainrule grade` and `chainrule assignment new`: exit codes, what they print and write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command

SOLUTION = """\
import numpy as np


class Double:
    def forward(self, x):
        return 2 * x

    def backward(self, dy):
        \"\"\"dx = 2 dy.\"\"\"
        return 2 * dy


def example(rng):
    return {"layer": Double(), "x": rng.normal(size=(4, 3))}
"""

STRONG = """\
import numpy as np
from double import Double

def test_backward():
    dy = np.random.default_rng(0).normal(size=(4, 3))
    before = dy.copy()
    assert (Double().backward(dy) == 2 * before).all()
    assert (dy == before).all()
"""

WEAK = """\
import numpy as np
from double import Double

def test_shape():
    assert Double().backward(np.ones((1, 3))).shape == (1, 3)
"""


@pytest.fixture
def files(chainrule: Command) -> Command:
    """The command, in a folder with a solution and tests."""
    for name, text in {"double": SOLUTION, "strong": STRONG, "weak": WEAK}.items():
        Path(f"{name}.py").write_text(text)
    return chainrule


def test_strong_tests(files: Command) -> None:
    answer = files("grade", "strong.py", "--subject", "double.py")
    assert answer.code == 0
    assert answer.out.splitlines()[0] == (
        "1 test in strong.py, run on 8 wrong variants of double.py"
    )
    assert "No wrong gradient passes these tests." in answer.out


def test_weak_tests(files: Command) -> None:
    answer = files("grade", "weak.py", "--subject", "double.py", "--workers", 1)
    assert answer.code == 1
    assert "`2 * dy` becomes `-(2 * dy)`" in answer.out
    assert "missing: compare dx with central differences, value by value" in answer.out


def test_json(files: Command) -> None:
    answer = files("grade", "weak.py", "--subject", "double.py", "--workers", 1, "--json")
    assert answer.code == 1
    result = json.loads(answer.out)
    assert result.keys() == {
        *["ok", "tests", "killed", "survived", "equivalent", "survivors", "uncalled", "seconds"],
        "not_enforced",
    }
    assert not result["ok"]
    assert result["survived"] == len(result["survivors"])
    first = result["survivors"][0]
    assert first == {
        "code": "sign",
        "gradient": "dx",
        "function": "Double.backward",
        "line": 10,
        "description": "`2 * dy` becomes `-(2 * dy)`",
        "missing": "compare dx with central differences, value by value, signs included",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.py", "--subject", "double.py"], "none.py does not exist"),
        (["strong.py", "--subject", "none.py"], "none.py does not exist"),
        (["double.py", "--subject", "double.py"], "there are no tests"),
        (["strong.py", "--subject", "weak.py"], "weak.py has no backward code"),
    ],
)
def test_what_cannot_be_graded(files: Command, arguments: list[str], message: str) -> None:
    answer = files("grade", *arguments)
    assert answer.code == 2
    assert message in answer.err
    assert "Traceback" not in answer.err


def test_a_new_assignment(files: Command) -> None:
    answer = files("assignment", "new", "double.py", "--out", "lab")
    assert answer.code == 0
    assert sorted(path.name for path in Path("lab").iterdir()) == ["double.py", "test_double.py"]
    assert "left to write: Double.forward, Double.backward" in answer.out
    assert "notice all 8 wrong variants" in answer.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.py", "--out", "lab"], "none.py does not exist"),
        (["strong.py", "--out", "lab"], "has no function example(rng)"),
        (["double.py", "--out", "lab", "--format", "oter"], "did you mean 'otter'?"),
        (["double.py", "--out", "double.py"], "double.py already exists"),
        (["double.py", "--out", "/proc/lab"], "cannot write /proc/lab"),
    ],
)
def test_no_assignment(files: Command, arguments: list[str], message: str) -> None:
    before = sorted(Path().iterdir())
    answer = files("assignment", "new", *arguments, "--workers", 1)
    assert answer.code == 2
    assert message in " ".join(answer.err.split())
    assert "Traceback" not in answer.err
    assert sorted(Path().iterdir()) == before
