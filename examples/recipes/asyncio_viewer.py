"""Prints what the event "clock" says, while the event loop does other work."""

import asyncio
import contextlib

from dotfiles_socket import aio


async def watch() -> None:
    async with aio.create_client(
        "unix", "clock", wait_for_server=True
    ) as client:
        async for message in client:
            print(message.data["time"], flush=True)


async def work() -> None:
    while True:
        await asyncio.sleep(0.5)
        print("other work", flush=True)


async def main() -> None:
    await asyncio.gather(watch(), work())


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
