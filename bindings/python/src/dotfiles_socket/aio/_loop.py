"""What the rest of this package asks of an event loop: asyncio's, uvloop's,
or through anyio any other. Nothing here starts a thread but in_thread()."""

from __future__ import annotations

import asyncio
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from .._handle import Descriptor

    _T = TypeVar("_T")


def _asyncio() -> asyncio.AbstractEventLoop | None:
    """Return the running loop; None in a program that is not asyncio's."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class Readable:
    """Wakes tasks when a descriptor is readable.

    A wait may end for no reason: who waits looks whether there is something,
    and waits again. All who wait are woken at once, so that nothing is lost
    when one of them is cancelled on its way.
    """

    def __init__(self, descriptor: Descriptor) -> None:
        # Kept open: a loop must not watch a number that is used again.
        self.descriptor = descriptor
        self._waiters: list[asyncio.Future[None]] = []
        # The loop that watches it.
        self._loop: asyncio.AbstractEventLoop | None = None
        # For a loop that lets only one task wait for a descriptor.
        self._turn: Any = None

    async def wait(self, timeout: float | None = None) -> None:
        """Return when it is readable, or after `timeout` seconds."""
        loop = _asyncio()
        if loop is None:
            await self._wait_elsewhere(timeout)
            return
        if self._loop is not loop:
            loop.add_reader(self.descriptor.fileno(), self._wake)
            self._loop = loop
        waiter = loop.create_future()
        self._waiters.append(waiter)
        timer = None
        if timeout is not None:
            timer = loop.call_later(timeout, _done, waiter)
        try:
            await waiter
        finally:
            if timer is not None:
                timer.cancel()
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            _done(waiter)
        if not waiters and self._loop is not None:
            # It stays readable until somebody is interested.
            self._loop.remove_reader(self.descriptor.fileno())
            self._loop = None

    async def _wait_elsewhere(self, timeout: float | None) -> None:
        import anyio

        if self._turn is None:
            self._turn = anyio.Lock()
        others_wait = self._turn.locked()
        with anyio.move_on_after(timeout):
            async with self._turn:
                if not others_wait:
                    await anyio.wait_readable(self.descriptor.fileno())


def _done(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


async def pause(seconds: float = 0) -> None:
    """Let other tasks run."""
    if _asyncio() is not None:
        await asyncio.sleep(seconds)
        return
    import anyio

    await anyio.sleep(seconds)


async def in_thread(
    work: Callable[[], _T], undo: Callable[[], object] | None = None
) -> _T:
    """Do what blocks in a thread: opening and closing.

    Cancelled meanwhile, the work goes on, and is undone when it is done.
    """
    loop = _asyncio()
    if loop is not None:
        return await _in_executor(loop, work, undo)
    import anyio

    with anyio.CancelScope(shield=True):
        result = await anyio.to_thread.run_sync(work)
    return result  # noqa: RET504  # the block might, for all mypy knows, end


async def _in_executor(
    loop: asyncio.AbstractEventLoop,
    work: Callable[[], _T],
    undo: Callable[[], object] | None,
) -> _T:
    lock = threading.Lock()
    is_done = is_cancelled = False

    def run() -> _T:
        nonlocal is_done
        result = work()
        with lock:
            is_done = True
            late = is_cancelled
        if late and undo is not None:
            undo()
        return result

    try:
        return await loop.run_in_executor(None, run)
    except asyncio.CancelledError:
        with lock:
            is_cancelled = True
            late = is_done
        if late and undo is not None:
            loop.run_in_executor(None, undo)
        raise


# Seconds that a send may hold up the loop where there is no room, and after
# which it is tried again.
AT_ONCE = 0.0001
_AGAIN = 0.002


async def patiently(send: Callable[[], Any], patience: float) -> None:
    """Send, again and again where there is no room, for at most `patience`
    seconds. Cancelled meanwhile, the message is not sent."""
    from ..core.exceptions import TimeoutError

    deadline: float | None = None
    while True:
        try:
            send()
        except TimeoutError:
            now = time.monotonic()
            if deadline is None:
                deadline = now + patience
            if now >= deadline:
                raise TimeoutError(
                    "Failed to send message: nothing was read at the other "
                    f"side for {patience:g} s (send_timeout)"
                ) from None
            await pause(_AGAIN)
        else:
            return
