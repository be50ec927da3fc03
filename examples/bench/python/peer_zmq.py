"""pyzmq with msgpack and the same five-key envelope: XPUB and SUB without
loss one way, PAIR there and back. kind=bare sends the data without it."""

import importlib
import time
from collections.abc import Iterator
from typing import Any

import msgpack  # type: ignore[import-untyped]

from . import worker
from .pure import message_of
from .worker import Options

# Not imported by its name: type checkers do without it.
zmq: Any = importlib.import_module("zmq")

HIGH_WATER_MARK = 16384  # messages, as in libsocket


def endpoint_of(options: Options) -> str:
    if options.transport == "tcp":
        return f"tcp://127.0.0.1:{options.port}"
    return f"ipc://{options.address}/zmq"


def open_socket(kind: int) -> Any:
    opened = zmq.Context.instance().socket(kind)
    opened.sndhwm = opened.rcvhwm = HIGH_WATER_MARK
    opened.linger = 0
    return opened


def send(options: Options) -> None:
    server = open_socket(zmq.XPUB)
    server.setsockopt(zmq.XPUB_NODROP, 1)
    server.setsockopt(zmq.XPUB_VERBOSE, 1)
    server.bind(endpoint_of(options))
    worker.say("ready")
    for _ in range(options.clients):
        server.recv()
    bare = options.kind == "bare"

    def one(data: dict[str, Any]) -> None:
        server.send(msgpack.packb(data if bare else message_of(data)))

    worker.run_sender(options, one)


def receive(options: Options) -> None:
    client = open_socket(zmq.SUB)
    client.subscribe(b"")
    client.connect(endpoint_of(options))
    bare = options.kind == "bare"

    def data() -> Iterator[dict[str, Any]]:
        while True:
            message = msgpack.unpackb(client.recv())
            yield message if bare else message["data"]

    worker.run_receiver(data())


def echo(options: Options) -> None:
    def serve() -> None:
        server = open_socket(zmq.PAIR)
        server.bind(endpoint_of(options))
        worker.say("ready")
        while True:
            message = msgpack.unpackb(server.recv())
            server.send(msgpack.packb(message_of(message["data"])))

    worker.answer_beside(options, serve)


def ask(options: Options) -> None:
    client = open_socket(zmq.PAIR)
    client.connect(endpoint_of(options))

    def one(data: dict[str, Any]) -> dict[str, Any]:
        client.send(msgpack.packb(message_of(data)))
        answer: dict[str, Any] = msgpack.unpackb(client.recv())["data"]
        return answer

    worker.run_asker(options, one)


def idle(options: Options) -> None:
    server = open_socket(zmq.XPUB)
    server.bind(endpoint_of(options))
    worker.say("ready")
    time.sleep(worker.LIFETIME)


if __name__ == "__main__":
    worker.main([send, receive, echo, ask, idle])
