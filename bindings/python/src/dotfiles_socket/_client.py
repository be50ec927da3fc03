"""What the clients of all transports have in common."""

from __future__ import annotations

import contextlib
import threading
import time
import warnings
from collections import deque
from ctypes import byref, c_size_t

from ._errors import INTERRUPTED, OK, TIMEOUT, failure
from ._handle import ClientHandle, forkable
from ._lib import (
    EVENT_CONNECTED,
    EVENT_DISCONNECTED,
    EVENT_LAGGED,
    EVENT_LOG,
    EVENT_MESSAGE,
    EVENT_REFUSED,
    EVENT_SYNCED,
    blocking,
    quick,
)
from ._logging import log_level, log_line
from ._outgoing import (
    SLICE,
    Encoder,
    go_on,
    no_room,
    send_all,
    sender,
    size_of,
)
from ._packed import MANY, ONE, Intake, message_of
from ._patience import interruptible
from ._settings import encoded, overrides, program_name, resolve
from .core.client import SocketClient
from .core.exceptions import (
    ConnectionError,
    ForkedError,
    MessageError,
    NoServerError,
    NotConnectedError,
    SocketError,
    Status,
    TimeoutError,
    from_status,
)
from .core.types import SocketMessage, validate_event_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from typing_extensions import Self

    from ._logging import Logger
    from ._outgoing import Sendable
    from ._packed import Row

# Seconds of one wait: poll() takes no more than an int of milliseconds.
LONGEST_WAIT = 1e6
_NOT_CONNECTED = "Not connected to server"


class EventClient(SocketClient):
    """A client of the library. Beyond SocketClient it is a context manager
    that connects and disconnects, iterates over messages, and has
    send_many()."""

    _transport: str
    _logger: Logger
    # For objects whose constructor did not come so far.
    _event_name = ""
    _handle: ClientHandle | None = None

    def __init__(self, event_name: str, **arguments: Any) -> None:
        validate_event_name(event_name)
        self._event_name = event_name
        given = overrides(**arguments)
        self._settings = resolve(self._transport, given)
        self._patience: float = self._settings["send_timeout"]
        # Of the library: what is longer than that is waited for in slices.
        arguments["send_timeout"] = min(self._patience, SLICE)
        self._overrides = overrides(**arguments)
        self._auto_reconnect: bool = self._settings["reconnect"]
        self._encoder = Encoder(event_name, "Failed to send message")
        self._handle = None
        # What was taken out of the library and not received.
        self._inbox: deque[Row] = deque()
        # Held while rows are taken, so that they stay in order. Reentrant
        # because a signal handler may call any method.
        self._lock = threading.RLock()
        self._connecting = threading.RLock()
        # How many threads sleep until something arrives.
        self._waiting = 0
        forkable(self)

    def _after_fork(self) -> None:
        """Make what other threads of the parent may hold anew, in a child;
        what has arrived is the parent's."""
        self._lock = threading.RLock()
        self._connecting = threading.RLock()
        self._waiting = 0
        self._inbox.clear()
        if self._handle is not None:
            self._handle.intake.forget()

    @property
    def event_name(self) -> str:
        """The event that is joined."""
        return self._event_name

    @property
    def _connected(self) -> bool:
        return self.is_connected()

    def is_connected(self) -> bool:
        """Tell whether there is a connection now. While the client is
        coming back by itself there is none."""
        handle = self._handle
        return handle is not None and quick.client_connected(handle.key) == 1

    # ---- from connect to disconnect

    def connect(self) -> None:
        """Connect to the server; everything it sends from now on arrives.
        With wait_for_server return at once, and connect when it is there.

        Does nothing but warn when there is a connection. Raises
        ConnectionError, also while the client is coming back by itself; a
        full server makes it a MaxConnectionsError as well.
        """
        with self._connecting:
            if self.is_connected():
                self._logger.warning(
                    "Client of %r is already connected", self._event_name
                )
                return
            handle = self._handle
            if handle is not None and handle.is_open and self._auto_reconnect:
                if self._settings["wait_for_server"]:
                    return
                raise NoServerError(
                    "Failed to connect: the connection is gone; the client "
                    "comes back by itself as soon as a server takes it"
                )
            self._release()
            handle = interruptible(self._open)
            handle.send = sender(
                handle.key, self._event_name, True, "client_send"
            )
            handle.intake = Intake(
                handle.key, "client_receive_packed", self._inbox
            )
            self._handle = handle
        if self.is_connected():
            self._logger.info(
                "Connected to the server of %r", self._event_name
            )

    def _open(self) -> ClientHandle:
        settings = self._overrides
        if self._settings["log_level"] == "off":
            settings += overrides(log_level=log_level(self._logger))
        if not self._settings["name"]:
            settings += overrides(name=program_name())
        try:
            return ClientHandle(
                self._transport, self._event_name, encoded(settings)
            )
        except ForkedError:
            raise
        except SocketError as e:
            raise from_status(
                e.status, f"Failed to connect: {e}", ConnectionError
            ) from e

    def disconnect(self) -> None:
        """Leave the server; does nothing when not connected.

        What was sent is written first, for at most the time "linger".
        receive() in other threads raises ConnectionError, receive_iter()
        ends. Messages that have arrived stay for the next connection.
        """
        if self._release():
            self._logger.info(
                "Disconnected from the server of %r", self._event_name
            )

    def _release(self) -> bool:
        """Take what has arrived and close the handle; False without one."""
        with self._lock:
            handle = self._handle
            if handle is None or not handle.is_open:
                return False
            self._handle = None
            enough = len(self._inbox) + _buffered(handle)
            with contextlib.suppress(ConnectionError):
                while len(self._inbox) < enough and self._take(handle, MANY):
                    pass
        interruptible(handle.close)
        return True

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.disconnect()

    def __del__(self) -> None:
        if self._handle is not None and self._handle.is_open:
            warnings.warn(
                f"unclosed {self!r}", ResourceWarning, 2, source=self
            )

    def __repr__(self) -> str:
        state = "connected" if self.is_connected() else "not connected"
        return f"<{type(self).__name__} of {self._event_name!r}, {state}>"

    # ---- sending

    def send(self, message: Sendable) -> None:
        """Send a message to the server; a dict is sent as a message of type
        DATA, stamped now.

        Waits for room in the connection for at most the time
        "send_timeout". Raises ConnectionError without a connection,
        MessageError when the message cannot be encoded or is too large, and
        TimeoutError.
        """
        handle = self._handle
        if handle is None:
            raise NotConnectedError(_NOT_CONNECTED)
        status = handle.send(message)
        if status == OK:
            return
        if status is None or status == TIMEOUT:
            document = self._encoder.document(message)
            status = go_on(
                status,
                lambda: _send_document(handle, None, document),
                self._patience,
            )
        if status:
            raise _send_failure(status, self._patience)

    def send_many(self, messages: Iterable[Sendable]) -> None:
        """Send messages to the server, in order, at the cost of less than as
        many calls of send(). Raises what send() raises; the messages before
        the one that fails have been sent then: `sent` of the exception is
        their number."""
        handle = self._handle
        if handle is None:
            raise NotConnectedError(_NOT_CONNECTED)
        self._send_all(handle, list(messages))

    def _send_all(self, handle: ClientHandle, messages: list[Any]) -> None:
        send_all(
            lambda count, document: _send_document(handle, count, document),
            messages,
            self._encoder,
            self._patience,
            lambda status: _send_failure(status, self._patience),
        )

    # ---- receiving

    def receive(self, timeout: float | None = None) -> SocketMessage:
        """Wait for a message, at most `timeout` seconds; 0 only looks.

        Several threads may receive; each message goes to one of them. While
        the client comes back by itself, receive() waits on. Raises
        TimeoutError, and ConnectionError when there is no connection:
        after disconnect(), and with auto_reconnect off after the last
        message of a server that is gone.
        """
        handle = self._handle
        if handle is None:
            raise NotConnectedError(_NOT_CONNECTED)
        deadline = None if timeout is None else time.monotonic() + timeout
        inbox = self._inbox
        while True:
            if self._handle is not handle:
                raise NotConnectedError(_NOT_CONNECTED)
            if not inbox:
                if not self._fill(handle) and not self._wait(handle, deadline):
                    raise self._timed_out(timeout)
                continue
            try:
                row = inbox.popleft()
            except IndexError:  # another thread was quicker
                continue
            if row[0] == EVENT_MESSAGE:
                return message_of(row, self._event_name)
            self._notice(row)

    def receive_iter(self) -> Iterator[SocketMessage]:
        """Yield messages as they arrive, whichever server sends them, until
        disconnect(); with auto_reconnect off until the server is gone."""
        handle = self._handle
        if handle is None:
            self._never_connected()
            return
        event_name, inbox = self._event_name, self._inbox
        while self._handle is handle:
            if not inbox:
                try:
                    if not self._fill(handle):
                        self._wait(handle, None)
                except ConnectionError:
                    return
                continue
            try:
                row = inbox.popleft()
            except IndexError:  # another thread was quicker
                continue
            if row[0] == EVENT_MESSAGE:
                yield message_of(row, event_name)
            else:
                self._notice(row)

    def __iter__(self) -> Iterator[SocketMessage]:
        return self.receive_iter()

    def _never_connected(self) -> None:
        """What receive_iter() does without a connection."""
        raise NotConnectedError(_NOT_CONNECTED)

    def _timed_out(self, timeout: float | None) -> TimeoutError:
        raise NotImplementedError

    def _fill(self, handle: ClientHandle) -> bool:
        """Move what has arrived to the inbox; tell whether there is any."""
        with self._lock:
            # A message that one thread takes out for others would not wake
            # them: with sleepers around, take no more than is used.
            limit = ONE if self._waiting else MANY
            return bool(self._inbox) or self._take(handle, limit)

    def _take(self, handle: ClientHandle, limit: int) -> bool:
        status = handle.intake.take(limit)
        if status == OK:
            return True
        if status in (TIMEOUT, INTERRUPTED):
            return False
        raise self._ended(handle, status)

    def _ended(self, handle: ClientHandle, status: int) -> SocketError:
        """Let go of a handle that will bring nothing more."""
        error = failure(status, f"{_NOT_CONNECTED}: ", ConnectionError)
        if not handle.is_open:  # of the parent
            return error
        if self._handle is handle:
            self._handle = None
        else:
            error = NotConnectedError(_NOT_CONNECTED)
        handle.close()
        return error

    def _wait(self, handle: ClientHandle, deadline: float | None) -> bool:
        """Sleep until something has arrived; False when the time is up."""
        with self._lock:
            if self._inbox:
                return True
            self._waiting += 1
        try:
            if deadline is None:
                return handle.descriptor.wait()
            left = min(max(0, deadline - time.monotonic()), LONGEST_WAIT)
            return (
                handle.descriptor.wait(left * 1000)
                or time.monotonic() < deadline
            )
        finally:
            with self._lock:
                self._waiting -= 1

    # ---- the buffer, and what is no message

    def get_buffer_size(self) -> int:
        """Return how many messages have arrived and were not received."""
        with self._lock:
            # A copy, because receivers take from it meanwhile.
            inbox = self._inbox.copy()
            here = len([r for r in inbox if r[0] == EVENT_MESSAGE])
            handle = self._handle
            return here + (0 if handle is None else _buffered(handle))

    def clear_buffer(self) -> None:
        """Drop the messages that have arrived and were not received."""
        with self._lock:
            # Receivers may take from it meanwhile.
            with contextlib.suppress(IndexError):
                for _ in range(len(self._inbox)):
                    row = self._inbox.popleft()
                    if row[0] != EVENT_MESSAGE:
                        self._inbox.append(row)
            if self._handle is not None:
                quick.client_buffer_clear(self._handle.id)
        self._logger.debug("Buffer of %r cleared", self._event_name)

    def _notice(self, row: Row) -> None:
        """Log an event that is no message, and call the hook for it."""
        try:
            name, arguments = self._hook(row)
            if name:
                getattr(self, name)(*arguments)
        except Exception:
            self._logger.exception("Exception in a hook of the client")

    def _hook(self, row: Row) -> tuple[str, tuple[Any, ...]]:
        """Log the row; return the name of its hook and the arguments, or
        "" when it has none."""
        kind, _, _, _, count, _, text, *_ = row
        if kind == EVENT_CONNECTED:
            self._logger.debug("%r: there is a connection", self._event_name)
            return "on_connected", ()
        if kind == EVENT_DISCONNECTED:
            self._logger.info("%r: disconnected: %s", self._event_name, text)
            return "on_disconnected", (text,)
        # These two the library has logged.
        if kind == EVENT_LAGGED:
            return "on_lagged", (count,)
        if kind == EVENT_REFUSED:
            return "on_refused", (text,)
        if kind == EVENT_SYNCED:
            return "on_synced", ()
        if kind == EVENT_LOG:
            log_line(self._logger, row)
        return "", ()


def _send_document(handle: ClientHandle, count: Any, document: bytes) -> int:
    status: int = blocking.client_send_packed(
        count, handle.key, document, size_of(document)
    )
    return status


def longest_delay(reconnect_delay: float | None) -> float | None:
    """Return the setting for what the original called reconnect_delay: its
    default stands for the configured delays, and 0 for hardly any."""
    if reconnect_delay in (None, 1.0):
        return None
    return reconnect_delay or 0.001


def _buffered(handle: ClientHandle) -> int:
    count = c_size_t()
    quick.client_buffered(byref(count), handle.id)
    return count.value


def _send_failure(status: int, patience: float) -> SocketError:
    if status == TIMEOUT:
        return from_status(status, no_room(patience), MessageError)
    if status in (Status.BAD_HANDLE, Status.CLOSED):
        return from_status(status, _NOT_CONNECTED, ConnectionError)
    if status == Status.NOT_CONNECTED:
        return failure(status, f"{_NOT_CONNECTED}: ", ConnectionError)
    return failure(status, "Failed to send message: ", MessageError)
