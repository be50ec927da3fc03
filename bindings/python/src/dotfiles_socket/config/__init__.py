"""Settings, as pydantic models."""

from .config import (
    AppConfig,
    SocketConfig,
    SocketModuleConfig,
    TcpSocketConfig,
    UnixSocketConfig,
)
from .settings import (
    get_default_config,
    get_generic_socket_config,
    get_socket_config,
    get_tcp_socket_config,
    get_unix_socket_config,
)

__all__ = [
    "AppConfig",
    "SocketConfig",
    "SocketModuleConfig",
    "TcpSocketConfig",
    "UnixSocketConfig",
    "get_default_config",
    "get_generic_socket_config",
    "get_socket_config",
    "get_tcp_socket_config",
    "get_unix_socket_config",
]
