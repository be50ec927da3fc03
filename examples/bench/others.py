"""What other work took of the machine meanwhile."""

import os
import time
from pathlib import Path

STAT = Path("/proc/stat")
TICKS = os.sysconf("SC_CLK_TCK")


class Others:
    """Watches from when it is made. Where the system does not tell, others
    took nothing."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._busy = _busy() - _own()

    def cores(self) -> float:
        """How many cores others kept busy, on average; what a host took from
        a virtual machine counts."""
        elapsed = time.monotonic() - self._began
        return max(0.0, (_busy() - _own() - self._busy) / elapsed)


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
