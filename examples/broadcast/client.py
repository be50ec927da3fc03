"""A client of the broadcast scenario prints the weather until the server says
that it is done."""

import os
import sys

from dotfiles_socket import MessageType, SocketError, create_client


def main(transport: str) -> None:
    with create_client(transport, event_name="broadcast") as client:
        for message in client.receive_iter():
            if message.message_type is MessageType.CONTROL:
                break
            print(message.data["number"], message.data["weather"], flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print("usage: client.py unix|tcp", file=sys.stderr)
        sys.exit(os.EX_USAGE)
    try:
        main(sys.argv[1])
    except (SocketError, ValueError) as e:
        print(e, file=sys.stderr)
        sys.exit(os.EX_UNAVAILABLE)
