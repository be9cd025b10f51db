"""How much code in a sandbox may use."""

from __future__ import annotations

from dataclasses import dataclass

PATIENCE = 5  # times the processor time, on the wall: for code that waits, or a busy machine
MEGABYTE = 2**20


@dataclass(frozen=True)
class Limits:
    """What the code may use.

    Args:
        seconds: of processor time.
        megabytes: of memory.
        written: megabytes on disk, all files together.
        open_files: at a time.
    """

    seconds: float = 120.0
    megabytes: int = 2048
    written: int = 64
    open_files: int = 128

    @property
    def waiting(self) -> float:
        """The seconds that may pass, the processor at work for this or not."""
        return PATIENCE * self.seconds
