"""Each lab's own style: adopted, checked and written out as the reports show it."""

from __future__ import annotations

import inspect
import re

import pytest

import chainrule as cr
from chainrule.experiments.document import CodeBlock, Document, Paragraph, Table
from chainrule.labs import LABS
from chainrule.labs.adoption import diagnose, show_adopted, show_backward, show_by_hand, show_slip
from chainrule.labs.adoptions import BY_HAND

SLOWLY_CHECKED = ("fully-connected",)  # networks that only have steps to show


def test_every_lab_has_its_style() -> None:
    assert list(BY_HAND) == list(LABS)


@pytest.mark.parametrize("name", BY_HAND)
def test_a_style_has_the_gradients_of_chainrules_layers(name: str) -> None:
    document = Document(name)
    show_adopted(document, BY_HAND[name])
    (table,) = (part for part in document.parts if isinstance(part, Table))
    assert all(float(row[2]) > 1e-3 and float(row[3]) < 1e-9 for row in table.rows)
    *_, after = (part.text for part in document.parts if isinstance(part, Paragraph))
    assert float(after.split()[-2]) < 1e-9


@pytest.mark.parametrize("name", BY_HAND)
def test_a_style_is_written_out(name: str) -> None:
    document = Document(name)
    show_backward(document, BY_HAND[name])
    (code,) = (part for part in document.parts if isinstance(part, CodeBlock))
    assert re.search(r"# \((N, \d+|\d+, N)", code.lines)
    assert "adam" not in code.lines
    assert "derivations/losses.md" in document.to_markdown()


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.long] if n in SLOWLY_CHECKED else []) for n in BY_HAND],
)
def test_the_doctor_finds_no_mistake_in_a_style(name: str) -> None:
    diagnosis = diagnose(f"{name}.py", inspect.getsource(BY_HAND[name].code))
    assert diagnosis.ok, diagnosis


@pytest.mark.long
def test_the_doctor_names_the_slip_of_a_lab() -> None:
    by_hand = BY_HAND["mnist-mlp"]
    assert by_hand.slip is not None
    source = inspect.getsource(by_hand.code)
    assert source.count(by_hand.slip.line) == 1
    wrong = source.replace(by_hand.slip.line, by_hand.slip.wrong)
    diagnosis = diagnose("mnist_mlp.py", wrong)
    line = 1 + wrong.splitlines().index(f"    {by_hand.slip.wrong.strip()}")
    assert [(f.line, f.gradient, f.code) for f in diagnosis.findings] == [
        (line, "db3 of backward_pass", "batch-scale")
    ]
    document = Document("slip")
    show_slip(document, by_hand.slip, diagnosis)
    assert "batch-scale" in document.to_markdown()


def test_the_whole_section() -> None:
    document = Document("parabola")
    show_by_hand(document, BY_HAND["parabola"], workers=1)
    text = document.to_markdown()
    assert "no mistake found. It compared `dx of Layer`, `dw of Layer`, `db of Layer`" in text
    assert "class Layer:\n    def __init__" in text
    assert isinstance(BY_HAND["parabola"].adopt(), cr.HandWritten)
