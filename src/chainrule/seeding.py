"""Where all randomness comes from: one seed, a purpose, and counters such as the epoch.

There is no random state that lives on from one draw to the next, so any epoch can be
repeated without running the ones before it, and adding a draw for one purpose never shifts
the draws of another.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np


def generator(seed: int, purpose: str, *counters: int) -> np.random.Generator:
    """The generator for `purpose` (``"shuffle"``, ``"dropout 3"``, …) at these counters.

    >>> bool(generator(0, "shuffle", 1).random() == generator(0, "shuffle", 1).random())
    True
    """
    return np.random.default_rng([seed, crc32(purpose.encode()), *counters])
