"""Ctrl-C and other signals, at once, whatever the script waits for."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from conftest import Net
from scripts import Script

# Seconds from the signal to the handler.
AT_ONCE = 0.15

HEAD = """
import signal, sys, threading, time
from dotfiles_socket import *

transport, place = sys.argv[1:]
address = {"socket_dir": place}
if transport == "tcp":
    address = {"port": int(place)}
own = address | {"port": 0} if transport == "tcp" else address

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
        print("returned")
    except KeyboardInterrupt:
        print(time.monotonic())
"""

WAITS = {
    "receive": "interrupted(client().receive)",
    "receive with a timeout": "interrupted(lambda: client().receive(60))",
    "receive_iter": "interrupted(lambda: next(client().receive_iter()))",
    "receive while another thread receives": """
c = client()
threading.Thread(target=lambda: list(c.receive_iter())).start()
interrupted(c.receive)
c.disconnect()
""",
    "receive without the server": """
c = client()
c.send({"stop": True})
interrupted(c.receive)
""",
    "wait_for_clients": """
server = create_server(transport, "other", **own)
server.start()
interrupted(server.wait_for_clients)
""",
    "blocking start": """
server = create_server(transport, "other", blocking_mode=True, **own)
import logging
log = logging.getLogger("dotfiles_socket")
log.setLevel(logging.INFO)
started = []
log.addHandler(logging.Handler())
log.handlers[0].emit = started.append
interrupted(server.start, lambda: started)
assert server.is_running()
server.stop()
""",
}


def place(net: Net) -> str:
    """Where a script finds the server that runs here."""
    server = net.hooked()
    server.on_message_received = lambda *_: server.stop()
    return str(net.directory if net.transport == "unix" else server.port)


@pytest.mark.parametrize("wait", WAITS)
def test_ctrl_c(net: Net, wait: str) -> None:
    where = place(net)
    with Script(HEAD + WAITS[wait], net.transport, where) as script:
        assert script.line() == "ready"
        sent = script.signal(signal.SIGINT)
        assert float(script.line()) - sent < AT_ONCE
        assert script.end() == ""


def test_ctrl_c_in_connect() -> None:
    """At a port whose queue of connections is full."""
    code = (
        HEAD
        + """
import os, socket
os.environ["SOCKET__DEFAULT_TIMEOUT"] = "60"
listener = socket.create_server(("127.0.0.1", 0), backlog=0)
address = {"port": listener.getsockname()[1]}
first = socket.create_connection(listener.getsockname())
interrupted(client)
"""
    )
    with Script(code, "tcp", 0) as script:
        assert script.line() == "ready"
        sent = script.signal(signal.SIGINT)
        assert float(script.line()) - sent < AT_ONCE
        assert script.end() == ""


def test_ctrl_c_in_stop(directory: Path) -> None:
    """While what was sent waits for a client that does not read."""
    code = (
        HEAD
        + """
import logging, socket
logging.disable()  # what the client goes without
server = create_server("unix", "event", **address, linger=60)
server.start()
idle = socket.socket(socket.AF_UNIX)
idle.connect(server.address)
server.wait_for_clients()
server.send_many([{"blob": bytes(100000)}] * 40)
interrupted(server.stop, lambda: not server.is_running())
idle.close()
"""
    )
    with Script(code, "unix", directory) as script:
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


def test_ctrl_c_while_messages_are_taken_loses_no_batch(net: Net) -> None:
    """Each Ctrl-C may lose the one message that receive() was returning."""
    server = net.server()
    where = str(net.directory if net.transport == "unix" else server.port)
    with Script(HEAD + INTERRUPTED_AGAIN, net.transport, where) as script:
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
