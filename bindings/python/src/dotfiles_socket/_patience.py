"""Waiting for the library without keeping signals waiting."""

from __future__ import annotations

import _thread
import contextlib
import threading

from ._handle import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    _T = TypeVar("_T")


# What a thread does to itself, and what the Go runtime sends to its threads.
_OF_A_THREAD = (
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGILL",
    "SIGPIPE",
    "SIGPROF",
    "SIGSEGV",
    "SIGSYS",
    "SIGTRAP",
    "SIGURG",
)


def interruptible(work: Callable[[], _T]) -> _T:
    """Do what may block in a call of the library, and return or raise what
    it does.

    Python runs signal handlers in the main thread, and only between calls:
    there the work is done by another thread. A handler that raises ends the
    wait at once, and the work goes on without anybody's interest. That thread
    takes no signals: one that it took would not wake the main thread.
    """
    if threading.current_thread() is not threading.main_thread() or Exit.begun:
        return work()
    results: list[_T] = []
    problems: list[BaseException] = []
    done = _thread.allocate_lock()

    def run() -> None:
        try:
            results.append(work())
        except BaseException as e:
            problems.append(e)
        finally:
            done.release()

    import signal

    asynchronous = signal.valid_signals() - {
        getattr(signal, name) for name in _OF_A_THREAD
    }
    done.acquire()
    started = False
    before = signal.pthread_sigmask(signal.SIG_BLOCK, asynchronous)
    try:
        with contextlib.suppress(RuntimeError):  # there is none to be had
            _thread.start_new_thread(run, ())
            started = True
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if not started:
        return work()
    done.acquire()
    if problems:
        raise problems.pop()
    return results.pop()
