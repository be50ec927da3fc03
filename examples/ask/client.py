"""A client of the ask scenario asks for the colours of fruits."""

import os
import sys

from dotfiles_socket import MessageType, SocketError, create_client


def main(transport: str, fruits: list[str]) -> None:
    with create_client(transport, event_name="ask") as client:
        client.receive()  # the server is ready
        for fruit in fruits:
            client.send({"fruit": fruit})
        for _ in fruits:
            answer = client.receive()
            data = answer.data
            if answer.message_type is MessageType.ERROR:
                print(f"{data['fruit']}: error: {data['text']}")
            else:
                print(f"{data['fruit']}: {data['colour']}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        print("usage: client.py unix|tcp FRUIT...", file=sys.stderr)
        sys.exit(os.EX_USAGE)
    try:
        main(sys.argv[1], sys.argv[2:])
    except (SocketError, ValueError) as e:
        print(e, file=sys.stderr)
        sys.exit(os.EX_UNAVAILABLE)
