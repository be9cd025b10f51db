"""What training shows: a bar with rate and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import sys
import time
from typing import TYPE_CHECKING

from chainrule.callbacks import Callback, Training
from chainrule.display import describe_numbers, format_seconds
from chainrule.history import BOOKKEEPING, Record

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LINES = 20  # at most about so many lines for a whole training, however many epochs
SECONDS_BETWEEN_REFRESHES = 0.1


def progress() -> Callback:
    """The progress display that suits where the output goes."""
    return ProgressBar() if sys.stdout.isatty() else ProgressLines()


class ProgressLines(Callback):
    """A line for each epoch, or, where there are many, for every so many epochs."""

    only_shows = True

    def training_starts(self, training: Training) -> None:
        self.warnings_shown = 0
        if training.notice:
            self.show(training.notice)
        self.show_warnings(training)

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
        print(text, flush=True)


class ProgressBar(ProgressLines):
    """The same lines above a bar."""

    def training_starts(self, training: Training) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.began = self.refreshed = time.perf_counter()
        self.bar: Progress = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            transient=True,
        )
        self.task: TaskID = self.bar.add_task(
            "", total=None, epoch=1, epochs=training.plan.epochs, rate=""
        )
        self.bar.start()
        super().training_starts(training)

    def step_ends(self, training: Training) -> None:
        now = time.perf_counter()
        if now - self.refreshed < SECONDS_BETWEEN_REFRESHES:
            return
        self.refreshed = now
        moment = training.moment
        self.bar.update(
            self.task,
            total=moment.epochs * moment.steps_per_epoch,
            completed=moment.step + 1,
            epoch=math.floor(moment.epoch) + 1,
            rate=f"{training.examples_seen / (now - self.began):,.0f} examples/s",
        )

    def training_ends(self, training: Training) -> None:
        self.bar.stop()
        super().training_ends(training)

    def show(self, text: str) -> None:
        self.bar.console.print(text, highlight=False, markup=False)


def is_shown(training: Training) -> bool:
    """The first epoch, the last, and evenly spaced ones between."""
    epoch, epochs = len(training.history), training.plan.epochs
    every = math.ceil(epochs / LINES)
    return epoch in (1, epochs) or epoch % every == 0 or training.history.stopped is not None


def line(record: Record, epochs: int) -> str:
    """``epoch  3/10   loss 0.0812   accuracy 97.52 %   …   1.2 s``."""
    epoch = f"epoch {int(record['epoch']):>{len(str(epochs))}}/{epochs}"
    shown = {name: value for name, value in record.items() if name not in BOOKKEEPING}
    return f"{epoch}   {describe_numbers(shown)}   {format_seconds(record['seconds'])}"
