"""What the Python programs of the benchmark share; it is bench.h in Python,
and says the same words."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

EVENT = "wallpaper_progress"
LAST = (
    2**64 - 1
)  # what the last message of a run carries instead of its number
LIFETIME = 120  # seconds; no program lives longer
BATCH = 64  # messages; the clock is not read for each


@dataclass
class Options:
    """The arguments of a program: KEY=VALUE."""

    transport: str = "unix"
    address: str = "."
    kind: str = ""
    port: int = 0
    size: int = 180
    clients: int = 1
    seconds: float = 0.1
    limit: int = 1 << 20


Role = Callable[[Options], None]


def main(roles: Iterable[Role]) -> None:
    """Run the role that the command line names."""
    signal.alarm(LIFETIME)
    by_name = {role.__name__: role for role in roles}
    options = Options()
    for argument in sys.argv[2:]:
        key, _, value = argument.partition("=")
        setattr(options, key, type(getattr(options, key))(value))
    by_name[sys.argv[1]](options)


def say(text: str) -> None:
    print(text, flush=True)


def await_line() -> None:
    """Wait for a line; the end of the input ends the program."""
    if not sys.stdin.readline():
        sys.exit()


def answer_beside(options: Options, serve: Callable[[], None]) -> None:
    """Serve; with kind=busy in a thread, while the main one computes, as in
    a program that shows what it hears or works while it is asked."""
    if options.kind != "busy":
        serve()
        return
    threading.Thread(target=serve, daemon=True).start()
    while True:
        sum(range(1000))


def data_maker(options: Options) -> Callable[[int], dict[str, Any]]:
    """Return what makes the data of a message: three fields anew, as a
    program would; or a number and many bytes, which are the same in each."""
    if options.size == 180:
        return lambda number: {
            "progress": number,
            "status": "processing",
            "step": "Rendering",
        }
    # 14 bytes of MessagePack around the bytes, as in the other languages.
    padding = bytes(max(0, options.size - 14))
    return lambda number: {"progress": number, "bytes": padding}


def run_sender(
    options: Options, send: Callable[[dict[str, Any]], None]
) -> None:
    """Send numbered messages until time or count are used up, then the
    last."""
    make = data_maker(options)

    def one_by_one(numbers: Iterable[int]) -> None:
        for number in numbers:
            send(make(number))

    send_numbered(options, one_by_one, BATCH if options.size < 4096 else 1)


def run_batch_sender(
    options: Options, send: Callable[[list[dict[str, Any]]], None]
) -> None:
    """The same, BATCH messages at a time."""
    make = data_maker(options)
    send_numbered(
        options,
        lambda numbers: send([make(number) for number in numbers]),
        BATCH,
    )


def send_numbered(
    options: Options, send: Callable[[Iterable[int]], None], step: int
) -> None:
    say("joined")
    await_line()
    cpu, began = time.process_time_ns(), time.monotonic_ns()
    deadline = began + int(options.seconds * 1e9)
    sent = 0
    while sent < options.limit and time.monotonic_ns() < deadline:
        send(range(sent, sent + step))
        sent += step
    send((LAST,))
    await_line()  # the receivers have ended
    say(f"result sent={sent} began={began} cpu={time.process_time_ns() - cpu}")


def run_receiver(messages: Iterable[dict[str, Any]]) -> None:
    """Count the data of messages up to the last."""
    cpu = time.process_time_ns()
    say("ready")
    received = 0
    for data in messages:
        if data["progress"] != received:
            break
        received += 1
    if data["progress"] != LAST:
        sys.exit(f"message {data['progress']} came where {received} was due")
    finished = time.monotonic_ns()
    say(
        f"result fewest={received} most={received} finished={finished}"
        f" cpu={time.process_time_ns() - cpu}"
    )


def run_asker(
    options: Options, ask: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """Send and await the answer, over and over, and say the percentiles."""
    say("ready")
    await_line()
    make = data_maker(options)
    for number in range(200):
        ask(make(number))
    took: list[int] = []
    before = time.perf_counter_ns()
    deadline = before + int(options.seconds * 1e9)
    while before < deadline:
        number = len(took)
        if ask(make(number))["progress"] != number:
            sys.exit("the wrong answer came")
        after = time.perf_counter_ns()
        took.append(after - before)
        before = after
    took.sort()
    p50, p99, p999 = (
        took[len(took) * part // 1000] for part in (500, 990, 999)
    )
    say(f"result count={len(took)} p50={p50} p99={p99} p999={p999}")
