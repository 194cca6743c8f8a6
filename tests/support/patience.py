"""How long tests wait: what a quiet machine needs, and more where this one has other work too. The one place.

Nobody waits longer than what he waits for takes, so a generous deadline costs nothing where all is well.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

from simulator.kernels.threads import cores

#: A wait ends, whatever else there is to do.
_MOST = 20.0
#: How much more the share of one process is than that of another whose niceness is a step higher.
_NICENESS = 1.25


def patience() -> float:
    """Return how many times longer than on a quiet machine things may take now."""
    each_minute = os.getloadavg()[0]
    wanting = max(each_minute, _running()) * _NICENESS ** os.getpriority(os.PRIO_PROCESS, 0)
    # Twice: what is waited for is often done by several processes in turn.
    return min(_MOST, max(1.0, 2 * wanting / cores()))


def deadline(seconds: float) -> float:
    """Return the seconds to wait for what takes less than so many on a quiet machine."""
    return seconds * patience()


def setting(seconds: float) -> float:
    """Return the seconds that a lease or a connect timeout of so many on a quiet machine is set to here.

    One answer must come in that time, not many in turn: so it grows with the root of what a `deadline` does, and
    tests that let it run out stay short.
    """
    return seconds * math.sqrt(patience())


def _running() -> int:
    """Return how many processes want a core at this moment: the average of a minute notices new work late."""
    try:
        return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[0])
    except OSError:
        return 0
