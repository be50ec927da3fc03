"""Named events between the processes of one machine.

A server owns an event name; clients join it. The server sends messages to
all of them or to one, and clients may answer:

    server = create_server("unix", "progress")
    server.start()
    server.send({"percent": 42})

    client = create_client("unix", "progress")
    client.connect()
    for message in client.receive_iter():
        print(message.data["percent"])
"""

from . import _interpreter as _interpreter  # first: it may refuse
from .core import (
    BadHandleError,
    BadMessageError,
    CallInterruptedError,
    ClientInfo,
    ClosedError,
    ConnectionError,
    ForkedError,
    InternalError,
    InUseError,
    MaxConnectionsError,
    MessageError,
    MessageType,
    NoMemoryError,
    NoPortError,
    NoServerError,
    NotAllowedError,
    NotConnectedError,
    ProtocolError,
    SettingsError,
    SlowError,
    SocketClient,
    SocketError,
    SocketMessage,
    SocketServer,
    Status,
    SystemCallError,
    TimeoutError,
    TooLargeError,
    UnknownClientError,
    ValidationError,
    create_message,
    get_timestamp_iso,
    get_timestamp_ms,
    validate_event_name,
)
from .factory import SocketType, create_client, create_server
from .implementations.tcp import TcpSocketClient, TcpSocketServer
from .implementations.unix import UnixSocketClient, UnixSocketServer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._inspection import (
        ServerInfo,
        ServerState,
        inspect_server,
        list_servers,
    )
    from .config import (
        AppConfig,
        SocketConfig,
        SocketModuleConfig,
        TcpSocketConfig,
        UnixSocketConfig,
        get_default_config,
        get_generic_socket_config,
        get_socket_config,
        get_tcp_socket_config,
        get_unix_socket_config,
    )

__version__ = "0.1.0"

__all__ = [
    "AppConfig",
    "BadHandleError",
    "BadMessageError",
    "CallInterruptedError",
    "ClientInfo",
    "ClosedError",
    "ConnectionError",
    "ForkedError",
    "InUseError",
    "InternalError",
    "MaxConnectionsError",
    "MessageError",
    "MessageType",
    "NoMemoryError",
    "NoPortError",
    "NoServerError",
    "NotAllowedError",
    "NotConnectedError",
    "ProtocolError",
    "ServerInfo",
    "ServerState",
    "SettingsError",
    "SlowError",
    "SocketClient",
    "SocketConfig",
    "SocketError",
    "SocketMessage",
    "SocketModuleConfig",
    "SocketServer",
    "SocketType",
    "Status",
    "SystemCallError",
    "TcpSocketClient",
    "TcpSocketConfig",
    "TcpSocketServer",
    "TimeoutError",
    "TooLargeError",
    "UnixSocketClient",
    "UnixSocketConfig",
    "UnixSocketServer",
    "UnknownClientError",
    "ValidationError",
    "__version__",
    "create_client",
    "create_message",
    "create_server",
    "get_default_config",
    "get_generic_socket_config",
    "get_socket_config",
    "get_tcp_socket_config",
    "get_timestamp_iso",
    "get_timestamp_ms",
    "get_unix_socket_config",
    "inspect_server",
    "list_servers",
    "validate_event_name",
]

# What few programs look at is imported when one does: with pydantic and
# dataclasses it would take longer than all else.
_LATER = {
    **dict.fromkeys(
        ("ServerInfo", "ServerState", "inspect_server", "list_servers"),
        "_inspection",
    ),
    **{n: "config" for n in __all__ if n.endswith(("Config", "_config"))},
}


if not TYPE_CHECKING:  # or every name would be one of this module

    def __getattr__(name):
        import importlib

        if name == "config":
            return importlib.import_module(".config", __name__)
        if name not in _LATER:
            raise AttributeError(
                f"module {__name__!r} has no attribute {name!r}"
            )
        module = importlib.import_module(f".{_LATER[name]}", __name__)
        value = globals()[name] = getattr(module, name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
