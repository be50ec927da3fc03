"""Old peers: the original's wire, written with raw sockets and msgpack.

An old server sends to every connection that it has accepted; an old client
reads whatever comes. Neither knows the handshake: a map without the five keys
is noted in `ignored`, as the original logs and ignores it.
"""

from __future__ import annotations

import socket
import struct
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-untyped]
from conftest import SOON

KEYS = ["event_name", "timestamp_ms", "timestamp_iso", "message_type", "data"]
STAMP = (1763417982123, "2025-11-17T22:19:42.123456+00:00")


def body(data: Any, kind: str = "data", event: str = "event") -> bytes:
    """The body of a frame, with the keys in the original's order."""
    packed: bytes = msgpack.packb(
        dict(zip(KEYS, [event, *STAMP, kind, data], strict=True))
    )
    return packed


def frame(content: bytes) -> bytes:
    """The body behind its length."""
    return struct.pack(">I", len(content)) + content


class Wire:
    """One connection of an old peer."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(SOON)
        self.socket = connection
        self.ignored: list[Any] = []

    def send(self, data: Any, kind: str = "data") -> None:
        self.socket.sendall(frame(body(data, kind)))

    def frame(self) -> bytes:
        """The next frame with its length; b"" at the end."""
        length = self._exactly(4)
        if length == b"":
            return b""
        return length + self._exactly(struct.unpack(">I", length)[0])

    def receive(self) -> dict[str, Any] | None:
        """The next message; None at the end."""
        while read := self.frame():
            value = msgpack.unpackb(read[4:])
            if all(key in value for key in KEYS):
                message: dict[str, Any] = value
                return message
            self.ignored.append(value)
        return None

    def data(self, count: int) -> list[Any]:
        """The data of the next messages."""
        messages = [self.receive() for _ in range(count)]
        return [message and message["data"] for message in messages]

    def close(self) -> None:
        self.socket.close()

    def _exactly(self, count: int) -> bytes:
        read = b""
        while len(read) < count:
            try:
                more = self.socket.recv(count - len(read))
            except ConnectionResetError:  # closed with something unread
                more = b""
            if not more:
                assert read == b"", "the connection ends inside a frame"
                return b""
            read += more
        return read


def old_client(net: Any, server: Any) -> Wire:
    """An old client of our server, which ends with the net."""
    if net.transport == "unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(net.directory / f"{server.event_name}.sock"))
    else:
        connection = socket.create_connection(("127.0.0.1", server.port))
    wire = Wire(connection)
    net.made.append(wire)
    return wire


class OldServer:
    """An old server that our clients connect to."""

    def __init__(self, net: Any, event: str = "event", port: int = 0) -> None:
        self.event_name = event
        self.port = port
        self._path: Path | None = None
        if net.transport == "unix":
            net.directory.mkdir(mode=0o700, exist_ok=True)
            self._path = net.directory / f"{event}.sock"
            self._path.unlink(missing_ok=True)
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.bind(str(self._path))
            self._path.chmod(0o600)
            self._socket.listen()
        else:
            self._socket = socket.create_server(("127.0.0.1", port))
            self.port = self._socket.getsockname()[1]
        self._socket.settimeout(SOON)
        self._net = net

    def accept(self) -> Wire:
        """The next client's connection."""
        wire = Wire(self._socket.accept()[0])
        self._net.made.append(wire)
        return wire

    def close(self) -> None:
        self._socket.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def __enter__(self) -> OldServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
