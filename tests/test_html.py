"""What notebooks show: tables that say what printing says, in which text is text."""

from __future__ import annotations

import re

import numpy as np
import pytest

import chainrule as cr
from chainrule.doctor.findings import Diagnosis, Finding
from chainrule.experiments.results import Results, RunResult
from chainrule.explain.comparing.compare import Comparison, Difference
from chainrule.history import History

HOSTILE = "<script>alert(1)</script>\n"


def cells(html: str) -> list[list[str]]:
    """The rows of a table."""
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    return [re.findall(r"<t[hd]>(.*?)</t[hd]>", row) for row in rows]


def test_a_network_is_its_summary() -> None:
    network = cr.Network([cr.Flatten(), cr.Dense(3)], (2, 2))
    html = network._repr_html_()
    assert cells(html) == [
        ["", "layer", "output shape", "parameters"],
        ["", "input", "(2, 2)", ""],
        ["0", "Flatten()", "(4,)", "0"],
        ["1", "Dense(3)", "(3,)", "15"],
    ]
    assert "<p>15 parameters, 0.1 KiB</p>" in html
    assert html == network.summary()._repr_html_()


def test_a_history_is_its_epochs() -> None:
    x = np.linspace(-1, 1, 20)[:, None]
    history = cr.Network([cr.Dense(1)], 1).fit(
        x, x, loss="mean_squared_error", epochs=3, quiet=True
    )
    header, *rows = cells(history._repr_html_())
    assert header == history.names()
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert [row[1] for row in rows] == [f"{loss:.4g}" for loss in history["loss"]]


@pytest.mark.parametrize(("epochs", "shown"), [(0, 0), (1, 1), (20, 20), (21, 20), (5000, 20)])
def test_of_a_long_history_twenty_epochs_are_shown(epochs: int, shown: int) -> None:
    history = History()
    for epoch in range(1, epochs + 1):
        history.append({"epoch": epoch, "loss": 1 / epoch, "seconds": 0.01})
    _, *rows = cells(history._repr_html_())
    assert len(rows) == shown
    numbers = [int(row[0]) for row in rows]
    assert numbers == sorted(set(numbers))
    assert not epochs or (numbers[0], numbers[-1]) == (1, epochs)


def test_a_history_says_how_it_ended() -> None:
    history = History()
    history.append({"epoch": 1, "loss": 1.0})
    history.stopped, history.warnings = "interrupted", ["the input is not scaled"]
    html = history._repr_html_()
    assert html.endswith("<p>stopped: interrupted</p><p>warning: the input is not scaled</p>")


def test_a_diagnosis_is_its_findings() -> None:
    class Double:
        def forward(self, x):
            return 2 * x

        def backward(self, dy):
            return -2 * dy

    wrong = cr.check.diagnose(Double(), np.ones((3, 2)))
    assert repr(wrong) == str(wrong)  # at a prompt
    header, row = cells(wrong._repr_html_())
    assert header == ["line", "gradient", "what is wrong", "seen", "what to do"]
    assert row[1:3] == [wrong.findings[0].gradient, "sign"]
    right = cr.check.diagnose(cr.Dense(2), np.ones((3, 2)))
    assert {"right"} == {row[1] for row in cells(right._repr_html_())[1:]}


def test_comparisons_are_their_tables() -> None:
    rows = [Difference("0 Dense(2)", "Linear", 0.0, 0.0, {"W": 0.5})]
    html = Comparison(rows, 1e-9)._repr_html_()
    assert cells(html)[1] == ["0 Dense(2)", "Linear", "equal", "equal", "dW 0.5"]
    runs = [
        RunResult(name, seed, {"validation_accuracy": 0.9 + seed / 100}, {})
        for name in ("a", "b")
        for seed in range(3)
    ]
    results = Results(runs)
    assert [row[0] for row in cells(results._repr_html_())] == ["variant", "a", "b"]
    assert f"<p>{results.sentences()[0]}</p>" in results._repr_html_()


def test_text_opens_no_tag() -> None:
    finding = Finding(HOSTILE, HOSTILE, True, HOSTILE, suggestion=HOSTILE)
    runs = [RunResult(HOSTILE, seed, {"accuracy": 0.5}, {}) for seed in range(2)]
    for shown in (
        Diagnosis(HOSTILE, [finding], unchecked=[HOSTILE]),
        Comparison([Difference(HOSTILE, HOSTILE, None, None, {HOSTILE: 1.0})], 1e-9),
        Results(runs),
    ):
        html = shown._repr_html_()
        assert "<script" not in html
        assert "&lt;script&gt;alert(1)&lt;/script&gt;\\n" in html
