"""Tests the script threads.py: what it prints, and what it sends."""

import subprocess
import sys
from pathlib import Path

import pytest
from dotfiles_socket import create_client

pytest_plugins = ["dotfiles_socket.testing"]  # usually in conftest.py

SCRIPT = Path(__file__).with_name("threads.py")


@pytest.mark.usefixtures("socket_dir")
def test_it_counts_lines(tmp_path: Path) -> None:
    file = tmp_path / "three"
    file.write_text("1\n2\n3\n")
    # The script inherits the private directory through the environment.
    with subprocess.Popen(
        [sys.executable, SCRIPT, file], stdout=subprocess.PIPE, text=True
    ) as script:
        # Whether the script or the client is first does not matter.
        with create_client("unix", "lines", wait_for_server=True) as client:
            message = client.receive(timeout=20)
        assert message.data == {"file": str(file), "lines": 3}
        out, _ = script.communicate(timeout=20)
    assert out == f"{file} 3\n"


def test_it_leaves_no_socket(socket_dir: Path) -> None:
    subprocess.run([sys.executable, SCRIPT], check=True)
    assert list(socket_dir.glob("*.sock")) == []
