"""The kinds of run. Each starts the programs of a contestant, gives its
figures, and leaves nothing behind."""

import contextlib
import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .contestants import BUILT, Command, Contestant
from .processes import FailedError, Worker

Figures = dict[str, float]

MOST_MESSAGES = 20_000_000
MOST_BYTES = 2 << 30


@dataclass(frozen=True)
class Load:
    """What is sent, to whom."""

    transport: str = "unix"
    size: int = 180
    clients: int = 1
    processes: int = 1  # that the clients are in
    seconds: float = 0.4
    pace: float = 0  # messages a second; 0: as fast as it goes
    senders: int = 1  # that send at once
    events: int = 1  # served by one program, with a client each
    log: int = 0  # messages that a log holds; 0: as many as it does

    def is_whole(self, sent: int, result: dict[str, int]) -> bool:
        """Whether every receiver got all that was for it."""
        fewest, rest = divmod(sent, self.events)
        most = fewest + (rest > 0)
        return (fewest, most) == (result["fewest"], result["most"])

    def arguments(self, place: "Place") -> list[str]:
        limit = min(MOST_MESSAGES, MOST_BYTES // self.size)
        # What not every program knows is told to those that have to.
        special = [
            f"{key}={value}"
            for key, value, usual in (
                ("pace", self.pace, 0),
                ("senders", self.senders, 1),
                ("events", self.events, 1),
                ("log", self.log, 0),
            )
            if value != usual
        ]
        return [
            *special,
            f"transport={self.transport}",
            f"address={place.directory}",
            f"port={place.port}",
            f"size={self.size}",
            f"seconds={self.seconds:.3f}",
            f"limit={limit}",
        ]


@dataclass(frozen=True)
class Place:
    """Where one run takes place: a directory and ports to itself."""

    directory: Path
    port: int


@contextlib.contextmanager
def new_place(ports: int = 1) -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        yield Place(Path(directory), _free_ports(ports))


def _free_ports(count: int) -> int:
    """Find so many free ports in a row, on loopback; return the first."""
    for first in range(20000 + os.getpid() % 1000 * 10, 60000, count + 1):
        with contextlib.ExitStack() as held:
            try:
                for port in range(first, first + count):
                    probe = held.enter_context(socket.socket())
                    probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise FailedError("no free ports")


def _kind(kind: str) -> list[str]:
    return [f"kind={kind}"] if kind else []


@contextlib.contextmanager
def _broker(
    who: Contestant, place: Place, core: int | None = None
) -> Iterator[Worker | None]:
    if not who.broker:
        yield None
        return
    command = [*who.broker, "broker", f"port={place.port}"]
    with Worker(command, place.directory, core) as broker:
        broker.expect("ready")
        yield broker


@contextlib.contextmanager
def _joined(
    who: Contestant, load: Load, place: Place, extra: list[str]
) -> Iterator[tuple[Worker, list[Worker]]]:
    """Server and clients, all joined and waiting for the word."""
    arguments = load.arguments(place)
    each = load.clients // load.processes
    with contextlib.ExitStack() as stack:
        start = [
            *who.server,
            "send",
            *arguments,
            *_kind(who.sends),
            f"clients={load.clients}",
            *extra,
        ]
        server = stack.enter_context(Worker(start, place.directory))
        server.expect("ready")
        start = [
            *who.client,
            "receive",
            *arguments,
            *_kind(who.receives),
            f"clients={each}",
            *extra,
        ]
        clients = [
            stack.enter_context(Worker(start, place.directory))
            for _ in range(load.processes if load.clients else 0)
        ]
        for client in clients:
            client.expect("ready")
        server.expect("joined")
        yield server, clients


def one_way(
    who: Contestant, load: Load, stalled: int | None = None
) -> Figures:
    """Send for a while; every receiver gets every message, or it fails.

    With stalled, so many of the clients do not receive, and the server drops
    what they miss instead of waiting for them.
    """
    extra = [] if stalled is None else [f"stalled={stalled}", "window=4096"]
    with (
        new_place(load.clients) as place,
        _broker(who, place) as broker,
        _joined(who, load, place, extra) as (server, clients),
    ):
        cpu = broker.cpu() if broker else 0
        server.say("go")
        received = [client.expect("result") for client in clients]
        cpu = broker.cpu() - cpu if broker else 0
        rss = server.rss()
        server.say("end")
        sent = server.expect("result")
        for result in received:
            if not load.is_whole(sent["sent"], result):
                raise FailedError(
                    f"{who.name} sent {sent['sent']} and delivered {result}"
                )
        took = max(result["finished"] for result in received) - sent["began"]
        # With several events, each message goes to the client of one.
        audience = (load.clients - (stalled or 0)) // load.events
        deliveries = sent["sent"] * audience
        cpu += sent["cpu"] + sum(result["cpu"] for result in received)
        return {
            "rate": deliveries / (took / 1e9),
            "cpu": cpu / deliveries,  # ns a message
            "sent": sent["sent"],
            "rss": float(rss),
        }


def percentiles(result: dict[str, int]) -> Figures:
    return {key: float(value) for key, value in result.items()}


def spread(who: Contestant, load: Load) -> Figures:
    """Send at a pace; p50, p99 and p999, in ns, from sending a message to its
    arrival at the last of the receivers."""
    with (
        new_place(load.clients) as place,
        _broker(who, place),
        _joined(who, load, place, []) as (server, (client,)),
    ):
        server.say("go")
        found = percentiles(client.expect("result"))
        server.say("end")
        if server.expect("result")["sent"] != found["count"]:
            raise FailedError(f"{who.name} did not deliver all that it sent")
        return found


def many_to_one(who: Contestant, load: Load) -> Figures:
    """The clients send for a while, and the server gets every message."""
    arguments = [f"clients={load.clients}"]
    with new_place() as place:
        arguments += load.arguments(place)
        collect = [*who.server, "collect", *arguments]
        give = [*who.client, "give", *arguments]
        with Worker(collect, place.directory) as server:
            server.expect("ready")
            with Worker(give, place.directory) as clients:
                clients.expect("ready")
                clients.say("go")
                received = server.expect("result")
                clients.say("end")
                sent = clients.expect("result")
    if received["received"] != sent["sent"]:
        raise FailedError(
            f"{who.name} sent {sent['sent']} and delivered {received}"
        )
    took = received["finished"] - sent["began"]
    return {
        "rate": sent["sent"] / (took / 1e9),
        "cpu": (sent["cpu"] + received["cpu"]) / sent["sent"],
    }


def round_trip(
    who: Contestant, load: Load, cores: tuple[int, int], kind: str = ""
) -> Figures:
    """Ask and answer, each side on its core; p50, p99 and p999 in ns. The
    kind is of the one that answers."""
    with new_place() as place, _broker(who, place, cores[0]) as _:
        arguments = load.arguments(place)
        echo = [*who.server, "echo", *arguments, *_kind(kind)]
        with Worker(echo, place.directory, cores[0]) as server:
            server.expect("ready")
            ask = [*who.client, "ask", *arguments]
            with Worker(ask, place.directory, cores[1]) as client:
                client.expect("ready")
                client.say("go")
                return percentiles(client.expect("result"))


def memory(who: Contestant, clients: int) -> Figures:
    """What a server takes that has so many clients and nothing to do."""
    load = Load(clients=clients)
    with new_place() as place, _joined(who, load, place, []) as (server, _):
        return {"rss": float(server.rss())}


def inspected(who: Contestant, clients: int, times: int) -> Figures:
    """What it costs a server to be asked how it is once a second: the part of
    a second that the processor is busy with it."""
    load = Load(clients=clients)
    with new_place() as place, _joined(who, load, place, []) as (server, _):
        arguments = [*load.arguments(place), f"clients={clients}"]
        command = [*who.client, "inspect", *arguments, f"limit={times}"]
        with Worker(command, place.directory) as asker:
            asker.expect("ready")
            before = server.cpu()
            asker.say("go")
            asker.expect("result")
            return {"share": (server.cpu() - before) / times / 1e9}


def idle_memory(who: Contestant) -> Figures:
    """What a Python server takes that does nothing."""
    with new_place() as place:
        command = [*who.server, "idle", *Load().arguments(place)]
        with Worker(command, place.directory) as server:
            server.expect("ready")
            return {"rss": float(server.rss())}


def _spawn(
    command: Command | list[str],
    times: int,
    environment: dict[str, str] | None = None,
) -> Figures:
    done = subprocess.run(
        [BUILT / "spawn", str(times), *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.returncode != 0:
        raise FailedError(done.stderr.strip())
    return {"ns": min(float(line) for line in done.stdout.split())}


def first_message(who: Contestant, times: int) -> Figures:
    """From the start of a program that holds server and client to the first
    message; the best of a few times."""
    with new_place() as place:
        return _spawn([*who.server, "first", *Load().arguments(place)], times)


def import_time(who: Contestant, times: int) -> Figures:
    """From the start of a Python to an imported module, which was compiled
    before; the best of a few times."""
    python, _, module = who.server
    name = {"ours": "dotfiles_socket", "peer_zmq": "zmq"}[
        module.rpartition(".")[2]
    ]
    environment = {
        **os.environ,
        "PYTHONPYCACHEPREFIX": str(BUILT / "pycache"),
        "PYTHONDONTWRITEBYTECODE": "",
    }
    return _spawn(
        [python, "-c", f"import {name}; print()"], times, environment
    )
