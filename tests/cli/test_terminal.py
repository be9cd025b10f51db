"""What a person sees: progress on a terminal, plain lines in a pipe, a clean end on Ctrl-C."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.presentation.display import is_terminal, waiting

TRAIN = [sys.executable, "-m", "chainrule", "train", "digits"]


def test_a_terminal_shows_a_bar_with_rate_and_time_left(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*TRAIN, "--epochs", "60", "--batch-size", "1"],
        cwd=tmp_path,
        stdout=slave,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"},
    )
    os.close(slave)
    shown = ""
    while "examples/s" not in shown and process.poll() is None:
        shown += os.read(master, 4096).decode(errors="replace")
    process.kill()
    process.wait()
    os.close(master)
    assert "examples/s" in shown
    assert "left" in shown
    assert "epoch " in shown


def test_a_pipe_gets_plain_lines(tmp_path: Path) -> None:
    done = subprocess.run(
        [*TRAIN, "--epochs", "2"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "\x1b" not in done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("epoch 2/2   loss ")]


def test_without_a_terminal_what_takes_long_is_said_in_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for _ in range(2):
        with waiting("compiling something: 15 seconds"):
            pass
    assert capsys.readouterr() == ("", "chainrule: compiling something: 15 seconds\n")


def test_control_c_saves_what_was_learnt(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*TRAIN, "--epochs", "100000", "--out", "run"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    metrics = tmp_path / "run" / "metrics.jsonl"
    while not (metrics.exists() and metrics.read_text()):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate()
    assert process.returncode == 130
    assert "stopped: interrupted" in printed
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["stopped"] == "interrupted"
    assert cr.load(tmp_path / "run" / "model.safetensors").output_shape == (10,)


def test_a_narrow_terminal_cuts_nothing_off_and_colours_can_be_left_out(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "chainrule", "data", "list"],
        cwd=tmp_path,
        stdout=slave,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "40", "NO_COLOR": "1"},
    )
    os.close(slave)
    shown = b""
    while part := _read(master):
        shown += part
    assert process.wait() == 0
    text = shown.decode()
    assert "…" not in text
    assert "emnist-bymerge   28x28 images  697,932 + 116,323       47" in text
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", text)  # colours; bold letters stay


def _read(terminal: int) -> bytes:
    """What is on a terminal; nothing where its program has ended."""
    try:
        return os.read(terminal, 65536)
    except OSError:  # on Linux
        return b""


@pytest.mark.parametrize("closed", [(), ("stdout",), ("stderr",), ("stdout", "stderr")], ids=str)
def test_closed_streams_are_no_terminals(
    closed: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in closed:
        monkeypatch.setattr(sys, name, None)
    stream = io.StringIO()
    stream.close()
    assert not any(map(is_terminal, (sys.stdout, sys.stderr, stream)))
    network = cr.Network([cr.Dense(1)], 2)
    network.fit(np.ones((4, 2)), np.ones((4, 1)), loss="mean_squared_error", epochs=1)
