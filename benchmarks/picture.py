"""The picture of the benchmarks: how many times as long as chainrule each peer takes for a step.

    python benchmarks/picture.py docs/benchmark.json docs/images/benchmark.png

Reads what `run.py` has written, or the figures that the documentation keeps of it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from textwrap import fill
from typing import Any

from matplotlib.figure import Figure

from chainrule.presentation.curves import label_powers
from chainrule.presentation.palette import colour
from chainrule.presentation.pictures import write_picture
from turns import median
from workloads import WORKLOADS

PEERS = ("PyTorch", "torch.compile", "JAX", "JAX scan", "NumPy by hand")
BAR, GAP = 0.16, 0.35  # inches
TITLE = 46  # characters in a line of a workload's title
LABEL = 7.5  # points


def draw(results: Mapping[str, Any], machine: Mapping[str, Any], threads: int) -> Figure:
    """A group of bars for each workload, one for each peer; what was not measured is said."""
    peers = [peer for peer in PEERS if any(peer in found for found in results.values())]
    group = len(peers) * BAR + GAP
    figure = Figure(figsize=(9, 1.3 + group * len(results)), layout="constrained")
    axes = figure.subplots()
    ratios = [1.0]
    for row, found in enumerate(results.values()):
        own = median(found["chainrule"])
        for number, peer in enumerate(peers):
            taken = median(found.get(peer, {}))
            place = row * group + number * BAR
            if own is None or taken is None:
                missing = f"{peer}: not measured"
                axes.text(1.03, place, missing, size=LABEL, va="center", color="#606060")
                continue
            ratios.append(taken / own)
            axes.barh(place, ratios[-1] - 1, 0.9 * BAR, left=1, color=colour(number))
            text = f" {ratios[-1]:.3g}"
            axes.text(max(ratios[-1], 1), place, text, size=LABEL, va="center")
    middle = (len(peers) - 1) * BAR / 2
    titles = [fill(f"{name}: {WORKLOADS[name].title}", TITLE) for name in results]
    axes.set_yticks([row * group + middle for row in range(len(results))], titles, fontsize=8.5)
    axes.set(ylim=(len(results) * group - GAP, -GAP), xscale="log")
    axes.set_xlim(0.9 * min(ratios), 1.6 * max(ratios))
    label_powers(axes.xaxis, min(ratios), max(ratios))
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xlabel("times as long as chainrule takes for one step of training")
    axes.set_title(
        f"Processor {machine['processor']}, {threads} threads, {machine['date']}; medians",
        fontsize=10,
    )
    bars = [axes.barh(0, 0, color=colour(number)) for number in range(len(peers))]
    figure.legend(bars, peers, loc="outside lower center", ncols=len(peers), frameon=False)
    return figure


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("results", type=Path, help="results.json of run.py")
    options.add_argument("picture", type=Path, help="a .png, .svg or .pdf file")
    given = options.parse_args()
    record = json.loads(given.results.read_text())
    results = record.get("workloads") or record["seconds_of_a_step"]
    write_picture(draw(results, record["machine"], record["threads"]), given.picture)


if __name__ == "__main__":
    main()
