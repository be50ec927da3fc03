"""Prints what the event "clock" says, while the event loop does other work."""

import asyncio
import contextlib

from dotfiles_socket import SocketClient, create_client


async def watch(client: SocketClient) -> None:
    while True:
        # A thread waits, and not the loop.
        message = await asyncio.to_thread(client.receive)
        print(message.data["time"], flush=True)


async def work() -> None:
    while True:
        await asyncio.sleep(0.5)
        print("other work", flush=True)


async def main() -> None:
    # Leaving the block wakes the thread.
    with create_client("unix", "clock", wait_for_server=True) as client:
        await asyncio.gather(watch(client), work())


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
