"""The same protocol in plain Python: sockets, a buffered file and msgpack, as
one would write it by hand."""

import io
import socket
import struct
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import IO, Any

import msgpack  # type: ignore[import-untyped]

from . import worker
from .worker import EVENT, Options


def address_of(options: Options) -> tuple[int, Any]:
    if options.transport == "tcp":
        return socket.AF_INET, ("127.0.0.1", options.port)
    return socket.AF_UNIX, f"{options.address}/{EVENT}.sock"


def listen(options: Options) -> socket.socket:
    family, address = address_of(options)
    server = socket.socket(family)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(address)
    server.listen(64)
    return server


def connect(options: Options) -> socket.socket:
    family, address = address_of(options)
    client = socket.socket(family)
    client.connect(address)
    return client


def message_of(data: dict[str, Any]) -> dict[str, Any]:
    return {
        "event_name": EVENT,
        "timestamp_ms": int(time.time() * 1000),
        "timestamp_iso": datetime.now(timezone.utc).isoformat(),
        "message_type": "data",
        "data": data,
    }


def frame_of(data: dict[str, Any]) -> bytes:
    body: bytes = msgpack.packb(message_of(data))
    return struct.pack(">I", len(body)) + body


def read_message(stream: IO[bytes]) -> dict[str, Any] | None:
    """Read a message; None for a map of the protocol's own."""
    (length,) = struct.unpack(">I", stream.read(4))
    message: dict[str, Any] = msgpack.unpackb(stream.read(length))
    return message if "data" in message else None


def messages(connection: socket.socket) -> Iterator[dict[str, Any]]:
    with (
        connection,
        io.BufferedReader(connection.makefile("rb", 0), 1 << 16) as stream,
    ):
        while True:
            message = read_message(stream)
            if message is not None:
                yield message


def send(options: Options) -> None:
    server = listen(options)
    worker.say("ready")
    clients = [server.accept()[0] for _ in range(options.clients)]

    def one(data: dict[str, Any]) -> None:
        frame = frame_of(data)
        for client in clients:
            client.sendall(frame)

    worker.run_sender(options, one)


def receive(options: Options) -> None:
    connection = connect(options)
    worker.run_receiver(message["data"] for message in messages(connection))


def echo(options: Options) -> None:
    def serve() -> None:
        server = listen(options)
        worker.say("ready")
        connection, _ = server.accept()
        for message in messages(connection):
            connection.sendall(frame_of(message["data"]))

    worker.answer_beside(options, serve)


def ask(options: Options) -> None:
    connection = connect(options)
    incoming = messages(connection)

    def one(data: dict[str, Any]) -> dict[str, Any]:
        connection.sendall(frame_of(data))
        answer: dict[str, Any] = next(incoming)["data"]
        return answer

    worker.run_asker(options, one)


def idle(options: Options) -> None:
    with listen(options):
        worker.say("ready")
        time.sleep(worker.LIFETIME)


if __name__ == "__main__":
    worker.main([send, receive, echo, ask, idle])
