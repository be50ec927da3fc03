"""Waiting for the library without keeping signals waiting."""

from __future__ import annotations

import _thread
import threading

from ._handle import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    _T = TypeVar("_T")


def interruptible(work: Callable[[], _T]) -> _T:
    """Do what may block in a call of the library, and return or raise what
    it does.

    Python runs signal handlers in the main thread, and only between calls:
    there the work is done by another thread. A handler that raises ends the
    wait at once, and the work goes on without anybody's interest.
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

    done.acquire()
    _thread.start_new_thread(run, ())
    done.acquire()
    if problems:
        raise problems.pop()
    return results.pop()
