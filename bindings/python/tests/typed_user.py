"""A program as a user writes it, for mypy: nothing here is run.

`make check` looks at it with --strict and without any configuration. Each
ignored line has an error, or the comment itself would be one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

from typing_extensions import assert_type

import dotfiles_socket
from dotfiles_socket import (
    ClientInfo,
    MaxConnectionsError,
    MessageType,
    NotAllowedError,
    SocketClient,
    SocketError,
    SocketMessage,
    SocketServer,
    SocketType,
    Status,
    TcpSocketClient,
    TcpSocketServer,
    UnixSocketClient,
    UnixSocketServer,
    create_client,
    create_message,
    create_server,
)
from dotfiles_socket.config import UnixSocketConfig, get_unix_socket_config
from dotfiles_socket.testing import private_sockets


class Progress(TypedDict):
    percent: int


# The class follows from the transport.
assert_type(create_client("UNIX", "event"), UnixSocketClient)
assert_type(create_server("unix", "event"), UnixSocketServer)
assert_type(create_server(SocketType.TCP, event_name="e"), TcpSocketServer)
assert_type(create_client("tcp", "event", port=9000), TcpSocketClient)
assert_type(create_client(SocketType.UNIX, "event"), UnixSocketClient)


def transport(name: str) -> None:
    """It is not known before the program runs."""
    server = create_server(name, "event", history_size=3)
    assert_type(server, UnixSocketServer | TcpSocketServer)
    client: SocketClient = create_client(name, "event")
    server.send({"n": 1})
    client.connect()
    options: dict[str, Any] = {"socket_dir": "/run"} if name == "unix" else {}
    create_client(name, "event", **options)


# The keywords are those of the class.
create_server("unix", "event", socket_dir=Path("/run"), slow_client="block")
create_server("unix", "event", port=1)  # type: ignore[call-overload]
create_server("tcp", "event", port_range_start=9000, port_range_end=9100)
create_server("tcp", "event", socket_dir="/run")  # type: ignore[call-overload]
create_server("unix", "event", history_size="3")  # type: ignore[call-overload]
create_client("unix", "event", types=[MessageType.ERROR], auto_reconnect=False)
create_client("unix", "event", hostory=1)  # type: ignore[call-overload]
UnixSocketServer("event", None, True, history_size=10)
UnixSocketServer("event", slow_client="wait")  # type: ignore[arg-type]
TcpSocketClient("event", wait_for_server=True).connect()


def receive() -> Iterator[Any]:
    """What is received is typed down to its data."""
    with create_client("unix", "event") as client:
        assert_type(client, UnixSocketClient)
        message = client.receive(timeout=1.5)
        assert_type(message, SocketMessage)
        assert_type(message.message_type, MessageType)
        assert_type(message.timestamp_ms, int)
        for each in client:
            assert_type(each, SocketMessage)
            yield each.data["percent"]
        assert_type(client.event_name, str)
        client.receive("1")  # type: ignore[arg-type]


def send(server: SocketServer) -> None:
    """To a server of any transport."""
    server.send({"n": 1})
    server.send(create_message("event", MessageType.DATA, {"n": 1}), "c")
    server.send(Progress(percent=1))
    server.send("text")  # type: ignore[arg-type]
    assert_type(server.get_connected_clients(), list[ClientInfo])


class Echo(UnixSocketServer):
    """Hooks are overridden as they are declared."""

    def on_client_connected(self, client_info: ClientInfo) -> None:
        assert_type(client_info.client_id, str)

    def on_message_received(
        self, client_id: str, message: SocketMessage
    ) -> None:
        self.send(message, client_id)

    def on_client_disconnected(  # type: ignore[override]
        self, client_id: int
    ) -> None: ...


def errors() -> None:
    """Their attributes are those of every SocketError."""
    try:
        with Echo("event", history_size=10) as server:
            assert_type(server, Echo)
            server.send_many([{"n": 1}])
            assert_type(server.address, str | None)
            assert_type(server.get_stats(), dict[str, int])
    except (MaxConnectionsError, NotAllowedError) as e:
        assert_type(e.errno, int)
    except dotfiles_socket.ConnectionError as e:
        assert_type(e.strerror, str | None)
    except SocketError as e:
        assert_type(e.status, Status)
        assert_type(e.name, str)


assert_type(get_unix_socket_config(), UnixSocketConfig)
with private_sockets() as place:
    assert_type(place, Path)
