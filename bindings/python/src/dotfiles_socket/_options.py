"""Keyword arguments that the original did not have: settings by their name."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from typing import Any, Literal, TypedDict

    from .core.types import MessageType
else:

    class TypedDict:
        """typing's, as far as checked() needs it."""

        def __init_subclass__(cls, total):
            bases = [c.__annotations__ for c in cls.__mro__[1:-2]]
            cls.__annotations__ = {
                name: each
                for names in (*bases, cls.__annotations__)
                for name, each in names.items()
            }


class ServerOptions(TypedDict, total=False):
    """Settings of a server; docs/settings.md says what each means."""

    history_size: int | None
    retain_keys: int | None
    slow_client: Literal["drop_oldest", "latest", "block", "disconnect"] | None
    send_timeout: float | None
    log_messages: int | None
    log_bytes: int | None
    linger: float | None
    socket_activation: bool | None
    sd_notify: bool | None


class UnixServerOptions(ServerOptions, total=False):
    """And those of a Unix server: who may join."""

    allowed_uids: Sequence[int] | None
    allowed_gids: Sequence[int] | None
    readonly_uids: Sequence[int] | None


class ClientOptions(TypedDict, total=False):
    """Settings of a client; docs/settings.md says what each means."""

    wait_for_server: bool | None
    types: Sequence[MessageType] | None
    name: str | None
    send_timeout: float | None
    linger: float | None


class UnixClientOptions(ClientOptions, total=False):
    """And those of a Unix client: whose servers it trusts."""

    allowed_uids: Sequence[int] | None
    allowed_gids: Sequence[int] | None


def checked(of: object, allowed: Any, given: Any) -> dict[str, Any]:
    """Return the given options. Raises TypeError for one that there is not,
    as a function does."""
    for name in given:
        if name not in allowed.__annotations__:
            raise TypeError(
                f"{type(of).__name__}() got an unexpected keyword argument "
                f"{name!r}"
            )
    return dict(given)


# ---- what create_server() and create_client() take: the options, and the
# parameters of the constructor


class ServerKeywords(ServerOptions, total=False):
    """For a server of any transport."""

    blocking_mode: bool | None
    allow_client_send: bool | None
    max_connections: int | None
    message_queue_size: int | None


class UnixServerKeywords(ServerKeywords, UnixServerOptions, total=False):
    """For UnixSocketServer."""

    socket_dir: str | os.PathLike[str] | None
    socket_permissions: str | None
    auto_remove_socket: bool | None


class TcpServerKeywords(ServerKeywords, total=False):
    """For TcpSocketServer."""

    host: str | None
    port: int | None
    port_range_start: int | None
    port_range_end: int | None


class ClientKeywords(ClientOptions, total=False):
    """For a client of any transport."""

    auto_reconnect: bool
    buffer_size: int | None


class UnixClientKeywords(ClientKeywords, UnixClientOptions, total=False):
    """For UnixSocketClient."""

    socket_dir: str | os.PathLike[str] | None
    reconnect_delay: float


class TcpClientKeywords(ClientKeywords, total=False):
    """For TcpSocketClient."""

    host: str | None
    port: int | None
