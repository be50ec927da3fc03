"""How cost grows: with the size of messages, and with the number of clients,
of messages in the log and of events in one program."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .runs import Load


@dataclass(frozen=True)
class Axis:
    """Something that grows while all else stays."""

    name: str
    title: str
    values: Sequence[int]
    who: Sequence[str]
    load: Callable[[int, float], Load]

    def measure(self, value: int) -> str:
        return f"growth-{self.name}-{value}"


AXES = (
    Axis(
        "size",
        "CPU a message, by its bytes",
        (16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1 << 20),
        ("go", "zmq", "raw-batch"),
        lambda size, seconds: Load(size=size, seconds=seconds),
    ),
    Axis(
        "clients",
        "CPU a delivery, by clients",
        (1, 3, 10, 30, 100, 300, 1000),
        ("go", "zmq", "raw-batch"),
        lambda clients, seconds: Load(clients=clients, seconds=seconds),
    ),
    Axis(
        "log",
        "CPU a message, by log_messages (block)",
        (16, 64, 256, 1024, 4096, 16384, 65536),
        ("go",),
        lambda log, seconds: Load(log=log, seconds=seconds),
    ),
    Axis(
        "events",
        "CPU a message, by events in one program",
        (1, 10, 100, 1000),
        ("go",),
        lambda events, seconds: Load(
            events=events, clients=events, seconds=seconds
        ),
    ),
)
