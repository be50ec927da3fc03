"""The client on a TCP port."""

from ..._client import EventClient
from ..._logging import Logger
from ..._settings import checked
from ...core.exceptions import TimeoutError, ValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..._options import TcpClientOptions


class TcpSocketClient(EventClient):
    """Joins the event served on a TCP port.

    With auto_reconnect the client comes back by itself when the connection
    is lost. The options are settings of that name: with wait_for_server
    connect() does not fail, but waits in the background for a server that is
    not there yet; with types only messages of those types arrive; tls with
    tls_ca_file encrypts, and token_file proves to the server that the client
    belongs there, and the other way round.

    An argument that is None leaves the setting as configured.
    Raises ValidationError, a ValueError, for a bad name or setting, and when
    no port is given or configured.
    """

    _transport = "tcp"
    _logger = Logger(__name__)

    def __init__(
        self,
        event_name: str,
        host: str | None = None,
        port: int | None = None,
        auto_reconnect: bool = True,
        buffer_size: int | None = None,
        **options: "Unpack[TcpClientOptions]",
    ) -> None:
        super().__init__(
            event_name,
            host=host or None,
            port=port,
            reconnect=None if auto_reconnect else False,
            buffer_size=buffer_size,
            **checked(self, "TcpClientOptions", options),
        )
        self._host: str = self._settings["tcp"]["host"]
        self._port: int = self._settings["tcp"]["port"]
        if self._port <= 0:
            raise ValidationError(
                "Port must be provided for TCP socket client"
            )

    def _never_connected(self) -> None:
        """End the iteration silently."""

    def _timed_out(self, timeout: float | None) -> TimeoutError:
        return TimeoutError(f"No message received within {timeout}s")
