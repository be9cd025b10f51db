"""The zip file that Gradescope runs for each submission, and what runs in it:
``python -m chainrule.classroom.autograder SETTINGS.json SUBMISSION RESULTS.json``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from chainrule.classroom.checking import Task, check_submission
from chainrule.classroom.formats import Marking, gradescope
from chainrule.classroom.submissions import submission_in
from chainrule.files import whole_file
from chainrule.sandbox.limits import Limits

SETTINGS, SOLUTION = "settings.json", "solution.py"
EXECUTABLE = 0o100755 << 16

SETUP = """\
#!/usr/bin/env bash
# Runs once, when Gradescope builds the image.
set -e
apt-get update
apt-get install -y python3 python3-pip python3-venv libseccomp2 util-linux
python3 -m venv /autograder/python
cd /autograder/source
/autograder/python/bin/pip install *.whl scipy
"""
RUN = """\
#!/usr/bin/env bash
# Runs for each submission.
cd /autograder
python/bin/python -m chainrule.classroom.autograder \\
    source/settings.json submission results/results.json
"""


@dataclass(frozen=True)
class Settings:
    """What the instructor has said.

    Args:
        file: the file that counts; None for all that have a backward pass.
        points: that a right submission gets.
        hide_suggestions: true if the corrections are not told.
        seconds: of processor time for each file.
    """

    file: str | None = None
    points: float = 100.0
    hide_suggestions: bool = False
    seconds: float = 30.0


def write_autograder(
    path: Path, settings: Settings, wheel: Path, solution: Path | None = None
) -> None:
    """Write the zip file to upload.

    Args:
        wheel: chainrule itself: its name on PyPI is free, and anyone could register it.
        solution: a right one, which each submission is held to.
    Raises:
        OutputError: it cannot be written.
    """
    with whole_file(path) as file, ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for name, text in _scripts(settings):
            entry = ZipInfo(name)
            entry.external_attr, entry.compress_type = EXECUTABLE, ZIP_DEFLATED
            archive.writestr(entry, text)
        if solution is not None:
            archive.write(solution, SOLUTION)
        archive.write(wheel, wheel.name)


def _scripts(settings: Settings) -> Iterator[tuple[str, str]]:
    yield "setup.sh", SETUP
    yield "run_autograder", RUN
    yield SETTINGS, json.dumps(asdict(settings), indent=1)


def autograde(settings_file: Path, submission: Path, results: Path) -> None:
    """Check one submission, and write what Gradescope reads."""
    settings = Settings(**json.loads(settings_file.read_text(encoding="utf-8")))
    solution = settings_file.with_name(SOLUTION)
    right = solution if solution.exists() else None
    limits, hide = Limits(settings.seconds), settings.hide_suggestions
    task = Task(settings.file, right, limits, hide_suggestions=hide)
    record = check_submission(submission_in(submission), task)
    ((_, text),) = gradescope([record], Marking("", settings.points))
    with whole_file(results) as file:
        file.write(text.encode("utf-8", errors="replace"))


if __name__ == "__main__":
    autograde(*map(Path, sys.argv[1:4]))
