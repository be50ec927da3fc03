"""Looking at servers elsewhere, without becoming their client."""

import os
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ._hooks import client_name
from ._lib import blocking
from ._packed import fetch
from ._patience import interruptible
from ._settings import encoded, overrides
from .core.types import ClientInfo, validate_event_name
from .factory import SocketType, transport_of

# A document of libsocket_inspect().
Document = dict[str, Any]

_OF_CLIENTS = ("name", "pid", "uid", "gid", "delivered", "missed", "backlog")


class ServerState(Enum):
    """What is known of the server of an event."""

    LIVE = "live"  # it answered
    OLD = "old"  # a process with the original module: it cannot be asked
    SILENT = "silent"  # it did not answer in time: stopped, or very busy
    DENIED = "denied"  # of another user, who is not trusted or trusts us not
    STALE = "stale"  # the socket file of a server that is gone


@dataclass
class ServerInfo:
    """The server of an event; `pid` is 0 and `uid` -1 where not known.

    Of a server that is not LIVE, `library` is "", `uptime_ms` 0, and `stats`
    and `clients` are empty. `stats` is what get_stats() of the server
    returns, `clients` what get_connected_clients() does; clients that do not
    go into an answer of 1 MiB, some 8000, are missing, and counted in stats.
    """

    state: ServerState
    event_name: str
    transport: SocketType
    address: str
    pid: int
    uid: int
    library: str = ""
    uptime_ms: int = 0
    stats: dict[str, int] = field(default_factory=dict)
    clients: list[ClientInfo] = field(default_factory=list)


def inspect_server(
    socket_type: SocketType | str,
    event_name: str,
    *,
    socket_dir: str | os.PathLike[str] | None = None,
    host: str | None = None,
    port: int | None = None,
    timeout: float | None = None,
) -> ServerInfo:
    """Ask the server of the event how it is.

    This takes no place among its max_connections, and calls none of its
    hooks. An argument that is None leaves the setting as configured; timeout
    stands for default_timeout, in seconds. Over TCP a port is needed, and
    the event is whatever is served there.

    Returns what is known also of a server that is OLD or SILENT. Raises
    NoServerError when there is none, NotAllowedError when one end does not
    trust the other, MaxConnectionsError when many ask at once,
    ValidationError, and other SocketErrors.
    """
    document = inspect_document(
        transport_of(socket_type).value,
        event_name,
        socket_dir=socket_dir and os.fspath(socket_dir),
        host=host,
        port=port,
        default_timeout=timeout,
    )
    return _info(document)


def list_servers(
    socket_dir: str | os.PathLike[str] | None = None,
    *,
    timeout: float | None = None,
) -> list[ServerInfo]:
    """Inspect every event that has a socket file in the directory, and
    return them in the order of their names.

    Servers that cannot be asked are there with their state. One that is
    SILENT takes the whole timeout, which stands for default_timeout.
    """
    documents = list_documents(
        socket_dir=socket_dir and os.fspath(socket_dir),
        default_timeout=timeout,
    )
    return [_info(document) for document in documents]


def inspect_document(
    transport: str, event_name: str, **settings: Any
) -> Document:
    """Return what libsocket_inspect() stores."""
    validate_event_name(event_name)
    text = _text(**settings)
    document: Document = interruptible(
        lambda: fetch(
            blocking.inspect, transport.encode(), event_name.encode(), text
        )
    )
    return document


def list_documents(**settings: Any) -> list[Document]:
    """Return what libsocket_list() stores."""
    text = _text(**settings)
    documents: list[Document] = interruptible(
        lambda: fetch(blocking.list, text)
    )
    return documents


def _text(**settings: Any) -> bytes:
    return encoded(overrides(**settings))


def _info(document: Document) -> ServerInfo:
    known = dict(document)
    return ServerInfo(
        ServerState(known.pop("state")),
        known.pop("event"),
        SocketType(known.pop("transport")),
        clients=[_client(c) for c in known.pop("clients", ())],
        **known,
    )


def _client(document: Document) -> ClientInfo:
    info = ClientInfo(
        client_name(document["client"]),
        document["connected_at_ms"],
        document["address"],
    )
    for name in _OF_CLIENTS:
        setattr(info, name, document[name])
    return info
