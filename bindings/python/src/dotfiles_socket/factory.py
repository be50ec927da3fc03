"""Servers and clients by the name of their transport."""

from enum import Enum
from typing import Any, Literal, overload

from .core.exceptions import ValidationError
from .implementations.tcp import TcpSocketClient, TcpSocketServer
from .implementations.unix import UnixSocketClient, UnixSocketServer


class SocketType(Enum):
    """The transports."""

    UNIX = "unix"
    TCP = "tcp"


@overload
def create_server(
    socket_type: Literal[SocketType.UNIX, "unix"],
    event_name: str,
    **kwargs: Any,
) -> UnixSocketServer: ...
@overload
def create_server(
    socket_type: Literal[SocketType.TCP, "tcp"],
    event_name: str,
    **kwargs: Any,
) -> TcpSocketServer: ...
@overload
def create_server(
    socket_type: SocketType | str, event_name: str, **kwargs: Any
) -> UnixSocketServer | TcpSocketServer: ...
def create_server(
    socket_type: SocketType | str, event_name: str, **kwargs: Any
) -> UnixSocketServer | TcpSocketServer:
    """Make a server; the keywords are those of the transport's class.

    The type is a SocketType or its name in upper or lower case. Raises
    ValidationError for another one, and what the constructor raises.
    """
    if _transport(socket_type) is SocketType.TCP:
        return TcpSocketServer(event_name, **kwargs)
    return UnixSocketServer(event_name, **kwargs)


@overload
def create_client(
    socket_type: Literal[SocketType.UNIX, "unix"],
    event_name: str,
    **kwargs: Any,
) -> UnixSocketClient: ...
@overload
def create_client(
    socket_type: Literal[SocketType.TCP, "tcp"],
    event_name: str,
    **kwargs: Any,
) -> TcpSocketClient: ...
@overload
def create_client(
    socket_type: SocketType | str, event_name: str, **kwargs: Any
) -> UnixSocketClient | TcpSocketClient: ...
def create_client(
    socket_type: SocketType | str, event_name: str, **kwargs: Any
) -> UnixSocketClient | TcpSocketClient:
    """Make a client; the keywords are those of the transport's class.

    The type is a SocketType or its name in upper or lower case. Raises
    ValidationError for another one, and what the constructor raises.
    """
    if _transport(socket_type) is SocketType.TCP:
        return TcpSocketClient(event_name, **kwargs)
    return UnixSocketClient(event_name, **kwargs)


def _transport(socket_type: object) -> SocketType:
    if isinstance(socket_type, SocketType):
        return socket_type
    if not isinstance(socket_type, str):
        raise ValidationError(f"Unsupported socket type: {socket_type}")
    try:
        return SocketType(socket_type.lower())
    except ValueError as e:
        raise ValidationError(
            f"Invalid socket_type: {socket_type}: neither unix nor tcp"
        ) from e
