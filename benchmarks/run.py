"""chainrule beside its peers: every workload, every peer, measured in turn.

    python benchmarks/run.py [--workloads W1,W3] [--peers PyTorch,JAX] [--repeats 7] [--threads 2]
                             [--narrow] [--out FOLDER]

Each peer runs in a process of its own, all of which are ready before anything is measured; then
they take turns, one measurement each, so that whatever else the machine does slows all alike. From
the same weights on the same batches, the losses of the first ten steps must agree before a time
counts; a network with dropout is compared with every value staying, and timed with each library's
own masks. Prints a table of ratios and which kernels each library ran with, and writes
`results.json`, `table.md` and `results.png`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from chainrule.presentation.pictures import write_picture
from options import parser
from peers import PEERS
from picture import draw
from surroundings import machine
from turns import Worker, measure, median, show_kernels, time_text
from workloads import WORKLOADS

ROWS_OF_DENSE = ("W1", "W2", "W3", "W4", "W5", "W12", "W16", "W19")
ONLY_FOR = {
    "scikit-learn": ("W3", "W4", "W16"),
    "NumPy by hand": ROWS_OF_DENSE,
    "JAX scan": (*ROWS_OF_DENSE, "W11", "W18"),  # its convolutions within a scan take seconds
}


def measure_workload(name: str, peers: Sequence[str], given: Any, console: Console) -> Any:
    """The results of every peer that runs this workload."""
    chosen = [peer for peer in peers if name in ONLY_FOR.get(peer, WORKLOADS)]
    workers = {peer: Worker(name, peer, given.threads, given.narrow) for peer in chosen}
    console.print(f"{name}: {WORKLOADS[name].title}")
    return measure(workers, given.repeats, WORKLOADS[name].comparison.dtype, console)


def show(results: Mapping[str, Any], peers: Sequence[str], threads: int, console: Console) -> None:
    """A table: chainrule's time, and how many times as long each peer takes."""
    table = Table(title=f"One step of training, {threads} threads; peers in multiples of chainrule")
    for heading in ("", *peers):
        table.add_column(heading, justify="right" if heading else "left")
    for name, found in results.items():
        own = median(found["chainrule"])
        row = [name, "failed" if own is None else time_text(own)]
        for peer in peers[1:]:
            result = found.get(peer)
            row.append("" if result is None or own is None else ratio_text(name, peer, result, own))
        table.add_row(*row)
    console.print(table)


def ratio_text(workload: str, peer: str, result: Mapping[str, Any], own: float) -> str:
    """A ratio, green where it reaches its goal and red where it does not."""
    taken = median(result)
    if taken is None:
        return str(result.get("problem", "failed"))
    ratio = taken / own
    goals = dict(zip(("PyTorch", "JAX"), WORKLOADS[workload].goals, strict=True))
    floor = WORKLOADS[workload].floor
    reached = None
    if goals.get(peer) is not None:
        reached = ratio >= goals[peer]
    elif peer == "products alone" and floor:
        reached = 1 / ratio <= floor
    style = {None: "", True: "green", False: "red"}[reached]
    text = f"{ratio:.3g}"
    return f"[{style}]{text}[/]" if style else text


def as_markdown(results: Mapping[str, Any], peers: Sequence[str]) -> str:
    """The same table for a page, without colours."""
    lines = [f"| | {' | '.join(peers)} |", "| --- |" + " ---: |" * len(peers)]
    for name, found in results.items():
        own = median(found["chainrule"])
        cells = [name, "failed" if own is None else time_text(own)]
        for peer in peers[1:]:
            taken = median(found.get(peer, {}))
            cells.append(f"{taken / own:.3g}" if taken and own else "")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--workloads", default=",".join(WORKLOADS))
    options.add_argument("--peers", default=",".join(PEERS), help="beside chainrule")
    given = options.parse_args()
    console = Console(width=160)
    peers = ["chainrule", *(peer for peer in given.peers.split(",") if peer != "chainrule")]
    results: dict[str, Any] = {}
    for workload in given.workloads.split(","):
        results[workload] = measure_workload(workload, peers, given, console)
        show({workload: results[workload]}, peers, given.threads, console)
    show(results, peers, given.threads, console)
    show_kernels(results, console)
    record = {"machine": machine(), "threads": given.threads, "narrow": given.narrow}
    record["workloads"] = results
    (given.out / "table.md").write_text(as_markdown(results, peers))
    (given.out / "results.json").write_text(json.dumps(record, indent=1) + "\n")
    write_picture(draw(results, record["machine"], given.threads), given.out / "results.png")
    console.print(f"{given.out}/ has results.json, table.md and results.png")


if __name__ == "__main__":
    main()
