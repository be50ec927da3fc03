"""A client of the types scenario treats each type of message in its own way.
A quiet one tells the server that it wants no DATA, and is sent none."""

import os
import sys

from dotfiles_socket import MessageType, SocketError, create_client


def main(transport: str, wish: str) -> None:
    types = [MessageType.ERROR, MessageType.CONTROL] if wish == "quiet" else []
    with create_client(transport, event_name="types", types=types) as client:
        for message in client.receive_iter():
            data = message.data
            if message.message_type is MessageType.DATA:
                print(f"{data['percent']:3} %", flush=True)
            elif message.message_type is MessageType.ERROR:
                print("error:", data["file"], data["text"], flush=True)
            else:
                print(data["status"])
                break


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print("usage: client.py unix|tcp all|quiet", file=sys.stderr)
        sys.exit(os.EX_USAGE)
    try:
        main(sys.argv[1], sys.argv[2])
    except (SocketError, ValueError) as e:
        print(e, file=sys.stderr)
        sys.exit(os.EX_UNAVAILABLE)
