"""A pool of threads that share one server, and a viewer in a thread of the
same process."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dotfiles_socket import SocketClient, create_client, create_server


def watch(viewer: SocketClient) -> None:
    for message in viewer.receive_iter():
        print(message.data["file"], message.data["lines"])


def main(files: list[str]) -> None:
    with (
        create_server("unix", "lines") as server,
        # It ends with the server instead of waiting for the next one.
        create_client("unix", "lines", auto_reconnect=False) as viewer,
    ):

        def count(file: str) -> None:
            lines = Path(file).read_bytes().count(b"\n")
            server.send({"file": file, "lines": lines})

        watcher = threading.Thread(target=watch, args=[viewer])
        watcher.start()
        with ThreadPoolExecutor() as pool:
            list(pool.map(count, files))  # raises what a thread has raised
        server.stop()  # delivers what was sent
        watcher.join()


if __name__ == "__main__":
    main(sys.argv[1:])
