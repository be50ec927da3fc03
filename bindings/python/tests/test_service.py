"""A server that a service manager starts, with the socket it passes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import SOON, Net

from dotfiles_socket import SocketError

# What the manager would have done before the program runs comes first.
SERVICE = """
import os, sys

os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = "1"
os.environ["LISTEN_FDNAMES"] = "event"
before = dict(os.environ)

from dotfiles_socket import UnixSocketServer


class Echo(UnixSocketServer):
    def on_message_received(self, client_id, message):
        self.send(message, client_id)


with Echo("event", socket_dir=sys.argv[2], sd_notify=True) as server:
    print(server.address, flush=True)
    assert dict(os.environ) == before
    assert not os.get_inheritable(3)
    sys.stdin.readline()
"""


def test_a_passed_socket(unix: Net, tmp_path: Path, directory: Path) -> None:
    directory.mkdir()
    path = tmp_path / "passed.sock"
    with (
        socket.socket(socket.AF_UNIX) as listener,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
    ):
        listener.bind(str(path))
        listener.listen()
        path.chmod(0o640)
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(SOON)
        # Clients look for the event where it always is.
        (directory / "event.sock").hardlink_to(path)

        early = unix.client(unix.server(start=False))
        early.send({"n": 1})
        with subprocess.Popen(
            [sys.executable, "-c", SERVICE, str(listener.fileno()), directory],
            env=os.environ | {"NOTIFY_SOCKET": str(tmp_path / "notify")},
            pass_fds=[listener.fileno()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as service:
            assert early.receive(SOON).data == {"n": 1}
            assert service.stdout is not None
            assert service.stdout.readline().strip() == str(path)
            assert manager.recv(64) == b"READY=1"
            service.communicate("\n", timeout=SOON)
            assert service.returncode == 0
        assert manager.recv(64) == b"STOPPING=1"
        assert path.stat().st_mode & 0o777 == 0o640
        assert [each.name for each in directory.iterdir()] == ["event.sock"]


def test_what_was_passed_can_be_ignored(
    unix: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", "some")
    with pytest.raises(SocketError, match='LISTEN_FDS="some"'):
        unix.server()
    assert unix.server(socket_activation=False).is_running()
