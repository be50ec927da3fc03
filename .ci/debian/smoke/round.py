"""A message there and back with Debian's Python, msgpack and pydantic; and the
config models under that pydantic."""

import importlib.metadata

import dotfiles_socket as d
import pydantic
from dotfiles_socket import _accelerator

assert d.__file__.startswith("/usr/lib/python3/dist-packages/"), d.__file__
assert _accelerator.__file__.startswith(d.__path__[0])
assert importlib.metadata.version("dotfiles-socket") == d.__version__

with d.create_server("unix", "smoke") as server:
    client = d.create_client("unix", "smoke")
    client.connect()
    server.send({"k": 5})
    assert client.receive(timeout=10).data == {"k": 5}
    client.disconnect()


def refused(model: type[pydantic.BaseModel], **fields: object) -> bool:
    try:
        model(**fields)
    except pydantic.ValidationError:
        return True
    return False


config = d.get_default_config().socket
assert config.socket.default_timeout == 5
assert d.SocketConfig(default_timeout=2.5).default_timeout == 2.5
assert isinstance(d.SocketConfig(default_timeout=2).default_timeout, int)
assert refused(d.SocketConfig, default_timeout=0)
assert refused(d.SocketConfig, buffer_size=0)
assert refused(d.SocketConfig, timezone="Nowhere/None")
assert refused(d.UnixSocketConfig, socket_permissions="rw")
assert refused(d.TcpSocketConfig, port_range_start=9200)
assert refused(d.TcpSocketConfig, host="")
