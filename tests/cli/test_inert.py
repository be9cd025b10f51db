"""Files, folders and variants with hostile names: every command shows them, and does no more."""

from __future__ import annotations

import ast
import csv
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tomli_w
from PIL import Image
from sweep import some_long

import chainrule.cli
from chainrule.history import History
from chainrule.training.progress import ProgressBar, ProgressLines
from tests.cli.conftest import Answer, Command
from tests.doctor.slips import SLIPS
from tests.hostile import FORMULAS, is_one_line

FOLDER = "["  # so that a path has a closing tag in it
NAME = "[/red]:bomb:`$x^$`<b>|\x1b]0;gone\x07\n=1\u202e\udcff"
TEXT = NAME.replace("\udcff", "")  # what a configuration can hold
SHOWN = r"[/red]:bomb:`$x^$`<b>|\x1b]0;gone\x07"  # up to the line's end
ROWS = "label,a,b\n" + "\n".join(f"{i % 2},{i % 3},{i % 5}" for i in range(20)) + "\n"


def is_inert(answer: Answer) -> bool:
    """True if all that was printed is lines of characters."""
    assert "Traceback" not in answer.err
    return all(map(is_one_line, (answer.out + answer.err).split("\n")))


@pytest.fixture
def hostile(chainrule: Command) -> Command:
    """Commands in a folder with files that are called NAME and TEXT, each with its ending."""
    Path(FOLDER).mkdir()
    slip = next(slip for slip in SLIPS if slip.name == "weights averaged over the batch")
    for name in (NAME, TEXT):
        Path(f"{name}.csv").write_text(ROWS, encoding="utf-8")
        Path(f"{name}.py").write_text(slip.source(), encoding="utf-8")
    return chainrule


@pytest.mark.usefixtures("undrawn")
def test_a_run_from_its_data_to_its_report(hostile: Command) -> None:
    run, data = f"{TEXT}run", f"{TEXT}.csv"
    commands = [
        ("train", data, "--epochs", 1, "--hidden", 2, "--out", run),
        ("summary", run),
        ("evaluate", run),
        ("evaluate", run, f"{NAME}.csv"),
        ("predict", run, f"{NAME}.csv", "--out", f"{NAME}p.csv"),
        ("predict", run, f"{NAME}.csv", "--out", f"{NAME}p.csv"),
        ("report", run, "--out", f"{NAME}report"),
        ("explain", run),
        ("explain", run, "--numbers", "--out", f"{NAME}.html"),
        ("export-notebook", run, "--out", f"{NAME}.ipynb"),
        ("export", run, "--onnx", f"{NAME}.onnx"),
        ("data", "export", "xor", "--csv", f"{NAME}xor.csv"),
        ("data", "info", NAME),
    ]
    codes = []
    for command in commands:
        answer = hostile(*command)
        assert is_inert(answer), command
        codes.append(answer.code)
    assert codes == [0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 2]


def test_a_run_folder_that_is_not_named_stays_in_its_place(hostile: Command) -> None:
    before = set(Path().iterdir())
    answer = hostile("train", f"{TEXT}.csv", "--epochs", 1, "--hidden", 2)
    assert answer.code == 0
    assert SHOWN not in answer.out.splitlines()[-1]
    assert set(Path().iterdir()) - before == {Path("runs")}
    assert [path.name for path in Path("runs").iterdir()] == ["red_bomb_x_b_0_gone_=1_-mlp-1"]


def test_a_name_of_bytes_that_are_no_text_is_refused_where_a_file_must_hold_it(
    hostile: Command,
) -> None:
    answer = hostile("train", f"{NAME}.csv", "--epochs", 1)
    assert answer.code == 2
    assert is_inert(answer)
    assert "data is not text in UTF-8: rename the file" in answer.err
    assert not Path("runs").exists()


def test_the_doctor_shows_a_file_and_its_lines(hostile: Command) -> None:
    source = Path(f"{NAME}.py").read_text(encoding="utf-8")
    mark = "  # [/red] \x1b]0;gone\x07 \u202e"
    lines = [line + mark if "# " not in line and line.strip() else line
             for line in source.split("\n")]  # fmt: skip
    Path(f"{NAME}.py").write_text("\n".join(lines).replace("    ", "\t"), encoding="utf-8")
    answer = hostile("check", f"{NAME}.py", "--heat-map", f"{NAME}.png")
    assert answer.code == 1
    assert is_inert(answer)
    assert f"{FOLDER}{SHOWN[1:]}" in answer.out.splitlines()[0]
    assert r"[/red] \x1b]0;gone\x07 \u202e" in "".join(answer.out.split("▸")[1:])
    assert Path(f"{NAME}.png").exists()
    as_json = hostile("check", f"{NAME}.py", "--json")
    assert as_json.out.isascii()
    assert json.loads(as_json.out)["findings"][0]["code"] == "batch-scale"


def test_a_message_of_the_students_is_a_line_of_the_finding(hostile: Command) -> None:
    Path("layer.py").write_text(
        "class Layer:\n"
        "    def forward(self, x):\n        self.x = x\n        return 2 * x\n"
        "    def backward(self, dy):\n"
        "        raise ValueError('[/red]\\x1b]0;gone\\x07\\nchainrule: all is well\\u202e')\n"
        "def example(rng):\n    return {'layer': Layer(), 'x': rng.normal(size=(5, 4))}\n"
    )
    answer = hostile("check", "layer.py")
    assert answer.code == 1
    assert is_inert(answer)
    assert r"[/red]\x1b]0;gone\x07\nchainrule: all is well\u202e" in " ".join(answer.out.split())


def test_grading_shows_files_and_tests(hostile: Command) -> None:
    tests = Path("test_all.py")
    tests.write_text("def test_it():\n    raise ValueError('\\x1b]0;gone\\x07[/red]\\nwell')\n")
    for command in (
        ("grade", tests, "--subject", f"{NAME}.py"),
        ("grade", f"{NAME}none.py", "--subject", f"{NAME}.py"),
        ("assignment", "new", f"{NAME}.py", "--out", f"{NAME}lab"),
    ):
        answer = hostile(*command)
        assert answer.code == 2
        assert is_inert(answer)


def test_a_lab_is_not_made_of_a_file_whose_name_is_code(chainrule: Command) -> None:
    Path("os; print(1).py").write_text("def example(rng):\n    return {}\n")
    answer = chainrule("assignment", "new", "os; print(1).py", "--out", "lab")
    assert answer.code == 2
    assert "tests cannot import a file of this name" in answer.err
    assert not Path("lab").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("nothing.csv",),
        ("train", "digits", "EXTRA"),
        ("train", "digits", "--EXTRA"),
        ("train", "digits", "--seed", "EXTRA"),
        ("compare", "digits", "--seeds", "EXTRA"),
        ("data", "EXTRA"),
        ("EXTRA",),
        ("--EXTRA",),
    ],
)
def test_a_command_line_that_is_wrong(chainrule: Command, arguments: tuple[str, ...]) -> None:
    answer = chainrule(*(argument.replace("EXTRA", NAME) for argument in arguments))
    assert answer.code == 2
    assert is_inert(answer)


def test_an_error_of_several_lines_is_set_in(chainrule: Command) -> None:
    answer = chainrule("train", "a\nchainrule: all is well.csv")
    assert answer.code == 2
    first, second = answer.err.splitlines()
    assert first == "chainrule: a"
    assert second.startswith("  chainrule: all is well")


# --- variants and classes -----------------------------------------------------------------


VARIANTS = ("[/red]", "..", "\x1b]0;gone\x07", "$x^$", "=1+1", "| a | b |", "CON", "long" * 200)


@pytest.mark.usefixtures("undrawn", "unspawned")
def test_variants_with_hostile_names_are_compared(chainrule: Command) -> None:
    plan = {"data": "xor", "epochs": 3, "hidden": [2], "seeds": 1, "samples": 8, "validation": 0}
    variants: list[dict[str, Any]] = [{"name": name} for name in VARIANTS]
    variants[0] |= {"loss": "mean_squared_error", "optimizer": "sgd", "learning_rate": 1e18}
    text = tomli_w.dumps({**plan, "variants": variants})
    Path("plan.toml").write_text(text, encoding="utf-8")
    answer = chainrule("compare", "plan.toml", "--workers", 2, "--out", "out")
    assert answer.code in (0, 1), answer.err
    assert is_inert(answer)
    assert "[/red], seed 0, failed: the loss became" in answer.out
    assert {path.name for path in Path().iterdir()} == {"plan.toml", "out"}
    with Path("out/results.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 1 + len(VARIANTS)
    assert not any(cell.startswith(FORMULAS) for row in rows for cell in row)
    assert is_inert(chainrule("report", "out"))


def test_predictions_stay_ready_to_be_handed_in(chainrule: Command) -> None:
    """Names of classes are defused wherever they stand; numbers are numbers."""
    classes = sorted(["=1+1", "-0.5", "@x", "[/red]".replace("/", "∕"), "+x;=y"])
    pixels = np.random.default_rng(0)
    for name in classes:
        Path("images", name).mkdir(parents=True)
        for number in range(2):
            image = pixels.integers(0, 256, (3, 3), np.uint8)
            Image.fromarray(image).save(Path("images", name, f"{number}.png"))
    assert chainrule("train", "images", "--epochs", 1, "--hidden", 2, "--out", "run").code == 0
    options = ("--id-column", "=Id", "--label-column", "-0.5")
    for more, header in (
        ((), ["'=Id", "-0.5"]),
        (("--proba",), ["'=Id", "'+x;'=y", "-0.5", "'=1+1", "'@x", "[∕red]"]),
    ):
        answer = chainrule("predict", "run", "images", "--out", "p.csv", "--force", *options, *more)
        assert answer.code == 0
        with Path("p.csv").open(newline="", encoding="utf-8") as file:
            first, *rows = csv.reader(file)
        assert first == header
        assert len(rows) == 2 * len(classes)
        assert all(re.fullmatch(r"[-.\w∕]+/[01]\.png|'.*/[01]\.png|\[.*", row[0]) for row in rows)
        numbers = r"[0-9.e-]+" if more else r"-?0\.5|'.*|\[∕red\]"
        assert all(re.fullmatch(numbers, cell) for row in rows for cell in row[1:])


def test_negative_predictions_are_not_touched(chainrule: Command) -> None:
    chainrule("train", "sine", "--epochs", 1, "--hidden", 4, "--out", "run")
    chainrule("predict", "run", "sine", "--out", "p.csv")
    rows = Path("p.csv").read_text().splitlines()[1:]
    assert any(float(row.split(",")[1]) < 0 for row in rows)


# --- where it goes ------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["cp1252", pytest.param("ascii", marks=pytest.mark.long)])
def test_what_an_encoding_cannot_show_is_replaced(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "猫").mkdir()
    slip = SLIPS[0].source()
    (tmp_path / "猫" / "layer.py").write_text(slip, encoding="utf-8")
    (tmp_path / "猫" / "data.csv").write_text(ROWS)
    for command, code in (
        (["check", "猫/layer.py"], 1),
        (["train", "猫/data.csv", "--epochs", "1", "--out", "猫/run"], 0),
        (["train", "猫"], 2),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "chainrule", *command],
            cwd=tmp_path,
            env={**os.environ, "PYTHONIOENCODING": encoding},
            capture_output=True,
            check=False,
        )
        assert b"Traceback" not in done.stderr
        assert done.returncode == code, done.stderr
        assert rb"\u732b" in done.stdout + done.stderr


SEVERAL = """
import sys
from chainrule.cli import main
for line in sys.stdin.read().splitlines():
    sys.argv = ["chainrule", *line.split()]
    try:
        main()
    except SystemExit as ended:
        if ended.code not in (0, None):
            print(line, "ended with", ended.code, flush=True)
"""
COMMANDS = """
--help
train --help
train data.csv --epochs 1 --engine numpy --out run
train data.csv --loss hinge猫
evaluate run data.csv
predict run data.csv --out p.csv
predict run data.csv --out p.csv
summary run
report run --out report
explain run
explain run --latex
compare xor --vary optimizer=sgd,adam --seeds 2 --epochs 1 --engine numpy --out comparison
report comparison --out compared
check layer.py
grade --help
grade test_none.py
lab list
lab run 猫
data list
assignment --help
export-notebook run --out run.ipynb
"""


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    "encoding", some_long(["ascii", "cp1252", "utf-8"], lambda encoding: encoding != "ascii")
)
def test_no_command_ends_in_a_traceback_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "layer.py").write_text(SLIPS[0].source(), encoding="utf-8")
    names = "größe,город,label\n" + "1,Köln,猫\n2,Łódź,犬\n" * 4
    (tmp_path / "data.csv").write_text(names, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", SEVERAL],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": "80"},
        input=COMMANDS.strip().encode(encoding, "backslashreplace"),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stdout + done.stderr
    shown = done.stdout.decode(encoding)
    endings = [line for line in shown.splitlines() if "ended with" in line]
    assert [line.split()[-1] for line in endings] == ["2", "2", "1", "2", "2"], endings
    with_signs = {"cp1252": "ok dx", "ascii": "ok dx", "utf-8": "✓ dx"}
    assert with_signs[encoding] in shown
    assert "±" in shown or encoding == "ascii"
    if encoding != "utf-8":
        assert r"\u2500" not in shown  # the lines of a summary
        assert r"label `label`: \u72ac, \u732b" in shown


def test_a_program_that_trains_may_write_in_any_encoding(tmp_path: Path) -> None:
    """Python's own streams are strict, and times are in µs."""
    program = "from chainrule.presentation.display import say; say('15 µs → ✓ 猫')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert done.stdout.split() == [b"15", b"us", b"->", b"ok", rb"\u732b"]


OWN_COMMANDS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\n]")  # colours, the cursor, lines


@pytest.mark.usefixtures("undrawn")
def test_a_terminal_receives_no_commands_but_our_own(tmp_path: Path) -> None:
    data = f"{TEXT.replace('/', '')}.csv"
    (tmp_path / data).write_text(ROWS)
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "chainrule", "train", data, "--epochs", "2", "--out", f"{data}run"],
        cwd=tmp_path,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"},
    )
    os.close(slave)
    shown = b""
    while True:
        try:
            shown += os.read(master, 4096)
        except OSError:  # the other end is closed
            break
    os.close(master)
    assert process.wait() == 0
    text = shown.decode()
    assert r"\x1b]0;gone\x07\n=1\u202e" in text
    assert is_one_line(OWN_COMMANDS.sub("", text))


@pytest.mark.parametrize("kind", [ProgressLines, ProgressBar])
def test_progress_shows_notices_as_text(
    kind: type[ProgressLines], capsys: pytest.CaptureFixture[str]
) -> None:
    training: Any = SimpleNamespace(
        notices=["[/red]:bomb:\x1b]0;gone\x07\n\u202e"],
        plan=SimpleNamespace(epochs=1),
        examples_seen=0,
        history=History(),
    )
    training.history.stopped = "[/bold]\n"
    display = kind()
    display.training_starts(training)
    display.training_ends(training)
    shown = capsys.readouterr().out
    assert r"[/red]:bomb:\x1b]0;gone\x07\n\u202e" in shown
    assert r"stopped: [/bold]\n" in shown


def test_commands_print_through_one_door() -> None:
    """So that no text can be forgotten."""
    for file in Path(chainrule.cli.__file__).parent.glob("*.py"):
        called = {
            ast.unparse(node.func)
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
        }
        if file.name != "terminal.py":
            assert not called & {"print", "typer.echo", "Console", "sys.stdout.write"}, file.name
