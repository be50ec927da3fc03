"""The thread that takes a server's events and runs its hooks."""

from __future__ import annotations

import threading
import weakref
from collections import deque

from ._errors import last_error
from ._handle import Exit, ServerHandle, forkable
from ._lib import (
    EVENT_CONNECTED,
    EVENT_DISCONNECTED,
    EVENT_FIRST_CLIENT,
    EVENT_LAST_CLIENT,
    EVENT_LOG,
    EVENT_MESSAGE,
    quick,
)
from ._logging import log_line
from ._packed import MANY, Intake, message_of
from .core.exceptions import Status
from .core.server import SocketServer
from .core.types import ClientInfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ._logging import Logger
    from ._packed import Row

# What take() returns when there are no more events to come.
_ENDS = (Status.CLOSED, Status.BAD_HANDLE, Status.FORKED)


def client_name(number: int) -> str:
    """Return the client id that scripts see."""
    return f"client_{number}"


class HookThread(threading.Thread):
    """Runs the hooks of one server from start() to stop(), one at a time.

    It keeps a server with hooks alive until that is stopped: it has work to
    do even when nobody holds it. One without hooks can do nothing more once
    it is dropped, and is let go.
    """

    def __init__(
        self,
        server: SocketServer,
        handle: ServerHandle,
        logger: Logger,
        has_hooks: bool,
    ) -> None:
        super().__init__(name=f"hooks of {server.event_name}", daemon=True)
        self._server: Callable[[], SocketServer | None] = (
            (lambda: server) if has_hooks else weakref.ref(server)
        )
        self._event_name = server.event_name
        self._descriptor = handle.descriptor
        self._logger = logger
        self._rows: deque[Row] = deque()
        self._intake = Intake(
            quick.server_receive_packed, handle.key, self._rows
        )
        # Held while rows are taken, so that they stay in order.
        self._lock = threading.RLock()
        # Whose on_client_connected was called, and not the other one.
        self._clients: dict[int, None] = {}
        forkable(self)

    def _after_fork(self) -> None:
        """In a child that a hook has made: there is nothing more to hear."""
        self._lock = threading.RLock()
        self._intake.forget()
        self._rows.clear()
        self._clients.clear()

    def run(self) -> None:
        """Take events until the server is closed."""
        status: int = Status.OK
        while status in (Status.OK, Status.TIMEOUT):
            status = self.take()
            if status == Status.TIMEOUT:
                self._descriptor.wait()
            while self._rows:
                self._dispatch(self._rows.popleft())
        if status not in _ENDS:
            self._logger.error("The hooks have ended: %s", last_error())
        # What the close brought may be gone with the handle, but the hooks
        # hear of every client that it has gone.
        left = list(self._clients)
        for number in left:
            self._dispatch([EVENT_DISCONNECTED, 0, 0, 0, 0, number, "", "", 0])
        for number in left[-1:]:
            self._dispatch([EVENT_LAST_CLIENT, 0, 0, 0, 0, number, "", "", 0])

    def take(self) -> int:
        """Take what has arrived; return the library's status. stop() calls
        it as well, before the close."""
        with self._lock:
            return self._intake.take(MANY)

    def _dispatch(self, row: Row) -> None:
        server = self._server()
        if server is None or Exit.begun:
            return
        try:
            self._call(server, row)
        except BaseException:
            # A hook that runs into the end of the program is no news.
            if not Exit.begun:
                self._logger.exception("Exception in a hook of the server")

    def _call(self, server: SocketServer, row: Row) -> None:
        kind = row[0]
        if kind == EVENT_MESSAGE:
            server.on_message_received(
                client_name(row[5]), message_of(row, self._event_name)
            )
        elif kind == EVENT_CONNECTED:
            _, _, since, _, _, number, name, address, _, *peer = row
            self._clients[number] = None
            info = ClientInfo(client_name(number), since, address)
            info.name = name
            info.pid, info.uid, info.gid = peer
            self._logger.info("Client connected: %s", info.client_id)
            server.on_client_connected(info)
        elif kind == EVENT_DISCONNECTED:
            number = row[5]
            self._clients.pop(number, None)
            self._logger.info("Client disconnected: %s", client_name(number))
            server.on_client_disconnected(client_name(number))
        elif kind == EVENT_FIRST_CLIENT:
            server.on_first_client(client_name(row[5]))
        elif kind == EVENT_LAST_CLIENT:
            server.on_last_client(client_name(row[5]))
        elif kind == EVENT_LOG:
            log_line(self._logger, row)
