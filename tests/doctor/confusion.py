"""How the doctor names the slips: the confusion table of `docs/doctor.md`.

    python tests/doctor/confusion.py

prints it anew.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # when run as a script

from doctor.slips import SLIPS, Mistake, Slip

import chainrule as cr
from chainrule.foreign.naming.parameter_names import stem

TITLES = ("cause", "mistakes", "detected", "named", "of these certain", "called otherwise")


@dataclass(frozen=True)
class Outcome:
    """What the doctor said of a slip."""

    slip: Slip
    findings: tuple[cr.check.Finding, ...]

    def named(self, mistake: Mistake) -> cr.check.Finding | None:
        """The finding that names a mistake rightly."""
        return next((f for f in self.findings if is_about(f, mistake)), None)

    @property
    def misnamed(self) -> list[cr.check.Finding]:
        """What is certain, but is none of the mistakes."""
        return [
            finding
            for finding in self.findings
            if finding.certain and not any(is_about(finding, m) for m in self.slip.mistakes)
        ]

    @property
    def is_named(self) -> bool:
        """Whether every mistake of the slip is named rightly."""
        return all(self.named(mistake) is not None for mistake in self.slip.mistakes)


def is_about(finding: cr.check.Finding, mistake: Mistake) -> bool:
    """Whether a finding has one of the mistake's codes, for one of the gradients that it spoils.
    `grad_W2` and `dW2` are two names for one gradient."""
    places = {stem(name) for name in mistake.gradients}
    return finding.code in mistake.codes and stem(finding.gradient) in places


def outcomes(slips: Iterable[Slip] = SLIPS) -> Iterator[Outcome]:
    """Slips, examined."""
    with tempfile.TemporaryDirectory() as folder:
        for number, slip in enumerate(slips):
            file = Path(folder) / f"{slip.file}_{number}.py"
            file.write_text(slip.source(), encoding="utf-8")
            yield Outcome(slip, tuple(cr.check.diagnose(file).findings))


def table(results: list[Outcome]) -> str:
    """The confusion table in Markdown: a row for each cause."""
    rows: dict[str, Counter[str]] = {}
    for outcome in results:
        for mistake in outcome.slip.mistakes:
            row = rows.setdefault(mistake.codes[0], Counter())
            named = outcome.named(mistake)
            row["mistakes"] += 1
            row["detected"] += bool(outcome.findings)
            row["named"] += named is not None
            row["of these certain"] += named is not None and named.certain
            if named is None:
                row.update(f"?{finding.code}" for finding in outcome.findings)
    lines = [f"| {' | '.join(TITLES)} |", f"| --- |{' ---: |' * 4} --- |"]
    for cause in sorted(rows):
        row = rows[cause]
        others = ", ".join(f"{key[1:]} {n}" for key, n in row.items() if key.startswith("?"))
        numbers = " | ".join(str(row[title]) for title in TITLES[1:5])
        lines.append(f"| `{cause}` | {numbers} | {others} |")
    total = {title: sum(row[title] for row in rows.values()) for title in TITLES[1:5]}
    lines.append(f"| all | {' | '.join(map(str, total.values()))} | |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(list(outcomes())))
