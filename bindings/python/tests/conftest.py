"""What the tests share: a private world, and servers and clients in it."""

from __future__ import annotations

import os
import queue
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dotfiles_socket import (
    ClientInfo,
    SocketMessage,
    TcpSocketClient,
    TcpSocketServer,
    UnixSocketClient,
    UnixSocketServer,
)

Times = Callable[[int, int], int]

# Seconds after which something that should happen at once has failed.
SOON = 20.0


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--soak",
        action="store_true",
        help="run the long form of the tests that have one",
    )


def pytest_configure() -> None:
    """A shell that runs the tests in the background has them ignore Ctrl-C,
    and the programs that they start would too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def times(request: pytest.FixtureRequest) -> Times:
    """Chooses how often: usually, or with --soak."""
    soak = request.config.getoption("--soak")
    return lambda usual, long: long if soak else usual


@pytest.fixture(autouse=True)
def private_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out of them."""
    for name in list(os.environ):
        if name.startswith(("SOCKET_", "DYNACONF_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("SOCKET__SOCKET_DIR", str(tmp_path / "sockets"))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory for sockets, which no server has made yet."""
    return tmp_path / "sockets"


@pytest.fixture(params=["accelerator", "ctypes"])
def either_way(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Works through the accelerator, and as a Python without one does."""
    way: str = request.param
    if way == "ctypes":
        monkeypatch.setitem(sys.modules, "dotfiles_socket._accelerator", None)
    return way


class Heard:
    """What hooks were told, in order: ("connected", info), ("disconnected",
    client_id), ("message", client_id, message)."""

    def __init__(self) -> None:
        self._queue: queue.Queue[tuple[Any, ...]] = queue.Queue()

    def put(self, *what: Any) -> None:
        self._queue.put(what)

    def next(self, kind: str) -> Any:
        """Wait for the next thing, which is of that kind."""
        what = self._queue.get(timeout=SOON)
        assert what[0] == kind, what
        return what[1] if len(what) == 2 else what[1:]

    def rest(self) -> list[tuple[Any, ...]]:
        """What is there and was not asked for."""
        return list(self._queue.queue)


class Hooked:
    """Puts all that the hooks of a server are told into `heard`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.heard = Heard()
        super().__init__(*args, **kwargs)

    def on_client_connected(self, client_info: ClientInfo) -> None:
        self.heard.put("connected", client_info)

    def on_client_disconnected(self, client_id: str) -> None:
        self.heard.put("disconnected", client_id)

    def on_message_received(
        self, client_id: str, message: SocketMessage
    ) -> None:
        self.heard.put("message", client_id, message)


class HookedUnix(Hooked, UnixSocketServer):
    """By Unix socket."""


class HookedTcp(Hooked, TcpSocketServer):
    """By TCP."""


@dataclass
class Net:
    """Makes servers and clients of one transport, and ends them."""

    transport: str
    directory: Path
    made: list[Any] = field(default_factory=list)

    def server(
        self,
        kind: type[Any] | None = None,
        event: str = "event",
        start: bool = True,
        **kwargs: Any,
    ) -> Any:
        """A server, which runs."""
        server: Any
        if self.transport == "unix":
            kwargs.setdefault("socket_dir", self.directory)
            server = (kind or UnixSocketServer)(event, **kwargs)
        else:
            kwargs.setdefault("port", 0)
            server = (kind or TcpSocketServer)(event, **kwargs)
        self.made.append(server)
        if start:
            server.start()
        return server

    def hooked(self, **kwargs: Any) -> Any:
        """A server with a `heard`."""
        kind = HookedUnix if self.transport == "unix" else HookedTcp
        return self.server(kind, **kwargs)

    def client(
        self,
        server: Any,
        kind: type[Any] | None = None,
        connect: bool = True,
        **kwargs: Any,
    ) -> Any:
        """A client of the server, which is connected."""
        client: Any
        if self.transport == "unix":
            kwargs.setdefault("socket_dir", self.directory)
            client = (kind or UnixSocketClient)(server.event_name, **kwargs)
        else:
            client = (kind or TcpSocketClient)(
                server.event_name, port=server.port, **kwargs
            )
        self.made.append(client)
        if connect:
            client.connect()
        return client

    def pair(self, **kwargs: Any) -> tuple[Any, Any]:
        """A server and a client of it."""
        server = self.server(**kwargs)
        client = self.client(server)
        server.wait_for_clients(1, SOON)
        return server, client

    def end(self) -> None:
        for each in reversed(self.made):
            for name in ("stop", "disconnect", "close"):
                if hasattr(each, name):
                    getattr(each, name)()


@pytest.fixture(params=["unix", "tcp"])
def net(request: pytest.FixtureRequest, directory: Path) -> Iterator[Net]:
    """Both transports, one after the other."""
    net = Net(request.param, directory)
    yield net
    net.end()


@pytest.fixture
def unix(directory: Path) -> Iterator[Net]:
    """Unix sockets."""
    net = Net("unix", directory)
    yield net
    net.end()


@pytest.fixture
def tcp(directory: Path) -> Iterator[Net]:
    """TCP."""
    net = Net("tcp", directory)
    yield net
    net.end()


def until(condition: Callable[[], object]) -> None:
    """Look until the condition holds, where there is nothing to wait for."""
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline
        os.sched_yield()


def keep_port(server: Any) -> None:
    """Have a TCP server that took any port take the same again."""
    if isinstance(server, TcpSocketServer):
        server._overrides = server._overrides.replace(
            "port = 0", f"port = {server.port}"
        )


def take(client: Any, count: int) -> list[dict[str, Any]]:
    """The data of the next messages."""
    return [client.receive(SOON).data for _ in range(count)]
