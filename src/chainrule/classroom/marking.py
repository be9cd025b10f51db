"""All submissions, several at a time. A check that was interrupted goes on where it was."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from chainrule.classroom.checking import Task, check_submission
from chainrule.classroom.record import Record, short_name
from chainrule.classroom.submissions import Submission
from chainrule.doctor.process.judge import MODULE
from chainrule.files import make_folder, whole_file
from chainrule.sandbox.fork_server import starter
from chainrule.sandbox.worker import kill_workers
from chainrule.text import for_csv

COLUMNS = (
    *("student", "verdict", "credit", "right", "compared", "mistakes", "causes", "functions"),
    *("not compared", "files", "seconds"),
)

Finished = Callable[[int, int], None]


def mark(
    submissions: Sequence[Submission],
    task: Task,
    out: Path,
    workers: int = 2,
    finished: Finished = lambda done, total: None,
) -> list[Record]:
    """Check the submissions, and leave a record of each in `out`, and a table.

    Args:
        workers: how many are checked at a time.
        finished: called with (done, total) after each.
    Raises:
        OutputError: the records cannot be written.
    """
    make_folder(out / "records")
    records: dict[str, Record] = {}

    def done(record: Record) -> None:
        records[record.student] = record
        finished(len(records), len(submissions))

    left = []
    for submission in submissions:
        stored = _stored(record_file(out, submission.student))
        if stored is not None and stored.fingerprint == task.fingerprint(submission):
            done(stored)
        else:
            left.append(submission)
    with starter(MODULE) as start, ThreadPoolExecutor(workers) as executor:
        running: set[Future[Record]] = {
            executor.submit(check_submission, submission, task, start) for submission in left
        }
        try:
            while running:
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                for each in ended:
                    _store(each.result(), out)
                    done(each.result())
        except BaseException:  # an interrupt: what is stored stays, what waits is not begun
            executor.shutdown(wait=False, cancel_futures=True)
            kill_workers()
            raise
    ordered = [records[submission.student] for submission in submissions]
    write_table(ordered, out / "results.csv")
    return ordered


def record_file(out: Path, student: str) -> Path:
    """Where the record of a student lies."""
    return out / "records" / f"{short_name(student)}.json"


def _store(record: Record, out: Path) -> None:
    with whole_file(record_file(out, record.student)) as file:
        file.write(json.dumps(record.as_json(), indent=1).encode())


def _stored(file: Path) -> Record | None:
    """A record from before; None where there is none that can be read."""
    try:
        return Record.from_json(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_table(records: Sequence[Record], path: Path) -> None:
    """A row for each submission."""
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for record in records:
        credit = record.credit
        functions = {str(finding["function"]) for finding in record.findings}
        row = (
            *(record.student, record.verdict.value, "" if credit is None else f"{credit:.3f}"),
            *(record.right, record.compared, len(record.findings)),
            *(" ".join(sorted(record.causes)), " ".join(sorted(functions - {""}))),
            *("; ".join(record.unchecked), " ".join(each.file for each in record.files)),
            record.seconds,
        )
        table.writerow([for_csv(str(cell)) for cell in row])
    with whole_file(path) as file:
        file.write(text.getvalue().encode("utf-8"))
