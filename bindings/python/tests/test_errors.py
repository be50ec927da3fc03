"""Exceptions: which there are, what else they are, and what they tell."""

from __future__ import annotations

import builtins
import copy
import errno
import itertools
import os
import pickle
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from conftest import SOON, Net

import dotfiles_socket
from dotfiles_socket import (
    BadMessageError,
    ClosedError,
    ForkedError,
    InUseError,
    MaxConnectionsError,
    MessageError,
    NoPortError,
    NoServerError,
    NotAllowedError,
    NotConnectedError,
    SettingsError,
    SocketError,
    Status,
    TooLargeError,
    UnixSocketServer,
    UnknownClientError,
    ValidationError,
    create_client,
    create_server,
)
from dotfiles_socket.core.exceptions import from_status

ConnectionError = dotfiles_socket.ConnectionError
TimeoutError = dotfiles_socket.TimeoutError

FIVE = [
    ConnectionError,
    MessageError,
    ValidationError,
    TimeoutError,
    MaxConnectionsError,
]
FAILURES = [status for status in Status if status]


@pytest.mark.parametrize("kind", FIVE)
def test_five_exceptions_are_directly_under_socket_error(
    kind: type[SocketError],
) -> None:
    assert kind.__bases__[0] is SocketError
    assert SocketError.__bases__ == (Exception,)
    others = [other for other in FIVE if other is not kind]
    assert not any(issubclass(kind, other) for other in others)
    assert str(kind("text")) == "text"


def test_exceptions_are_the_builtins_a_caller_would_expect() -> None:
    assert issubclass(ConnectionError, builtins.ConnectionError)
    assert issubclass(TimeoutError, builtins.TimeoutError)
    assert issubclass(ValidationError, ValueError)
    assert issubclass(NotAllowedError, PermissionError)
    assert issubclass(NoServerError, ConnectionRefusedError)
    assert issubclass(InUseError, OSError)


def test_each_status_has_a_class_of_its_own() -> None:
    classes = {type(from_status(status, "")) for status in FAILURES}
    assert len(classes) == len(FAILURES)
    for status in FAILURES:
        error = from_status(status, "text")
        assert (str(error), error.status) == ("text", status)
        assert error.name == status.name
        assert error.errno is None or error.errno in errno.errorcode
        kind = type(error)
        assert getattr(dotfiles_socket, kind.__name__) is kind
        # Raised by hand it tells the same.
        assert kind("").status is status
    assert type(from_status(-1000, "")).__name__ == "InternalError"


@pytest.mark.parametrize("kind", FIVE)
@pytest.mark.parametrize("status", FAILURES)
def test_an_exception_can_also_be_what_the_original_raised(
    status: Status, kind: type[SocketError]
) -> None:
    error = from_status(status, "text", kind)
    assert isinstance(error, kind)
    assert isinstance(error, type(from_status(status, "")))
    assert (str(error), error.status) == ("text", status)
    error.add_note("kept") if hasattr(error, "add_note") else None
    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301
        assert type(again) is type(error)
        assert (again.args, vars(again)) == (error.args, vars(error))
    assert type(error).__name__ == type(from_status(status, "")).__name__


# ---- what raises which


def caught(work: Any) -> SocketError:
    with pytest.raises(SocketError) as raised:
        work()
    return raised.value


def test_start_raises_the_class_of_its_status(unix: Net) -> None:
    unix.server()
    error = caught(lambda: unix.server())
    assert isinstance(error, InUseError)
    assert error.errno == errno.EADDRINUSE
    assert not isinstance(error, builtins.ConnectionError)
    assert str(error).startswith("Failed to start server: ")
    assert isinstance(error.__cause__, InUseError)


def test_start_without_a_free_port(tcp: Net) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = caught(
            lambda: tcp.server(
                port=None, port_range_start=port, port_range_end=port
            )
        )
    assert isinstance(error, NoPortError)
    assert error.name == "NO_PORT"


def test_connect_raises_a_connection_error_of_its_status(net: Net) -> None:
    server = net.server(max_connections=1)
    net.client(server)
    error = caught(lambda: net.client(server))
    assert isinstance(error, ConnectionError)
    assert isinstance(error, MaxConnectionsError)
    server.stop()
    error = caught(lambda: net.client(server))
    assert isinstance(error, NoServerError)
    assert isinstance(error, ConnectionRefusedError)
    assert error.errno == errno.ECONNREFUSED


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_a_directory_that_is_not_trusted(directory: Path) -> None:
    directory.mkdir(mode=0o755)
    os.chown(directory, 4711, -1)
    error = caught(UnixSocketServer("event", directory).start)
    assert isinstance(error, PermissionError)
    assert not isinstance(error, ConnectionError)
    assert isinstance(error, NotAllowedError)
    assert error.errno == errno.EACCES


def test_settings_and_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    error = caught(lambda: create_server("unix", "no name"))
    assert type(error) is ValidationError
    assert error.status == Status.INVALID
    makers: list[Any] = [create_server, create_client]
    for make in makers:
        for bad in ("carrier pigeon", 7):
            error = caught(lambda: make(bad, "event"))  # noqa: B023
            assert isinstance(error, ValueError)
    error = caught(lambda: create_client("tcp", "event"))
    assert isinstance(error, ValueError)
    monkeypatch.setenv("SOCKET__BUFFER_SIZE", "none")
    error = caught(lambda: create_client("unix", "event").connect())
    assert isinstance(error, SettingsError)
    assert isinstance(error, ValueError)


def test_what_sending_raises(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOCKET__MAX_MESSAGE_SIZE", "1024")
    server, client = net.pair()
    large = {"blob": bytes(2000)}
    for send in (server.send, client.send):
        error = caught(lambda: send({"set": {1}}))  # noqa: B023
        assert isinstance(error, BadMessageError)
        assert isinstance(error.__cause__, TypeError)
        error = caught(lambda: send({"keys": {1: 2}}))  # noqa: B023
        assert isinstance(error, BadMessageError)
    error = caught(lambda: server.send(large))
    assert isinstance(error, TooLargeError)
    assert error.errno == errno.EMSGSIZE
    error = caught(lambda: server.send({}, "client_1"))
    assert isinstance(error, UnknownClientError)
    assert type(error) is type(caught(lambda: server.send({}, "nobody")))
    client.disconnect()
    error = caught(lambda: client.send({}))
    assert type(error) is NotConnectedError
    server.stop()
    error = caught(lambda: server.send({}))
    assert type(error) is ClosedError
    assert not isinstance(error, ConnectionError)


def test_what_waiting_raises(net: Net) -> None:
    server, client = net.pair()
    for wait in (
        lambda: client.receive(0),
        lambda: client.receive(0.001),
        lambda: server.wait_for_clients(9, 0.001),
    ):
        error = caught(wait)
        assert type(error) is TimeoutError
        assert error.status == Status.TIMEOUT
        assert error.errno == errno.ETIMEDOUT
    server.stop()
    error = caught(lambda: server.wait_for_clients(1, SOON))
    assert isinstance(error, ClosedError)


def test_a_wait_may_be_longer_than_the_system_knows(net: Net) -> None:
    server, client = net.pair()
    for timeout in (1e7, 1e12, float("inf")):
        threading.Timer(0.01, server.send, [{"n": 1}]).start()
        assert client.receive(timeout).data == {"n": 1}


def test_no_descriptor_is_left(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = net.server()
    client = net.client(server, connect=False)
    other = net.server(event="other", start=False)

    def dup(_: int) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "dup", dup)
    with pytest.raises(dotfiles_socket.ConnectionError, match="open files"):
        client.connect()
    with pytest.raises(SocketError, match="open files"):
        other.start()
    monkeypatch.undo()
    client.connect()


def test_the_end_of_a_connection_tells_its_reason(net: Net) -> None:
    server = net.server()
    client = net.client(server, auto_reconnect=False)
    server.wait_for_clients(1, SOON)
    server.stop()
    error = caught(lambda: client.receive(SOON))
    assert isinstance(error, ConnectionError)
    assert error.status


def test_a_fork_is_no_connection_error() -> None:
    assert issubclass(ForkedError, RuntimeError)
    assert not issubclass(ForkedError, OSError)


def test_no_class_hides_another_of_its_builtins() -> None:
    """Each is found by the builtin it is listed with, and by no stranger."""
    kinds = [type(from_status(status, "")) for status in FAILURES]
    for kind, other in itertools.permutations(kinds, 2):
        if issubclass(kind, other):
            assert (kind.__name__, other.__name__) in {
                ("SettingsError", "ValidationError"),
                ("BadHandleError", "ClosedError"),
            }
