"""Clients whose methods are awaited."""

from __future__ import annotations

import time

from .._lib import EVENT_MESSAGE
from .._packed import message_of
from ..core.exceptions import ConnectionError, NotConnectedError
from ..implementations.tcp import client as tcp
from ..implementations.unix import client as unix
from ._loop import (
    AT_ONCE,
    Opening,
    Readable,
    in_thread,
    patiently,
    pause,
    resuming,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from typing_extensions import Self, Unpack

    from .._client import EventClient
    from .._handle import ClientHandle
    from .._options import TcpClientKeywords, UnixClientKeywords
    from .._outgoing import Sendable
    from .._packed import Row
    from ..core.types import SocketMessage

_NOT_CONNECTED = "Not connected to server"


class SocketClient:
    """A client joins an event: it receives what the server sends, and may
    send to the server. It is used from the tasks of one event loop.

    The on_... methods are hooks for subclasses, and may be coroutines. The
    task that receives calls them, in their place between the messages; an
    exception in one is logged and changes nothing else.
    """

    _kind: type[EventClient]

    def __init__(self, event_name: str, **arguments: Any) -> None:
        given = self._kind(event_name, **arguments)._settings
        self._patience: float = given["send_timeout"]
        self._client = self._kind(
            event_name, **{**arguments, "send_timeout": AT_ONCE}
        )
        self._opening = Opening(
            self._client.connect,
            self._client.disconnect,
            lambda: self._client._handle,
        )
        self._readable: Readable | None = None
        # A batch was taken since a task has last let others run.
        self._has_hurried = False

    @property
    def event_name(self) -> str:
        """The event that is joined."""
        return self._client.event_name

    def is_connected(self) -> bool:
        """Tell whether there is a connection now."""
        return self._client.is_connected()

    async def connect(self) -> None:
        """Connect to the server; everything it sends from now on arrives.

        Cancelled meanwhile, the connection is closed once it is there.
        Otherwise as connect() of the other client.
        """
        await self._opening.attempt()
        handle = self._client._handle
        if handle is not None:
            self._readable_of(handle)

    def _readable_of(self, handle: ClientHandle) -> Readable:
        """Return the one of the handle. A task may ask for it before the one
        that connects goes on."""
        readable = self._readable
        if readable is None or readable.descriptor is not handle.descriptor:
            readable = self._readable = Readable(handle.descriptor)
        return readable

    async def disconnect(self) -> None:
        """Leave the server; does nothing when not connected. receive() in
        other tasks raises ConnectionError, `async for` ends. Messages that
        have arrived stay for the next connection."""
        await in_thread(self._client.disconnect)

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.disconnect()

    def __repr__(self) -> str:
        return repr(self._client).replace("<", "<aio.", 1)

    # ---- sending

    async def send(self, message: Sendable) -> None:
        """Send a message to the server; a dict is sent as a message of type
        DATA, stamped now.

        Waits for room in the connection for at most the time
        "send_timeout". Raises ConnectionError without a connection,
        MessageError when the message cannot be encoded or is too large, and
        TimeoutError.
        """
        await patiently(lambda: self._client.send(message), self._patience)

    async def send_many(self, messages: Iterable[Sendable]) -> None:
        """Send messages to the server, in order, at the cost of less than as
        many calls of send(). Raises what send() raises; the messages before
        the one that fails have been sent then: `sent` of the exception is
        their number."""
        await patiently(
            resuming(
                lambda left: self._client._send_all(self._handle(), left),
                list(messages),
            ),
            self._patience,
        )

    # ---- receiving

    async def receive(self, timeout: float | None = None) -> SocketMessage:
        """Wait for a message, at most `timeout` seconds; 0 only looks.

        Several tasks may receive; each message goes to one of them, and a
        task that is cancelled takes none with it. While the client comes
        back by itself, receive() waits on. Raises TimeoutError, and
        ConnectionError when there is no connection: after disconnect(), and
        with auto_reconnect off after the last message of a server that is
        gone.
        """
        client = self._client
        handle = self._handle()
        readable = self._readable_of(handle)
        deadline = None if timeout is None else time.monotonic() + timeout
        while client._handle is handle:
            # From here to the return nothing waits, so that a message that
            # was taken is returned.
            if client._inbox:
                row = client._inbox.popleft()
                if row[0] == EVENT_MESSAGE:
                    return message_of(row, client._event_name)
                await self._notice(row)
            elif self._has_hurried:
                self._has_hurried = False
                await pause()
            elif client._fill(handle):
                self._has_hurried = True
            else:
                left = (
                    None if deadline is None else deadline - time.monotonic()
                )
                if left is not None and left <= 0:
                    raise client._timed_out(timeout)
                await readable.wait(left)
        raise NotConnectedError(_NOT_CONNECTED)

    def __aiter__(self) -> Self:
        """Iterate over messages as they arrive, whichever server sends them,
        until disconnect(); with auto_reconnect off until the server is
        gone. Raises ConnectionError when there is no connection."""
        self._handle()
        return self

    async def __anext__(self) -> SocketMessage:
        try:
            return await self.receive()
        except ConnectionError:
            raise StopAsyncIteration from None

    def _handle(self) -> ClientHandle:
        handle = self._client._handle
        if handle is None:
            raise NotConnectedError(_NOT_CONNECTED)
        return handle

    async def _notice(self, row: Row) -> None:
        """Log an event that is no message, and call the hook for it."""
        client = self._client
        try:
            name, arguments = client._hook(row)
            if name:
                result = getattr(self, name)(*arguments)
                if hasattr(result, "__await__"):
                    await result
        except Exception:
            client._logger.exception("Exception in a hook of the client")

    # ---- the buffer

    def get_buffer_size(self) -> int:
        """Return how many messages have arrived and were not received."""
        return self._client.get_buffer_size()

    def clear_buffer(self) -> None:
        """Drop the messages that have arrived and were not received."""
        self._client.clear_buffer()

    # ---- hooks; each may be a coroutine

    def on_connected(self) -> Any:
        """There is a connection: the first, or another one."""

    def on_disconnected(self, reason: str) -> Any:
        """The connection is gone; the client comes back by itself unless
        auto_reconnect is off."""

    def on_lagged(self, missed: int) -> Any:
        """The server dropped so many messages because this client was slow
        or away."""

    def on_synced(self) -> Any:
        """All that the server kept for newcomers has been received; what
        follows is live."""

    def on_refused(self, reason: str) -> Any:
        """The server refused a message of this client."""


class UnixSocketClient(SocketClient):
    """Joins an event on a Unix socket; see the class of that name in
    dotfiles_socket for the arguments."""

    _kind = unix.UnixSocketClient

    def __init__(
        self, event_name: str, **arguments: Unpack[UnixClientKeywords]
    ) -> None:
        super().__init__(event_name, **arguments)


class TcpSocketClient(SocketClient):
    """Joins an event on a TCP port; see the class of that name in
    dotfiles_socket for the arguments."""

    _kind = tcp.TcpSocketClient

    def __init__(
        self, event_name: str, **arguments: Unpack[TcpClientKeywords]
    ) -> None:
        super().__init__(event_name, **arguments)
