"""The server of the ask scenario knows the colours of fruits. Every question
is answered to the client that asked, and to nobody else."""

import os
import sys
from threading import Semaphore

from dotfiles_socket import (
    MessageType,
    SocketError,
    SocketMessage,
    SocketServer,
    TcpSocketServer,
    UnixSocketServer,
    create_message,
)

COLOURS = {"apple": "red", "lemon": "yellow", "plum": "blue"}


class Answers(SocketServer):
    """What a server of either transport does when something happens."""

    questions = 0
    left = Semaphore(0)  # counts the clients that have gone

    def on_message_received(
        self, client_id: str, message: SocketMessage
    ) -> None:
        self.questions += 1
        self.send(answer(message.data["fruit"]), client_id)

    def on_client_disconnected(self, client_id: str) -> None:  # noqa: ARG002
        self.left.release()


class UnixAnswers(Answers, UnixSocketServer):
    pass


class TcpAnswers(Answers, TcpSocketServer):
    pass


def answer(fruit: str) -> SocketMessage:
    if fruit in COLOURS:
        data = {"fruit": fruit, "colour": COLOURS[fruit]}
        return create_message("ask", MessageType.DATA, data)
    return create_message(
        "ask", MessageType.ERROR, {"fruit": fruit, "text": "nobody knows"}
    )


def main(transport: str, clients: int) -> None:
    with (
        TcpAnswers("ask")
        if transport == "tcp"
        else UnixAnswers("ask") as server
    ):
        print(
            f"serving ask over {transport}, clients expected: {clients}",
            flush=True,
        )
        server.wait_for_clients(clients)
        server.send(create_message("ask", MessageType.CONTROL, {}))
        for _ in range(clients):
            server.left.acquire()
    print("answered:", server.questions)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print("usage: server.py unix|tcp CLIENTS", file=sys.stderr)
        sys.exit(os.EX_USAGE)
    try:
        main(sys.argv[1], int(sys.argv[2]))
    except (SocketError, ValueError) as e:
        print(e, file=sys.stderr)
        sys.exit(os.EX_UNAVAILABLE)
