"""Names and module paths that scripts import."""

import importlib
import re
import subprocess
import sys

import pytest

import dotfiles_socket

_LINES = {
    "SocketServer SocketClient SocketMessage MessageType ClientInfo",
    "create_message validate_event_name get_timestamp_ms get_timestamp_iso",
    "SocketError ConnectionError MessageError ValidationError TimeoutError",
    "MaxConnectionsError",
    "AppConfig SocketModuleConfig SocketConfig UnixSocketConfig",
    "TcpSocketConfig get_default_config get_socket_config",
    "get_generic_socket_config get_unix_socket_config get_tcp_socket_config",
    "SocketType create_server create_client",
    "UnixSocketServer UnixSocketClient TcpSocketServer TcpSocketClient",
}
NAMES = {name for line in _LINES for name in line.split()}

MODULES = {
    "core": """
        SocketServer SocketClient SocketMessage MessageType ClientInfo
        SocketError ConnectionError MessageError ValidationError TimeoutError
        MaxConnectionsError validate_event_name get_timestamp_ms
        get_timestamp_iso create_message""",
    "core.client": "SocketClient",
    "core.exceptions": """
        SocketError ConnectionError MessageError ValidationError TimeoutError
        MaxConnectionsError""",
    "core.server": "SocketServer",
    "core.types": """
        MessageType SocketMessage ClientInfo EVENT_NAME_PATTERN
        EVENT_NAME_MAX_LENGTH validate_event_name get_timestamp_ms
        get_timestamp_iso create_message""",
    "config": """
        SocketConfig UnixSocketConfig TcpSocketConfig SocketModuleConfig
        AppConfig get_default_config get_socket_config
        get_generic_socket_config get_unix_socket_config
        get_tcp_socket_config""",
    "config.config": """
        SocketConfig UnixSocketConfig TcpSocketConfig SocketModuleConfig
        AppConfig""",
    "config.settings": """
        get_default_config get_socket_config get_generic_socket_config
        get_unix_socket_config get_tcp_socket_config""",
    "factory": "SocketType create_server create_client",
    "implementations.unix": "UnixSocketServer UnixSocketClient",
    "implementations.unix.client": "UnixSocketClient",
    "implementations.unix.server": "UnixSocketServer",
    "implementations.tcp": "TcpSocketServer TcpSocketClient",
    "implementations.tcp.client": "TcpSocketClient",
    "implementations.tcp.server": "TcpSocketServer",
}


def run(code: str) -> str:
    """What the code prints in an interpreter of its own."""
    return subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_the_32_names_are_exported() -> None:
    assert len(NAMES) == 32
    for name in NAMES:
        assert name in dotfiles_socket.__all__
        assert getattr(dotfiles_socket, name) is not None


def test_every_exported_name_exists() -> None:
    for name in dotfiles_socket.__all__:
        assert hasattr(dotfiles_socket, name)
        assert name in dir(dotfiles_socket)


@pytest.mark.parametrize("module", MODULES)
def test_module_paths(module: str) -> None:
    imported = importlib.import_module(f"dotfiles_socket.{module}")
    for name in MODULES[module].split():
        assert hasattr(imported, name)
        if name in NAMES:
            assert getattr(imported, name) is getattr(dotfiles_socket, name)


def test_star_import() -> None:
    names: dict[str, object] = {}
    exec("from dotfiles_socket import *", names)  # noqa: S102
    assert set(names) >= NAMES


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        dotfiles_socket.nonsense  # type: ignore[attr-defined]  # noqa: B018


def test_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", dotfiles_socket.__version__)


def test_the_config_package_needs_no_import_of_its_own() -> None:
    code = (
        "import dotfiles_socket as d; print(d.config.AppConfig is d.AppConfig)"
    )
    assert run(code) == "True\n"


def test_import_brings_in_neither_pydantic_nor_the_library() -> None:
    """Importing is fast, and leaves the process free to fork."""
    code = (
        "import sys, dotfiles_socket\n"
        "print('pydantic' in sys.modules)\n"
        "print('libsocket' in open('/proc/self/maps').read())"
    )
    assert run(code) == "False\nFalse\n"


def test_neither_the_import_nor_a_server_brings_in_what_is_large() -> None:
    code = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "import dotfiles_socket as d\n"
        "d.UnixSocketServer('event'), d.create_client('tcp', 'x', port=4000)\n"
        "large = {'dataclasses', 'inspect', 'logging', 'pathlib', 're',"
        " 'traceback', 'typing'}\n"
        "print(sorted(large & set(sys.modules) - before))"
    )
    assert run(code) == "[]\n"


def test_a_server_brings_in_the_library_and_not_pydantic() -> None:
    code = (
        "import sys, dotfiles_socket\n"
        "dotfiles_socket.UnixSocketServer('event')\n"
        "print('pydantic' in sys.modules)\n"
        "print('libsocket' in open('/proc/self/maps').read())"
    )
    assert run(code) == "False\nTrue\n"


def test_a_missing_library_is_named() -> None:
    code = (
        "import os, dotfiles_socket\n"
        "os.environ['LIBSOCKET_LIBRARY'] = '/nowhere/libsocket.so'\n"
        "try: dotfiles_socket.UnixSocketServer('event')\n"
        "except ImportError as e: print(e)"
    )
    assert run(code).startswith("/nowhere/libsocket.so is missing: ")


def test_a_library_that_cannot_be_loaded_is_named() -> None:
    code = (
        "import os, dotfiles_socket\n"
        "os.environ['LIBSOCKET_LIBRARY'] = dotfiles_socket.__file__\n"
        "try: dotfiles_socket.UnixSocketServer('event')\n"
        "except ImportError as e: print(e)"
    )
    assert "cannot be loaded" in run(code)


@pytest.mark.parametrize(
    "confstr", ["None", "''", "int('no such name')", "os.open('', 0)"]
)
def test_another_libc_is_named(confstr: str) -> None:
    """One that has nothing to say of glibc; musl raises OSError."""
    code = (
        "import os, dotfiles_socket\n"
        "os.environ['LIBSOCKET_LIBRARY'] = dotfiles_socket.__file__\n"
        f"os.confstr = lambda _: {confstr}\n"
        "try: dotfiles_socket.UnixSocketServer('event')\n"
        "except ImportError as e: print(e)"
    )
    printed = run(code)
    assert "cannot be loaded" in printed
    assert "musl cannot load one that is written in Go" in printed
