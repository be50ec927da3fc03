"""Keyword arguments that the original did not have: settings by their name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from .core.types import MessageType


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
    spin_us: int | None


class UnixServerOptions(ServerOptions, total=False):
    """And those of a Unix server: who may join."""

    allowed_uids: Sequence[int] | None
    allowed_gids: Sequence[int] | None
    readonly_uids: Sequence[int] | None


class TcpServerOptions(ServerOptions, total=False):
    """And those of a TCP server: who may reach it, and what they show."""

    insecure: bool | None
    tls: bool | None
    tls_cert_file: str | os.PathLike[str] | None
    tls_key_file: str | os.PathLike[str] | None
    tls_client_ca_file: str | os.PathLike[str] | None
    token_file: str | os.PathLike[str] | None


class ClientOptions(TypedDict, total=False):
    """Settings of a client; docs/settings.md says what each means."""

    wait_for_server: bool | None
    types: Sequence[MessageType] | None
    name: str | None
    send_timeout: float | None
    linger: float | None
    spin_us: int | None


class UnixClientOptions(ClientOptions, total=False):
    """And those of a Unix client: whose servers it trusts."""

    allowed_uids: Sequence[int] | None
    allowed_gids: Sequence[int] | None


class TcpClientOptions(ClientOptions, total=False):
    """And those of a TCP client: whom it trusts, and what it shows."""

    tls: bool | None
    tls_cert_file: str | os.PathLike[str] | None
    tls_key_file: str | os.PathLike[str] | None
    tls_ca_file: str | os.PathLike[str] | None
    tls_server_name: str | None
    token_file: str | os.PathLike[str] | None


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


class TcpServerKeywords(ServerKeywords, TcpServerOptions, total=False):
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


class TcpClientKeywords(ClientKeywords, TcpClientOptions, total=False):
    """For TcpSocketClient."""

    host: str | None
    port: int | None
