"""The server on a TCP port."""

from ..._handle import ServerHandle
from ..._logging import Logger
from ..._server import EventServer
from ..._settings import checked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..._options import TcpServerOptions


class TcpSocketServer(EventServer):
    """Serves an event on a TCP port: `port`, or the first that is free from
    port_range_start to port_range_end; 0 is any free port.

    The options are settings of that name, such as history_size: how many of
    the last messages are given to clients that come later. tls with
    tls_cert_file and tls_key_file encrypts; tls_client_ca_file and token_file
    keep strangers out. An argument that is None leaves the setting as
    configured.
    Raises ValidationError, a ValueError, for a bad name or setting.
    """

    _transport = "tcp"
    _logger = Logger(__name__)

    def __init__(
        self,
        event_name: str,
        host: str | None = None,
        port: int | None = None,
        port_range_start: int | None = None,
        port_range_end: int | None = None,
        blocking_mode: bool | None = None,
        allow_client_send: bool | None = None,
        max_connections: int | None = None,
        message_queue_size: int | None = None,
        **options: "Unpack[TcpServerOptions]",
    ) -> None:
        super().__init__(
            event_name,
            host=host or None,
            port=port,
            port_range_start=port_range_start,
            port_range_end=port_range_end,
            blocking_mode=blocking_mode,
            allow_client_send=allow_client_send,
            max_connections=max_connections,
            message_queue_size=message_queue_size,
            **checked(self, "TcpServerOptions", options),
        )
        self._host: str = self._settings["tcp"]["host"]
        self._port = port
        self._actual_port: int | None = None

    @property
    def port(self) -> int | None:
        """The port that is or was bound; None before the first start()."""
        return self._actual_port

    def _opened(self, handle: ServerHandle) -> None:
        self._actual_port = int(handle.address().rpartition(":")[2])
