"""The other end of `trial`: several servers at work at a time."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType

from chainrule.grading.server import Setup, Trial, Variant, trial_from
from chainrule.sandbox.processes import environment, remove


class TrialServers:
    """Processes that run the tests on variants, as many at a time as there are servers.

    Args:
        setup: what is the same for every run.
        count: how many run at a time.
    """

    def __init__(self, setup: Setup, count: int) -> None:
        self.scratch = Path(tempfile.mkdtemp(prefix="chainrule-"))
        self.servers = [_start(setup, self.scratch) for _ in range(count)]
        self.free: SimpleQueue[subprocess.Popen[str]] = SimpleQueue()
        for server in self.servers:
            self.free.put(server)

    def run(self, variant: Variant) -> Trial:
        """Run one variant, on the next server that is free."""
        server = self.free.get()
        try:
            print(json.dumps(asdict(variant)), file=server.stdin, flush=True)
            return trial_from(server.stdout.readline() if server.stdout else "")
        except BrokenPipeError:  # the server itself has died
            return Trial("crash")
        finally:
            self.free.put(server)

    def run_all(
        self,
        variants: Sequence[Variant],
        finished: Callable[[int, int], None] = lambda done, total: None,
    ) -> list[Trial]:
        """Run all, and call `finished` with (done, total) after each."""
        trials = []
        with ThreadPoolExecutor(len(self.servers)) as executor:
            for trial in executor.map(self.run, variants):
                trials.append(trial)
                finished(len(trials), len(variants))
        return trials

    def __enter__(self) -> TrialServers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for server in self.servers:
            server.terminate()
            server.communicate()
        remove(self.scratch)


def _start(setup: Setup, scratch: Path) -> subprocess.Popen[str]:
    server = subprocess.Popen(
        [sys.executable, "-m", "chainrule.grading.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(scratch),
    )
    print(json.dumps(asdict(setup)), file=server.stdin, flush=True)
    return server
