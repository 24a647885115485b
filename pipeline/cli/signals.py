"""SIGINT and SIGTERM as calls from a thread of their own.

A handler of Python's runs on the main thread, between any two of its instructions. It deadlocks where it wants a lock
that the main thread holds, that of an event among them; and where the main thread is just about to wait, it does not
run before that wait is over. A thread that reads what the signals themselves write (`signal.set_wakeup_fd`) has neither
trouble.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def told_of_signals(told: Callable[[int], None]) -> Iterator[None]:
    """Call this with the number of each SIGINT and SIGTERM while the block lasts, from a thread; it may take locks.

    Off the main thread, which alone may handle signals, nothing is told.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard, rings = socket.socketpair()
    rings.setblocking(False)
    thread = threading.Thread(target=partial(_listen, heard, told), name="signals", daemon=True)
    thread.start()
    wakeup = signal.set_wakeup_fd(rings.fileno(), warn_on_full_buffer=False)
    before = {number: signal.signal(number, _nothing) for number in _NUMBERS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)
        rings.close()
        thread.join()
        heard.close()


def _listen(heard: socket.socket, told: Callable[[int], None]) -> None:
    while number := heard.recv(1):
        if number[0] in _NUMBERS:
            told(number[0])


def _nothing(_: int, __: object) -> None:
    """The thread has heard of it."""


@contextmanager
def stopped_by_signals(stop: threading.Event) -> Iterator[list[int]]:
    """SIGINT and SIGTERM set `stop` while the block lasts. Gives those that came.

    A second one of the same kind ends the process. One of the other kind does not: whoever started us may send SIGTERM
    where the terminal has sent SIGINT already.
    """
    came: list[int] = []

    def told(number: int) -> None:
        if number in came:
            os._exit(128 + number)
        came.append(number)
        stop.set()

    with told_of_signals(told):
        yield came
