"""The types, exceptions and abstract classes of every transport."""

from .client import SocketClient
from .exceptions import (
    ConnectionError,
    ForkedError,
    MaxConnectionsError,
    MessageError,
    ServerFullError,
    SocketError,
    Status,
    TimeoutError,
    ValidationError,
)
from .server import SocketServer
from .types import (
    ClientInfo,
    MessageType,
    SocketMessage,
    create_message,
    get_timestamp_iso,
    get_timestamp_ms,
    validate_event_name,
)

__all__ = [
    "ClientInfo",
    "ConnectionError",
    "ForkedError",
    "MaxConnectionsError",
    "MessageError",
    "MessageType",
    "ServerFullError",
    "SocketClient",
    "SocketError",
    "SocketMessage",
    "SocketServer",
    "Status",
    "TimeoutError",
    "ValidationError",
    "create_message",
    "get_timestamp_iso",
    "get_timestamp_ms",
    "validate_event_name",
]
