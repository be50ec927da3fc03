"""What the pages of docs/ say to Python users, and the client by hand that
the protocol page ends with."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import SOON, Net, until

import dotfiles_socket
from dotfiles_socket import (
    MessageType,
    SocketError,
    Status,
    _options,
    create_message,
)
from dotfiles_socket.core.exceptions import from_status

PACKAGE = "dotfiles_socket"
TREE = Path(__file__).parents[3]
PAGES = sorted((TREE / "docs").glob("*.md"))


def page(name: str) -> str:
    return (TREE / "docs" / name).read_text()


def raw_client() -> Any:
    """The class of the page, as it stands there."""
    _, _, section = page("protocol.md").partition("## A client by hand")
    blocks = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert len(blocks) == 1
    namespace: dict[str, Any] = {}
    exec(blocks[0], namespace)  # noqa: S102 - our own documentation
    return namespace["RawClient"]


class Raw:
    """Joins servers of a net by hand."""

    def __init__(self, net: Net) -> None:
        self._net = net
        self._class = raw_client()

    def join(self, server: Any, **hello: Any) -> Any:
        address = (
            str(self._net.directory / f"{server.event_name}.sock")
            if self._net.transport == "unix"
            else ("127.0.0.1", server.port)
        )
        client = self._class(address, **hello)
        self._net.made.append(client.connection)
        return client


@pytest.fixture
def raw(net: Net) -> Raw:
    return Raw(net)


def numbers(*wanted: int) -> list[dict[str, Any]]:
    """Messages to send."""
    return [{"n": n} for n in wanted]


def some(received: Iterator[Any], count: int) -> list[Any]:
    """What comes next: the number of each, and its n or its kind."""
    bodies = [next(received) for _ in range(count)]
    return [
        (number, body.get("libsocket") or body["data"]["n"])
        for number, body in bodies
    ]


def test_the_client_by_hand_joins_and_hears_all(net: Net, raw: Raw) -> None:
    server = net.server()
    server.send_many(numbers(1, 2))
    received = (client := raw.join(server)).receive()
    assert some(received, 4) == [
        (None, "welcome"),
        (1, 1),
        (2, 2),
        (None, "synced"),
    ]
    [info] = server.get_connected_clients()
    assert info.name == "raw"
    server.send({"n": 0}, info.client_id)
    server.send({"n": 3})
    assert some(received, 2) == [(None, 0), (3, 3)]
    server.stop()
    number, goodbye = next(received)
    assert number is None
    assert goodbye["libsocket"] == "goodbye"
    assert goodbye["reason"] == "stopped"
    assert list(received) == []
    assert client.next == 4


def test_the_client_by_hand_goes_on_where_it_was(net: Net, raw: Raw) -> None:
    server = net.server()
    client = raw.join(server)
    received = client.receive()
    assert some(received, 2) == [(None, "welcome"), (None, "synced")]
    server.send({"n": 1})
    assert some(received, 1) == [(1, 1)]
    client.connection.close()
    until(lambda: not server.get_connected_clients())
    server.send_many(numbers(2, 3))
    client = raw.join(server, epoch=client.epoch, number=client.next)
    assert some(client.receive(), 4) == [
        (None, "welcome"),
        (2, 2),
        (3, 3),
        (None, "synced"),
    ]


def test_the_client_by_hand_is_told_what_it_missed(
    net: Net, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOCKET__LOG_MESSAGES", "5")
    monkeypatch.setenv("SOCKET__MESSAGE_QUEUE_SIZE", "5")
    server = net.server()
    client = raw.join(server)
    some(client.receive(), 2)
    client.connection.close()
    until(lambda: not server.get_connected_clients())
    server.send_many(numbers(*range(1, 21)))
    client = raw.join(server, epoch=client.epoch, number=client.next)
    received = client.receive()
    next(received)
    _, lagged = next(received)
    assert lagged == {"libsocket": "lagged", "missed": 15, "from": 1, "to": 15}
    assert some(received, 5) == [(n, n) for n in range(16, 21)]


def test_the_client_by_hand_asks_for_types(net: Net, raw: Raw) -> None:
    server = net.server()
    received = raw.join(server, types=["error"]).receive()
    assert some(received, 2) == [(None, "welcome"), (None, "synced")]
    server.send({"n": 1})
    server.send(create_message("event", MessageType.ERROR, {"n": 2}))
    assert some(received, 2) == [(None, "seq"), (2, 2)]


def test_the_client_by_hand_is_kept_alive_by_its_pings(
    tcp: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOCKET__TCP__HEARTBEAT", "0.05")
    server = tcp.server()
    received = Raw(tcp).join(server).receive()
    heard = [kind for _, kind in some(received, 2 + 12)]
    assert heard == ["welcome", "synced", *["ping"] * 12]
    assert len(server.get_connected_clients()) == 1


def lineage(kind: type[BaseException]) -> set[str]:
    """The classes that an exception is one of, as the page names them: the
    package's, and of the builtins the most exact."""
    above = [
        each for each in kind.__mro__[1:] if each not in SocketError.__mro__
    ]
    names = set()
    for each in above:
        if each.__module__ != "builtins":
            names.add(each.__name__)
        elif not any(
            other.__module__ == "builtins" and each in other.__mro__[1:]
            for other in above
        ):
            is_hidden = hasattr(dotfiles_socket, each.__name__)
            prefix = "builtins." if is_hidden else ""
            names.add(prefix + each.__name__)
    return names


def test_the_architecture_page_names_the_exceptions() -> None:
    _, _, section = page("architecture.md").partition("### Errors")
    rows = re.findall(
        r"^\| `(\w+)` \| (-\d+) \|.*\| `(\w+)` \|([^|]*)\|$",
        section,
        re.MULTILINE,
    )
    assert {(name, int(number)) for name, number, *_ in rows} == {
        (status.name, status.value) for status in Status if status
    }
    for _, number, exception, also in rows:
        kind = type(from_status(int(number), ""))
        assert kind.__name__ == exception
        assert set(re.findall(r"`([\w.]+)`", also)) == lineage(kind)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_tests_that_a_page_names_exist(path: Path) -> None:
    tests = "".join(
        file.read_text() for file in Path(__file__).parent.glob("test_*.py")
    )
    named = re.findall(r"`(test_\w+)`", path.read_text())
    assert [name for name in named if f"def {name}(" not in tests] == []


def undocumented(name: str, each: Any) -> list[str]:
    """What of it a user finds without a word."""
    if not inspect.isclass(each):
        # One that overrides is documented where it is declared.
        return [] if inspect.getdoc(each) else [name]
    found = [] if each.__doc__ else [name]
    for attribute, value in vars(each).items():
        is_public = not attribute.startswith("_")
        if is_public and (callable(value) or isinstance(value, property)):
            method = getattr(each, attribute)
            found += undocumented(f"{name}.{attribute}", method)
    return found


@pytest.mark.parametrize("module", ["", ".testing", ".config"])
def test_everything_public_has_a_docstring(module: str) -> None:
    imported = importlib.import_module(PACKAGE + module)
    assert imported.__doc__
    missing = [
        each
        for name in imported.__all__
        if not name.startswith("__")
        for each in undocumented(name, getattr(imported, name))
    ]
    assert missing == []


def test_the_readme_runs() -> None:
    """The server and the client that it begins with."""
    text = (TREE / "bindings" / "python" / "README.md").read_text()
    server, client = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[:2]
    viewer = subprocess.Popen(
        [sys.executable, "-u", "-c", client], stdout=subprocess.PIPE, text=True
    )
    try:
        subprocess.run(
            [sys.executable, "-c", server], check=True, timeout=SOON
        )
        assert viewer.stdout is not None
        shown = [viewer.stdout.readline() for _ in range(11)]
        assert shown == [f"{percent}\n" for percent in range(0, 101, 10)]
    finally:
        viewer.kill()
        viewer.communicate()


def test_the_settings_page_has_the_keys_without_an_argument() -> None:
    text = page("settings.md")
    [said] = re.findall(
        r"^The constructors of Python.*?\n\n", text, re.DOTALL | re.MULTILINE
    )
    taken: set[str] = set()
    for transport in ("Unix", "Tcp"):
        for end in ("Server", "Client"):
            made = getattr(dotfiles_socket, f"{transport}Socket{end}")
            taken |= set(inspect.signature(made).parameters)
            options = getattr(_options, f"{transport}{end}Options")
            taken |= set(options.__annotations__)
    keys = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    words = set(re.findall(r"`(\w+)`", said))
    assert words & keys == keys - taken
    assert words - keys <= taken
