"""Servers whose methods are awaited."""

from __future__ import annotations

import asyncio
import time
import weakref

from .._errors import OK, TIMEOUT
from .._server import has_hooks, too_few
from ..core.exceptions import ClosedError
from ..implementations.tcp import server as tcp
from ..implementations.unix import server as unix
from ._loop import (
    AT_ONCE,
    Opening,
    Readable,
    in_thread,
    patiently,
    resuming,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from typing_extensions import Self, Unpack

    from .._handle import ServerHandle
    from .._hooks import Events
    from .._options import TcpServerKeywords, UnixServerKeywords
    from .._outgoing import Sendable
    from ..core.types import ClientInfo, SocketMessage

# Seconds after which to look again while a hook takes its time.
_GLANCE = 0.02


class _HookTask:
    """Stands where a server has the thread that runs its hooks."""

    def __init__(self, events: Events) -> None:
        self.events = events
        self.take = events.take
        # Of the start before; and the task that runs the hooks of this one.
        self.former: _HookTask | None = None
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start nothing: start() of SocketServer makes the task."""

    def is_alive(self) -> bool:
        """Not for the thread in which a server is stopped to wait for."""
        return False


class _Inner:
    """What makes a server one whose hooks are those of another object."""

    outer: weakref.ref[SocketServer]

    def _attend(self, events: Events) -> Any:
        return _HookTask(events)

    def _has_hooks(self, *names: str) -> bool:
        return has_hooks(self.outer(), SocketServer, *names)


class _UnixServer(_Inner, unix.UnixSocketServer):
    pass


class _TcpServer(_Inner, tcp.TcpSocketServer):
    pass


class SocketServer:
    """A server owns an event: it sends to its clients and hears from them.
    It is used from the tasks of one event loop, which is asyncio's: the
    hooks need a task of their own, and no other lets one go on by itself.

    The on_... methods are hooks for subclasses, and may be coroutines. They
    run one at a time and in order, in a task of the server; any method may
    be awaited in one. An exception in one is logged and changes nothing
    else.
    """

    _kind: type[_UnixServer] | type[_TcpServer]

    def __init__(self, event_name: str, **arguments: Any) -> None:
        arguments["blocking_mode"] = False
        settings = self._kind(event_name, **arguments)._settings
        self._patience: float = settings["send_timeout"]
        self._linger: float = settings["linger"]
        self._server = self._kind(
            event_name, **{**arguments, "send_timeout": AT_ONCE}
        )
        self._server.outer = weakref.ref(self)
        self._opening = Opening(
            self._server.start,
            self._server.stop,
            lambda: self._server._handle,
        )
        self._in_hook = False
        # Those who wait for a change among the clients.
        self._watchers: set[asyncio.Future[None]] = set()

    @property
    def event_name(self) -> str:
        """The event that is served."""
        return self._server.event_name

    def is_running(self) -> bool:
        """Tell whether clients can connect."""
        return self._server.is_running()

    # ---- from start to stop

    async def start(self) -> None:
        """Start serving.

        Does nothing but warn when the server is running. Raises SocketError;
        its __cause__ and its status tell why. Cancelled meanwhile, the
        server is stopped once it runs.
        """
        await self._opening.attempt()
        hooks: Any = self._server._hooks
        if hooks.task is None:
            hooks.task = asyncio.create_task(self._attend(hooks))

    async def stop(self, *, restarting: bool = False) -> None:
        """Stop serving; does nothing when the server is not running.
        With restarting, the clients are told that the server will be back.

        What was sent is delivered first, for at most the time "linger".
        Clients are told, on_client_disconnected is called for each, and the
        name or port is free. A hook that is running is waited for as long,
        unless it is the caller.
        """
        server = self._server
        hooks: Any = server._hooks
        await in_thread(lambda: server.stop(restarting=restarting))
        self._changed()
        task = None if hooks is None else hooks.task
        if task is not None and task is not asyncio.current_task():
            await asyncio.wait({task}, timeout=self._linger)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def __repr__(self) -> str:
        state = "running" if self.is_running() else "stopped"
        return f"<aio.{type(self).__name__} of {self.event_name!r}, {state}>"

    async def _attend(self, hooks: _HookTask) -> None:
        """Run the hooks until the server is stopped, after those of the
        start before."""
        former, hooks.former = hooks.former, None
        if former is not None and former.task is not None:
            await asyncio.wait({former.task})
        events = hooks.events
        readable = Readable(events.descriptor)
        status = OK
        while status in (OK, TIMEOUT):
            status = events.take()
            if status == TIMEOUT:
                await readable.wait()
            else:
                await asyncio.sleep(0)
            await self._dispatch(events)
        events.end(status)
        await self._dispatch(events)

    async def _dispatch(self, events: Events) -> None:
        while events.rows:
            row = events.rows.popleft()
            try:
                name, arguments = events.hook(row)
                self._in_hook = True
                self._changed()
                if name:
                    result = getattr(self, name)(*arguments)
                    if hasattr(result, "__await__"):
                        await result
            except (Exception, asyncio.CancelledError) as e:
                if isinstance(e, asyncio.CancelledError) and _is_cancelled():
                    raise
                self._server._logger.exception(
                    "Exception in a hook of the server"
                )
            finally:
                self._in_hook = False

    # ---- sending

    async def send(
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
        await patiently(
            lambda: self._server.send(
                message, client_id, retain_key=retain_key
            ),
            self._patience,
        )

    async def send_many(self, messages: Iterable[Sendable]) -> None:
        """Send messages to all clients, in order, at the cost of less than
        as many calls of send(). Raises what send() raises; the messages
        before the one that fails have been sent then: `sent` of the
        exception is their number."""
        await patiently(
            resuming(
                lambda left: self._server._send_all(self._handle(), left),
                list(messages),
            ),
            self._patience,
        )

    def _handle(self) -> ServerHandle:
        handle = self._server._handle
        if handle is None:
            raise ClosedError("Server is not running")
        return handle

    # ---- clients and queue

    def get_connected_clients(self) -> list[ClientInfo]:
        """Return the connected clients in the order they came; none when
        the server is not running."""
        return self._server.get_connected_clients()

    async def wait_for_clients(
        self, count: int = 1, timeout: float | None = None
    ) -> None:
        """Wait until so many clients are connected, at most `timeout`
        seconds. Raises TimeoutError, and ClosedError when the server is not
        running or is stopped meanwhile."""
        handle = self._handle()
        began = time.monotonic()
        while True:
            if self._server._handle is not handle:
                raise ClosedError("Server is not running")
            if len(self.get_connected_clients()) >= count:
                return
            # While a hook runs, nobody takes the news of the next client.
            left = _GLANCE if self._in_hook else None
            if timeout is not None:
                rest = began + timeout - time.monotonic()
                if rest <= 0:
                    raise too_few(count, timeout)
                left = rest if left is None else min(left, rest)
            watcher = asyncio.get_running_loop().create_future()
            self._watchers.add(watcher)
            try:
                await asyncio.wait({watcher}, timeout=left)
            finally:
                self._watchers.discard(watcher)

    def _changed(self) -> None:
        """Have those look who wait for clients."""
        for watcher in self._watchers:
            if not watcher.done():
                watcher.set_result(None)

    def get_queue_size(self) -> int:
        """Return how many messages wait for the first client."""
        return self._server.get_queue_size()

    def clear_queue(self) -> None:
        """Drop the messages that wait for the first client."""
        self._server.clear_queue()

    # ---- what is known

    @property
    def address(self) -> str | None:
        """The path of the socket, or host:port; None when not running."""
        return self._server.address

    def get_stats(self) -> dict[str, int]:
        """Return the server's counters; see libsocket_server_stats() for
        their names. Empty when the server is not running."""
        return self._server.get_stats()

    # ---- hooks; each may be a coroutine

    def on_client_connected(self, client_info: ClientInfo) -> Any:
        """A client has connected. What is sent to it from here arrives
        before everything else."""

    def on_client_disconnected(self, client_id: str) -> Any:
        """A client has gone."""

    def on_message_received(
        self, client_id: str, message: SocketMessage
    ) -> Any:
        """A client has sent a message."""

    def on_first_client(self, client_id: str) -> Any:
        """There is a client after there was none."""

    def on_last_client(self, client_id: str) -> Any:
        """The last client has gone."""


def _is_cancelled() -> bool:
    """Tell whether it is this task that is cancelled, and not one that a
    hook awaited. Python 3.10 does not know."""
    task: Any = asyncio.current_task()
    return not hasattr(task, "cancelling") or task.cancelling() > 0


class UnixSocketServer(SocketServer):
    """Serves an event on a Unix socket; see the class of that name in
    dotfiles_socket for the arguments."""

    _kind = _UnixServer

    def __init__(
        self, event_name: str, **arguments: Unpack[UnixServerKeywords]
    ) -> None:
        super().__init__(event_name, **arguments)


class TcpSocketServer(SocketServer):
    """Serves an event on a TCP port; see the class of that name in
    dotfiles_socket for the arguments."""

    _kind = _TcpServer
    _server: _TcpServer

    def __init__(
        self, event_name: str, **arguments: Unpack[TcpServerKeywords]
    ) -> None:
        super().__init__(event_name, **arguments)

    @property
    def port(self) -> int | None:
        """The port that is or was bound; None before the first start()."""
        return self._server.port
