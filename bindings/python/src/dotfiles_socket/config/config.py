"""The settings as pydantic models, for programs that look at them.

What a server or client runs with is resolved and judged by the library;
defaults and bounds here are those of its table (docs/settings.md).
"""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from ..core.types import zone
from ._pydantic import Number, check_field, check_model, matching

_Port = Annotated[int, Field(ge=1024, le=65535)]
_Positive = Annotated[int, Field(gt=0)]


class SocketConfig(BaseModel):
    """The table [socket]: what holds for every transport."""

    socket_dir: Path = Path("/tmp/sockets")  # noqa: S108
    default_timeout: Annotated[Number, Field(gt=0)] = 5
    buffer_size: _Positive = 4096
    timezone: str = "UTC"
    message_queue_size: _Positive = 100
    blocking_mode: bool = False
    allow_client_send: bool = True

    @check_field("default_timeout")
    @classmethod
    def _is_short(cls, seconds: float) -> float:
        # Whole seconds are an int, as they always were.
        return int(seconds) if seconds == int(seconds) else seconds

    @check_field("timezone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        zone(name)
        return name


class UnixSocketConfig(BaseModel):
    """The table [socket.unix]."""

    max_connections: _Positive = 10
    socket_permissions: Annotated[str, matching(r"^0[0-7]{1,3}$")] = "0600"
    auto_remove_socket: bool = True


class TcpSocketConfig(BaseModel):
    """The table [socket.tcp]."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port_range_start: _Port = 9000
    port_range_end: _Port = 9100
    max_connections: _Positive = 10

    @check_model
    def _is_range(self) -> None:
        if self.port_range_start > self.port_range_end:
            raise ValueError(
                f"port_range_start {self.port_range_start} is above "
                f"port_range_end {self.port_range_end}"
            )


class SocketModuleConfig(BaseModel):
    """All three tables."""

    socket: SocketConfig = Field(default_factory=SocketConfig)
    unix: UnixSocketConfig = Field(default_factory=UnixSocketConfig)
    tcp: TcpSocketConfig = Field(default_factory=TcpSocketConfig)


class AppConfig(BaseModel):
    """A settings file."""

    socket: SocketModuleConfig = Field(default_factory=SocketModuleConfig)
