"""Settings: keys, defaults, files, environment, and the config models."""

import logging
import os
from pathlib import Path
from typing import Any

import pydantic
import pytest
from conftest import SOON, Net, take

from dotfiles_socket import (
    AppConfig,
    SocketConfig,
    SocketModuleConfig,
    TcpSocketClient,
    TcpSocketConfig,
    TcpSocketServer,
    UnixSocketClient,
    UnixSocketConfig,
    UnixSocketServer,
    ValidationError,
    _settings,
    get_default_config,
    get_generic_socket_config,
    get_socket_config,
    get_tcp_socket_config,
    get_unix_socket_config,
)
from dotfiles_socket._settings import overrides, program_name, resolve

GENERIC = {
    "socket_dir": Path("/tmp/sockets"),  # noqa: S108
    "default_timeout": 5,
    "buffer_size": 4096,
    "timezone": "UTC",
    "message_queue_size": 100,
    "blocking_mode": False,
    "allow_client_send": True,
}
UNIX = {
    "max_connections": 10,
    "socket_permissions": "0600",
    "auto_remove_socket": True,
}
TCP = {
    "host": "127.0.0.1",
    "port_range_start": 9000,
    "port_range_end": 9100,
    "max_connections": 10,
}


@pytest.fixture(autouse=True)
def default_directory(
    private_world: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Take back the directory that the tests otherwise use."""
    monkeypatch.delenv("SOCKET__SOCKET_DIR")


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# ---- models and getters


def test_models_keep_fields_and_defaults() -> None:
    assert SocketConfig().model_dump() == GENERIC
    assert UnixSocketConfig().model_dump() == UNIX
    assert TcpSocketConfig().model_dump() == TCP
    tables = {"socket": GENERIC, "unix": UNIX, "tcp": TCP}
    assert SocketModuleConfig().model_dump() == tables
    assert AppConfig().model_dump() == {"socket": tables}
    assert repr(SocketConfig().default_timeout) == "5"


def test_getters_return_the_defaults() -> None:
    """The library's defaults are those of the models."""
    assert get_default_config() == AppConfig()
    assert get_socket_config() == SocketModuleConfig()
    assert get_generic_socket_config() == SocketConfig()
    assert get_unix_socket_config() == UnixSocketConfig()
    assert get_tcp_socket_config() == TcpSocketConfig()
    assert repr(get_default_config()) == repr(AppConfig())


# Values on both sides of every bound, in the table where the key stands.
PROBES: list[tuple[type[Any], str, list[Any]]] = [
    (SocketConfig, "default_timeout", [0, -1, 0.5, 1, 5]),
    (SocketConfig, "buffer_size", [0, -1, 1]),
    (SocketConfig, "message_queue_size", [0, -1, 1]),
    (SocketConfig, "timezone", ["UTC", "Europe/Berlin", "Nope/Nope"]),
    (SocketConfig, "blocking_mode", [True, False]),
    (SocketConfig, "allow_client_send", [True, False]),
    (UnixSocketConfig, "max_connections", [0, -1, 1]),
    (
        UnixSocketConfig,
        "socket_permissions",
        ["0600", "0777", "00", "600", "0999", "01000", "abc", ""],
    ),
    (UnixSocketConfig, "auto_remove_socket", [True, False]),
    (TcpSocketConfig, "host", ["::1", "localhost", ""]),
    (TcpSocketConfig, "port_range_start", [80, 1023, 1024, 9100, 9101]),
    (TcpSocketConfig, "port_range_end", [8999, 9000, 65535, 65536]),
    (TcpSocketConfig, "max_connections", [0, -1, 1]),
]


@pytest.mark.parametrize(
    ("model", "key", "value"),
    [(model, key, value) for model, key, values in PROBES for value in values],
)
def test_models_and_library_agree_on_every_bound(
    model: type[Any], key: str, value: Any
) -> None:
    table: dict[Any, str] = {
        UnixSocketConfig: "[unix]\n",
        TcpSocketConfig: "[tcp]\n",
    }
    try:
        resolve(None, table.get(model, "") + overrides(**{key: value}))
    except ValidationError as e:
        assert key in str(e)  # noqa: PT017
        with pytest.raises(pydantic.ValidationError):
            model(**{key: value})
    else:
        assert getattr(model(**{key: value}), key) == value


def test_a_bad_field_is_located() -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        AppConfig(socket={"unix": {"max_connections": 0}})  # type: ignore[arg-type]
    [error] = caught.value.errors()
    assert error["loc"] == ("socket", "unix", "max_connections")


@pytest.mark.parametrize(
    "getter",
    [
        get_default_config,
        get_socket_config,
        get_generic_socket_config,
        get_unix_socket_config,
        get_tcp_socket_config,
    ],
)
def test_a_bad_value_anywhere_is_a_pydantic_error(
    getter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOCKET__BUFFER_SIZE", "-1")
    with pytest.raises(pydantic.ValidationError, match="SOCKET__BUFFER_SIZE"):
        getter()


# ---- where settings come from


VARIABLES = [
    ("SOCKET__SOCKET_DIR", "/tmp/other", ("socket_dir",), "/tmp/other"),  # noqa: S108
    ("SOCKET__DEFAULT_TIMEOUT", "2.5", ("default_timeout",), 2.5),
    ("SOCKET__BUFFER_SIZE", "7", ("buffer_size",), 7),
    ("SOCKET__TIMEZONE", "Asia/Tokyo", ("timezone",), "Asia/Tokyo"),
    ("SOCKET__MESSAGE_QUEUE_SIZE", "8", ("message_queue_size",), 8),
    ("SOCKET__BLOCKING_MODE", "true", ("blocking_mode",), True),
    ("SOCKET__ALLOW_CLIENT_SEND", "false", ("allow_client_send",), False),
    ("SOCKET__UNIX__MAX_CONNECTIONS", "3", ("unix", "max_connections"), 3),
    (
        "SOCKET__UNIX__SOCKET_PERMISSIONS",
        "0660",
        ("unix", "socket_permissions"),
        "0660",
    ),
    (
        "SOCKET__UNIX__AUTO_REMOVE_SOCKET",
        "false",
        ("unix", "auto_remove_socket"),
        False,
    ),
    ("SOCKET__TCP__HOST", "::1", ("tcp", "host"), "::1"),
    (
        "SOCKET__TCP__PORT_RANGE_START",
        "9050",
        ("tcp", "port_range_start"),
        9050,
    ),
    ("SOCKET__TCP__PORT_RANGE_END", "9050", ("tcp", "port_range_end"), 9050),
    ("SOCKET__TCP__MAX_CONNECTIONS", "4", ("tcp", "max_connections"), 4),
]


def reach(settings: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        settings = settings[key]
    return settings


@pytest.mark.parametrize("prefix", ["", "DYNACONF_"])
@pytest.mark.parametrize(("name", "text", "path", "value"), VARIABLES)
def test_environment(
    monkeypatch: pytest.MonkeyPatch,
    prefix: str,
    name: str,
    text: str,
    path: tuple[str, ...],
    value: Any,
) -> None:
    monkeypatch.setenv(prefix + name, text)
    assert reach(resolve(None), path) == value
    tables = get_socket_config().model_dump(mode="json")
    assert reach(tables, path if len(path) > 1 else ("socket", *path)) == value


def test_each_source_goes_over_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sizes() -> list[int]:
        settings = resolve(None)
        return [
            settings["buffer_size"],
            settings["message_queue_size"],
            settings["unix"]["max_connections"],
            settings["tcp"]["max_connections"],
        ]

    assert sizes() == [4096, 100, 10, 10]
    write(
        tmp_path / "config" / "socket" / "settings.toml",
        "[socket]\nbuffer_size = 1\nmessage_queue_size = 1\n"
        "[socket.unix]\nmax_connections = 1\n"
        "[socket.tcp]\nmax_connections = 1\n",
    )
    assert sizes() == [1, 1, 1, 1]
    own = write(
        tmp_path / "own.toml",
        "[socket]\nmessage_queue_size = 2\n"
        "[socket.unix]\nmax_connections = 2\n"
        "[socket.tcp]\nmax_connections = 2\n",
    )
    monkeypatch.setenv("SOCKET_SETTINGS_FILE", str(own))
    assert sizes() == [1, 2, 2, 2]
    monkeypatch.setenv("SOCKET__UNIX__MAX_CONNECTIONS", "3")
    assert sizes() == [1, 2, 3, 2]
    server = UnixSocketServer("event", max_connections=4)
    assert server._settings["unix"]["max_connections"] == 4
    assert server._settings["message_queue_size"] == 2
    client = UnixSocketClient("event", buffer_size=5)
    assert client._settings["buffer_size"] == 5


def test_what_was_resolved_is_kept_while_nothing_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def ask(*arguments: object) -> object:
        asked.append(arguments)
        return real(*arguments)

    def size() -> tuple[int, bool]:
        """The buffer size, and whether the library was asked for it."""
        asked.clear()
        return resolve("unix")["buffer_size"], bool(asked)

    real: Any = _settings._ask
    monkeypatch.setattr(_settings, "_ask", ask)
    resolve("unix")
    assert size() == (4096, False)
    file = tmp_path / "config" / "socket" / "settings.toml"
    write(file, "[socket]\nbuffer_size = 11\n")
    assert size() == (11, True)
    assert size() == (11, False)
    write(file, "[socket]\nbuffer_size = 7\n")
    assert size() == (7, True)
    file.unlink()
    assert size() == (4096, True)
    assert size() == (4096, False)
    monkeypatch.setenv("SOCKET__BUFFER_SIZE", "9")
    assert size() == (9, True)
    assert size() == (9, False)
    monkeypatch.setenv("UNRELATED", "1")
    assert size() == (9, True)
    monkeypatch.setenv("SOCKET__BUFFER_SIZE", "0")
    for _ in range(2):  # what is wrong is not kept
        with pytest.raises(ValidationError, match="BUFFER_SIZE"):
            size()
        assert asked


def test_not_more_is_kept_than_a_program_needs() -> None:
    for n in range(1, 300):
        assert resolve("unix", f"buffer_size = {n}")["buffer_size"] == n
    assert len(_settings._resolved) <= 100


def test_the_home_directory_without_xdg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    write(
        tmp_path / "home" / ".config" / "socket" / "settings.toml",
        "[socket]\nbuffer_size = 11\n",
    )
    assert get_generic_socket_config().buffer_size == 11


def test_the_originals_doubled_table(tmp_path: Path) -> None:
    write(
        tmp_path / "config" / "socket" / "settings.toml",
        "[socket.socket]\nbuffer_size = 12\n",
    )
    assert get_generic_socket_config().buffer_size == 12


def test_settings_take_effect(
    net: Net, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SOCKET__MESSAGE_QUEUE_SIZE", "2")
    monkeypatch.setenv("SOCKET__SOCKET_DIR", str(tmp_path / "configured"))
    net.directory = tmp_path / "configured"
    server = (
        net.server(socket_dir=None)
        if net.transport == "unix"
        else (net.server())
    )
    server.send_many([{"n": n} for n in range(5)])
    assert server.get_queue_size() == 2
    assert take(net.client(server), 2) == [{"n": 3}, {"n": 4}]


def test_a_client_takes_its_port_from_the_settings(
    tcp: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = tcp.server()
    monkeypatch.setenv("SOCKET__TCP__PORT", str(server.port))
    with TcpSocketClient("event") as client:
        server.wait_for_clients(1, SOON)
        server.send({"n": 1})
        assert take(client, 1) == [{"n": 1}]


def test_a_directory_may_name_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME", str(tmp_path))
    monkeypatch.setenv("SOCKET__SOCKET_DIR", "$RUNTIME/sockets")
    server = UnixSocketServer("event")
    assert server._socket_path == tmp_path / "sockets" / "event.sock"
    monkeypatch.setenv("SOCKET__SOCKET_DIR", "~/sockets")
    client = UnixSocketClient("event")
    assert client._socket_path == tmp_path / "home/sockets/event.sock"


# ---- what is wrong


def test_a_bad_value_names_file_line_key_and_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = write(tmp_path / "own.toml", "[socket]\n\nbuffer_size = 0\n")
    monkeypatch.setenv("SOCKET_SETTINGS_FILE", str(own))
    for make in (UnixSocketServer, TcpSocketServer, UnixSocketClient):
        with pytest.raises(ValidationError) as caught:
            make("event")
        for part in (str(own), "3", "buffer_size", "0"):
            assert part in str(caught.value)
    with pytest.raises(pydantic.ValidationError, match=r"own\.toml"):
        get_default_config()


def test_broken_toml_names_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = write(tmp_path / "own.toml", "[socket]\nbuffer_size = \n")
    monkeypatch.setenv("SOCKET_SETTINGS_FILE", str(own))
    with pytest.raises(ValidationError, match=r"own\.toml.*2"):
        UnixSocketServer("event")


def test_an_unknown_key_is_a_warning(
    unix: Net,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    own = write(tmp_path / "own.toml", "[socket]\nbufer_size = 5\n")
    monkeypatch.setenv("SOCKET_SETTINGS_FILE", str(own))
    with caplog.at_level(logging.WARNING):
        server, client = unix.pair()
        server.send({})
        client.receive(SOON)
        server.stop()
    warnings = [r for r in caplog.records if r.levelname == "WARNING"]
    assert any("bufer_size" in r.getMessage() for r in warnings)


# ---- the text of arguments


def test_overrides_are_toml() -> None:
    text = overrides(
        a=None, b=True, c=False, d=5, e=0.5, f='q"\\\n', g=["x", 'y"'], h=[]
    )
    assert text == (
        'b = true\nc = false\nd = 5\ne = 0.5\nf = "q\\"\\\\\\u000a"\n'
        'g = ["x", "y\\""]\nh = []\n'
    )


def test_what_the_library_resolves_it_accepts_again() -> None:
    def text(settings: dict[str, Any]) -> str:
        flat = {k: v for k, v in settings.items() if not isinstance(v, dict)}
        return overrides(**flat)

    settings = resolve(None)
    again = "".join(
        [text(settings)]
        + [f"[{t}]\n{text(settings[t])}" for t in ("unix", "tcp")]
    )
    assert resolve(None, again) == settings


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["/usr/bin/viewer.py"], "viewer.py"),
        (["viewer"], "viewer"),
        (["x" * 100], "x" * 64),
        (["é" * 40], "é" * 32),
        ([""], ""),
        (["-c"], None),
        (["a\nb"], None),
        ([], ""),
    ],
)
def test_program_name(
    monkeypatch: pytest.MonkeyPatch, argv: list[str], name: str | None
) -> None:
    monkeypatch.setattr("sys.argv", argv)
    assert program_name() == name


def test_a_home_whose_name_is_no_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its settings count as they do anywhere else, changes of them too."""
    config = tmp_path / os.fsdecode(b"caf\xe9")
    file = config / "socket" / "settings.toml"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(config))
    assert resolve("unix")["history_size"] == 0
    file.parent.mkdir(parents=True)
    for size in (5, 17):
        file.write_text(f"[socket]\nhistory_size = {size}\n")
        assert resolve("unix")["history_size"] == size
