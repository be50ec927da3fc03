"""Scripts that run in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from conftest import SOON

# What runs in the background of a shell ignores SIGINT, and so would Python.
_HEAD = """import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
"""


class Script:
    """A running script; its arguments are in sys.argv[1:]."""

    def __init__(self, code: str, *args: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _HEAD + code, *map(str, args)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid

    def __enter__(self) -> Script:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def line(self) -> str:
        """The next line that it prints."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(self._process.communicate()[1])
        return line.rstrip("\n")

    def tell(self, line: str) -> None:
        """Give it a line to read."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def signal(self, number: signal.Signals) -> float:
        """Send it a signal once it sleeps, and return when that was."""
        # A signal that comes between Python's last look and the sleep is
        # handled when the sleep is over: see that it is sound asleep.
        asleep, since = "", 0.0
        while not asleep or time.monotonic() - since < 0.02:
            assert self._process.poll() is None, "it has ended"
            status = self._status()
            if status != asleep:
                asleep, since = status, time.monotonic()
        now = time.monotonic()
        os.kill(self.pid, number)
        return now

    def end(self, patience: float = SOON) -> str:
        """Wait for the end, which is an orderly one; return what else it
        printed."""
        out, err = self._process.communicate(timeout=patience)
        ended = self._process.returncode, err
        assert ended == (0, ""), ended
        return out

    def _status(self) -> str:
        """How often the main thread has gone to sleep, while it sleeps."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        status = dict(line.split(":\t", 1) for line in lines)
        if not status["State"].startswith("S"):
            return ""
        return status["voluntary_ctxt_switches"]
