"""The same servers and clients, for asyncio.

Nothing runs in a thread but opening and closing, which may take a while;
receiving and hooks are the event loop's. Clients also work under trio, and
whatever else anyio knows, where that is installed:

    async with aio.create_client("unix", "progress") as client:
        async for message in client:
            print(message.data["percent"])
"""

from __future__ import annotations

from ..factory import SocketType, transport_of
from .client import SocketClient, TcpSocketClient, UnixSocketClient
from .server import SocketServer, TcpSocketServer, UnixSocketServer

TYPE_CHECKING = False
if not TYPE_CHECKING:

    def overload(function):
        return function
else:
    from typing import Any, Literal, overload

    from typing_extensions import Unpack

    from .._options import (
        ClientKeywords,
        ServerKeywords,
        TcpClientKeywords,
        TcpServerKeywords,
        UnixClientKeywords,
        UnixServerKeywords,
    )

__all__ = [
    "SocketClient",
    "SocketServer",
    "TcpSocketClient",
    "TcpSocketServer",
    "UnixSocketClient",
    "UnixSocketServer",
    "create_client",
    "create_server",
]


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
    """Make a server; the keywords are those of the transport's class.

    The type is a SocketType or its name in upper or lower case. Raises
    ValidationError for another one, and what the constructor raises.
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
    """Make a client; the keywords are those of the transport's class.

    The type is a SocketType or its name in upper or lower case. Raises
    ValidationError for another one, and what the constructor raises.
    """
    if transport_of(socket_type) is SocketType.TCP:
        return TcpSocketClient(event_name, **kwargs)
    return UnixSocketClient(event_name, **kwargs)
