"""Constructors and the factory: arguments, defaults, what is refused."""

import inspect
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest

import dotfiles_socket._options as o
from dotfiles_socket import (
    SettingsError,
    SocketType,
    TcpSocketClient,
    TcpSocketServer,
    UnixSocketClient,
    UnixSocketServer,
    ValidationError,
    create_client,
    create_server,
)

SIGNATURES: dict[type[Any], dict[str, object]] = {
    UnixSocketServer: {
        "event_name": inspect.Parameter.empty,
        "socket_dir": None,
        "blocking_mode": None,
        "allow_client_send": None,
        "max_connections": None,
        "socket_permissions": None,
        "auto_remove_socket": None,
        "message_queue_size": None,
    },
    TcpSocketServer: {
        "event_name": inspect.Parameter.empty,
        "host": None,
        "port": None,
        "port_range_start": None,
        "port_range_end": None,
        "blocking_mode": None,
        "allow_client_send": None,
        "max_connections": None,
        "message_queue_size": None,
    },
    UnixSocketClient: {
        "event_name": inspect.Parameter.empty,
        "socket_dir": None,
        "auto_reconnect": True,
        "reconnect_delay": 1.0,
        "buffer_size": None,
    },
    TcpSocketClient: {
        "event_name": inspect.Parameter.empty,
        "host": None,
        "port": None,
        "auto_reconnect": True,
        "buffer_size": None,
    },
}


@pytest.mark.parametrize("kind", SIGNATURES)
def test_parameters_their_order_and_defaults(kind: type[Any]) -> None:
    parameters = inspect.signature(kind).parameters.values()
    named = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert [(p.name, p.default) for p in named] == list(
        SIGNATURES[kind].items()
    )
    # What is new stands beside, by keyword.
    new = [p for p in parameters if p.kind is not p.POSITIONAL_OR_KEYWORD]
    assert [p.kind for p in new] == [inspect.Parameter.VAR_KEYWORD]


def test_all_arguments_by_position(directory: Path) -> None:
    server = UnixSocketServer(
        "e", str(directory), False, True, 5, "0660", True, 7
    )
    assert server._settings["unix"]["max_connections"] == 5
    assert server._settings["unix"]["socket_permissions"] == "0660"
    assert server._settings["message_queue_size"] == 7
    tcp = TcpSocketServer(
        "e", "127.0.0.2", 9003, 9001, 9005, True, False, 6, 8
    )
    assert tcp._settings["tcp"]["host"] == "127.0.0.2"
    assert tcp._settings["tcp"]["port"] == 9003
    assert tcp._settings["tcp"]["port_range_start"] == 9001
    assert tcp._settings["tcp"]["port_range_end"] == 9005
    assert tcp._settings["blocking_mode"] is True
    assert tcp._settings["allow_client_send"] is False
    assert tcp._settings["tcp"]["max_connections"] == 6
    assert tcp._settings["message_queue_size"] == 8
    client = UnixSocketClient("e", directory, False, 2.5, 9)
    assert client._settings["reconnect"] is False
    assert client._settings["unix"]["reconnect_max"] == 2.5
    assert client._settings["buffer_size"] == 9
    tcp_client = TcpSocketClient("e", "127.0.0.2", 9003, False, 9)
    assert tcp_client._settings["tcp"]["port"] == 9003


@pytest.mark.parametrize("kind", [UnixSocketServer, UnixSocketClient])
def test_nothing_is_opened_or_created(
    kind: type[Any], directory: Path
) -> None:
    made = kind("event", directory)
    assert made.event_name == "event"
    assert not directory.exists()


@pytest.mark.parametrize("kind", SIGNATURES)
@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "a\n"])
def test_the_name_is_validated(kind: type[Any], name: str) -> None:
    with pytest.raises(ValueError, match="vent name"):
        kind(name)


@pytest.mark.parametrize("kind", [UnixSocketServer, UnixSocketClient])
def test_socket_dir(
    kind: type[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOCKET__SOCKET_DIR", str(tmp_path / "configured"))
    configured = tmp_path / "configured" / "event.sock"
    assert kind("event")._socket_path == configured
    assert kind("event", "")._socket_path == configured
    for given in (tmp_path / "given", str(tmp_path / "given")):
        made = kind("event", given)
        assert made._socket_path == tmp_path / "given" / "event.sock"
    with pytest.raises(TypeError):
        kind("event", 5)


@pytest.mark.parametrize("char", ['"', "\\", "'", "#", "=", "é", "🎉"])
def test_any_directory_name_reaches_the_library(
    tmp_path: Path, char: str
) -> None:
    odd = tmp_path / f"a{char}b"
    with UnixSocketServer("event", odd) as server:
        assert (odd / "event.sock").is_socket()
        assert server.address == str(odd / "event.sock")


@pytest.mark.parametrize("char", ["\x01", "\n", "\x7f"])
def test_a_directory_with_control_characters_is_refused(char: str) -> None:
    with pytest.raises(ValueError, match="control characters"):
        UnixSocketServer("event", f"/nowhere/a{char}b")


def test_text_that_is_no_text_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"name: .*invalid UTF-8"):
        UnixSocketClient("event", name="\ud800")


class Port(IntEnum):
    """A number with a repr() of its own."""

    OURS = 45123


class Seconds(float):
    """As float64 of NumPy shows itself."""

    def __repr__(self) -> str:
        return f"np.float64({float(self)})"


def test_a_number_may_be_of_a_subclass() -> None:
    client = TcpSocketClient(
        "event", port=Port.OURS, send_timeout=Seconds(1.5)
    )
    assert client._port == 45123
    assert client._settings["send_timeout"] == 1.5


def test_private_attributes_are_readable(directory: Path) -> None:
    server = UnixSocketServer("event", directory)
    assert server._event_name == "event"
    assert server._socket_path == directory / "event.sock"
    assert server._running is False
    client = UnixSocketClient("event", directory)
    assert client._event_name == "event"
    assert client._socket_path == directory / "event.sock"
    assert client._connected is False
    tcp = TcpSocketServer("event")
    assert (tcp._host, tcp._port, tcp._actual_port) == ("127.0.0.1",) + (
        None,
    ) * 2
    assert tcp._running is False
    tcp_client = TcpSocketClient("event", port=9000)
    assert (tcp_client._host, tcp_client._port) == ("127.0.0.1", 9000)


@pytest.mark.parametrize(
    ("kind", "arguments", "key"),
    [
        (UnixSocketServer, {"max_connections": 0}, "max_connections"),
        (UnixSocketServer, {"max_connections": -5}, "max_connections"),
        (UnixSocketServer, {"message_queue_size": 0}, "message_queue_size"),
        (UnixSocketServer, {"socket_permissions": "600"}, "permissions"),
        (UnixSocketServer, {"socket_permissions": "0999"}, "permissions"),
        (TcpSocketServer, {"port": 80}, "port"),
        (TcpSocketServer, {"port": 70000}, "port"),
        (
            TcpSocketServer,
            {"port_range_start": 9000, "port_range_end": 8000},
            "port_range",
        ),
        (TcpSocketServer, {"port_range_start": 80}, "port_range_start"),
        (UnixSocketClient, {"buffer_size": 0}, "buffer_size"),
        (UnixSocketClient, {"reconnect_delay": -1}, "reconnect"),
    ],
)
def test_a_bad_value_is_a_value_error_naming_the_key(
    kind: type[Any], arguments: dict[str, Any], key: str
) -> None:
    with pytest.raises(ValueError, match=key) as caught:
        kind("event", **arguments)
    assert isinstance(caught.value, ValidationError)
    assert caught.value.status.name == "SETTINGS"


def test_default_delay_means_the_configured_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOCKET__UNIX__RECONNECT_MAX", "7")
    client = UnixSocketClient("event")
    assert client._settings["unix"]["reconnect_max"] == 7
    client = UnixSocketClient("event", reconnect_delay=0.5)
    assert client._settings["unix"]["reconnect_max"] == 0.5


def test_a_tcp_client_needs_a_port() -> None:
    text = "Port must be provided for TCP socket client"
    for kwargs in ({}, {"host": "127.0.0.1"}, {"port": 0}):
        with pytest.raises(ValueError, match=text):
            TcpSocketClient("event", **kwargs)


@pytest.mark.parametrize(
    ("name", "server", "client"),
    [
        (SocketType.UNIX, UnixSocketServer, UnixSocketClient),
        ("unix", UnixSocketServer, UnixSocketClient),
        ("UNIX", UnixSocketServer, UnixSocketClient),
        (SocketType.TCP, TcpSocketServer, TcpSocketClient),
        ("tcp", TcpSocketServer, TcpSocketClient),
        ("Tcp", TcpSocketServer, TcpSocketClient),
    ],
)
def test_factory(name: Any, server: type[Any], client: type[Any]) -> None:
    made: Any = create_server(name, event_name="event", max_connections=3)
    assert isinstance(made, server)
    assert made.event_name == "event"
    extra: dict[str, Any] = {}
    if client is TcpSocketClient:
        extra["port"] = 9000
    assert isinstance(create_client(name, event_name="event", **extra), client)
    assert type(create_client(name, "event", **extra)) is client


# The class, what the factory takes for it, and what of that are options.
KEYWORDS: list[tuple[type[Any], Any, Any]] = [
    (UnixSocketServer, o.UnixServerKeywords, o.UnixServerOptions),
    (TcpSocketServer, o.TcpServerKeywords, o.TcpServerOptions),
    (UnixSocketClient, o.UnixClientKeywords, o.UnixClientOptions),
    (TcpSocketClient, o.TcpClientKeywords, o.TcpClientOptions),
]


@pytest.mark.parametrize(("kind", "keywords", "options"), KEYWORDS)
def test_the_types_of_the_factory_are_those_of_the_class(
    kind: type[Any], keywords: Any, options: Any
) -> None:
    own = {
        name
        for name, parameter in inspect.signature(kind).parameters.items()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    } - {"event_name"}
    assert keywords.__optional_keys__ == own | options.__optional_keys__


@pytest.mark.parametrize("create", [create_server, create_client])
def test_factory_refuses(create: Any) -> None:
    with pytest.raises(ValueError, match="Invalid socket_type: foo"):
        create("foo", "event")
    with pytest.raises(ValueError, match="Unsupported socket type: 5"):
        create(5, "event")
    with pytest.raises(ValueError, match="Unsupported socket type: None"):
        create(None, "event")
    with pytest.raises(TypeError, match="nonsense"):
        create("unix", "event", nonsense=1)
    with pytest.raises(ValueError, match="Invalid event name"):
        create("unix", "bad name")


def test_a_subclass_may_set_its_state_first() -> None:
    class Job(UnixSocketServer):
        def __init__(self, name: str) -> None:
            self.done: list[str] = []
            super().__init__(name)

    assert Job("event").done == []


def test_an_object_without_its_constructor_can_be_dropped() -> None:
    for kind in SIGNATURES:
        object.__new__(kind).__del__()


def test_the_factory_is_typed_by_its_first_argument() -> None:
    """Type checkers read this as well."""
    server: UnixSocketServer = create_server("unix", "event")
    assert server._socket_path.name == "event.sock"
    tcp: TcpSocketServer = create_server(SocketType.TCP, "event")
    assert tcp.port is None
    client: UnixSocketClient = create_client(SocketType.UNIX, "event")
    assert client._socket_path.name == "event.sock"
    tcp_client: TcpSocketClient = create_client("tcp", "event", port=9000)
    assert tcp_client._port == 9000
