"""Ctrl-C and other signals, at once, whatever the script waits for."""

from __future__ import annotations

import signal
import textwrap
from pathlib import Path

import pytest
from conftest import Net, Times
from scripts import Script

# Seconds from the signal to the handler.
AT_ONCE = 0.15

HEAD = """
import asyncio, logging, signal, sys, threading, time
from dotfiles_socket import *
from dotfiles_socket import aio

transport, place = sys.argv[1:3]
address = {"socket_dir": place}
if transport == "tcp":
    address = {"port": int(place)}
own = address | {"port": 0} if transport == "tcp" else address

stopping = []
ended = []  # when a wait inside of a coroutine did

def client(**kwargs):
    client = create_client(transport, "event", **address, **kwargs)
    client.connect()
    return client

def interrupted(wait, is_ready=lambda: True):
    def tell():
        while not is_ready():
            pass
        print("ready", flush=True)
    threading.Thread(target=tell).start()
    try:
        wait()
        print("returned", flush=True)
    except KeyboardInterrupt:
        print(ended.pop() if ended else time.monotonic(), flush=True)
"""

# Each is done again and again in one process.
WAITS = {
    "receive": """
with create_client(transport, "event", **address) as c:
    interrupted(c.receive)
""",
    "receive with a timeout": """
with create_client(transport, "event", **address) as c:
    interrupted(lambda: c.receive(60))
""",
    "receive_iter": """
with create_client(transport, "event", **address) as c:
    interrupted(lambda: next(c.receive_iter()))
""",
    "receive while another thread receives": """
with create_client(transport, "event", **address) as c:
    other = threading.Thread(target=lambda: list(c.receive_iter()))
    other.start()
    interrupted(c.receive)
other.join()
""",
    "receive without the server": """
with create_server(transport, "other", **own) as server:
    if transport == "tcp":
        address["port"] = server.port
    c = create_client(transport, "other", **address)
    c.connect()
interrupted(c.receive)
c.disconnect()
""",
    "wait_for_clients": """
with create_server(transport, "other", **own) as server:
    interrupted(server.wait_for_clients)
""",
    "blocking start": """
server = create_server(transport, "other", blocking_mode=True, **own)
log = logging.getLogger("dotfiles_socket")
log.setLevel(logging.INFO)
started = []
log.handlers[:] = [logging.Handler()]
log.handlers[0].emit = started.append
interrupted(server.start, lambda: started)
assert server.is_running()
server.stop()
""",
    "aio": """
async def main():
    async with aio.create_client(transport, "event", **address) as c:
        try:
            async for _ in c:
                pass
        finally:
            ended.append(time.monotonic())
interrupted(lambda: asyncio.run(main()))
""",
    "aio server": """
async def main():
    async with aio.create_server(transport, "other", **own) as server:
        try:
            await server.wait_for_clients()
        finally:
            ended.append(time.monotonic())
interrupted(lambda: asyncio.run(main()))
""",
    "connect": """
import os, socket
os.environ["SOCKET__DEFAULT_TIMEOUT"] = "60"
listener = socket.create_server(("127.0.0.1", 0), backlog=0)
full = [socket.create_connection(listener.getsockname())]
c = create_client("tcp", "event", port=listener.getsockname()[1])
interrupted(c.connect)
listener.close()
""",
    "send": """
import socket
where = f"full{len(stopping)}"
stopping.append(where)
tcp = transport == "tcp"
if tcp:
    listener = socket.create_server(("127.0.0.1", 0))
    own["port"] = listener.getsockname()[1]
else:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{place}/{where}.sock")
    listener.listen()
c = create_client(transport, where, send_timeout=60, **own)
c.connect()
peer = listener.accept()[0]  # which never reads
def fill():
    while True:
        sent.append(c.send({"blob": bytes(100000)}))
sent = []
def is_full(known=[-1]):
    known.append(len(sent))
    time.sleep(0.1)  # that nothing happens is no event to wait for
    return known[-1] == known[-2] > 0
interrupted(fill, is_full)
peer.close()
c.disconnect()
listener.close()
""",
    "stop": """
import socket
logging.disable()  # what the client goes without
server = create_server(transport, f"other{len(stopping)}", linger=60, **own)
stopping.append(server)  # which goes on when stop() was interrupted
server.start()
unix = transport == "unix"
idle = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
idle.connect(server.address if unix else ("127.0.0.1", server.port))
server.wait_for_clients()
server.send_many([{"blob": bytes(100000)}] * 160)
interrupted(server.stop, lambda: not server.is_running())
idle.close()
""",
}


def place(net: Net) -> str:
    """Where a script finds the server that runs here."""
    server = net.server()
    return str(net.directory if net.transport == "unix" else server.port)


@pytest.mark.parametrize("wait", WAITS)
def test_ctrl_c(net: Net, wait: str, times: Times) -> None:
    rounds = times(2, 200)
    code = f"""{HEAD}
def once():
{textwrap.indent(WAITS[wait], "    ")}
for _ in range({rounds}):
    once()
"""
    with Script(code, net.transport, place(net)) as script:
        for _ in range(rounds):
            assert script.line() == "ready"
            sent = script.signal(signal.SIGINT)
            assert float(script.line()) - sent < AT_ONCE
        assert script.end() == ""


HANDLER = """
def handle(*_):
    print(time.monotonic(), flush=True)
signal.signal(signal.SIGINT, handle)
"""


def test_the_scripts_own_handler_runs_and_the_wait_goes_on(net: Net) -> None:
    server = net.server()
    where = str(net.directory if net.transport == "unix" else server.port)
    code = (
        HEAD
        + HANDLER
        + "print('ready', flush=True)\n"
        + ("print(client().receive(60).data)")
    )
    with Script(code, net.transport, where) as script:
        assert script.line() == "ready"
        server.wait_for_clients(1, 20)
        for _ in range(3):
            sent = script.signal(signal.SIGINT)
            assert float(script.line()) - sent < AT_ONCE
        server.send({"n": 1})
        assert script.line() == "{'n': 1}"
        assert script.end() == ""


HANDLER_STOPS = """
server = create_server(transport, "event", blocking_mode=True, **address)
signal.signal(signal.SIGTERM, lambda *_: server.stop())
interrupted(server.start, server.is_running)
"""


def test_a_handler_may_stop_a_blocking_server(directory: Path) -> None:
    with Script(HEAD + HANDLER_STOPS, "unix", directory) as script:
        assert script.line() == "ready"
        script.signal(signal.SIGTERM)
        assert script.line() == "returned"
        assert script.end() == ""
        assert not (directory / "event.sock").exists()


HANDLER_DISCONNECTS = """
c = client()
def leave(*_):
    c.disconnect()
signal.signal(signal.SIGTERM, leave)
print("ready", flush=True)
print(sum(1 for _ in c.receive_iter()), c.is_connected())
"""


def test_a_handler_may_disconnect_while_messages_flow(net: Net) -> None:
    server = net.server()
    where = str(net.directory if net.transport == "unix" else server.port)
    with Script(HEAD + HANDLER_DISCONNECTS, net.transport, where) as script:
        assert script.line() == "ready"
        server.wait_for_clients(1, 20)
        server.send_many([{"n": n} for n in range(1000)])
        script.signal(signal.SIGTERM)
        number, connected = script.line().split()
        assert 0 <= int(number) <= 1000
        assert connected == "False"
        assert script.end() == ""


INTERRUPTED_AGAIN = """
c = client()
got = []
receiving = False
interrupts = 0

def interrupt(*_):
    global receiving, interrupts
    if receiving:
        receiving = False
        interrupts += 1
        raise KeyboardInterrupt

signal.signal(signal.SIGINT, interrupt)
print("ready", flush=True)
while not got or got[-1] < 5000:
    try:
        receiving = True
        message = c.receive()
        receiving = False
        got.append(message.data["n"])
    except KeyboardInterrupt:
        pass
numbers = [n for n in got if n < 5000]
print(numbers == sorted(set(numbers)), 5000 - len(numbers), interrupts)
"""


WITHOUT_ACCELERATOR = """
import sys
sys.modules["dotfiles_socket._accelerator"] = None
"""


@pytest.mark.parametrize("way", ["accelerator", "ctypes"])
def test_ctrl_c_while_messages_are_taken_loses_no_batch(
    net: Net, way: str
) -> None:
    """Each Ctrl-C may lose the one message that receive() was returning."""
    server = net.server()
    where = str(net.directory if net.transport == "unix" else server.port)
    program = HEAD + INTERRUPTED_AGAIN
    if way == "ctypes":
        program = WITHOUT_ACCELERATOR + program
    with Script(program, net.transport, where) as script:
        assert script.line() == "ready"
        server.wait_for_clients(1, 20)
        for burst in range(50):
            script.signal(signal.SIGINT)
            server.send_many([{"n": burst * 100 + n} for n in range(100)])
        # Once more than there can be a Ctrl-C for.
        server.send_many([{"n": 5000}] * 52)
        in_order, lost, interrupts = script.line().split()
        assert in_order == "True"
        assert int(lost) <= int(interrupts) <= 50
        assert script.end() == ""
