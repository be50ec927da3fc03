"""The source distribution builds, with a Go tool chain alone."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1]
USE = """
import sys
sys.path.insert(0, sys.argv[1])
from dotfiles_socket import UnixSocketClient, UnixSocketServer, _lib
assert _lib.library_path().startswith(sys.argv[1])
with UnixSocketServer("event", sys.argv[2]) as server:
    server.send({"n": 1})
    with UnixSocketClient("event", sys.argv[2]) as client:
        print(client.receive(20).data)
"""


def build(what: str, source: Path, target: Path) -> Path:
    """Build a distribution; return its file."""
    subprocess.run(
        [
            *(sys.executable, "-m", "build", what, "--no-isolation"),
            *("--outdir", target, source),
        ],
        check=True,
        capture_output=True,
    )
    [made] = target.iterdir()
    return made


@pytest.fixture(scope="session")
def go_caches() -> dict[str, str]:
    """Where Go keeps what it has compiled and downloaded; of the session, to
    be asked before a test has a home of its own."""
    return {
        name: subprocess.run(
            ["go", "env", name], check=True, capture_output=True, text=True
        ).stdout.strip()
        for name in ("GOCACHE", "GOMODCACHE")
    }


def test_a_wheel_from_the_source_distribution(
    tmp_path: Path,
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    go_caches: dict[str, str],
) -> None:
    for name, value in go_caches.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("LIBSOCKET_LIBRARY", raising=False)

    packed = build("--sdist", HERE, tmp_path / "sdist")
    with tarfile.open(packed) as archive:
        archive.extractall(tmp_path, filter="data")
    source = tmp_path / packed.name.removesuffix(".tar.gz")
    assert (source / "libsocket" / "include" / "libsocket.h").exists()
    assert not list(source.rglob("*_test.go"))
    assert not list(source.rglob("*.so"))

    wheel = build("--wheel", source, tmp_path / "wheel")
    assert wheel.name.startswith("dotfiles_socket-")
    assert "-py3-none-linux_" in wheel.name
    with zipfile.ZipFile(wheel) as content:
        names = content.namelist()
        content.extractall(tmp_path / "installed")  # noqa: S202
    assert "dotfiles_socket/libsocket.so" in names
    assert "dotfiles_socket/py.typed" in names
    assert not [name for name in names if ".data/" in name]

    used = subprocess.run(
        [sys.executable, "-c", USE, tmp_path / "installed", directory],
        check=True,
        capture_output=True,
        text=True,
    )
    assert used.stdout == "{'n': 1}\n"
