"""One peer on one workload, in a process of its own: it answers each line on standard input with
the seconds that a step took."""

from __future__ import annotations

import json
import sys
import time

from peers import PEERS, Peer
from workloads import WORKLOADS

LEAST_SECONDS = 0.25


def main(workload: str, peer: str, threads: int) -> None:
    """Report the first losses, then measure on request."""
    made = PEERS[peer](WORKLOADS[workload], threads)
    print(json.dumps(made.losses(10)), flush=True)
    steps = enough_steps(made)
    for _ in sys.stdin:
        made.run(steps)  # what compiles, allocates or has lost its cache does so untimed
        began = time.perf_counter()
        made.run(steps)
        print(json.dumps((time.perf_counter() - began) / steps), flush=True)


def enough_steps(peer: Peer) -> int:
    """How many steps take long enough to be measured."""
    steps = unit = peer.unit()
    peer.run(unit)  # compiles
    while True:
        began = time.perf_counter()
        peer.run(steps)
        seconds = time.perf_counter() - began
        if seconds > LEAST_SECONDS:
            return steps
        steps = unit * max(2 * steps // unit, int(LEAST_SECONDS / seconds * steps / unit))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
