"""Run by a Python that has dotfiles_socket from a wheel and nothing else: the
package is not that of the tree, and a message goes from server to client."""

import sys
import tempfile
from pathlib import Path

import dotfiles_socket
from dotfiles_socket import create_client, create_server


def main() -> None:
    assert Path(dotfiles_socket.__file__).is_relative_to(sys.prefix), (
        dotfiles_socket.__file__
    )
    with (
        tempfile.TemporaryDirectory() as directory,
        create_server(
            "unix", event_name="wheel", socket_dir=directory
        ) as server,
        create_client(
            "unix", event_name="wheel", socket_dir=directory
        ) as client,
    ):
        server.send({"carried": True})
        assert client.receive(timeout=10).data == {"carried": True}
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()
