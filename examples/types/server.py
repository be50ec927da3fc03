"""The server of the types scenario reports a backup: DATA for how far it is,
ERROR for what went wrong, CONTROL for the end."""

import os
import sys

from dotfiles_socket import (
    MessageType,
    SocketError,
    create_message,
    create_server,
)


def main(transport: str, clients: int) -> None:
    with create_server(transport, event_name="types") as server:
        print(
            f"serving types over {transport}, clients expected: {clients}",
            flush=True,
        )
        server.wait_for_clients(clients)

        for percent in (25, 50, 75, 100):
            server.send(
                create_message("types", MessageType.DATA, {"percent": percent})
            )
            if percent == 50:
                problem = {"file": "notes.txt", "text": "is locked"}
                server.send(
                    create_message("types", MessageType.ERROR, problem)
                )
        server.send(
            create_message("types", MessageType.CONTROL, {"status": "done"})
        )
    print("backup reported")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print("usage: server.py unix|tcp CLIENTS", file=sys.stderr)
        sys.exit(os.EX_USAGE)
    try:
        main(sys.argv[1], int(sys.argv[2]))
    except (SocketError, ValueError) as e:
        print(e, file=sys.stderr)
        sys.exit(os.EX_UNAVAILABLE)
