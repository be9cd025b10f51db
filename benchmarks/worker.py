"""One peer on one workload, in a process of its own: it answers each line on standard input with
the seconds that a step took."""

from __future__ import annotations

import json
import sys
import time

from peers import make_peer
from peers.base import COMPARED, Peer
from workloads import named

LEAST_SECONDS, MOST_SECONDS = 0.25, 4
PART_OF_ONCE = 0.05


def main(name: str, peer: str, threads: int) -> None:
    """Report the first losses and the kernels, then measure on request."""
    workload = named(name)
    comparison = workload.comparison
    made = make_peer(peer, comparison, threads)
    ready = {"losses": made.losses(COMPARED), "kernels": made.kernels()}
    if comparison is not workload:
        made = make_peer(peer, workload, threads)
    print(json.dumps(ready), flush=True)
    steps = 0
    for _ in sys.stdin:
        steps = steps or enough_steps(made)
        made.run(steps)  # what allocates or has lost its cache does so untimed
        print(json.dumps(seconds_of(made, steps) / steps), flush=True)


def enough_steps(peer: Peer) -> int:
    """How many steps take long enough to be measured, and so long that what a call does once, such
    as chainrule's looks at what a network has learnt, takes a small part of it."""
    steps = unit = peer.unit()
    peer.run(unit)  # compiles
    while (seconds := seconds_of(peer, steps)) < LEAST_SECONDS:
        steps = unit * max(2 * steps // unit, int(LEAST_SECONDS / seconds * steps / unit))
    few, many = (min(seconds_of(peer, n) for _ in range(2)) for n in (steps, 3 * steps))
    more = many - few
    once = few - more / 2
    wanted = min(once / PART_OF_ONCE, MOST_SECONDS)
    return max(steps, unit * int(wanted / more * 2 * steps / unit))


def seconds_of(peer: Peer, steps: int) -> float:
    began = time.perf_counter()
    peer.run(steps)
    return time.perf_counter() - began


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
