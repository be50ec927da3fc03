"""libsocket.h for ctypes: the one place that knows the C side.

The library is loaded by the first call and not by the import, so that a
process may import the package and fork as long as it has not used it.

`quick` keeps the interpreter's lock during a call, which costs less, and is
for functions that never block; `blocking` has the same functions and lets
other threads run meanwhile.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import (
    POINTER,
    Structure,
    c_char_p,
    c_int,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = "0.1.0"
SONAME = f"libsocket.so.{VERSION.partition('.')[0]}"

DATA = 0
ERROR = 1
CONTROL = 2

EVENT_CONNECTED = 1
EVENT_DISCONNECTED = 2
EVENT_MESSAGE = 3
EVENT_LAGGED = 4
EVENT_SYNCED = 5
EVENT_REFUSED = 6
EVENT_FIRST_CLIENT = 7
EVENT_LAST_CLIENT = 8
EVENT_LOG = 9
EVENT_CLOSED = 10

REASON_NONE = 0
REASON_CLOSED = 1
REASON_STOPPED = 2
REASON_RESTARTING = 3
REASON_EOF = 4
REASON_MAX_CONNECTIONS = 5
REASON_NOT_ALLOWED = 6
REASON_SLOW = 7
REASON_PROTOCOL = 8
REASON_HEARTBEAT = 9
REASON_IO = 10
REASON_TOO_LARGE = 11

UNICAST = 1
RETAINED = 2

LOG_DEBUG = -4
LOG_INFO = 0
LOG_WARN = 4
LOG_ERROR = 8

PULL = 1
HOLD = 2


class Server(Structure):
    """libsocket_server"""

    _fields_ = (("id", c_uint64),)


class Client(Structure):
    """libsocket_client"""

    _fields_ = (("id", c_uint64),)


class Message(Structure):
    """libsocket_message; `data` and `retain_key` keep what they point to
    alive, and `data` may hold NUL bytes because data_size counts."""

    _fields_ = (
        ("type", c_uint32),
        ("flags", c_uint32),
        ("data", c_char_p),
        ("data_size", c_size_t),
        ("event_name", c_char_p),
        ("timestamp_iso", c_char_p),
        ("timestamp_ms", c_int64),
        ("retain_key", c_char_p),
        ("reserved", c_uint64 * 2),
    )


class Event(Structure):
    """libsocket_event"""

    _fields_ = (
        ("kind", c_uint32),
        ("type", c_uint32),
        ("reason", c_uint32),
        ("flags", c_uint32),
        ("level", c_int32),
        ("reserved0", c_uint32),
        ("timestamp_ms", c_int64),
        ("seq", c_uint64),
        ("count", c_uint64),
        ("client", c_uint64),
        ("event_name", c_char_p),
        ("timestamp_iso", c_char_p),
        ("address", c_char_p),
        ("text", c_char_p),
        ("data", c_void_p),
        ("data_size", c_size_t),
        ("pid", c_int64),
        ("uid", c_int64),
        ("gid", c_int64),
        ("reserved", c_uint64 * 2),
    )


class ClientInfo(Structure):
    """libsocket_client_info"""

    _fields_ = (
        ("client", c_uint64),
        ("connected_at_ms", c_int64),
        ("pid", c_int64),
        ("uid", c_int64),
        ("gid", c_int64),
        ("address", c_char_p),
        ("name", c_char_p),
        ("delivered", c_uint64),
        ("missed", c_uint64),
        ("backlog", c_uint64),
        ("reserved", c_uint64 * 2),
    )


# A NULL of this type is no callback. Python takes none: a call out of a
# thread of the library costs 20 times a pulled event.
Callback = ctypes.CFUNCTYPE(None, POINTER(Event), c_size_t, c_void_p)


class Prototype:
    """A C function. ctypes converts arguments faster when it is not told
    their types, so functions that are called for every message are not
    `checked`: their callers pass ctypes objects."""

    def __init__(
        self, result: Any, arguments: tuple[Any, ...], checked: bool
    ) -> None:
        self.result = result
        self.arguments = arguments
        self.checked = checked


PROTOTYPES: dict[str, Prototype] = {}


def _declare(
    name: str, result: Any, *arguments: Any, checked: bool = True
) -> None:
    PROTOTYPES[name] = Prototype(result, arguments, checked)


# const char *libsocket_version(void);
_declare("version", c_char_p)

# const char *libsocket_strerror(int status);
_declare("strerror", c_char_p, c_int)

# const char *libsocket_last_error(void);
_declare("last_error", c_char_p)

# void libsocket_free(void *block);
_declare("free", None, c_void_p)

# int libsocket_server_open(libsocket_server *server, const char *transport,
#                           const char *event, const char *settings,
#                           uint32_t flags, libsocket_callback callback,
#                           void *user);
_declare(
    "server_open",
    c_int,
    POINTER(Server),
    c_char_p,
    c_char_p,
    c_char_p,
    c_uint32,
    Callback,
    c_void_p,
)

# int libsocket_server_close(libsocket_server server);
_declare("server_close", c_int, Server)

# int libsocket_server_announce_restart(libsocket_server server);
_declare("server_announce_restart", c_int, Server)

# int libsocket_server_end_sending(libsocket_server server);
_declare("server_end_sending", c_int, Server)

# int libsocket_server_send(libsocket_server server,
#                           const libsocket_message *message);
_declare("server_send", c_int, Server, POINTER(Message), checked=False)

# int libsocket_server_send_many(size_t *sent, libsocket_server server,
#                                const libsocket_message *messages,
#                                size_t count);
_declare(
    "server_send_many",
    c_int,
    POINTER(c_size_t),
    Server,
    POINTER(Message),
    c_size_t,
)

# int libsocket_server_send_to(libsocket_server server, uint64_t client,
#                              const libsocket_message *message);
_declare(
    "server_send_to",
    c_int,
    Server,
    c_uint64,
    POINTER(Message),
    checked=False,
)

# int libsocket_server_send_packed(size_t *sent, libsocket_server server,
#                                  const void *document, size_t size);
_declare(
    "server_send_packed",
    c_int,
    POINTER(c_size_t),
    Server,
    c_char_p,
    c_size_t,
    checked=False,
)

# int libsocket_server_receive(libsocket_event **events, size_t *count,
#                              libsocket_server server, size_t max,
#                              int timeout_ms);
_declare(
    "server_receive",
    c_int,
    POINTER(POINTER(Event)),
    POINTER(c_size_t),
    Server,
    c_size_t,
    c_int,
)

# int libsocket_server_receive_packed(void **block, size_t *size,
#                                     libsocket_server server, size_t max,
#                                     int timeout_ms);
_declare(
    "server_receive_packed",
    c_int,
    POINTER(c_void_p),
    POINTER(c_size_t),
    Server,
    c_size_t,
    c_int,
    checked=False,
)

# int libsocket_server_wait_events(libsocket_server server, int timeout_ms);
_declare("server_wait_events", c_int, Server, c_int, checked=False)

# int libsocket_server_fd(libsocket_server server);
_declare("server_fd", c_int, Server)

# int libsocket_server_clients(libsocket_client_info **clients, size_t *count,
#                              libsocket_server server);
_declare(
    "server_clients",
    c_int,
    POINTER(POINTER(ClientInfo)),
    POINTER(c_size_t),
    Server,
)

# int libsocket_server_wait_clients(libsocket_server server, size_t count,
#                                   int timeout_ms);
_declare("server_wait_clients", c_int, Server, c_size_t, c_int)

# int libsocket_server_address(char **address, libsocket_server server);
_declare("server_address", c_int, POINTER(c_void_p), Server)

# int libsocket_server_queue_length(size_t *count, libsocket_server server);
_declare("server_queue_length", c_int, POINTER(c_size_t), Server)

# int libsocket_server_queue_clear(libsocket_server server);
_declare("server_queue_clear", c_int, Server)

# int libsocket_server_queue_take(void **block, size_t *size,
#                                 libsocket_server server);
_declare(
    "server_queue_take",
    c_int,
    POINTER(c_void_p),
    POINTER(c_size_t),
    Server,
)

# int libsocket_server_stats(void **block, size_t *size,
#                            libsocket_server server);
_declare("server_stats", c_int, POINTER(c_void_p), POINTER(c_size_t), Server)

# int libsocket_client_open(libsocket_client *client, const char *transport,
#                           const char *event, const char *settings,
#                           uint32_t flags, libsocket_callback callback,
#                           void *user);
_declare(
    "client_open",
    c_int,
    POINTER(Client),
    c_char_p,
    c_char_p,
    c_char_p,
    c_uint32,
    Callback,
    c_void_p,
)

# int libsocket_client_close(libsocket_client client);
_declare("client_close", c_int, Client)

# int libsocket_client_send(libsocket_client client,
#                           const libsocket_message *message);
_declare("client_send", c_int, Client, POINTER(Message), checked=False)

# int libsocket_client_send_many(size_t *sent, libsocket_client client,
#                                const libsocket_message *messages,
#                                size_t count);
_declare(
    "client_send_many",
    c_int,
    POINTER(c_size_t),
    Client,
    POINTER(Message),
    c_size_t,
)

# int libsocket_client_send_packed(size_t *sent, libsocket_client client,
#                                  const void *document, size_t size);
_declare(
    "client_send_packed",
    c_int,
    POINTER(c_size_t),
    Client,
    c_char_p,
    c_size_t,
    checked=False,
)

# int libsocket_client_receive(libsocket_event **events, size_t *count,
#                              libsocket_client client, size_t max,
#                              int timeout_ms);
_declare(
    "client_receive",
    c_int,
    POINTER(POINTER(Event)),
    POINTER(c_size_t),
    Client,
    c_size_t,
    c_int,
)

# int libsocket_client_receive_packed(void **block, size_t *size,
#                                     libsocket_client client, size_t max,
#                                     int timeout_ms);
_declare(
    "client_receive_packed",
    c_int,
    POINTER(c_void_p),
    POINTER(c_size_t),
    Client,
    c_size_t,
    c_int,
    checked=False,
)

# int libsocket_client_wait_events(libsocket_client client, int timeout_ms);
_declare("client_wait_events", c_int, Client, c_int, checked=False)

# int libsocket_client_fd(libsocket_client client);
_declare("client_fd", c_int, Client)

# int libsocket_client_connected(libsocket_client client);
_declare("client_connected", c_int, Client, checked=False)

# int libsocket_client_buffered(size_t *count, libsocket_client client);
_declare("client_buffered", c_int, POINTER(c_size_t), Client)

# int libsocket_client_buffer_clear(libsocket_client client);
_declare("client_buffer_clear", c_int, Client)

# int libsocket_inspect(void **block, size_t *size, const char *transport,
#                       const char *event, const char *settings);
_declare(
    "inspect",
    c_int,
    POINTER(c_void_p),
    POINTER(c_size_t),
    c_char_p,
    c_char_p,
    c_char_p,
)

# int libsocket_list(void **block, size_t *size, const char *settings);
_declare("list", c_int, POINTER(c_void_p), POINTER(c_size_t), c_char_p)

# int libsocket_settings(void **block, size_t *size, const char *transport,
#                        const char *settings);
_declare(
    "settings",
    c_int,
    POINTER(c_void_p),
    POINTER(c_size_t),
    c_char_p,
    c_char_p,
)

# int libsocket_json_to_msgpack(void **data, size_t *size, const char *json,
#                               size_t length);
_declare(
    "json_to_msgpack",
    c_int,
    POINTER(c_void_p),
    POINTER(c_size_t),
    c_char_p,
    c_size_t,
)

# int libsocket_msgpack_to_json(char **json, const void *data, size_t size);
_declare("msgpack_to_json", c_int, POINTER(c_void_p), c_char_p, c_size_t)


class _Functions:
    """The functions of PROTOTYPES, bound by the first one that is used."""

    def __init__(self, loader: type[ctypes.CDLL]) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        if name not in PROTOTYPES:
            raise AttributeError(name)
        library = self._load()
        for each, prototype in PROTOTYPES.items():
            try:
                function = getattr(library, f"libsocket_{each}")
            except AttributeError as e:
                raise ImportError(
                    f"not libsocket {VERSION}: {e}{_named()}"
                ) from None
            function.restype = prototype.result
            if prototype.checked:
                function.argtypes = prototype.arguments
            setattr(self, each, function)
        return getattr(self, name)

    def _load(self) -> ctypes.CDLL:
        path = library_path()
        try:
            return self._loader(path)
        except OSError as e:
            # Found by its name alone, it is not there or not for this system.
            way_out = (
                ". Build it with `make build`, install a wheel of "
                "dotfiles-socket that was made for this platform, or the "
                "package libsocket0"
                if path == SONAME
                else ""
            )
            raise ImportError(
                f"{path} cannot be loaded: {e}{_named()}{_why()}{way_out}"
            ) from e


def _named() -> str:
    """Return where it is said which file is the library."""
    named = os.environ.get("LIBSOCKET_LIBRARY")
    return " (named by LIBSOCKET_LIBRARY)" if named else ""


def _why() -> str:
    """Return what is to be said of a Python that the library is not for."""
    try:
        glibc = os.confstr("CS_GNU_LIBC_VERSION")
    except (OSError, ValueError):
        glibc = None
    if glibc:
        return ""
    return (
        ". It needs Linux with glibc, and this Python has another C library: "
        "musl cannot load one that is written in Go"
    )


def library_path() -> str:
    """Return the file of the library: the one that the environment variable
    LIBSOCKET_LIBRARY names, else the one in this package, else, in a package
    of a distribution, which has none, what the system finds by this name."""
    own = f"{os.path.dirname(__file__)}/libsocket.so"  # noqa: PTH120
    named = os.environ.get("LIBSOCKET_LIBRARY")
    if not named:
        return own if os.path.exists(own) else SONAME  # noqa: PTH110
    if not os.path.exists(named):  # noqa: PTH110
        raise ImportError(f"{named} is missing: LIBSOCKET_LIBRARY names it")
    return named


quick = _Functions(ctypes.PyDLL)
blocking = _Functions(ctypes.CDLL)


def addresses(*names: str) -> dict[str, Any]:
    """Return where the functions of those names are, for the accelerator."""
    return {
        name: ctypes.cast(getattr(quick, name), c_void_p).value
        for name in names
    }
