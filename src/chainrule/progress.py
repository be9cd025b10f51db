"""What training shows: a bar with rate and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chainrule.callbacks import Callback
from chainrule.history import Record

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from chainrule.trainer import Trainer

LINES = 20  # at most about so many lines for a whole training, however many epochs
SECONDS_BETWEEN_REFRESHES = 0.1
BOOKKEEPING = ("epoch", "learning_rate", "seconds")  # in a record, besides loss and metrics


def progress() -> Callback:
    """The progress display that suits where the output goes."""
    return ProgressBar() if sys.stdout.isatty() else ProgressLines()


class ProgressLines(Callback):
    """A line for each epoch, or, where there are many, for every so many epochs."""

    only_shows = True

    def training_starts(self, trainer: Trainer) -> None:
        if trainer.notice:
            self.show(trainer.notice)

    def epoch_ends(self, trainer: Trainer) -> None:
        if is_shown(trainer):
            self.show(line(trainer.history[-1], trainer.plan.epochs))

    def training_ends(self, trainer: Trainer) -> None:
        if trainer.history.stopped:
            self.show(f"stopped: {trainer.history.stopped}")

    def show(self, text: str) -> None:
        """Write one line."""
        print(text, flush=True)


class ProgressBar(ProgressLines):
    """The same lines above a bar."""

    def training_starts(self, trainer: Trainer) -> None:
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
            "", total=None, epoch=1, epochs=trainer.plan.epochs, rate=""
        )
        self.bar.start()
        super().training_starts(trainer)

    def step_ends(self, trainer: Trainer) -> None:
        now = time.perf_counter()
        if now - self.refreshed < SECONDS_BETWEEN_REFRESHES:
            return
        self.refreshed = now
        moment = trainer.moment
        self.bar.update(
            self.task,
            total=moment.epochs * moment.steps_per_epoch,
            completed=moment.step + 1,
            epoch=math.floor(moment.epoch) + 1,
            rate=f"{trainer.examples_seen / (now - self.began):,.0f} examples/s",
        )

    def training_ends(self, trainer: Trainer) -> None:
        self.bar.stop()
        super().training_ends(trainer)

    def show(self, text: str) -> None:
        self.bar.console.print(text, highlight=False)


def is_shown(trainer: Trainer) -> bool:
    """The first epoch, the last, and evenly spaced ones between."""
    epoch, epochs = len(trainer.history), trainer.plan.epochs
    every = math.ceil(epochs / LINES)
    return epoch in (1, epochs) or epoch % every == 0 or trainer.history.stopped is not None


def line(record: Record, epochs: int) -> str:
    """``epoch  3/10   loss 0.0812   accuracy 97.52 %   …   1.2 s``."""
    epoch = f"epoch {int(record['epoch']):>{len(str(epochs))}}/{epochs}"
    shown = {name: value for name, value in record.items() if name not in BOOKKEEPING}
    return f"{epoch}   {describe_numbers(shown)}   {format_seconds(record['seconds'])}"


def describe_numbers(numbers: Mapping[str, float]) -> str:
    """``loss 0.0812   accuracy 97.52 %``."""
    return "   ".join(
        f"{name.replace('_', ' ')} {format_number(name, value)}" for name, value in numbers.items()
    )


def format_number(name: str, value: float) -> str:
    """Accuracies as a percentage, other numbers with four digits."""
    return f"{100 * value:.2f} %" if is_share(name) else f"{value:.4g}"


def format_seconds(seconds: float) -> str:
    """In the unit that suits.

    >>> format_seconds(12.345), format_seconds(0.0456), format_seconds(0.0000567)
    ('12.3 s', '45.6 ms', '56.7 µs')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:,.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def is_share(name: str) -> bool:
    """Whether a recorded number is a share of the examples, shown as a percentage."""
    return name.endswith("accuracy")


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show, on a terminal, that something takes long, and how long it has taken."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn(what), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        bar.add_task("")
        yield
