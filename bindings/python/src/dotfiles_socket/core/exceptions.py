"""What this package raises.

Every exception is a SocketError. The five of the original say what kind of
failure it is; below them, or beside, is one class for each status of the
library. Where Python has a builtin that a caller would expect (ValueError,
TimeoutError, PermissionError), the exception is one as well.

Where the original raised a class of its own whatever the reason, the
exception is of that class and of its status: connect() to a server that does
not trust us raises a ConnectionError that is a NotAllowedError too, and hence
a builtin PermissionError.
"""

from __future__ import annotations

import builtins
from enum import IntEnum
from errno import (
    EACCES,
    EADDRINUSE,
    EAGAIN,
    EBADF,
    EBADMSG,
    ECONNREFUSED,
    EINTR,
    EINVAL,
    EIO,
    EMSGSIZE,
    ENOMEM,
    ENOTCONN,
    EPROTO,
    ESHUTDOWN,
    ETIMEDOUT,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "BadHandleError",
    "BadMessageError",
    "CallInterruptedError",
    "ClosedError",
    "ConnectionError",
    "ForkedError",
    "InUseError",
    "InternalError",
    "MaxConnectionsError",
    "MessageError",
    "NoMemoryError",
    "NoPortError",
    "NoServerError",
    "NotAllowedError",
    "NotConnectedError",
    "ProtocolError",
    "SettingsError",
    "SlowError",
    "SocketError",
    "Status",
    "SystemCallError",
    "TimeoutError",
    "TooLargeError",
    "UnknownClientError",
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
    """The base of all. Its text is the library's.

    `status` tells failures apart without reading the text, `name` is the
    name of the status, and `errno` the number of the system's error that is
    nearest to it, or None. Of send_many(), `sent` is how many of its messages
    were sent before the one that failed.
    """

    status: Status = Status.OK
    errno: int | None = None
    # Of send_many(): how many messages were sent before.
    sent = 0

    @property
    def name(self) -> str:
        """The name of the status, as in LIBSOCKET_E_<name>."""
        return self.status.name


# ---- the original's five


class ConnectionError(SocketError, builtins.ConnectionError):
    """There is no connection, or none could be made."""


class MessageError(SocketError):
    """A message cannot be encoded or sent."""


class ValidationError(SocketError, ValueError):
    """An event name or an argument is malformed or out of bounds."""

    status = Status.INVALID
    errno = EINVAL


class TimeoutError(SocketError, builtins.TimeoutError):
    """The time given has passed."""

    status = Status.TIMEOUT
    errno = ETIMEDOUT


class MaxConnectionsError(SocketError):
    """The server takes no more clients. From connect() also a
    ConnectionError, for loops that wait until there is room."""

    status = Status.MAX_CONNECTIONS
    errno = ECONNREFUSED


# ---- one for each other status


class InternalError(SocketError, RuntimeError):
    """A bug in the library; the text has where it was."""

    status = Status.INTERNAL


class SettingsError(ValidationError):
    """A setting is malformed or out of bounds; the text names the file or
    variable, the line, the key and the bound."""

    status = Status.SETTINGS


class ClosedError(SocketError):
    """The server is not running, or was closed while the call ran. At a
    client also a ConnectionError."""

    status = Status.CLOSED
    errno = ESHUTDOWN


class BadHandleError(ClosedError):
    """It was closed before the call."""

    status = Status.BAD_HANDLE
    errno = EBADF


class NotConnectedError(ConnectionError):
    """The client has no connection now."""

    status = Status.NOT_CONNECTED
    errno = ENOTCONN


class UnknownClientError(ConnectionError):
    """No client of that id is connected to the server."""

    status = Status.UNKNOWN_CLIENT
    errno = ENOTCONN


class CallInterruptedError(SocketError, InterruptedError):
    """A signal handler ran while the library waited. The methods of this
    package wait on instead."""

    status = Status.INTERRUPTED
    errno = EINTR


class TooLargeError(MessageError, ValueError):
    """A message is larger than max_message_size bytes."""

    status = Status.TOO_LARGE
    errno = EMSGSIZE


class BadMessageError(MessageError, ValueError):
    """The data of a message cannot be encoded, or is nothing that every
    receiver can read."""

    status = Status.BAD_MESSAGE
    errno = EBADMSG


class InUseError(SocketError, OSError):
    """The event or the port is served by another; the text has its process
    id."""

    status = Status.IN_USE
    errno = EADDRINUSE


class NoPortError(SocketError, OSError):
    """No port of the range is free."""

    status = Status.NO_PORT
    errno = EADDRINUSE


class NotAllowedError(SocketError, PermissionError):
    """The other side, or who owns the directory, is not trusted; or what was
    asked for is switched off."""

    status = Status.NOT_ALLOWED
    errno = EACCES


class NoServerError(ConnectionError, ConnectionRefusedError):
    """Nobody serves the event."""

    status = Status.NO_SERVER
    errno = ECONNREFUSED


class ProtocolError(ConnectionError):
    """The other side does not keep to the protocol."""

    status = Status.PROTOCOL
    errno = EPROTO


class SystemCallError(SocketError, OSError):
    """The operating system refused; the text has its words."""

    status = Status.IO
    errno = EIO


class NoMemoryError(SocketError, MemoryError):
    """The library got no memory."""

    status = Status.NO_MEMORY
    errno = ENOMEM


class ForkedError(SocketError, RuntimeError):
    """The process is a child that fork() made after the library was used.

    Start workers with multiprocessing's "spawn" method, or use this package
    for the first time after the fork.
    """

    status = Status.FORKED


class SlowError(SocketError, BlockingIOError):
    """A client does not take what is sent to it alone."""

    status = Status.SLOW
    errno = EAGAIN


_CLASSES: dict[int, type[SocketError]] = {
    each.status: each
    for each in (
        BadHandleError,
        BadMessageError,
        CallInterruptedError,
        ClosedError,
        ForkedError,
        InUseError,
        InternalError,
        MaxConnectionsError,
        NoMemoryError,
        NoPortError,
        NoServerError,
        NotAllowedError,
        NotConnectedError,
        ProtocolError,
        SettingsError,
        SlowError,
        SystemCallError,
        TimeoutError,
        TooLargeError,
        UnknownClientError,
        ValidationError,
    )
}


def from_status(
    status: int, text: str, kind: type[SocketError] | None = None
) -> SocketError:
    """Make the exception of a status, which is one of `kind` as well."""
    own = _CLASSES.get(status, InternalError)
    return (own if kind is None else _both(own, kind))(text)


# Made when they are first wanted.
_mixed: dict[tuple[type, type], type[SocketError]] = {}


def _both(
    own: type[SocketError], kind: type[SocketError]
) -> type[SocketError]:
    if issubclass(own, kind):
        return own
    if (own, kind) in _mixed:
        return _mixed[own, kind]

    def reduce(self: SocketError) -> tuple[Any, ...]:
        return _rebuild, (own, kind, self.args), self.__dict__

    body = {
        "__module__": own.__module__,
        "__doc__": own.__doc__,
        "__reduce__": reduce,
    }
    made = _mixed[own, kind] = type(own.__name__, (own, kind), body)
    return made


def _rebuild(
    own: type[SocketError], kind: type[SocketError], args: tuple[Any, ...]
) -> SocketError:
    return _both(own, kind)(*args)
