"""The thread that takes a server's events and runs its hooks."""

from __future__ import annotations

import threading
import weakref
from collections import deque

from ._errors import OK, TIMEOUT, last_error
from ._handle import Exit, ServerHandle, forkable
from ._lib import (
    EVENT_CONNECTED,
    EVENT_DISCONNECTED,
    EVENT_FIRST_CLIENT,
    EVENT_LAST_CLIENT,
    EVENT_LOG,
    EVENT_MESSAGE,
)
from ._logging import log_line
from ._packed import MANY, Intake, message_of
from .core.exceptions import Status
from .core.server import SocketServer
from .core.types import ClientInfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._logging import Logger
    from ._packed import Row

# What take() returns when there are no more events to come.
_ENDS = (Status.CLOSED, Status.BAD_HANDLE, Status.FORKED)


def client_name(number: int) -> str:
    """Return the client id that scripts see."""
    return f"client_{number}"


class Events:
    """What happens at a server, row by row, and which hook is to hear it."""

    def __init__(
        self, handle: ServerHandle, event_name: str, logger: Logger
    ) -> None:
        self.descriptor = handle.descriptor
        self.rows: deque[Row] = deque()
        self._event_name = event_name
        self._logger = logger
        self._intake = Intake(handle.key, "server_receive_packed", self.rows)
        # Held while rows are taken, so that they stay in order.
        self._lock = threading.RLock()
        # Whose on_client_connected was called, and not the other one.
        self._clients: dict[int, None] = {}
        # Whether on_first_client was called, and not the other one; and who
        # has gone since.
        self._has_audience = False
        self._gone = 0
        forkable(self)

    def _after_fork(self) -> None:
        """In a child that a hook has made: there is nothing more to hear."""
        self._lock = threading.RLock()
        self._intake.forget()
        self.rows.clear()
        self._clients.clear()
        self._has_audience = False

    def take(self) -> int:
        """Take what has arrived; return the library's status. stop() calls
        it as well, before the close."""
        with self._lock:
            return self._intake.take(MANY)

    def end(self, status: int) -> None:
        """Add what hooks have to hear after take() has returned an error:
        what the close brought may be gone with the handle, but they hear of
        every client that it has gone."""
        if status not in _ENDS:
            self._logger.error("The hooks have ended: %s", last_error())
        for number in self._clients:
            self.rows.append(_row(EVENT_DISCONNECTED, number))
            self._gone = number
        if self._has_audience:
            self.rows.append(_row(EVENT_LAST_CLIENT, self._gone))

    def hook(self, row: Row) -> tuple[str, tuple[Any, ...]]:
        """Log the row; return the name of its hook and the arguments, or
        "" when it has none."""
        kind, number = row[0], row[5]
        if kind == EVENT_MESSAGE:
            message = message_of(row, self._event_name)
            return "on_message_received", (client_name(number), message)
        if kind == EVENT_CONNECTED:
            _, _, since, _, _, _, name, address, _, *peer = row
            self._clients[number] = None
            info = ClientInfo(client_name(number), since, address)
            info.name = name
            info.pid, info.uid, info.gid = peer
            self._logger.info("Client connected: %s", info.client_id)
            return "on_client_connected", (info,)
        if kind == EVENT_DISCONNECTED:
            self._clients.pop(number, None)
            self._gone = number
            self._logger.info("Client disconnected: %s", client_name(number))
            return "on_client_disconnected", (client_name(number),)
        if kind == EVENT_FIRST_CLIENT:
            self._has_audience = True
            return "on_first_client", (client_name(number),)
        if kind == EVENT_LAST_CLIENT:
            self._has_audience = False
            return "on_last_client", (client_name(number),)
        if kind == EVENT_LOG:
            log_line(self._logger, row)
        return "", ()


def _row(kind: int, client: int) -> Row:
    return [kind, 0, 0, 0, 0, client, "", "", 0]


class HookThread(threading.Thread):
    """Runs the hooks of one server from start() to stop(), one at a time.

    It keeps a server with hooks alive until that is stopped: it has work to
    do even when nobody holds it. One without hooks can do nothing more once
    it is dropped, and is let go.
    """

    def __init__(
        self,
        server: SocketServer,
        events: Events,
        logger: Logger,
        has_hooks: bool,
    ) -> None:
        super().__init__(name=f"hooks of {server.event_name}", daemon=True)
        self._server: Callable[[], SocketServer | None] = (
            (lambda: server) if has_hooks else weakref.ref(server)
        )
        self._events = events
        self._logger = logger
        self.take = events.take
        # The one of the start before, while it may have hooks to run.
        self.former: HookThread | None = None

    def run(self) -> None:
        """Take events until the server is closed."""
        if self.former is not None:
            self.former.join()
            self.former = None
        events = self._events
        status = OK
        while status in (OK, TIMEOUT):
            status = events.take()
            if status == TIMEOUT:
                events.descriptor.wait()
            self._dispatch()
        events.end(status)
        self._dispatch()

    def waits_for(self, thread: threading.Thread) -> bool:
        """Tell whether the thread is, or has to end before, this one."""
        hooks: HookThread | None = self
        while hooks is not None and hooks is not thread:
            hooks = hooks.former
        return hooks is not None

    def _dispatch(self) -> None:
        """Call the hooks for all rows that there are."""
        rows = self._events.rows
        while rows:
            row = rows.popleft()
            server = self._server()
            if server is None or Exit.begun:
                continue
            try:
                name, arguments = self._events.hook(row)
                if name:
                    getattr(server, name)(*arguments)
            except BaseException:
                # A hook that runs into the end of the program is no news.
                if not Exit.begun:
                    self._logger.exception("Exception in a hook of the server")
