"""``python -m tests.survival``: many kills, and a table of what they did."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tests.survival.endurance import different_on_repetition, growth
from tests.survival.kills import TRAININGS, Ended, compare, end_and_resume, kill_and_go_on, train


def main() -> None:
    """Run all of them, two at a time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="runs ended by SIGKILL")
    parser.add_argument("--signals", type=int, default=20, help="runs ended by each other signal")
    parser.add_argument("--comparisons", type=int, default=30, help="comparisons ended by SIGKILL")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trainings", type=int, default=1000, help="in one process, for growth")
    parser.add_argument("--networks", type=int, default=200, help="trained twice, for equal bits")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGHUP):  # which a shell has background jobs ignore
        signal.signal(number, signal.default_int_handler)
    different = different_on_repetition(options.networks)
    print(f"random networks: {options.networks} trained twice, {len(different)} with other bits")
    print(
        f"trainings: {options.trainings} in one process, {growth(options.trainings)} kB of growth"
    )
    with tempfile.TemporaryDirectory() as folder:
        failed = torture(options, Path(folder))
    sys.exit(1 if failed or different else 0)


def torture(options: argparse.Namespace, folder: Path) -> int:
    """End runs and comparisons, print what came of them; how many came out otherwise."""
    undisturbed = {name: folder / f"undisturbed-{name}" for name in TRAININGS}
    for name, place in undisturbed.items():
        place.mkdir()
        train(TRAININGS[name], place)
    failed = 0
    for word, count in (
        ("SIGKILL", options.runs),
        *((word, options.signals) for word in ("SIGTERM", "SIGINT", "SIGHUP")),
    ):
        number = getattr(signal, word)

        def one(case: int, word: str = word, number: int = number) -> Ended:
            name = list(TRAININGS)[case % len(TRAININGS)]
            rng = np.random.default_rng([options.seed, number, case])
            place = folder / f"{word}-{case}"
            return end_and_resume(name, place, undisturbed[name], number, rng)

        failed += report(f"runs, {word}", count, one)
    compare(folder / "comparison")

    def another(case: int) -> Ended:
        rng = np.random.default_rng([options.seed, 0, case])
        number = (signal.SIGKILL, signal.SIGINT)[case % 2]
        return kill_and_go_on(folder / f"compare-{case}", folder / "comparison", number, rng)

    failed += report("comparisons, SIGKILL and SIGINT", options.comparisons, another)
    return failed


def report(what: str, count: int, one: Callable[[int], Ended]) -> int:
    """Do `count` cases, print a line for all and one for each that differs; how many differ."""
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(one, range(count)))
    different = {case: result for case, result in enumerate(ended) if result.differences}
    kills, slowest = sum(e.kills for e in ended), max((e.slowest for e in ended), default=0.0)
    print(
        f"{what}: {count} ended {kills} times in all, {count - len(different)} like undisturbed "
        f"ones; the slowest took {slowest:.2f} s to end",
        flush=True,
    )
    for case, result in different.items():
        print(f"  case {case} ({result.name}): {', '.join(result.differences)}", flush=True)
    return len(different)


if __name__ == "__main__":
    main()
