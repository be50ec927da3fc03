"""What dotfiles_socket.testing gives to the tests of others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import SOON

from dotfiles_socket import UnixSocketClient, UnixSocketServer
from dotfiles_socket.testing import private_sockets


def test_sockets_and_settings_are_private(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = tmp_path / "config" / "socket" / "settings.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text("[socket]\nhistory_size = 7\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("SOCKET__BUFFER_SIZE", "nonsense")
    monkeypatch.setenv("SOCKET_SETTINGS_FILE", str(settings))
    before = dict(os.environ)
    with private_sockets() as directory:
        with UnixSocketServer("event") as server:
            assert server.address == f"{directory}/event.sock"
            assert server._settings["history_size"] == 0
            with UnixSocketClient("event") as client:
                server.send({"n": 1})
                assert client.receive(SOON).data == {"n": 1}
        os.environ["SOCKET__HISTORY_SIZE"] = "3"
    assert not directory.parent.exists()
    assert dict(os.environ) == before


def test_what_is_left_open_is_closed(directory: Path) -> None:
    with UnixSocketServer("other", directory) as other:
        with private_sockets():
            server = UnixSocketServer("event")
            server.start()
            client = UnixSocketClient("event")
            client.connect()
        assert not server.is_running()
        assert server.address is None
        assert server.get_stats() == {}
        assert not client.is_connected()
        assert other.is_running()


def test_an_exception_goes_through() -> None:
    before = dict(os.environ)
    with pytest.raises(KeyError), private_sockets() as directory:
        raise KeyError
    assert not directory.parent.exists()
    assert dict(os.environ) == before


TEST = """
import subprocess, sys
from dotfiles_socket import create_client, create_server

SCRIPT = '''
from dotfiles_socket import create_server
with create_server("unix", "event") as server:
    server.wait_for_clients()
    server.send({"n": 1})
'''

def test_script(socket_dir):
    assert not list(socket_dir.iterdir())
    with subprocess.Popen([sys.executable, "-c", SCRIPT]) as process:
        with create_client("unix", "event", wait_for_server=True) as client:
            assert client.receive(20).data == {"n": 1}
    assert process.returncode == 0

def test_another(socket_dir):
    assert not list(socket_dir.iterdir())
    server = create_server("unix", "event")
    server.start()
"""

WAYS = {
    "plugin": ("", "", ["-p", "dotfiles_socket.testing"]),
    "conftest": ('pytest_plugins = ["dotfiles_socket.testing"]\n', "", []),
    "import": ("", "from dotfiles_socket.testing import socket_dir\n", []),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_fixture(tmp_path: Path, way: str) -> None:
    conftest, head, options = WAYS[way]
    (tmp_path / "conftest.py").write_text(conftest)
    (tmp_path / "test_script.py").write_text(head + TEST)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "--quiet", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed" in ran.stdout, ran.stdout


def test_it_needs_no_pytest() -> None:
    code = (
        "import sys\n"
        "sys.modules['pytest'] = None\n"
        "from dotfiles_socket import create_server\n"
        "from dotfiles_socket.testing import private_sockets\n"
        "with private_sockets(), create_server('unix', 'event') as server:\n"
        "    print(server.is_running())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
    )
    assert ran.stdout == "True\n"
