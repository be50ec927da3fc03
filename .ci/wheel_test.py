"""Run by a Python that has dotfiles_socket and nothing else: package, library
and accelerator are its own, and a message goes from server to client."""

import sys
import tempfile
from pathlib import Path

import dotfiles_socket
from dotfiles_socket import _accelerator, _lib, create_client, create_server


def main() -> None:
    for file in (
        dotfiles_socket.__file__,
        _accelerator.__file__,
        _lib.library_path(),
    ):
        assert Path(file).is_relative_to(sys.prefix), file
    dotfiles_socket.get_default_config()
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


if __name__ == "__main__":
    main()
