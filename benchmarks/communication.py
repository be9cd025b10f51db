"""When several processes pay: a model of what a step computes against what it tells the others.

    python benchmarks/communication.py            the tables of docs/scaling.md

A message costs a latency, and its bytes divided by the bandwidth. With p processes and m bytes, the
sum of a gradient takes

    ring    2 (p - 1) (latency + m / (p bandwidth))
    tree    2 ⌈log2 p⌉ (latency + m / bandwidth)

A step on B examples computes for a B seconds in one process, where an example costs a seconds, and
a B / p in each of p. Every process moves all parameters, which is counted with neither.

Where gradients are sent while others are still computed, the sum can hide behind the backward pass,
two thirds of the computing c; but for the gradient of the first layer, which is known last. With q
the part of the parameters in other layers, a step then takes at least

    c + t - min(q t, 2 c / 3)    in place of    c + t.

Source: Thakur, Rabenseifner & Gropp, Optimization of Collective Communication Operations in MPICH
(2005), sections 3 and 4.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

NUMBER = 4  # bytes of a gradient's number, in float32
COUNTS = (8, 32, 128, 512, 1024)
SIZES = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
OPERATIONS = 6  # for each weight and example: two forward, four backward
BACKWARD = 4 / OPERATIONS
RATE = 50e9  # operations a second of a process: a core with AVX2, float32
# Parameters, those of the first layer, and seconds of a step in one process (docs/scaling.md).
STEPS = {
    "W3": (109_386, 100_480, 0.967e-3),
    "W5": (109_386, 100_480, 467e-3),
    "W7": (229_807, 320, 31.4e-3),
}


@dataclass(frozen=True)
class Link:
    """What connects two machines: seconds before a message arrives, bytes a second."""

    name: str
    latency: float
    bandwidth: float


LINKS = (
    Link("10 Gbit/s Ethernet, 30 µs", 30e-6, 1.25e9),
    Link("100 Gbit/s InfiniBand, 2 µs", 2e-6, 12.5e9),
)


def ring(size: float, count: int, link: Link) -> float:
    """Seconds in which `count` processes sum `size` bytes, each passing parts to its neighbour."""
    return 2 * (count - 1) * (link.latency + size / (count * link.bandwidth))


def tree(size: float, count: int, link: Link) -> float:
    """The same along a tree, all bytes at every branch: to the root and back."""
    return 2 * math.ceil(math.log2(count)) * (link.latency + size / link.bandwidth)


def best(size: float, count: int, link: Link) -> float:
    """The faster of both, as MPI chooses."""
    return min(ring(size, count, link), tree(size, count, link))


def efficiency(computing: float, count: int, talking: float) -> float:
    """The part of the time that is gained of what `count` times as many processes could gain.

    Args:
        computing: seconds of a step in one process.
        talking: seconds in which the gradient is summed.
    """
    return computing / (computing + count * talking)


def batch_that_is_faster(example: float, count: int, talking: float) -> float:
    """The examples of a step from which on it takes less time than in one process: a B / p + t is
    a B there."""
    return talking / (example * (1 - 1 / count))


def batch_for_half(example: float, count: int, talking: float) -> float:
    """The same for an efficiency of a half, where computing takes as long as talking."""
    return count * talking / example


def gain_of_overlap(computing: float, talking: float, early: float) -> float:
    """How many times faster a step becomes, at most, if gradients are sent while others are still
    computed; `early` is the part of them that is known before the last.
    """
    hidden = min(early * talking, computing * BACKWARD)
    return (computing + talking) / (computing + talking - hidden)


def table(title: str, heads: Sequence[str], rows: Iterator[Sequence[str]]) -> None:
    """Print a table in Markdown."""
    print(f"{title}\n\n| {' | '.join(heads)} |\n| {' | '.join(['---:'] * len(heads))} |")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    print()


def batches(link: Link, batch: Callable[[float, int, float], float]) -> Iterator[Sequence[str]]:
    """A row for each size of a dense network: the batch, as whole examples, for each count."""
    for parameters in SIZES:
        example = OPERATIONS * parameters / RATE
        talking = [best(NUMBER * parameters, count, link) for count in COUNTS]
        needed = [
            max(round_up(batch(example, count, seconds)), count)
            for count, seconds in zip(COUNTS, talking, strict=True)
        ]
        yield [f"{parameters:,}", *(f"{number:,}" for number in needed)]


def overlaps(link: Link) -> Iterator[Sequence[str]]:
    """A row for each workload and count of processes: computing, the sum, its part of the step, and
    what overlap could gain."""
    for name, (parameters, in_first_layer, seconds) in STEPS.items():
        early = 1 - in_first_layer / parameters
        for count in (8, 32):
            computing, talking = seconds / count, best(NUMBER * parameters, count, link)
            yield [
                name,
                f"{count}",
                f"{1e3 * computing:.3g} ms",
                f"{1e3 * talking:.3g} ms",
                f"{100 * talking / (computing + talking):.0f} %",
                f"{gain_of_overlap(computing, talking, early):.2f}",
            ]


def round_up(number: float) -> int:
    """Two digits, rounded up.

    >>> round_up(1_234.5), round_up(7.2)
    (1300, 8)
    """
    unit = 10 ** max(math.floor(math.log10(number)) - 1, 0)
    return math.ceil(number / unit) * unit


def main() -> None:
    heads = ["parameters", *(f"{count:,} processes" for count in COUNTS)]
    for link in LINKS:
        table(
            f"The smallest batch that is faster than in one process, {link.name}:",
            heads,
            batches(link, batch_that_is_faster),
        )
        table(
            f"The smallest batch with half of the time spent on computing, {link.name}:",
            heads,
            batches(link, batch_for_half),
        )
    heads = ["bytes", "processes", "ring", "tree"]
    for link in LINKS:
        rows = (
            [
                f"{size:,}",
                f"{count:,}",
                *(f"{1e3 * way(size, count, link):.3g} ms" for way in (ring, tree)),
            ]
            for size in (4_000, 400_000, 40_000_000)
            for count in (8, 128, 1024)
        )
        table(f"The time of a sum, {link.name}:", heads, rows)
    heads = ["", "processes", "computing", "the sum", "its share", "speed-up at most"]
    for link in LINKS:
        table(f"What sending while computing could gain, {link.name}:", heads, overlaps(link))


if __name__ == "__main__":
    main()
