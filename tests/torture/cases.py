"""One case: the file that belongs to a number, and what comes of reading it."""

from __future__ import annotations

import signal
import time
import traceback
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import numpy as np

from chainrule.errors import ChainruleError
from tests.torture.mutations import Material, mutate

SECONDS = 2.0  # of processor time
LONGEST_MESSAGE = 2000  # characters
HOUSE = "chainrule"


@dataclass(frozen=True)
class Seed:
    """A valid file to start from: `content`, and how a file is made of it. Where that is a
    compression or a checksum, mutations reach what lies behind it."""

    content: bytes
    pack: Callable[[bytes], bytes] = bytes


@dataclass(frozen=True)
class Reader:
    """Something that reads files.

    Args:
        read: reads the file; fails with an AssertionError where it took in nonsense.
        file: what the file is called, folders included.
        seeds: makes the valid files.
        tokens: what means something in the format.
        prepare: writes what belongs beside the file, into the folder it is given.
    """

    read: Callable[[Path], object]
    file: str
    seeds: Callable[[], Sequence[Seed]]
    tokens: Sequence[bytes] = ()
    prepare: Callable[[Path], None] = lambda folder: None


@dataclass(frozen=True)
class Outcome:
    """What came of a case: ``read``, ``refused``, or a fault: ``escaped``, ``message``,
    ``memory``, ``time``; for faults, what was raised and where."""

    kind: str
    detail: str = ""
    place: str = ""
    seconds: float = 0.0

    @property
    def is_fault(self) -> bool:
        return self.kind not in ("read", "refused")


class OutOfTimeError(BaseException):
    """Raised in the midst of a case that takes too much processor time."""


def make_file(reader: Reader, name: str, seeds: Sequence[Seed], case: int, seed: int) -> bytes:
    """The file of a case; the same for the same numbers."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode()), case])
    material = Material([each.content for each in seeds], reader.tokens)
    chosen = seeds[rng.integers(len(seeds))]
    if chosen.pack is bytes:
        return mutate(chosen.content, rng, material)
    which = rng.integers(4)  # behind the packing three times of four, in front of it twice
    content = chosen.pack(mutate(chosen.content, rng, material) if which else chosen.content)
    return mutate(content, rng, material) if which < 2 else content


def attempt(reader: Reader, path: Path) -> Outcome:
    """Read a file as `reader` does."""
    began = time.process_time()
    try:
        with _limited_time():
            reader.read(path)
        kind, detail, place = "read", "", ""
    except ChainruleError as error:
        folder = path.parents[reader.file.count("/")]
        kind, detail, place = _judge(error, str(folder)), _shown(error), _place(error)
    except MemoryError as error:
        kind, detail, place = "memory", _shown(error), _place(error)
    except OutOfTimeError as error:
        kind, detail, place = "time", f"more than {SECONDS:g} s", _place(error)
    except Exception as error:  # whatever escapes is what is looked for
        kind, detail, place = "escaped", _shown(error), _place(error)
    return Outcome(kind, detail, place, time.process_time() - began)


@contextmanager
def _limited_time() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise OutOfTimeError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _judge(error: ChainruleError, folder: str) -> str:
    """A refusal is sound when it was not memory that ran out, and it says in few words which file
    is meant."""
    if any(map(_is_lack_of_memory, _history(error))):
        return "memory"
    return "refused" if folder in str(error) and len(str(error)) <= LONGEST_MESSAGE else "message"


def _is_lack_of_memory(error: BaseException) -> bool:
    """Python's own parser has a MemoryError, too, for code that is nested too deeply."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return isinstance(error, MemoryError) and Path(last.filename).name != "ast.py"


def _history(error: BaseException) -> Iterator[BaseException]:
    """The error, and those on whose account it was raised."""
    step: BaseException | None = error
    while step is not None:
        yield step
        step = step.__cause__ or step.__context__


def _shown(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error)[:200]}"


def _place(error: BaseException) -> str:
    """The last line of chainrule on the way to the error."""
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if f"/{HOUSE}/" in frame.filename] or frames
    file = inside[-1].filename.rpartition(f"/{HOUSE}/")[2]
    return f"{file}:{inside[-1].lineno} in {inside[-1].name}"
