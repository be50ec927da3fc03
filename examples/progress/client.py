"""A viewer of the progress scenario draws a bar for each run of the server. It
may be started first, and waits for the next run after each."""

import os
import sys
from pathlib import PurePosixPath

from dotfiles_socket import MessageType, SocketError, create_client


def main(transport: str, runs: int) -> None:
    # A terminal shows one line that changes, anything else gets them all.
    start, stop = ("\r\033[K", "") if sys.stdout.isatty() else ("", "\n")
    seen = 0
    with create_client(
        transport, event_name="progress", wait_for_server=True
    ) as client:
        for message in client.receive_iter():
            data = message.data
            if message.message_type is MessageType.DATA:
                bar = "#" * int(data["percent"] / 5)
                name = PurePosixPath(data["file"]).name
                percent, hashed = data["percent"], data["sha256"][:8]
                line = f"[{bar:20}] {percent:5.1f} % {hashed} {name}"
                print(start + line, end=stop, flush=True)
            elif message.message_type is MessageType.ERROR:
                print(f"{start}{data['file']}: {data['text']}", flush=True)
            else:
                print(
                    f"{start}[{'#' * 20}] done, files: {data['files']}",
                    flush=True,
                )
                seen += 1
                if seen == runs:
                    break


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print("usage: client.py unix|tcp RUNS (0: for ever)", file=sys.stderr)
        sys.exit(os.EX_USAGE)
    try:
        main(sys.argv[1], int(sys.argv[2]))
    except (SocketError, ValueError) as e:
        print(e, file=sys.stderr)
        sys.exit(os.EX_UNAVAILABLE)
