"""The client on a Unix socket."""

import os

from ..._client import EventClient, longest_delay
from ..._logging import Logger
from ..._settings import UnixPlace, checked
from ...core.exceptions import TimeoutError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..._options import UnixClientOptions


class UnixSocketClient(UnixPlace, EventClient):
    """Joins the event served on <socket_dir>/<event_name>.sock.

    With auto_reconnect the client comes back by itself when the connection
    is lost; reconnect_delay, other than the 1.0 that stands for the
    configured times, is the longest time in seconds between two attempts.

    The options are settings of that name. With wait_for_server connect()
    does not fail, but waits in the background for a server that is not there
    yet; with types only messages of those types arrive. An argument that is
    None leaves the setting as configured.
    Raises ValidationError, a ValueError, for a bad name or setting.
    """

    _transport = "unix"
    _logger = Logger(__name__)

    def __init__(
        self,
        event_name: str,
        socket_dir: str | os.PathLike[str] | None = None,
        auto_reconnect: bool = True,
        reconnect_delay: float = 1.0,
        buffer_size: int | None = None,
        **options: "Unpack[UnixClientOptions]",
    ) -> None:
        delay = longest_delay(reconnect_delay)
        super().__init__(
            event_name,
            socket_dir=os.fspath(socket_dir or "") or None,
            reconnect=None if auto_reconnect else False,
            reconnect_min=delay,
            reconnect_max=delay,
            buffer_size=buffer_size,
            **checked(self, "UnixClientOptions", options),
        )
        self._reconnect_delay = reconnect_delay

    def _timed_out(self, timeout: float | None) -> TimeoutError:  # noqa: ARG002
        return TimeoutError("Timeout waiting for message")
