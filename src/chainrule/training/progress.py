"""What training shows: a bar with rate and time left on a terminal and in notebooks, plain lines
elsewhere."""

from __future__ import annotations

import math
import sys
import time
from abc import abstractmethod
from datetime import timedelta
from typing import TYPE_CHECKING

from chainrule.callbacks import Callback, Training
from chainrule.extras import is_installed
from chainrule.history import BOOKKEEPING, Record
from chainrule.presentation.display import (
    CellText,
    format_number,
    format_seconds,
    is_in_notebook,
    is_terminal,
    say,
)
from chainrule.schedules import Moment
from chainrule.text import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LINES = 20  # at most about so many lines for a whole training, however many epochs
SECONDS_BETWEEN_REFRESHES = 0.1
WIDEST_NUMBER = len("1.234e-05")  # the same for all, so that columns are aligned
WIDTH = 30  # characters of the bar in a notebook


def progress() -> Callback:
    """The progress display that suits where the output goes."""
    if is_in_notebook():
        return ProgressInCell()
    return ProgressBar() if is_terminal(sys.stdout) and is_installed("rich") else ProgressLines()


class ProgressLines(Callback):
    """A line for each epoch, or, where there are many, for every so many epochs."""

    only_shows = True

    def training_starts(self, training: Training) -> None:
        self.epochs = training.plan.epochs
        self.warnings_shown = 0
        for notice in training.notices:
            self.show(notice)
        self.show_warnings(training)

    def next_look(self, epoch: int) -> float:
        return next_shown(epoch, self.epochs)

    def epoch_ends(self, training: Training) -> None:
        if is_shown(training):
            self.show(line(training.history[-1], training.plan.epochs))
        self.show_warnings(training)

    def training_ends(self, training: Training) -> None:
        self.show_warnings(training)
        if training.history.stopped:
            self.show(f"stopped: {training.history.stopped}")

    def show_warnings(self, training: Training) -> None:
        """Write a line for each new warning."""
        for warning in training.history.warnings[self.warnings_shown :]:
            self.show(f"warning: {warning}")
        self.warnings_shown = len(training.history.warnings)

    def show(self, text: str) -> None:
        """Write one line."""
        say(text)


class LiveProgress(ProgressLines):
    """The same lines, and below them how far training has come."""

    def training_starts(self, training: Training) -> None:
        self.began = self.refreshed = time.perf_counter()
        self.seen_before, self.epochs_before = training.examples_seen, len(training.history)
        super().training_starts(training)

    def step_ends(self, training: Training) -> None:
        now = time.perf_counter()
        if now - self.refreshed >= SECONDS_BETWEEN_REFRESHES:
            self.refreshed = now
            seen = training.examples_seen - self.seen_before
            self.refresh(training.moment, f"{seen / (now - self.began):,.0f} examples/s")

    @abstractmethod
    def refresh(self, moment: Moment, rate: str) -> None:
        """Show that training has come to this moment, and how fast it goes."""


class ProgressBar(LiveProgress):
    """On a terminal."""

    def training_starts(self, training: Training) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.bar: Progress = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            transient=True,
        )
        self.task: TaskID = self.bar.add_task(
            "", total=None, epoch=len(training.history) + 1, epochs=training.plan.epochs, rate=""
        )
        self.bar.start()
        super().training_starts(training)

    def refresh(self, moment: Moment, rate: str) -> None:
        self.bar.update(
            self.task,
            total=moment.epochs * moment.steps_per_epoch,
            completed=moment.step + 1,
            epoch=math.floor(moment.epoch) + 1,
            rate=rate,
        )

    def training_ends(self, training: Training) -> None:
        self.bar.stop()
        super().training_ends(training)

    def show(self, text: str) -> None:
        from rich.text import Text

        self.bar.console.print(Text(printable(text)))


class ProgressInCell(LiveProgress):
    """In a notebook: one output of the cell, which is replaced as training goes on."""

    def training_starts(self, training: Training) -> None:
        self.lines: list[str] = []
        self.cell = CellText()
        super().training_starts(training)

    def refresh(self, moment: Moment, rate: str) -> None:
        done, total = moment.step + 1, moment.epochs * moment.steps_per_epoch
        full = WIDTH * done // total
        made = done - self.epochs_before * moment.steps_per_epoch
        left = (self.refreshed - self.began) / made * (total - done)
        bar = f"{'█' * full}{'░' * (WIDTH - full)}   {rate}   {timedelta(seconds=round(left))} left"
        epoch = f"epoch {math.floor(moment.epoch) + 1}/{moment.epochs}"
        self.cell.show([*self.lines, f"{epoch}   {bar}"])

    def training_ends(self, training: Training) -> None:
        super().training_ends(training)
        self.cell.show(self.lines)

    def show(self, text: str) -> None:
        self.lines.append(text)
        self.cell.show(self.lines)


def is_shown(training: Training) -> bool:
    """True if the epoch that has ended has a line."""
    epoch = len(training.history)
    return training.history.stopped is not None or next_shown(epoch, training.plan.epochs) == epoch


def next_shown(epoch: int, epochs: int) -> int:
    """The first epoch from this one on that has a line: the first of all, the last, and evenly
    spaced ones between.

    >>> [next_shown(epoch, 1000) for epoch in (1, 2, 51, 951, 1000)]
    [1, 50, 100, 1000, 1000]
    """
    if epoch == 1:
        return 1
    every = math.ceil(epochs / LINES)
    return min(math.ceil(epoch / every) * every, epochs)


def line(record: Record, epochs: int) -> str:
    """Where training has come to, in columns.

    >>> line({"epoch": 3, "loss": 0.08123, "accuracy": 0.9752, "seconds": 1.25}, epochs=10)
    'epoch  3/10   loss 0.08123     accuracy 97.52 %     1.25 s'
    """
    epoch = f"epoch {int(record['epoch']):>{len(str(epochs))}}/{epochs}"
    shown = (
        f"{name.replace('_', ' ')} {format_number(name, value):<{WIDEST_NUMBER}}"
        for name, value in record.items()
        if name not in BOOKKEEPING
    )
    return "   ".join((epoch, *shown, format_seconds(record["seconds"])))
