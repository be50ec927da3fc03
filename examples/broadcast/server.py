"""The server of the broadcast scenario sends the weather to all its clients,
and the last three messages to one that comes late."""

import os
import sys

from dotfiles_socket import (
    MessageType,
    SocketError,
    create_message,
    create_server,
)


def main(transport: str, clients: int) -> None:
    with create_server(
        transport, event_name="broadcast", history_size=3
    ) as server:
        print(
            f"serving broadcast over {transport}, clients expected: {clients}",
            flush=True,
        )
        server.wait_for_clients(clients)

        for number, weather in enumerate(
            ["rain", "wind", "snow", "fog", "sun"], 1
        ):
            server.send({"number": number, "weather": weather})
        print("sent: 5, one more client expected", flush=True)
        server.wait_for_clients(clients + 1)

        server.send({"number": 6, "weather": "rainbow"})
        server.send(create_message("broadcast", MessageType.CONTROL, {}))
    print("sent: 6")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print("usage: server.py unix|tcp CLIENTS", file=sys.stderr)
        sys.exit(os.EX_USAGE)
    try:
        main(sys.argv[1], int(sys.argv[2]))
    except (SocketError, ValueError) as e:
        print(e, file=sys.stderr)
        sys.exit(os.EX_UNAVAILABLE)
