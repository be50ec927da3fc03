"""The server on a Unix socket."""

import os

from ..._logging import Logger
from ..._server import EventServer
from ..._settings import UnixPlace, checked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..._options import UnixServerOptions


class UnixSocketServer(UnixPlace, EventServer):
    """Serves an event on the socket <socket_dir>/<event_name>.sock.

    The options are settings of that name, such as history_size: how many of
    the last messages are given to clients that come later. An argument that
    is None leaves the setting as configured.
    Raises ValidationError, a ValueError, for a bad name or setting.
    """

    _transport = "unix"
    _logger = Logger(__name__)

    def __init__(
        self,
        event_name: str,
        socket_dir: str | os.PathLike[str] | None = None,
        blocking_mode: bool | None = None,
        allow_client_send: bool | None = None,
        max_connections: int | None = None,
        socket_permissions: str | None = None,
        auto_remove_socket: bool | None = None,
        message_queue_size: int | None = None,
        **options: "Unpack[UnixServerOptions]",
    ) -> None:
        super().__init__(
            event_name,
            socket_dir=os.fspath(socket_dir or "") or None,
            blocking_mode=blocking_mode,
            allow_client_send=allow_client_send,
            max_connections=max_connections,
            socket_permissions=socket_permissions,
            auto_remove_socket=auto_remove_socket,
            message_queue_size=message_queue_size,
            **checked(self, "UnixServerOptions", options),
        )
