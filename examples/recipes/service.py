"""Serves the event "clock" until it is told to stop."""

import signal
import sys
import time
from types import FrameType

from dotfiles_socket import create_server


def leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit()  # through the end of the with block, like Ctrl-C


def main() -> None:
    signal.signal(signal.SIGTERM, leave)  # what systemd sends
    with create_server("unix", "clock", retain_keys=1) as server:
        print("serving", server.address, flush=True)
        while True:
            # The key lets who joins between two ticks have the last one.
            server.send({"time": time.time()}, retain_key="time")
            time.sleep(1)


if __name__ == "__main__":
    main()
