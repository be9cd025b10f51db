"""Hostile texts made inert: in every medium on one line, and read as it stands in the file."""

from __future__ import annotations

import ast
import csv
import io
from collections.abc import Callable
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from matplotlib.figure import Figure

from chainrule.presentation.pictures import as_picture
from chainrule.text import (
    LONGEST_LABEL,
    file_name,
    for_csv,
    for_markdown,
    for_plot,
    for_python,
    markdown_code,
    printable,
)
from tests.hostile import FORMULAS, HARMLESS, HOSTILE, is_one_line

hostile = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
harmless = pytest.mark.parametrize("text", HARMLESS)


@hostile
@pytest.mark.parametrize(
    "function", [printable, for_markdown, markdown_code, for_plot, for_csv, for_python, file_name]
)
def test_it_is_one_line_that_can_be_written(function: Callable[[str], str], text: str) -> None:
    made = function(text)
    assert is_one_line(made)
    made.encode()


@harmless
def test_harmless_text_is_left_alone(text: str) -> None:
    for function in (printable, for_markdown, for_plot, for_csv):
        assert function(text) == text
    assert markdown_code(text) == f"`{text}`"


def test_what_cannot_be_seen_is_named() -> None:
    assert printable("\x1b[31m\n\u202e\udcff") == r"\x1b[31m\n\u202e\udcff"


@hostile
def test_matplotlib_writes_it_as_it_stands(text: str) -> None:
    figure = Figure(figsize=(6, 2))
    axes = figure.subplots()
    axes.plot([0, 1], label=for_plot(text))
    legend = axes.legend()
    title = axes.set_title(for_plot(text))
    assert as_picture(figure, "png", dpi=20).startswith(b"\x89PNG")
    written, is_formula = title._preprocess_math(title.get_text())
    assert not is_formula
    assert [one.get_text() for one in legend.get_texts()] == [for_plot(text)]
    if len(printable(text)) <= LONGEST_LABEL:
        assert written.strip() == printable(text).strip()


def test_a_long_label_keeps_both_ends() -> None:
    label = for_plot("a" * 1000 + "rate=0.1")
    assert len(label) == LONGEST_LABEL
    assert label.startswith("aaa")
    assert label.endswith("aaarate=0.1")


def test_a_letter_that_the_font_does_not_have_is_no_warning() -> None:
    figure = Figure(figsize=(2, 1))
    figure.suptitle("猫")
    assert as_picture(figure, "png", dpi=20).startswith(b"\x89PNG")


@hostile
def test_a_spreadsheet_calculates_nothing(text: str) -> None:
    line = io.StringIO()
    csv.writer(line).writerow(["first", for_csv(text), 0.5])
    (row,) = csv.reader(io.StringIO(line.getvalue()))
    assert row == ["first", for_csv(text), "0.5"]
    for mark in ",;\t":  # whatever a spreadsheet takes for the end of a cell
        for cell in csv.reader([line.getvalue()], delimiter=mark):
            assert not any(one.strip().startswith(FORMULAS) for one in cell)


@pytest.mark.parametrize("number", ["-0.5", "+1e-5", "0", "-inf"])
def test_numbers_stay_numbers(number: str) -> None:
    assert for_csv(number) == number


@hostile
def test_python_reads_the_same_text(text: str) -> None:
    assert ast.literal_eval(for_python(text)) == text


@hostile
def test_it_names_a_file_within_its_folder_on_every_system(text: str) -> None:
    name = file_name(text)
    assert 0 < len(name.encode()) < 200
    for path in (PurePosixPath(name), PureWindowsPath(name)):
        assert path.parts == (name,)
    assert name.strip(" .") == name
    assert not name.startswith("-")
    assert not set(name) & set('<>:"/\\|?*')
    assert name.partition(".")[0].upper() not in {"CON", "NUL"}


def test_names_that_are_cut_or_special_are_told_apart() -> None:
    texts = ["", ".", "..", "...", "a" * 500, "a" * 501, "CON", "con", "nul.txt", "NUL.txt"]
    assert len({file_name(text).casefold() for text in texts}) == len(texts)
