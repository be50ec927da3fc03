"""For tests of programs that use this package: sockets of their own.

With pytest this module is a plugin. Name it in conftest.py,

    pytest_plugins = ["dotfiles_socket.testing"]

or with `-p dotfiles_socket.testing`, or import the fixture where it is used;
a test that takes `socket_dir` then sees no socket and no settings but its
own, and neither do the processes that it starts. private_sockets() is the
same for everything that is not pytest.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ._handle import open_handles

__all__ = ["private_sockets", "socket_dir"]


@contextlib.contextmanager
def private_sockets() -> Iterator[Path]:
    """Have a directory for sockets that nobody else knows; a context manager
    that gives its path.

    Inside of it the settings are the defaults, with this `socket_dir`: the
    settings files and variables of whoever runs the program do not count,
    because the SOCKET_... variables are taken away and XDG_CONFIG_HOME names
    an empty directory. Child processes inherit that. TCP ports are as before.

    At the end servers and clients that were opened inside and are still open
    are closed, the directory is removed, and the environment is as it was.
    """
    environment = dict(os.environ)
    known = set(open_handles())
    with tempfile.TemporaryDirectory(prefix="sockets-") as place:
        config, directory = Path(place, "config"), Path(place, "sockets")
        config.mkdir()
        directory.mkdir(mode=0o700)
        for name in environment:
            if name.startswith(("SOCKET_", "DYNACONF_SOCKET_")):
                del os.environ[name]
        os.environ["XDG_CONFIG_HOME"] = str(config)
        os.environ["SOCKET__SOCKET_DIR"] = str(directory)
        try:
            yield directory
        finally:
            for handle in open_handles():
                if handle not in known:
                    handle.close()
            for name in os.environ.keys() - environment.keys():
                del os.environ[name]
            os.environ.update(environment)


try:
    import pytest
except ImportError:
    pass
else:

    @pytest.fixture
    def socket_dir() -> Iterator[Path]:
        """A directory for the sockets of this test, and no settings: see
        dotfiles_socket.testing.private_sockets()."""
        with private_sockets() as directory:
            yield directory
