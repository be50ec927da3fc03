"""The server of the tcp scenario takes the first free port of a range and
greets one client."""

import os
import sys

from dotfiles_socket import SocketError, TcpSocketServer


def main(first: int, last: int) -> None:
    with TcpSocketServer(
        "tcp", port=-1, port_range_start=first, port_range_end=last
    ) as server:
        print("serving tcp on", server.address, flush=True)
        server.wait_for_clients(1)
        server.send({"text": f"hello from {server.address}"})
    print("greeted")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print("usage: server.py FIRST-PORT LAST-PORT", file=sys.stderr)
        sys.exit(os.EX_USAGE)
    try:
        main(int(sys.argv[1]), int(sys.argv[2]))
    except (SocketError, ValueError) as e:
        print(e, file=sys.stderr)
        sys.exit(os.EX_UNAVAILABLE)
