"""One peer on one workload, in a process of its own: it answers each line on standard input with
the seconds that a step took."""

from __future__ import annotations

import json
import sys
import time

from peers import PEERS
from workloads import WORKLOADS


def main(workload: str, peer: str, threads: int) -> None:
    """Report the first losses, then measure on request."""
    made = PEERS[peer](WORKLOADS[workload], threads)
    print(json.dumps(made.losses(10)), flush=True)
    steps = made.steps_together()
    for _ in sys.stdin:
        made.run(steps)  # what compiles, allocates or has lost its cache does so untimed
        began = time.perf_counter()
        made.run(steps)
        print(json.dumps((time.perf_counter() - began) / steps), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
