"""TCP with TLS and a token: the keywords, who is let in, and a client by
hand that knows only the protocol page."""

from __future__ import annotations

import hmac
import os
import socket
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-untyped]
import pytest
from conftest import SOON
from peer import Wire, frame

from dotfiles_socket import (
    ConnectionError,
    SocketError,
    TcpSocketClient,
    TcpSocketServer,
    ValidationError,
    create_message,
)
from dotfiles_socket.core.exceptions import Status
from dotfiles_socket.core.types import MessageType

TOKEN = "only these tests know it"  # noqa: S105 - that is what it is for


@dataclass
class Files:
    """A certificate that is its own authority, its key, and a token."""

    cert: Path
    key: Path
    token: Path

    def server(self) -> dict[str, Any]:
        """The keywords of a server that asks for all there is."""
        return {
            "tls": True,
            "tls_cert_file": self.cert,
            "tls_key_file": str(self.key),
            "tls_client_ca_file": self.cert,
            "token_file": self.token,
        }

    def client(self) -> dict[str, Any]:
        """The keywords of a client that has all that is asked for."""
        return {
            "tls": True,
            "tls_ca_file": self.cert,
            "tls_cert_file": self.cert,
            "tls_key_file": self.key,
            "token_file": self.token,
        }


@pytest.fixture
def files(tmp_path: Path) -> Files:
    made = Files(tmp_path / "c.pem", tmp_path / "k.pem", tmp_path / "token")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-days", "1"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-out", made.cert, "-keyout", made.key),
        ],
        check=True,
        capture_output=True,
    )
    made.key.chmod(0o600)
    made.token.touch(0o600)
    made.token.write_text(TOKEN + "\n")
    return made


def test_server_and_client_by_keyword(files: Files) -> None:
    with TcpSocketServer("event", port=0, **files.server()) as server:
        server.send({"n": 1})
        with TcpSocketClient(
            "event", port=server.port, **files.client()
        ) as client:
            message = client.receive(timeout=SOON)
            assert message is not None
            assert message.data == {"n": 1}
            client.send(create_message("event", MessageType.DATA, {"n": 2}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tls": False}, "tls = true"),
        ({"tls_ca_file": None}, "is not trusted"),
        ({"tls_server_name": "example.org"}, "example.org"),
        (
            {"tls_cert_file": None, "tls_key_file": None},
            "certificate required",
        ),
        ({"token_file": None}, "asks for a token"),
    ],
)
def test_a_stranger_is_told_why(
    files: Files, change: dict[str, Any], words: str
) -> None:
    keywords = files.client() | change
    if not keywords["tls"]:
        keywords = {"tls": False}
    with TcpSocketServer("event", port=0, **files.server()) as server:
        server.send({"n": 1})
        client = TcpSocketClient("event", port=server.port, **keywords)
        with pytest.raises(ConnectionError, match=words) as caught:
            client.connect()
        assert caught.value.status is Status.NOT_ALLOWED
        assert server.get_connected_clients() == []
        assert server.get_queue_size() == 1


def test_another_token_is_refused(files: Files, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.touch(0o600)
    other.write_text("another one, of the same length or so")
    with TcpSocketServer("event", port=0, token_file=files.token) as server:
        client = TcpSocketClient("event", port=server.port, token_file=other)
        with pytest.raises(ConnectionError, match="token is not") as caught:
            client.connect()
        assert caught.value.status is Status.NOT_ALLOWED
        assert server.get_stats()["refused"] == 1


def test_a_token_in_clear_beyond_loopback_is_refused(files: Files) -> None:
    beyond = "0.0.0.0"  # noqa: S104 - which is what is refused
    server = TcpSocketServer(
        "event", beyond, 0, token_file=files.token, insecure=True
    )
    with pytest.raises(SocketError, match="a token without TLS") as caught:
        server.start()
    assert caught.value.status is Status.NOT_ALLOWED


def test_a_token_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TypeError, match="token"):
        TcpSocketServer("event", token=TOKEN)  # type: ignore[call-arg]
    monkeypatch.setenv("SOCKET__TCP__TOKEN", TOKEN)
    with pytest.raises(ValidationError, match="token_file") as caught:
        TcpSocketServer("event")
    assert TOKEN not in str(caught.value)


def test_settings_name_the_file_only(files: Files) -> None:
    client = TcpSocketClient("event", port=9000, **files.client())
    assert client._settings["tcp"]["token_file"] == str(files.token)
    assert client._settings["tcp"]["tls_ca_file"] == str(files.cert)
    assert TOKEN not in repr(client._settings)


def test_a_token_file_that_others_can_read(files: Files) -> None:
    files.token.chmod(0o644)
    server = TcpSocketServer("event", port=0, token_file=files.token)
    with pytest.raises(SocketError, match="chmod go-rwx") as caught:
        server.start()
    assert TOKEN not in str(caught.value)


def test_a_client_by_hand(files: Files) -> None:
    """The handshake as the protocol page describes it, in other words."""
    with TcpSocketServer("event", port=0, **files.server()) as server:
        server.send({"n": 1})
        assert server.port is not None
        context = ssl.create_default_context(cafile=str(files.cert))
        context.load_cert_chain(files.cert, files.key)
        context.set_alpn_protocols(["libsocket"])
        plain = socket.create_connection(("127.0.0.1", server.port), SOON)
        wire = Wire(context.wrap_socket(plain, server_hostname="127.0.0.1"))

        def say(**keys: Any) -> None:
            wire.socket.sendall(frame(msgpack.packb(keys)))

        def hear() -> Any:
            return msgpack.unpackb(wire.frame()[4:])

        nonce = os.urandom(32)
        say(libsocket="hello", version=1, nonce=nonce)
        challenge = hear()
        assert challenge["libsocket"] == "challenge"

        def proof(whose: bytes) -> bytes:
            said = whose + nonce + challenge["nonce"]
            return hmac.digest(TOKEN.encode(), said, "sha256")

        say(libsocket="proof", proof=proof(b"libsocket client"))
        assert hear() == {
            "libsocket": "proof",
            "proof": proof(b"libsocket server"),
        }
        assert hear()["libsocket"] == "welcome"
        assert hear()["data"] == {"n": 1}
        wire.close()
