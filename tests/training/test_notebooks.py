"""What the cells of a notebook show, as a kernel runs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

BEGIN = """
import numpy as np
import chainrule as cr
import chainrule.training.progress

chainrule.training.progress.SECONDS_BETWEEN_REFRESHES = 0
rng = np.random.default_rng(0)
x = rng.standard_normal((64, 2))
y = (x[:, 0] > 0).astype(int)

def network():
    return cr.Network([cr.Dense(4), cr.Tanh(), cr.Dense(2)], 2, engine="numpy")
"""
TRAIN = "_ = network().fit(x, y, epochs=300, batch_size=32)"
STOP = "_ = network().fit(x, y, epochs=99, callbacks=[cr.EarlyStopping(1, min_change=9)])"
FAIL = "_ = network().fit(x, y, epochs=3, optimizer=cr.SGD(1e30), loss='mean_squared_error')"
QUIET = "_ = network().fit(x, y, epochs=3, quiet=True)"
CAPTURED = "%%capture printed\n_ = network().fit(x, y, epochs=2)"
PRINTED = "print(printed.stdout)"
WAIT = r"""
from chainrule.presentation.display import waiting
with waiting("compiling \x1b[31m"):
    pass
"""
SHOWN = {
    "network": "network()",
    "summary": "network().summary()",
    "history": "network().fit(x, y, epochs=30, quiet=True)",
    "diagnosis": "cr.check.diagnose(cr.Dense(2), x)",
    "comparison": """
from chainrule.experiments.results import Results, RunResult
variants = [(v, s) for v in "ab" for s in range(3)]
Results([RunResult(v, s, {"validation_accuracy": 0.9 + s / 100}, {}) for v, s in variants])
""",
    "comparison of layers": """
from chainrule.explain.comparing.compare import Comparison, Difference
Comparison([Difference("0 Dense(2)", "Linear", 0.0, 0.0, {"W": 0.5})], 1e-9)
""",
}


class Watched(NotebookClient):
    """Runs a notebook, and keeps all that its cells show on the way."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.updates: dict[int, list[str]] = {}

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        if msg["msg_type"] == "update_display_data":
            shown = msg["content"]["data"]["text/plain"]
            self.updates.setdefault(cell_index, []).append(shown)
        return super().process_message(msg, cell, cell_index)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The outputs of each cell by its code, and what it showed before."""
    folder: Path = tmp_path_factory.mktemp("notebook")
    code = [BEGIN, TRAIN, STOP, FAIL, QUIET, CAPTURED, PRINTED, WAIT, *SHOWN.values()]
    cells = [nbformat.v4.new_code_cell(source) for source in code]
    cells[code.index(FAIL)].metadata["tags"] = ["raises-exception"]
    client = Watched(
        nbformat.v4.new_notebook(cells=cells),
        timeout=None,
        shutdown_kernel="immediate",
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    outputs = {source: cell.outputs for source, cell in zip(code, cells, strict=True)}
    return outputs, {code[number]: shown for number, shown in client.updates.items()}


def text(output: Any) -> list[str]:
    """The lines of an output that is text alone."""
    assert output["output_type"] == "display_data"
    assert set(output["data"]) == {"text/plain"}
    return str(output["data"]["text/plain"]).splitlines()


def test_training_is_one_output_of_few_lines(run: Any) -> None:
    (output,) = run[0][TRAIN]
    lines = text(output)
    assert len(lines) == 21
    assert lines[0].startswith("epoch   1/300   loss ")
    assert lines[-1].startswith("epoch 300/300   loss ")


def test_its_last_line_lives(run: Any) -> None:
    shown = run[1][TRAIN]
    live = [lines[-1] for lines in map(str.splitlines, shown) if lines and "left" in lines[-1]]
    assert len(live) == 600, "a line for each step, which the next one replaces"
    assert live[0].startswith("epoch 1/300   ░░░░░")
    assert live[-1].startswith("epoch 300/300   █████")
    assert live[-1].endswith("examples/s   0:00:00 left")
    assert "░" not in live[-1]
    assert max(len(lines.splitlines()) for lines in shown) == 21


def test_how_it_ended_is_said(run: Any) -> None:
    assert text(run[0][STOP][0])[-1] == "stopped: no improvement for 1 epoch"
    shown, error = run[0][FAIL]
    assert not any("left" in line for line in text(shown))
    assert error["ename"] == "TrainingError"


def test_nothing_is_shown_where_nothing_is_asked_for(run: Any) -> None:
    assert run[0][QUIET] == []


def test_what_is_captured_is_plain_lines(run: Any) -> None:
    assert run[0][CAPTURED] == []
    assert run[0][PRINTED][0]["text"].startswith("epoch 1/2   loss ")


def test_waiting_says_for_what_and_how_long(run: Any) -> None:
    assert run[1][WAIT][0] == r"compiling \x1b[31m …"  # no colour: text is text
    assert text(run[0][WAIT][0])[0].startswith(r"compiling \x1b[31m: ")


@pytest.mark.parametrize("kind", SHOWN)
def test_what_ends_a_cell_is_a_table(kind: str, run: Any) -> None:
    (output,) = run[0][SHOWN[kind]]
    assert output["output_type"] == "execute_result"
    assert output["data"]["text/html"].startswith("<table><tr><th>")
    assert output["data"]["text/plain"]
