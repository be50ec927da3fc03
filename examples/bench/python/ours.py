"""dotfiles_socket. kind= chooses how a sender sends: "dict" (the default),
"message" (create_message) or "many" (send_many)."""

import os
import time
from collections.abc import Iterator
from typing import Any

from dotfiles_socket import (
    MessageType,
    create_client,
    create_message,
    create_server,
)

from . import worker
from .worker import EVENT, Options

# Nothing may be lost here; all else is as it comes.
os.environ.update(
    {"SOCKET__SLOW_CLIENT": "block", "SOCKET__SEND_TIMEOUT": "60"}
)


def place(options: Options) -> dict[str, Any]:
    if options.transport == "tcp":
        return {"host": "127.0.0.1", "port": options.port}
    return {"socket_dir": options.address}


def send(options: Options) -> None:
    with create_server(options.transport, EVENT, **place(options)) as server:
        worker.say("ready")
        server.wait_for_clients(options.clients)

        def send_message(data: dict[str, Any]) -> None:
            server.send(create_message(EVENT, MessageType.DATA, data))

        if options.kind == "many":
            worker.run_batch_sender(options, server.send_many)
        elif options.kind == "message":
            worker.run_sender(options, send_message)
        else:
            worker.run_sender(options, server.send)


def receive(options: Options) -> None:
    with create_client(options.transport, EVENT, **place(options)) as client:

        def data() -> Iterator[dict[str, Any]]:
            for message in client.receive_iter():
                yield message.data

        worker.run_receiver(data())


def echo(options: Options) -> None:
    server = create_server(options.transport, EVENT, **place(options))

    def answer(client_id: str, message: Any) -> None:
        server.send(message.data, client_id)

    server.on_message_received = answer  # type: ignore[method-assign]

    def serve() -> None:
        with server:
            worker.say("ready")
            worker.await_line()

    worker.answer_beside(options, serve)


def ask(options: Options) -> None:
    with create_client(options.transport, EVENT, **place(options)) as client:

        def one(data: dict[str, Any]) -> dict[str, Any]:
            client.send(data)
            return client.receive().data

        worker.run_asker(options, one)


def idle(options: Options) -> None:
    with create_server(options.transport, EVENT, **place(options)):
        worker.say("ready")
        time.sleep(worker.LIFETIME)


if __name__ == "__main__":
    worker.main([send, receive, echo, ask, idle])
