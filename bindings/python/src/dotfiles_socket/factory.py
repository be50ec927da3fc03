"""Servers and clients by the name of their transport."""

from __future__ import annotations

from enum import Enum

from .core.exceptions import ValidationError
from .implementations.tcp import TcpSocketClient, TcpSocketServer
from .implementations.unix import UnixSocketClient, UnixSocketServer

TYPE_CHECKING = False
if not TYPE_CHECKING:

    def overload(function):
        return function
else:
    from typing import Any, Literal, overload

    from typing_extensions import Unpack

    from ._options import (
        ClientKeywords,
        ServerKeywords,
        TcpClientKeywords,
        TcpServerKeywords,
        UnixClientKeywords,
        UnixServerKeywords,
    )


class SocketType(Enum):
    """The transports."""

    UNIX = "unix"
    TCP = "tcp"


@overload
def create_server(
    socket_type: Literal[SocketType.UNIX, "unix", "UNIX"],
    event_name: str,
    **kwargs: Unpack[UnixServerKeywords],
) -> UnixSocketServer: ...
@overload
def create_server(
    socket_type: Literal[SocketType.TCP, "tcp", "TCP"],
    event_name: str,
    **kwargs: Unpack[TcpServerKeywords],
) -> TcpSocketServer: ...
@overload
def create_server(
    socket_type: SocketType | str,
    event_name: str,
    **kwargs: Unpack[ServerKeywords],
) -> UnixSocketServer | TcpSocketServer: ...
def create_server(
    socket_type: SocketType | str, event_name: str, **kwargs: Any
) -> UnixSocketServer | TcpSocketServer:
    """Make a server, which start() or `with` starts; the keywords are those
    of the transport's class.

    The type is a SocketType or its name in upper or lower case. Raises
    ValidationError for another one, and what the constructor raises:
    ValidationError for a bad name or setting, TypeError for a keyword that
    there is not.
    """
    if transport_of(socket_type) is SocketType.TCP:
        return TcpSocketServer(event_name, **kwargs)
    return UnixSocketServer(event_name, **kwargs)


@overload
def create_client(
    socket_type: Literal[SocketType.UNIX, "unix", "UNIX"],
    event_name: str,
    **kwargs: Unpack[UnixClientKeywords],
) -> UnixSocketClient: ...
@overload
def create_client(
    socket_type: Literal[SocketType.TCP, "tcp", "TCP"],
    event_name: str,
    **kwargs: Unpack[TcpClientKeywords],
) -> TcpSocketClient: ...
@overload
def create_client(
    socket_type: SocketType | str,
    event_name: str,
    **kwargs: Unpack[ClientKeywords],
) -> UnixSocketClient | TcpSocketClient: ...
def create_client(
    socket_type: SocketType | str, event_name: str, **kwargs: Any
) -> UnixSocketClient | TcpSocketClient:
    """Make a client, which connect() or `with` connects; the keywords are
    those of the transport's class.

    The type is a SocketType or its name in upper or lower case. Raises
    ValidationError for another one, and what the constructor raises:
    ValidationError for a bad name or setting, TypeError for a keyword that
    there is not.
    """
    if transport_of(socket_type) is SocketType.TCP:
        return TcpSocketClient(event_name, **kwargs)
    return UnixSocketClient(event_name, **kwargs)


def transport_of(socket_type: object) -> SocketType:
    """Return the transport of that name; raise ValidationError."""
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
