"""Starting, asking and ending the programs of the benchmark."""

import os
import resource
import select
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

PATIENCE = 60.0  # seconds a program may be silent


class FailedError(Exception):
    """A program ended, fell silent, or gave figures that cannot be."""


class Worker:
    """A running program, which is spoken to line by line. On leaving the
    `with`, it is killed by its id and waited for."""

    def __init__(
        self, command: Sequence[str], directory: Path, core: int | None = None
    ) -> None:
        pinned = [] if core is None else ["taskset", "--cpu-list", str(core)]
        self.errors = (directory / "errors").open("a+b")
        self.name = " ".join(command[:4])
        self.process = subprocess.Popen(
            [*pinned, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            bufsize=0,
        )
        self._unread = b""

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            if stream is not None:
                stream.close()

    def say(self, word: str) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(f"{word}\n".encode())
        except BrokenPipeError:
            raise self._failed("has ended") from None

    def expect(self, word: str) -> dict[str, int]:
        """Wait for a line that starts with the word; return its KEY=VALUEs."""
        line = self._line()
        first, *pairs = line.split()
        if first != word:
            raise self._failed(f"said {line!r} and not {word}")
        return {
            key: int(value)
            for key, _, value in (p.partition("=") for p in pairs)
        }

    def _line(self) -> str:
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        deadline = time.monotonic() + PATIENCE
        while b"\n" not in self._unread:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise self._failed(f"was silent for {PATIENCE:.0f} s")
            read = os.read(descriptor, 4096)
            if not read:
                raise self._failed("has ended")
            self._unread += read
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode()

    def _failed(self, how: str) -> FailedError:
        self.errors.seek(0)
        said = self.errors.read().decode(errors="replace").strip().splitlines()
        return FailedError(": ".join([f"{self.name} {how}", *said[-1:]]))

    def rss(self) -> int:
        """Return its resident memory in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = (
            line for line in status.splitlines() if line.startswith("VmRSS:")
        )
        return int(line.split()[1]) * 1024

    def cpu(self) -> int:
        """Return what it has used of the processor, in ns."""
        fields = (
            Path(f"/proc/{self.process.pid}/stat")
            .read_text()
            .rpartition(")")[2]
            .split()
        )
        ticks = int(fields[11]) + int(fields[12])
        return ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def allow_many_files() -> None:
    """Let the programs hold a thousand connections."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
