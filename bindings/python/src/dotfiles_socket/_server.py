"""What the servers of all transports have in common."""

from __future__ import annotations

import contextlib
import math
import threading
import time
import warnings
from ctypes import POINTER, byref, c_size_t

from . import _lib
from ._errors import INTERRUPTED, OK, TIMEOUT, check, failure
from ._handle import ServerHandle, forkable
from ._hooks import Events, HookThread, client_name
from ._lib import blocking, quick
from ._logging import log_level
from ._outgoing import (
    SHORT,
    SLICE,
    Encoder,
    go_on,
    no_room,
    send_all,
    sender,
    size_of,
)
from ._packed import fetch, fetch_rows, message_of
from ._patience import interruptible
from ._settings import encoded, overrides, resolve
from .core.exceptions import (
    ClosedError,
    ForkedError,
    MessageError,
    SocketError,
    Status,
    TimeoutError,
    UnknownClientError,
    from_status,
)
from .core.server import SocketServer
from .core.types import ClientInfo, SocketMessage, validate_event_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from typing_extensions import Self

    from ._logging import Logger
    from ._outgoing import Sendable

_HOOKS = (
    "on_client_connected",
    "on_client_disconnected",
    "on_message_received",
    "on_first_client",
    "on_last_client",
)
# An id that no client has.
_NOBODY = 0
# Seconds of one wait for clients inside of the library, which does not notice
# a signal that came just before.
_LONGEST_WAIT = 0.5


class EventServer(SocketServer):
    """A server of the library. Beyond SocketServer it is a context manager
    that starts and stops, and has send_many(), wait_for_clients(), address
    and get_stats()."""

    _transport: str
    _logger: Logger
    # For objects whose constructor did not come so far.
    _event_name = ""
    _handle: ServerHandle | None = None

    def __init__(self, event_name: str, **arguments: Any) -> None:
        validate_event_name(event_name)
        self._event_name = event_name
        given = overrides(**arguments)
        self._settings = resolve(self._transport, given)
        self._patience: float = self._settings["send_timeout"]
        # Of the library: what is longer than that is waited for in slices.
        arguments["send_timeout"] = min(self._patience, SLICE)
        self._overrides = overrides(**arguments)
        self._blocking_mode: bool = self._settings["blocking_mode"]
        self._encoder = Encoder(event_name, "Failed to serialize message")
        # What stop() took out of the queue, for the next start().
        self._kept: list[SocketMessage] = []
        self._handle = None
        # What was stopped last, and may still be on its way out.
        self._former: ServerHandle | None = None
        self._hooks: HookThread | None = None
        # Taken while the server runs; start() waits for it.
        self._runs = threading.Lock()
        # Reentrant because a signal handler may call stop() at any time.
        self._lock = threading.RLock()
        self._waits: bool = self._settings["slow_client"] == "block"
        forkable(self)

    def _after_fork(self) -> None:
        """Make what other threads of the parent may hold anew, in a child."""
        self._lock = threading.RLock()
        self._former = None

    @property
    def event_name(self) -> str:
        """The event that is served."""
        return self._event_name

    @property
    def _running(self) -> bool:
        return self.is_running()

    def is_running(self) -> bool:
        """Tell whether clients can connect."""
        handle = self._handle
        return handle is not None and handle.is_open

    # ---- from start to stop

    def start(self) -> None:
        """Start serving. In blocking mode return only after stop(), which
        another thread, a hook or a signal handler may call; Ctrl-C ends the
        wait at once and leaves the server running.

        Does nothing but warn when the server is running. Raises SocketError;
        its __cause__ and its status tell why.
        """
        with self._lock:
            if self.is_running():
                self._logger.warning(
                    "Server of %r is already running", self._event_name
                )
                return
            try:
                handle = interruptible(self._open)
            except ForkedError:
                raise
            except SocketError as e:
                raise from_status(
                    e.status, f"Failed to start server: {e}"
                ) from e
            self._kept = []
            runs = self._runs = threading.Lock()
            runs.acquire()
            events = Events(handle, self._event_name, self._logger)
            hooks = self._attend(events)
            hooks.former = self._hooks
            # From here on stop() works, and hooks find a running server.
            self._hooks, self._handle = hooks, handle
            try:
                hooks.start()
            except BaseException:
                self._handle = None
                if hooks.ident is None:  # there was no thread to be had
                    self._hooks = hooks.former
                handle.close()
                raise
        self._logger.info("Server of %r started", self._event_name)
        if self._blocking_mode:
            runs.acquire()

    def _open(self) -> ServerHandle:
        """Open the handle and put back what was queued."""
        if self._former is not None:  # another thread may be closing it
            self._former.closed.wait(self._settings["linger"])
            self._former = None
        settings = self._overrides
        if self._settings["log_level"] == "off":
            settings += overrides(log_level=log_level(self._logger))
        handle = ServerHandle(
            self._transport,
            self._event_name,
            encoded(settings),
            self._has_hooks("on_client_connected"),
        )
        handle.send = sender(
            handle.key,
            self._event_name,
            self._waits,
            "server_send",
            "server_send_to",
        )
        try:
            self._opened(handle)
            self._send_all(handle, self._kept)
        except BaseException:
            handle.close()
            raise
        return handle

    def _opened(self, handle: ServerHandle) -> None:
        """Take note of what the open has decided."""

    def _attend(self, events: Events) -> HookThread:
        """Make what runs the hooks."""
        return HookThread(self, events, self._logger, self._has_hooks())

    def _has_hooks(self, *names: str) -> bool:
        """Tell whether one of the hooks, or any, is not the empty one."""
        return has_hooks(self, SocketServer, *names)

    def stop(self, *, restarting: bool = False) -> None:
        """Stop serving; does nothing when the server is not running.
        With restarting, the clients are told that the server will be back.

        What was sent is delivered first, for at most the time "linger".
        Clients are told, on_client_disconnected is called for each, and the
        name or port is free. A hook that is running is waited for as long,
        unless it is the caller.
        """
        # What is raised in the middle, by a signal handler too, does not
        # leave it open.
        with contextlib.ExitStack() as ending:
            with self._lock:
                handle, hooks, runs = self._handle, self._hooks, self._runs
                if handle is None or hooks is None:
                    return
                if not handle.is_open:  # by private_sockets(), or a fork
                    self._handle = None
                    if runs.locked():
                        runs.release()
                    return
                ending.callback(runs.release)
                ending.callback(_close, handle)
                self._handle, self._former = None, handle
                self._keep_queue(handle)
                if restarting:
                    quick.server_announce_restart(handle.id)
            while hooks.take() == OK:
                pass
            _close(handle)
            if hooks.is_alive() and not hooks.waits_for(
                threading.current_thread()
            ):
                hooks.join(self._settings["linger"])
        self._logger.info("Server of %r stopped", self._event_name)

    def _keep_queue(self, handle: ServerHandle) -> None:
        # What another thread sends from here on is refused, and not lost.
        quick.server_end_sending(handle.id)
        try:
            rows = fetch_rows(quick.server_queue_take, handle.id)
        except SocketError as e:
            self._logger.error("The queue is lost: %s", e)
            return
        self._kept = [message_of(row, self._event_name) for row in rows]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __del__(self) -> None:
        if self._handle is not None and self._handle.is_open:
            warnings.warn(
                f"unclosed {self!r}", ResourceWarning, 2, source=self
            )

    def __repr__(self) -> str:
        state = "running" if self.is_running() else "stopped"
        return f"<{type(self).__name__} of {self._event_name!r}, {state}>"

    # ---- sending

    def send(
        self,
        message: Sendable,
        client_id: str | None = None,
        *,
        retain_key: str | None = None,
    ) -> None:
        """Send to all clients, or to the one of that id.

        Without a client the message waits in the queue. A dict is sent as a
        message of type DATA, stamped now. With a retain_key the message is
        kept, until the next one of that key, for clients that come later;
        one to a single client cannot be.

        Raises SocketError when the server is not running, MessageError when
        the message cannot be encoded, is too large, or is for one client
        and has a retain_key, ConnectionError when there is no such client,
        and TimeoutError when, under slow_client = "block", a client does
        not keep up.
        """
        handle = self._handle
        if handle is None:
            raise ClosedError("Server is not running")
        status = number = None
        if client_id is not None:
            number = _number(client_id)
            if retain_key is None and number != _NOBODY:
                status = handle.send(message, number)
        elif retain_key is None:
            status = handle.send(message)
        if status == OK:
            return
        if status is None or status == TIMEOUT:
            document = self._encoder.document(message, number, retain_key)
            if number == _NOBODY:
                raise UnknownClientError(f"Client not connected: {client_id}")
            status = go_on(
                status,
                lambda: self._send_document(handle, None, document),
                self._patience,
            )
        if status:
            raise _send_failure(status, client_id, self._patience)

    def send_many(self, messages: Iterable[Sendable]) -> None:
        """Send messages to all clients, in order, at the cost of less than
        as many calls of send(). Raises what send() raises; the messages
        before the one that fails have been sent then: `sent` of the
        exception is their number."""
        handle = self._handle
        if handle is None:
            raise ClosedError("Server is not running")
        self._send_all(handle, list(messages))

    def _send_all(self, handle: ServerHandle, messages: list[Any]) -> None:
        send_all(
            lambda count, document: self._send_document(
                handle, count, document
            ),
            messages,
            self._encoder,
            self._patience,
            lambda status: _send_failure(status, None, self._patience),
        )

    def _send_document(
        self, handle: ServerHandle, count: Any, document: bytes
    ) -> int:
        waits = self._waits or len(document) > SHORT
        send = (blocking if waits else quick).server_send_packed
        status: int = send(count, handle.key, document, size_of(document))
        return status

    # ---- clients and queue

    def get_connected_clients(self) -> list[ClientInfo]:
        """Return the connected clients in the order they came; none when
        the server is not running."""
        handle = self._handle
        if handle is None:
            return []
        block = POINTER(_lib.ClientInfo)()
        count = c_size_t()
        if quick.server_clients(byref(block), byref(count), handle.id):
            return []
        try:
            return [_info(block[i]) for i in range(count.value)]
        finally:
            quick.free(block)

    def wait_for_clients(
        self, count: int = 1, timeout: float | None = None
    ) -> None:
        """Wait until so many clients are connected, at most `timeout`
        seconds. Raises TimeoutError, and SocketError when the server is not
        running or is stopped meanwhile."""
        handle = self._handle
        if handle is None:
            raise ClosedError("Server is not running")
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            left = min(max(0, deadline - time.monotonic()), _LONGEST_WAIT)
            status = blocking.server_wait_clients(
                handle.id, max(count, 0), math.ceil(left * 1000)
            )
            if status == TIMEOUT and time.monotonic() < deadline:
                continue
            # Returning here has run the signal handlers.
            if status != INTERRUPTED:
                break
        if status == TIMEOUT and timeout is not None:
            raise too_few(count, timeout)
        check(status)

    def get_queue_size(self) -> int:
        """Return how many messages wait for the first client."""
        count = c_size_t()
        handle = self._handle
        if handle is None or quick.server_queue_length(
            byref(count), handle.id
        ):
            return len(self._kept)
        return count.value

    def clear_queue(self) -> None:
        """Drop the messages that wait for the first client."""
        self._kept = []
        handle = self._handle
        if handle is not None:
            quick.server_queue_clear(handle.id)
        self._logger.debug("Queue of %r cleared", self._event_name)

    # ---- what is known

    @property
    def address(self) -> str | None:
        """The path of the socket, or host:port; None when not running."""
        handle = self._handle
        try:
            return None if handle is None else handle.address()
        except ClosedError:  # meanwhile
            return None

    def get_stats(self) -> dict[str, int]:
        """Return the server's counters; see libsocket_server_stats() for
        their names. Empty when the server is not running."""
        handle = self._handle
        if handle is None:
            return {}
        try:
            stats: dict[str, int] = fetch(quick.server_stats, handle.id)
        except ClosedError:  # meanwhile
            return {}
        return stats


def _close(handle: ServerHandle) -> None:
    if handle.is_open:
        interruptible(handle.close)


def too_few(count: int, timeout: float) -> TimeoutError:
    """Return what wait_for_clients() raises when its time is over."""
    return TimeoutError(f"fewer than {count} clients after {timeout:g} s")


def has_hooks(server: object, base: type, *names: str) -> bool:
    """Tell whether one of the hooks, or any, is not that of the base."""
    return any(
        name in vars(server)
        or getattr(type(server), name) is not getattr(base, name)
        for name in names or _HOOKS
    )


# Not strict: a text that is no id of ours finds no client.
def _number(client_id: str) -> int:
    try:
        number = int(str(client_id).removeprefix("client_"))
    except ValueError:
        return _NOBODY
    return number if 0 < number < 1 << 64 else _NOBODY


def _send_failure(
    status: int, client_id: str | None, patience: float
) -> SocketError:
    if status == TIMEOUT:
        return from_status(status, no_room(patience))
    if status in (Status.BAD_HANDLE, Status.CLOSED):
        return from_status(status, "Server is not running")
    if status == Status.UNKNOWN_CLIENT:
        return from_status(status, f"Client not connected: {client_id}")
    if status in (Status.BAD_MESSAGE, Status.INVALID):
        prefix = "Failed to serialize message: "
        return failure(status, prefix, MessageError)
    return failure(status, "Failed to send message: ")


def _info(client: _lib.ClientInfo) -> ClientInfo:
    info = ClientInfo(
        client_name(client.client),
        client.connected_at_ms,
        client.address.decode(errors="surrogateescape"),
    )
    info.name = client.name.decode(errors="replace")
    for field in ("pid", "uid", "gid", "delivered", "missed", "backlog"):
        setattr(info, field, getattr(client, field))
    return info
