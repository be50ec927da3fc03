"""The settings that apply now: defaults, files, environment."""

from typing import Any

from .._settings import resolve
from ..core.exceptions import ValidationError as SettingError
from ._pydantic import validation_error
from .config import (
    AppConfig,
    SocketConfig,
    SocketModuleConfig,
    TcpSocketConfig,
    UnixSocketConfig,
)


def get_default_config() -> AppConfig:
    """Return everything that is configured.

    This and the other functions raise pydantic.ValidationError, which names
    the file or variable, the key and the bound.
    """
    return AppConfig(socket=get_socket_config())


def get_socket_config() -> SocketModuleConfig:
    """Return the three tables of settings."""
    tables = _tables()
    return SocketModuleConfig(
        socket=SocketConfig(**tables),
        unix=UnixSocketConfig(**tables["unix"]),
        tcp=TcpSocketConfig(**tables["tcp"]),
    )


def get_generic_socket_config() -> SocketConfig:
    """Return the settings that hold for every transport."""
    return get_socket_config().socket


def get_unix_socket_config() -> UnixSocketConfig:
    """Return the settings of Unix sockets."""
    return get_socket_config().unix


def get_tcp_socket_config() -> TcpSocketConfig:
    """Return the settings of TCP."""
    return get_socket_config().tcp


def _tables() -> dict[str, Any]:
    try:
        return resolve(None)
    except SettingError as e:
        raise validation_error(str(e)) from e
