"""100 networks drawn at random (see `architectures`), in training beside PyTorch and JAX.

    python benchmarks/draw.py [--count 100] [--seed 0] [--repeats 3] [--threads 2] [--narrow]
                              [--out FOLDER] [--resume]

Measured as in `run.py`, but that losses are compared in float64, to eight digits. Prints a line
for each network and the slow ones by name, and writes `draw.json` and `draw.md`: all networks, the
one that is slowest beside its peers first. They are written after each network, which takes a
minute or two, so that `--resume` can go on where it was stopped.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from options import parser
from surroundings import machine
from turns import Worker, measure, median, show_kernels, time_text
from workload import Workload
from workloads import named

BESIDE = ("PyTorch", "JAX")


def measure_network(name: str, given: Any, console: Console) -> dict[str, Any]:
    """What it is, and the results of all peers."""
    workload = named(name)
    peers = ("chainrule", *BESIDE)
    workers = {peer: Worker(name, peer, given.threads, given.narrow) for peer in peers}
    results = measure(workers, given.repeats, workload.comparison.dtype, console)
    return {**about(name, workload), "ratio": ratio(results), "results": results}


def about(name: str, workload: Workload) -> dict[str, Any]:
    """A network in a few words."""
    return {
        "name": name,
        "title": workload.title,
        "optimizer": workload.optimizer,
        "loss": workload.loss,
        "parameters": len(workload.network().parameters.flat),
        "batch_size": workload.batch_size,
    }


def ratio(results: dict[str, Any]) -> float | None:
    """How many times as long as chainrule the faster of its peers takes; None where chainrule or
    both of them failed."""
    own = median(results["chainrule"])
    taken = [seconds for peer in BESIDE if (seconds := median(results[peer])) is not None]
    return min(taken) / own if own and taken else None


def line(found: dict[str, Any]) -> str:
    """A network's row of the table."""
    results, own = found["results"], median(found["results"]["chainrule"])
    cells = [
        found["name"],
        f"{found['title']}; {found['optimizer']}",
        f"{found['parameters']:,}",
        str(found["batch_size"]),
        "failed" if own is None else time_text(own),
        *(times_as_long(results[peer], own) for peer in BESIDE),
    ]
    return f"| {' | '.join(cells)} |"


def times_as_long(result: dict[str, Any], own: float | None) -> str:
    taken = median(result)
    if taken is None:
        return str(result.get("problem", "failed"))
    return "" if own is None else f"{taken / own:.3g}"


def slowest_first(networks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those without a ratio come before all others."""
    return sorted(networks, key=lambda one: -math.inf if one["ratio"] is None else one["ratio"])


def as_markdown(networks: Sequence[dict[str, Any]]) -> str:
    """The table of all."""
    headings = ["", "network", "parameters", "batch", "chainrule", *BESIDE]
    lines = [f"| {' | '.join(headings)} |", "| --- | --- |" + " ---: |" * (len(headings) - 2)]
    return "\n".join([*lines, *map(line, networks)]) + "\n"


def verdict(networks: Sequence[dict[str, Any]]) -> str:
    """How many reach the goal, and which do not."""
    behind = [one for one in networks if one["ratio"] is None or one["ratio"] < 1]
    reached = len(networks) - len(behind)
    text = f"{reached} of {len(networks)} networks are as fast as PyTorch and JAX or faster"
    names = ", ".join(f"{one['name']} ({one['ratio'] or 0:.2f})" for one in behind)
    return f"{text}; slower: {names}" if behind else text


def measured_before(file: Path, record: dict[str, Any]) -> list[dict[str, Any]]:
    """The networks of an earlier run, which must have been made as `record` says, on any day."""
    if not file.is_file():
        return []
    earlier = json.loads(file.read_text())
    networks: list[dict[str, Any]] = earlier.pop("networks")
    if without_date(earlier) != without_date(record):
        raise SystemExit(
            f"{file} was measured on another machine, by other versions, or with other options: "
            "move it away, or leave out --resume"
        )
    return networks


def without_date(record: dict[str, Any]) -> dict[str, Any]:
    return {**record, "machine": {**record["machine"], "date": None}}


def main() -> None:
    options = parser(__doc__, repeats=3)
    options.add_argument("--count", type=int, default=100)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--resume", action="store_true", help="keep what was measured before")
    given = options.parse_args()
    console = Console(width=200, highlight=False)
    record = {"machine": machine(), "threads": given.threads, "narrow": given.narrow}
    networks = measured_before(given.out / "draw.json", record) if given.resume else []
    known = {one["name"] for one in networks}
    for name in (f"{given.seed}/{number}" for number in range(given.count)):
        if name in known:
            continue
        networks = slowest_first([*networks, measure_network(name, given, console)])
        console.print(line(next(one for one in networks if one["name"] == name)), markup=False)
        record["networks"] = networks
        (given.out / "draw.json").write_text(json.dumps(record, indent=1) + "\n")
        (given.out / "draw.md").write_text(as_markdown(networks))
    show_kernels({one["name"]: one["results"] for one in networks}, console)
    console.print(verdict(networks))
    console.print(f"{given.out}/ has draw.json and draw.md")


if __name__ == "__main__":
    main()
