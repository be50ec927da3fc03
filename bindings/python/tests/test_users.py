"""Peers of other users: who is let in, and whose server is believed."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-untyped]
import pytest
from conftest import SOON, Net
from peer import Wire, frame

from dotfiles_socket import ConnectionError
from dotfiles_socket.core.exceptions import Status

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="a process of another user needs root"
)

STRANGER = 54321
GROUP = 17

# Each trusts the stranger.
TRUSTING: list[dict[str, Any]] = [
    {"allowed_uids": [STRANGER]},
    {"allowed_gids": [1, GROUP]},
]


def as_stranger(work: Callable[[], Any]) -> Any:
    """What `work` returns in a process of another user, which is in GROUP.

    It is forked: the interpreter may lie where only root can reach it. The
    child must not touch the library.
    """
    readable, writable = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads
        child = os.fork()
    if child == 0:
        try:
            os.setgroups([GROUP])
            os.setgid(STRANGER)
            os.setuid(STRANGER)
            os.write(writable, msgpack.packb(work()))
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(writable)
    with os.fdopen(readable, "rb") as result:
        written = result.read()
    os.waitpid(child, 0)
    return msgpack.unpackb(written)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory where every user may make sockets, as in /tmp."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        directory = Path(name, "sockets")
        directory.mkdir()
        directory.chmod(0o1777)
        yield directory


@pytest.fixture
def net(shared: Path) -> Iterator[Net]:
    """Unix sockets in the shared directory."""
    net = Net("unix", shared)
    yield net
    net.end()


def visit(directory: Path, until: str) -> str:
    """Join the event, say something, and listen until a control frame of
    that kind comes; return its text."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(directory / "event.sock"))
        wire = Wire(connection)
        hello = {"libsocket": "hello", "version": 1, "name": "stranger"}
        with contextlib.suppress(OSError):  # sent away before it speaks
            connection.sendall(frame(msgpack.packb(hello | {"pid": 1})))
            wire.send({"said": 1})
        while read := wire.frame():
            told = msgpack.unpackb(read[4:])
            if told["libsocket"] == until:
                return str(told.get("text"))
    return f"no {until}"


def test_a_stranger_is_refused(net: Net, shared: Path) -> None:
    server = net.hooked(socket_permissions="0666")
    assert f"uid {STRANGER}" in as_stranger(lambda: visit(shared, "goodbye"))
    assert server.get_stats()["refused"] == 1
    assert server.heard.rest() == []


@pytest.mark.parametrize("allowed", TRUSTING)
def test_a_user_who_is_allowed_joins(
    net: Net, shared: Path, allowed: dict[str, Any]
) -> None:
    server = net.hooked(socket_permissions="0666", **allowed)
    as_stranger(lambda: visit(shared, "synced"))
    info = server.heard.next("connected")
    assert (info.name, info.uid, info.gid) == ("stranger", STRANGER, STRANGER)
    assert info.pid not in (0, 1, os.getpid())
    _, message = server.heard.next("message")
    assert message.data == {"said": 1}
    assert server.get_stats()["refused"] == 0


def test_a_read_only_user_may_listen(net: Net, shared: Path) -> None:
    server = net.hooked(socket_permissions="0666", readonly_uids=[STRANGER])
    assert "readonly_uids" in as_stranger(lambda: visit(shared, "refused"))
    assert server.heard.next("connected").uid == STRANGER
    server.heard.next("disconnected")
    assert server.heard.rest() == []
    assert server.get_stats()["refused"] == 1
    assert server.get_stats()["received"] == 0


def test_a_server_of_another_user_is_not_believed(
    net: Net, shared: Path
) -> None:
    path = shared / "event.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        as_stranger(listener.listen)  # whoever listens is the server
        server = net.server(start=False)
        client = net.client(server, connect=False)
        with pytest.raises(ConnectionError) as refused:
            client.connect()
        assert refused.value.status == Status.NOT_ALLOWED
        assert f"uid {STRANGER}" in str(refused.value)
        for allowed in TRUSTING:
            trusting = net.client(server, connect=False, **allowed)
            trusting.connect()
            listener.settimeout(SOON)
            connection, _ = listener.accept()
            connection.close()
