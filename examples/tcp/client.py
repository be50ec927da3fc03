"""A client of the tcp scenario is told the port and prints the greeting."""

import os
import sys

from dotfiles_socket import SocketError, TcpSocketClient


def main(port: int) -> None:
    with TcpSocketClient("tcp", port=port) as client:
        print(client.receive().data["text"])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print("usage: client.py PORT", file=sys.stderr)
        sys.exit(os.EX_USAGE)
    try:
        main(int(sys.argv[1]))
    except (SocketError, ValueError) as e:
        print(e, file=sys.stderr)
        sys.exit(os.EX_UNAVAILABLE)
