"""Open handles of the library: how they end, whoever forgets them."""

from __future__ import annotations

import _thread
import atexit
import contextlib
import math
import os
import select
import sys
import threading
import weakref
from ctypes import byref, c_uint64, c_void_p, string_at

from ._errors import TIMEOUT, check, failure
from ._lib import HOLD, PULL, Callback, Client, Server, blocking, quick
from .core.exceptions import ClosedError, SystemCallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol, TypeVar

    from ._outgoing import Send
    from ._packed import Intake

    _T = TypeVar("_T")

    class Forkable(Protocol):
        """Has locks that another thread may hold when the process forks."""

        def _after_fork(self) -> None: ...


# Milliseconds of a wait inside of the library, which would not notice a
# signal that came just before it. Where nothing arrives for longer, nobody is
# in a hurry.
_LIVELY = 500


class Handle:
    """An open server or client. One that is dropped is closed by a thread,
    because waiting inside of `__del__` may hang the program."""

    _open: Any
    _close: Any
    _fd: Any
    _wait: Any

    def __init__(
        self,
        identifier: Server | Client,
        transport: str,
        event_name: str,
        settings: bytes,
        flags: int,
    ) -> None:
        was_ending = Exit.begun
        self.is_open = False
        # Set when close() is over.
        self.closed = threading.Event()
        self.id = identifier
        check(
            self._open(
                byref(identifier),
                transport.encode(),
                event_name.encode(),
                settings,
                flags,
                Callback(),
                None,
            )
        )
        # The same for functions that are not told their arguments' types.
        self.key = c_uint64(identifier.id)
        self.is_open = True
        self.descriptor = Descriptor(self._fd(self.id), self._wait, self.key)
        _all.add(self)
        if Exit.begun and not was_ending:  # too late for _close_all()
            self.close()
            raise ClosedError("the program has come to its end meanwhile")

    def close(self) -> None:
        """Close it; once is enough. Blocks at most for the time "linger"."""
        if self.is_open:
            self.is_open = False
            try:
                self._close(self.id)
            finally:
                self.closed.set()

    def __del__(self) -> None:
        if self.is_open and not sys.is_finalizing():
            _Dropped(self._close, self.id).close()


class _Dropped:
    """What was in a handle that was dropped open, until it is closed."""

    def __init__(self, close: Any, identifier: Any) -> None:
        self._close = close
        self._id = identifier
        # Held by the thread that closes.
        self._lock = _thread.allocate_lock()

    def close(self) -> None:
        """Have a thread close it."""
        self._lock.acquire()
        _dropped.add(self)
        try:
            _thread.start_new_thread(self._run, ())
        except RuntimeError:  # none to be had: then by whoever waits for it
            self._lock.release()

    def _run(self) -> None:
        try:
            self._close(self._id)
        finally:
            _dropped.discard(self)
            self._lock.release()

    def wait(self) -> None:
        """Return when it is closed."""
        with self._lock:
            if self in _dropped:
                self._close(self._id)
                _dropped.discard(self)


class Descriptor:
    """Readable while something has arrived, and for good after the close.

    It is a copy: the library's own is gone when close() returns, and another
    thread may still be polling. The copy lives as long as anybody has it.
    """

    def __init__(self, fd: int, wait_events: Any, key: c_uint64) -> None:
        self._fd = -1
        self._wait_events = wait_events
        self._key = key
        # Those that no thread is polling with.
        self._polls: list[select.poll] = []
        if fd < 0:
            raise failure(fd)
        try:
            self._fd = os.dup(fd)
        except OSError as e:
            raise SystemCallError(
                f"cannot watch the handle: {e.strerror}"
            ) from e

    def fileno(self) -> int:
        """Return it, for an event loop."""
        return self._fd

    def wait(self, milliseconds: float | None = None) -> bool:
        """Wait until something may have arrived; False when the time is up.

        Signal handlers run meanwhile, and what they raise ends the wait.
        """
        # Inside of the library, where what arrives is read by this thread.
        lively = _LIVELY if milliseconds is None else milliseconds
        lively = math.ceil(min(lively, _LIVELY))
        if self._wait_events(self._key, lively) != TIMEOUT:
            return True
        if milliseconds is None:
            return self._sleep(None)
        return milliseconds > lively and self._sleep(milliseconds - lively)

    def _sleep(self, milliseconds: float | None) -> bool:
        """Wait until it is readable; False when the time is up."""
        try:
            poll = self._polls.pop()
        except IndexError:
            poll = select.poll()
            poll.register(self._fd, select.POLLIN)
        ready = poll.poll(milliseconds)
        self._polls.append(poll)
        return bool(ready)

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)


class ServerHandle(Handle):
    """An open server whose events are pulled, and what sends for it."""

    send: Send

    def __init__(
        self, transport: str, event_name: str, settings: bytes, hold: bool
    ) -> None:
        # One that was dropped may be the owner of the name.
        _wait_for_dropped()
        self._open = blocking.server_open
        self._close = blocking.server_close
        self._fd = quick.server_fd
        self._wait = blocking.server_wait_events
        flags = PULL | HOLD if hold else PULL
        super().__init__(Server(), transport, event_name, settings, flags)

    def address(self) -> str:
        """Return the path of the socket, or host:port."""
        block = c_void_p()
        check(quick.server_address(byref(block), self.id))
        try:
            return string_at(block).decode(errors="surrogateescape")
        finally:
            quick.free(block)


class ClientHandle(Handle):
    """An open client, what sends for it, and what takes its messages."""

    send: Send
    intake: Intake

    def __init__(
        self, transport: str, event_name: str, settings: bytes
    ) -> None:
        self._open = blocking.client_open
        self._close = blocking.client_close
        self._fd = quick.client_fd
        self._wait = blocking.client_wait_events
        super().__init__(Client(), transport, event_name, settings, 0)


# All handles that are open, for the end of the process.
_all: weakref.WeakSet[Handle] = weakref.WeakSet()

_dropped: set[_Dropped] = set()


def open_handles() -> list[Handle]:
    """Return those that are open, in the order in which to close them:
    clients first, as a server would wait for one that nobody reads."""
    return sorted(
        (handle for handle in _members(_all) if handle.is_open),
        key=lambda handle: isinstance(handle, ServerHandle),
    )


def _members(of: weakref.WeakSet[_T]) -> list[_T]:
    while True:
        # Another thread may add to it meanwhile.
        with contextlib.suppress(RuntimeError):
            return list(of)


def _wait_for_dropped() -> None:
    for each in list(_dropped):
        each.wait()


class Exit:
    """Whether the interpreter is on its way out."""

    begun = False


@atexit.register
def _close_all() -> None:
    """Deliver what was sent, at the end of a program that stopped nothing."""
    Exit.begun = True
    for handle in open_handles():
        handle.close()
    for handle in _members(_all):
        if not handle.is_open:  # another thread may be at it, and would stop
            handle.closed.wait()
    _wait_for_dropped()


_forkable: weakref.WeakSet[Forkable] = weakref.WeakSet()


def forkable(each: Forkable) -> None:
    """Have _after_fork() called in children of this process."""
    _forkable.add(each)


def _after_fork() -> None:
    """Let go, in a child, of what only the parent can use or release."""
    for handle in _members(_all):
        handle.is_open = False
    _all.clear()
    _dropped.clear()
    for each in _members(_forkable):
        each._after_fork()


os.register_at_fork(after_in_child=_after_fork)
