"""The programs of examples/recipes, which docs/recipes.md quotes."""

from __future__ import annotations

import configparser
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import SOON

from dotfiles_socket import (
    MessageType,
    create_client,
    create_message,
    create_server,
)
from dotfiles_socket.testing import private_sockets

TREE = Path(__file__).parents[3]
RECIPES = TREE / "examples" / "recipes"


@pytest.fixture(autouse=True)
def sockets() -> Any:
    """The programs inherit it."""
    with private_sockets() as directory:
        yield directory


def run(name: str, *args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, RECIPES / name, *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outcome(process: subprocess.Popen[str]) -> tuple[str, str, int]:
    out, err = process.communicate(timeout=SOON)
    return out, err, process.returncode


def test_progress_bar() -> None:
    """It draws two runs, and ends with Ctrl-C."""
    viewer = run("progress_bar.py")
    for run_number in (1, 2):
        with create_server("unix", "progress") as server:
            server.wait_for_clients(1, SOON)
            for done in range(1, 11):
                step = {"file": f"{run_number}.{done}", "done": done}
                server.send(step | {"total": 10})
            step |= {"total": 10, "text": "cannot be read"}
            server.send(create_message("progress", MessageType.ERROR, step))
            server.send(create_message("progress", MessageType.CONTROL, {}))
    assert viewer.stdout is not None
    lines = []
    while "2.10: cannot be read\n" not in lines:
        lines.append(viewer.stdout.readline())
        assert lines[-1], outcome(viewer)
    viewer.send_signal(signal.SIGINT)
    out, err, status = outcome(viewer)
    assert (err, status) == ("", 0)
    assert "1.10: cannot be read\n" in lines
    assert "100%" in out


def test_service(sockets: Path) -> None:
    """It serves until systemd says TERM, and leaves nothing."""
    service = run("service.py")
    with create_client("unix", "clock", wait_for_server=True) as client:
        first = client.receive(SOON).data["time"]
        assert client.receive(SOON).data["time"] > first
        with create_client("unix", "clock") as late:
            assert late.receive(SOON).data["time"] > first
        service.send_signal(signal.SIGTERM)
        out, err, status = outcome(service)
    assert (out, err, status) == (f"serving {sockets}/clock.sock\n", "", 0)
    assert not (sockets / "clock.sock").exists()


def test_asyncio_viewer() -> None:
    """The loop works while it waits, and Ctrl-C ends both."""
    viewer = run("asyncio_viewer.py")
    assert viewer.stdout is not None
    assert viewer.stdout.readline() == "other work\n"
    with create_server("unix", "clock") as server:
        server.send({"time": 1})
        while (line := viewer.stdout.readline()) != "1\n":
            assert line == "other work\n"
        viewer.send_signal(signal.SIGINT)
        _, err, status = outcome(viewer)
    assert (err, status) == ("", 0)


def test_unit() -> None:
    """What systemd reads starts that program, and says where it serves."""
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(RECIPES / "clock.service")
    assert unit["Service"]["ExecStart"].endswith("/service.py")
    directory = unit["Service"]["RuntimeDirectory"]
    name, _, value = unit["Service"]["Environment"].partition("=")
    assert (name, value) == ("SOCKET__SOCKET_DIR", f"%t/{directory}")


def test_threads(tmp_path: Path) -> None:
    files = [tmp_path / str(n) for n in range(20)]
    for n, file in enumerate(files):
        file.write_text("\n" * n)
    out, err, status = outcome(run("threads.py", *files))
    assert sorted(out.splitlines()) == sorted(
        f"{file} {n}" for n, file in enumerate(files)
    )
    assert (err, status) == ("", 0)


def test_the_recipe_for_tests() -> None:
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--quiet"),
            *("-p", "no:cacheprovider", RECIPES / "test_threads.py"),
        ],
        cwd=RECIPES,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed" in ran.stdout, ran.stdout
