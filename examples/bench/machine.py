"""What the machine did beside the measuring."""

import os
import statistics
import time
from pathlib import Path

STAT = Path("/proc/stat")
TICKS = os.sysconf("SC_CLK_TCK")

LOOP = 100_000  # some milliseconds
LOOPS = 5


class Machine:
    """Watches from when it is made."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._busy = _busy() - _own()
        self._loops: list[float] = []

    def others(self) -> float:
        """How many cores other work kept busy, on average; what a host took
        from a virtual machine counts. 0 where the system does not tell."""
        elapsed = time.monotonic() - self._began
        return max(0.0, (_busy() - _own() - self._busy) / elapsed)

    def look(self) -> None:
        """Time a loop, between two measures: a host may slow a virtual
        machine down without taking anything from it that it could see."""
        for _ in range(LOOPS):
            before = time.perf_counter()
            sum(range(LOOP))
            self._loops.append(time.perf_counter() - before)

    def slowness(self) -> float:
        """How much longer than at best the loop took, ordinarily."""
        if not self._loops:
            return 1.0
        return statistics.median(self._loops) / min(self._loops)


def _busy() -> float:
    """Seconds for which the cores were not idle."""
    if not STAT.exists():
        return _own()
    # proc_stat(5); the time of guests is also in user and nice.
    user, nice, system, _, _, irq, softirq, steal = map(
        int, STAT.read_text().split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / TICKS


def _own() -> float:
    """Seconds that this process and those it has waited for have used."""
    return sum(os.times()[:4])
