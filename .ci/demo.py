"""make demo: a C, a Go and a Python viewer of one Python job over this tree.

The viewers are started first; each shows its own progress bar. On a terminal
three lines are drawn over and over, elsewhere a line at every quarter.
"""

import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCENARIO = ROOT / "examples" / "progress"
BUILT = ROOT / "build" / "examples" / "progress"
VIEWERS: dict[str, list[str | Path]] = {
    "C": [BUILT / "c-client"],
    "Go": [BUILT / "go-client"],
    "Python": [sys.executable, SCENARIO / "client.py"],
}
DEADLINE = 120.0  # seconds
FRAME = 0.04  # seconds between two drawings


class FailedError(Exception):
    """A program reported an error; the others would wait for it for ever."""


@dataclass(eq=False)
class Program:
    """A running viewer, or the job, and the lines it has printed."""

    name: str
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    quarters: int = 0

    @property
    def last(self) -> str:
        return self.lines[-1] if self.lines else "waiting for the server"

    def new_quarter(self) -> bool:
        """True when its bar has reached the next quarter."""
        bar = re.match(r"\[(#*)", self.last)
        quarters = len(bar[1]) // 5 if bar else 0
        reached = quarters > self.quarters
        self.quarters = max(quarters, self.quarters)
        return reached


class Screen:
    """Shows all viewers: in place on a terminal, else as lines."""

    def __init__(self, viewers: list[Program]) -> None:
        self.viewers = viewers
        self.in_place = sys.stdout.isatty()
        self.drawn = 0.0
        if self.in_place:
            print("\n" * len(viewers), end="")
            self.draw()

    def changed(self, program: Program) -> None:
        if program not in self.viewers:
            return
        if self.in_place:
            if time.monotonic() - self.drawn > FRAME:
                self.draw()
        elif program.new_quarter():
            print(self.line(program), flush=True)

    def end(self) -> None:
        if self.in_place:
            self.draw()

    def draw(self) -> None:
        lines = "".join(
            f"\r\033[K{self.line(viewer)}\n" for viewer in self.viewers
        )
        print(f"\033[{len(self.viewers)}A{lines}", end="", flush=True)
        self.drawn = time.monotonic()

    def line(self, viewer: Program) -> str:
        line = f"{viewer.name:6} {viewer.last}"
        return (
            line[: shutil.get_terminal_size().columns - 1]
            if self.in_place
            else line
        )


def follow(programs: list[Program], screen: Screen) -> None:
    """Shows what the viewers draw until every program has ended."""
    printed: queue.Queue[tuple[Program, str | None]] = queue.Queue()

    def read(program: Program) -> None:
        assert program.process.stdout is not None
        for line in program.process.stdout:
            printed.put((program, line.rstrip("\n")))
        printed.put((program, None))

    for program in programs:
        threading.Thread(target=read, args=(program,), daemon=True).start()
    deadline = time.monotonic() + DEADLINE
    running = len(programs)
    while running:
        program, line = printed.get(
            timeout=max(0.0, deadline - time.monotonic())
        )
        if line is not None:
            program.lines.append(line)
            screen.changed(program)
            continue
        running -= 1
        if program.process.wait() != 0:
            raise FailedError(program.name)
    screen.end()


def summary(viewers: list[Program], job: Program) -> tuple[str, bool]:
    """What was seen, and whether it was what the job did."""
    hashed = re.search(r"hashed files: (\d+)", job.lines[-1])
    files = int(hashed[1]) if hashed else 0
    # A viewer prints a bar for each file, and one for the end.
    bars = {
        viewer.name: sum(line[:1] == "[" for line in viewer.lines) - 1
        for viewer in viewers
    }
    seen = ", ".join(f"{name} {count}" for name, count in bars.items())
    text = f"The Python job hashed {files} files; files seen: {seen}."
    first, *others = (viewer.lines for viewer in viewers)
    if (
        files
        and set(bars.values()) == {files}
        and all(lines == first for lines in others)
    ):
        return (
            f"{text}\nAll three viewers saw every file, in the same order.",
            True,
        )
    return f"{text}\nThe viewers did not all see every file.", False


def run(directory: str) -> int:
    # Sockets in a directory of its own: no server of the user is in the way.
    environment = {
        **os.environ,
        "SOCKET__SOCKET_DIR": directory,
        "SOCKET__LINGER": "10",  # a busy machine may need longer to write out
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    def start(name: str, *command: str | Path) -> Program:
        return Program(
            name,
            subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, text=True
            ),
        )

    viewers = [
        start(name, *command, "unix", "1") for name, command in VIEWERS.items()
    ]
    server = (
        sys.executable,
        SCENARIO / "server.py",
        "unix",
        ROOT,
        str(len(viewers)),
    )
    job = start("job", *server)
    programs = [*viewers, job]
    try:
        follow(programs, Screen(viewers))
    except queue.Empty:
        print("the demo took too long and was ended", file=sys.stderr)
        return 1
    except FailedError as e:
        print(f"{e}: failed, so the demo was ended", file=sys.stderr)
        return 1
    finally:
        for program in programs:
            program.process.kill()
    text, good = summary(viewers, job)
    print(text)
    return 0 if good else 1


def main() -> int:
    print(
        "Three viewers wait, then a Python job hashes this tree:", flush=True
    )
    with tempfile.TemporaryDirectory(prefix="libsocket-demo-") as directory:
        return run(directory)


if __name__ == "__main__":
    sys.exit(main())
