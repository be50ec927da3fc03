"""What this package raises.

Every exception is a SocketError. Where Python has a builtin that a caller
would expect (ValueError, TimeoutError, ConnectionError), the exception is one
as well. `status` tells failures apart without reading their text.
"""

import builtins
from enum import IntEnum

__all__ = [
    "ConnectionError",
    "ForkedError",
    "MaxConnectionsError",
    "MessageError",
    "ServerFullError",
    "SocketError",
    "Status",
    "TimeoutError",
    "ValidationError",
]


class Status(IntEnum):
    """The library's status codes (LIBSOCKET_E_... in libsocket.h)."""

    OK = 0
    INTERNAL = -1
    INVALID = -2
    SETTINGS = -3
    BAD_HANDLE = -4
    CLOSED = -5
    NOT_CONNECTED = -6
    UNKNOWN_CLIENT = -7
    TIMEOUT = -8
    INTERRUPTED = -9
    TOO_LARGE = -10
    BAD_MESSAGE = -11
    MAX_CONNECTIONS = -12
    IN_USE = -13
    NO_PORT = -14
    NOT_ALLOWED = -15
    NO_SERVER = -16
    PROTOCOL = -17
    IO = -18
    NO_MEMORY = -19
    FORKED = -20
    SLOW = -21


class SocketError(Exception):
    """The base of all; `status` is OK when the library was not asked."""

    status: Status = Status.OK


class ConnectionError(SocketError, builtins.ConnectionError):
    """There is no connection, or none could be made."""


class MessageError(SocketError):
    """A message cannot be encoded or sent."""


class ValidationError(SocketError, ValueError):
    """An event name, a setting or an argument is malformed."""


class TimeoutError(SocketError, builtins.TimeoutError):
    """The time given has passed."""


class MaxConnectionsError(SocketError):
    """The server takes no more clients."""


class ForkedError(SocketError):
    """The process is a child that fork() made after the library was used.

    Start workers with multiprocessing's "spawn" method, or use this package
    for the first time after the fork.
    """


class ServerFullError(MaxConnectionsError, ConnectionError):
    """connect() found a server that takes no more clients.

    Also a ConnectionError, for loops that wait until connect() succeeds.
    """


_CLASSES: dict[Status, type[SocketError]] = {
    Status.INVALID: ValidationError,
    Status.SETTINGS: ValidationError,
    Status.BAD_HANDLE: ConnectionError,
    Status.CLOSED: ConnectionError,
    Status.NOT_CONNECTED: ConnectionError,
    Status.UNKNOWN_CLIENT: ConnectionError,
    Status.TIMEOUT: TimeoutError,
    Status.TOO_LARGE: MessageError,
    Status.BAD_MESSAGE: MessageError,
    Status.MAX_CONNECTIONS: MaxConnectionsError,
    Status.NO_SERVER: ConnectionError,
    Status.FORKED: ForkedError,
}


def from_status(
    status: int, text: str, kind: type[SocketError] | None = None
) -> SocketError:
    """Make the exception of a status; `kind` overrides the usual class."""
    known = status in Status.__members__.values()
    code = Status(status) if known else Status.INTERNAL
    error = (kind or _CLASSES.get(code, SocketError))(text)
    error.status = code
    return error
