"""What the rest of this package asks of an event loop: asyncio's, uvloop's,
or through anyio any other. Nothing here starts a thread but in_thread()."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time

from .._outgoing import TOGETHER, no_room
from ..core.exceptions import SocketError, TimeoutError

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


async def in_thread(work: Callable[[], _T]) -> _T:
    """Do what blocks in a thread. Cancelled meanwhile, it goes on."""
    loop = _asyncio()
    if loop is not None:
        return await loop.run_in_executor(None, work)
    import anyio

    with anyio.CancelScope(shield=True):
        result = await anyio.to_thread.run_sync(work)
    return result  # noqa: RET504  # the block might, for all mypy knows, end


class Opening:
    """Opens something in a thread, one attempt after the other.

    An attempt that is cancelled goes on, and what it has opened is closed when
    it is done, before the next one begins: unless another attempt, that was
    not cancelled, has found it open.
    """

    def __init__(
        self,
        work: Callable[[], object],
        undo: Callable[[], object],
        opened: Callable[[], object],
    ) -> None:
        self._work, self._undo = work, undo
        # What is open, None when nothing is.
        self._opened = opened
        self._turn = threading.Lock()
        # The attempts that want it open; None stands for all that have
        # returned.
        self._lock = threading.Lock()
        self._wanted_by: set[object] = set()

    async def attempt(self) -> None:
        """Open it; the work says what is raised."""
        loop = _asyncio()
        if loop is None:
            await in_thread(self._work)
            return
        attempt = object()
        is_done = is_cancelled = False

        def run() -> None:
            nonlocal is_done
            with self._turn:
                before = self._opened()
                self._work()
                with self._lock:
                    is_done = True
                    if self._opened() is not before:
                        self._wanted_by.clear()
                    if not is_cancelled:
                        self._wanted_by.add(attempt)
                    unwanted = not self._wanted_by
                if unwanted:
                    self._undo()

        def undo() -> None:
            with self._turn:
                with self._lock:
                    was_wanted = attempt in self._wanted_by
                    self._wanted_by.discard(attempt)
                    unwanted = was_wanted and not self._wanted_by
                if unwanted:
                    self._undo()

        try:
            await loop.run_in_executor(None, run)
        except asyncio.CancelledError:
            with self._lock:
                is_cancelled = True
                late = is_done
            if late:
                loop.run_in_executor(None, undo)
            raise
        with self._lock:
            if attempt in self._wanted_by:
                self._wanted_by.discard(attempt)
                self._wanted_by.add(None)


# Seconds that a send may hold up the loop where there is no room, and after
# which it is tried again.
AT_ONCE = 0.0001
_AGAIN = 0.002


# A send that finds room waits for nothing: after so many of them others have
# a turn, or the loop would be the sender's.
_IN_A_ROW = 64
_sends = itertools.count(1)


async def patiently(send: Callable[[], Any], patience: float) -> None:
    """Send, as long as there is more, and again and again where there is no
    room, for at most `patience` seconds each. Cancelled meanwhile, what is
    left is not sent."""
    if next(_sends) % _IN_A_ROW == 0:
        await pause()
    deadline: float | None = None
    sent = 0
    while True:
        try:
            is_more = send()
        except TimeoutError as e:
            now = time.monotonic()
            if deadline is None or e.sent > sent:
                deadline, sent = now + patience, e.sent
            if now >= deadline:
                error = TimeoutError(no_room(patience))
                error.sent = e.sent
                raise error from None
            await pause(_AGAIN)
        else:
            if not is_more:
                return
            deadline = None
            await pause()


def resuming(
    send: Callable[[list[Any]], None], messages: list[Any]
) -> Callable[[], bool]:
    """Make a function that sends some of the messages, and tells whether
    there are more: who calls it again goes on, after an error too."""
    total = 0

    def resume() -> bool:
        nonlocal total
        part = messages[total : total + TOGETHER]
        try:
            send(part)
        except SocketError as e:
            total += e.sent
            e.sent = total
            raise
        total += len(part)
        return total < len(messages)

    return resume
